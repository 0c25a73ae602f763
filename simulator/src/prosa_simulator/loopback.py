"""What the HTTP controls of this package share: who may ask, how bodies are read, what a refusal looks like.

They listen on loopback and need no key, so web pages are kept out: any page that is open in a browser on this machine
could reach them otherwise, by cross-site requests or by a name of its own that leads to 127.0.0.1 (DNS rebinding).
"""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""Names by which a request may call this machine (its ``Host``, without the port)."""
_PREFLIGHT_SECONDS: Final = "600"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Body = TypeVar("_Body", bound="Body")


class Body(BaseModel):
    """What a request may say; other fields are refused, and types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Refusal(Exception):  # noqa: N818 - the word for what it is
    """The request is refused.

    Attributes:
        status: HTTP status, 4xx.
        error: Why, for programs: a stable word.
        detail: Why, for a person.
        fields: What is wrong with which field: its name ("to", "rules.0.text") and a sentence.
    """

    def __init__(self, status: int, error: str, detail: str, *, fields: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(f"{error}: {detail}")
        self.status = status
        self.error = error
        self.detail = detail
        self.fields = tuple(fields)

    @classmethod
    def of_field(cls, name: str, problem: str, *, status: int = 400, error: str = "bad-request") -> "Refusal":
        """Refuse what one field says."""
        return cls(status, error, f"{name}: {problem}", fields=[(name, problem)])


async def read(request: web.Request, model: type[_Body]) -> _Body:
    """Read the request's JSON; an empty body is ``{}``.

    Raises:
        Refusal: 400, it is not what the model wants.
    """
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Refusal:
    """Say what is wrong with a document."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [(".".join(map(str, p["loc"])), p["msg"].removeprefix("Value error, ")) for p in problems]
    lines = (": ".join(filter(None, field)) for field in fields)
    return Refusal(400, "bad-request", "; ".join(lines), fields=[field for field in fields if field[0]])


def answer_json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer a JSON document that can also be read in a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


async def answer(request: web.Request, handler: Handler, origins: Collection[str] = ()) -> web.StreamResponse:
    """Let the handler answer if the request may come in; refusals become ``{"error", "detail", "fields"?}``.

    Args:
        request: The request.
        handler: What answers it; may raise `Refusal`.
        origins: Web origins (``http://127.0.0.1:8000``) whose pages may ask, beside pages of this server's own.
    """
    origin = request.headers.get("Origin")
    try:
        _check_sender(request, origins)
        if request.method == "OPTIONS" and origin is not None:
            response: web.StreamResponse = web.Response(status=204, headers=_preflight())
        else:
            response = await handler(request)
    except Refusal as refusal:
        body: dict[str, Any] = {"error": refusal.error, "detail": refusal.detail}
        if refusal.fields:
            body["fields"] = [{"field": field, "message": message} for field, message in refusal.fields]
        response = answer_json(body, status=refusal.status)
    except web.HTTPException as error:  # no such route or method, too large
        body = {"error": error.reason.lower().replace(" ", "-"), "detail": f"{request.method} {request.path}"}
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        response = answer_json(body, status=error.status, headers=allow)
    if origin is not None and origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
    return response


def guarded(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Return the routes behind `answer`, for an application that has others too."""

    def behind(handler: Any) -> Handler:
        async def guarded_handler(request: web.Request) -> web.StreamResponse:
            return await answer(request, handler)

        return guarded_handler

    return [web.RouteDef(route.method, route.path, behind(route.handler), route.kwargs) for route in routes]


def _check_sender(request: web.Request, origins: Collection[str]) -> None:
    host = request.host if request.host.endswith("]") else request.host.rsplit(":", 1)[0]
    if host not in LOOPBACK_HOSTS:
        raise Refusal(403, "forbidden", "ask by a loopback address")
    origin = request.headers.get("Origin")
    # Browsers say where a request comes from in Origin, or for plain GETs only in Sec-Fetch-Site
    # (W3C Fetch Metadata §2.4); programs say neither. A page of this very address is its own.
    allowed = {f"{request.scheme}://{request.host}", *origins}
    strange = origin not in allowed if origin is not None else request.headers.get("Sec-Fetch-Site") in _OTHER_SITES
    if strange:
        raise Refusal(403, "forbidden", "not for web pages")


_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})


def _preflight() -> dict[str, str]:
    return {
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
    }
