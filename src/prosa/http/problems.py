"""Errors as RFC 9457 problem details: one shape for everything that goes wrong, from bad input to a lost database.

`install(app)` puts the handlers in place; `problems(404, 409)` documents what an endpoint may answer.
"""

import errno
from collections.abc import Sequence
from http import HTTPStatus
from math import ceil
from typing import Any, cast

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prosa.database.outage import in_words, outage_of
from prosa.errors import FieldError, InvalidInputError, ProsaError, UnavailableError
from prosa.forms import IN_WORDS

MEDIA_TYPE = "application/problem+json"
"""RFC 9457 §3."""
SCHEMA_REF = {"$ref": "#/components/schemas/Problem"}
DATABASE_RETRY_SECONDS = 5.0
MAX_FIELD_ERRORS = 50
"""A hostile body can hold thousands of wrong fields; a person reads the first few."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}

log = structlog.get_logger()


class ProblemField(BaseModel):
    """One field of the input that is at fault."""

    field: str = Field(description="Where, as a path.", examples=["body.phone"])
    message: str = Field(description="What is wrong and what is expected.", examples=["Field required"])
    code: str = Field(
        description="Stable name of what is wrong, to translate or to act on; invalid: only the message says it.",
        examples=["missing"],
    )
    limits: dict[str, float] = Field(
        description="Numbers that the message names: ge, gt, le, lt, min_length, max_length.", examples=[{}]
    )


class Problem(BaseModel):
    """What went wrong, for programs (`code`) and for people (`detail`, `remedy`)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="RFC 9457 type; about:blank: the code says it all.", examples=["about:blank"])
    title: str = Field(description="Short summary, the same every time.", examples=["The input is not valid"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What happened this time.", examples=["1 field is not valid."])
    code: str = Field(description="Stable name to rely on.", examples=["invalid_input"])
    remedy: str = Field(description="What to do about it.", examples=["Correct the named fields and send it again."])
    errors: list[ProblemField] = Field(description="The fields at fault; empty where none is.")
    request_id: str | None = Field(description="Names this request in the server's log.", examples=["5f0c2f6e9a7b4d1c"])


_DESCRIPTIONS = {
    401: "Not signed in, or no longer",
    403: "Signed in, but not allowed",
    404: "No such thing here",
    409: "Does not fit the present state",
    413: "The body is too large",
    415: "A body of another kind is expected",
    422: "The input is not valid",
    429: "Too many requests; see Retry-After",
    500: "Something went wrong here",
    503: "Not available at the moment; see Retry-After",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` of an endpoint that may answer with these error statuses."""
    return {
        status: {
            "description": _DESCRIPTIONS.get(status, HTTPStatus(status).phrase),
            "content": {MEDIA_TYPE: {"schema": SCHEMA_REF}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of `app` with problem details."""
    app.add_exception_handler(ProsaError, _handle_prosa_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_middleware(CatchAll)


def problem_response(request: Request, error: ProsaError) -> JSONResponse:
    """Return the answer that says what `error` says."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 §3
    retry_after = error.retry_after
    if retry_after is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = DATABASE_RETRY_SECONDS
    if error.status == HTTPStatus.UPGRADE_REQUIRED:
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}  # RFC 9110 §15.5.22
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, ceil(retry_after)))
    return _response(
        request, error.status, error.title, error.detail, error.code, error.remedy, error.fields, headers=headers
    )


def http_problem(request: Request, exception: HTTPException) -> JSONResponse:
    """Return the answer to an error of the framework: an unknown path or method, a body that cannot be read."""
    status = exception.status_code
    if status == HTTPStatus.BAD_REQUEST:
        # raised only where a body cannot be read: bad multipart, not UTF-8, nested too deeply
        message = "cannot be read; send what its Content-Type says, in UTF-8"
        return problem_response(
            request, InvalidInputError("The body cannot be read.", fields=[FieldError("body", message)])
        )
    phrase = HTTPStatus(status).phrase
    code, title, remedy = _HTTP_ERRORS.get(status, (phrase.lower().replace(" ", "_"), phrase, "See the documentation."))
    detail = str(exception.detail)
    if detail == phrase:
        detail = title
    if status == HTTPStatus.NOT_FOUND and request.url.path.endswith("/"):
        remedy = f"Leave out the / at the end. {remedy}"
    return _response(request, status, title, detail, code, remedy, (), headers=dict(exception.headers or {}))


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Return pydantic's errors as ours. What the caller sent is not repeated: it may be a password."""
    return [
        FieldError(_field_path(error), _field_message(error), _field_code(error), _limits(error))
        for error in errors[:MAX_FIELD_ERRORS]
    ]


class CatchAll:
    """Answers errors that nothing else handled, inside the other middlewares so that their headers apply."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 500, or 503 while the database is away, if it raises."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            if started:
                raise
            await problem_response(Request(scope), _unexpected(error))(scope, receive, send)


def _unexpected(error: Exception) -> ProsaError:
    outage = outage_of(error)
    if outage is not None:
        log.error("database_unavailable", outage=outage.value, error=type(error).__name__)
        detail, remedy = in_words(outage)
        return UnavailableError(detail, remedy=remedy, retry_after=DATABASE_RETRY_SECONDS)
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        log.error("disk_full", errno=error.errno)
        return UnavailableError("The server's disk is full.", remedy="Free some space on the server, then try again.")
    log.error("unhandled_error", exc_info=error)
    return ProsaError("An unexpected error happened; it is in the server's log under this request's id.")


async def _handle_prosa_error(request: Request, error: Exception) -> JSONResponse:
    prosa_error = cast("ProsaError", error)
    if prosa_error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", code=prosa_error.code, exc_info=error)
    return problem_response(request, prosa_error)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    found = cast("RequestValidationError", error).errors()
    count = len(found)
    detail = "1 field is not valid." if count == 1 else f"{count} fields are not valid."
    return problem_response(request, InvalidInputError(detail, fields=field_errors(found)))


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    exception = cast("HTTPException", error)
    if exception.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # the router names the methods of the first route of that path only
        exception.headers = {**(exception.headers or {}), "Allow": ", ".join(_methods_at(request))}
    return http_problem(request, exception)


def _methods_at(request: Request) -> list[str]:
    def known(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in ("DELETE", "GET", "PATCH", "POST", "PUT") if known(method)]


_HTTP_ERRORS: dict[int, tuple[str, str, str]] = {
    404: ("not_found", "There is nothing at this address", "Check the path; the API is described at /docs."),
    405: ("method_not_allowed", "This address does not take this method", "Use one of the methods in Allow."),
    413: ("too_large", "The body is too large", "Send less at once."),
    415: ("unsupported_media_type", "A body of another kind is expected", "Set Content-Type as documented."),
}


def _response(
    request: Request,
    status: int,
    title: str,
    detail: str,
    code: str,
    remedy: str,
    fields: Sequence[FieldError],
    *,
    headers: dict[str, str],
) -> JSONResponse:
    problem = Problem(
        type="about:blank",
        title=title,
        status=status,
        detail=detail,
        code=code,
        remedy=remedy,
        errors=[
            ProblemField(field=field.field, message=field.message, code=field.code, limits=dict(field.limits))
            for field in fields
        ],
        request_id=request.scope.get("state", {}).get("request_id"),
    )
    return JSONResponse(problem.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")
_NO_OBJECT = {"model_attributes_type", "dict_type", "model_type"}
_NO_FILE = "Expected UploadFile, received: <class 'str'>"
"""FastAPI's words for a form's field where a file was expected."""
_OF_A_TEXT = {"too_long": "string_too_long", "too_short": "string_too_short"}
"""Where a text is checked after a validator of ours, pydantic counts "items": people want characters."""


def _field_path(error: dict[str, Any]) -> str:
    location = error["loc"]
    if error["type"] == "json_invalid":  # its location is an offset into the text
        return "body"
    return ".".join(str(part) for part in location)[:200]


def _field_code(error: dict[str, Any]) -> str:
    if error["type"] == "value_error":
        return "invalid"
    return _OF_A_TEXT[error["type"]] if _is_text_length(error) else str(error["type"])


def _is_text_length(error: dict[str, Any]) -> bool:
    return error["type"] in _OF_A_TEXT and isinstance(error.get("input"), str)


def _limits(error: dict[str, Any]) -> dict[str, float]:
    told = error.get("ctx") or {}
    return {name: told[name] for name in _LIMITS if isinstance(told.get(name), int | float)}


def _field_message(error: dict[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"is not valid JSON at character {error['loc'][-1]}"
    if tuple(error["loc"]) == ("body",) and error["type"] in {*_NO_OBJECT, "missing"}:
        must = "is required, and must be" if error["type"] == "missing" else "must be"
        return f"{must} a JSON object, sent with Content-Type: application/json"
    if error["type"] == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return IN_WORDS.get(pattern, f"must match {pattern}")
    if str(error["msg"]).endswith(_NO_FILE):
        return "must be a file: a part of multipart/form-data that has a file name"
    if error["type"] == "extra_forbidden":
        return "is not a field of this; check its spelling"
    if _is_text_length(error):
        least, most = error["ctx"].get("min_length"), error["ctx"].get("max_length")
        bound, limit = ("least", least) if error["type"] == "too_short" else ("most", most)
        return f"String should have at {bound} {limit} character{'' if limit == 1 else 's'}"
    return str(error["msg"]).removeprefix("Value error, ")
