"""Every error is a problem document, whatever caused it."""

import errno
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header, Query, UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from tests.fixtures.http import client_of, create_test_app

from prosa.errors import ConflictError, FieldError, NotAuthenticatedError, TooManyRequestsError
from prosa.forms import SESSION_ID
from prosa.http.problems import MAX_FIELD_ERRORS, problems


class Item(BaseModel):
    phone: str = Field(max_length=5)
    tags: list[int] = []
    name: str = Field("shop", pattern=SESSION_ID)
    colour: str = Field("red", pattern="^(red|green)$")
    note: Annotated[str, AfterValidator(str.strip), Field(min_length=1, max_length=3)] = "x"
    model_config = ConfigDict(extra="forbid")

    @field_validator("phone")
    @classmethod
    def _no_letters(cls, value: str) -> str:
        if value.isalpha():
            raise ValueError("must have digits")
        return value


router = APIRouter()


@router.post("/items/{number}", responses=problems(404, 409))
async def make_item(
    number: int, item: Item, limit: Annotated[int, Query(le=9)] = 1, idempotency_key: Annotated[int, Header()] = 1
) -> None:
    del number, item, limit, idempotency_key


@router.post("/files")
async def take_file(file: UploadFile) -> None:
    del file


@router.get("/files")
async def list_files() -> None:
    return None


_RAISED: dict[str, Exception] = {
    "conflict": ConflictError("Two at once.", fields=[FieldError("body.a", "is taken")], remedy="Take another."),
    "slow": TooManyRequestsError(retry_after=1.2),
    "nobody": NotAuthenticatedError(),
    "bug": RuntimeError("the secret is hunter2"),
    "lost": OperationalError("SELECT 1", {}, Exception("gone")),
    "pool": PoolTimeoutError("no connection"),
    "refused": ConnectionRefusedError(111, "refused"),
    "full": DBAPIError("x", {}, type("DiskFull", (Exception,), {"sqlstate": "53100"})()),
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "http": HTTPException(415, headers={"X-Extra": "1"}),
    "teapot": HTTPException(418, "short and stout"),
}


@router.get("/raise/{name}")
async def raise_it(name: str) -> None:
    raise _RAISED[name]


@router.get("/halfway")
async def halfway() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("too late")

    return StreamingResponse(chunks())


@pytest.fixture
def app() -> FastAPI:
    return create_test_app({}, [router])


def check(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the shape of a problem and return it."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "remedy", "errors", "request_id"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert all(problem[part] for part in ("type", "title", "detail", "remedy"))
    return problem


async def test_an_error_of_ours_says_everything(app: FastAPI) -> None:
    async with client_of(app) as client:
        problem = check(await client.get("/raise/conflict"), 409, "conflict")
        assert problem["detail"] == "Two at once."
        assert problem["remedy"] == "Take another."
        assert problem["errors"] == [{"field": "body.a", "message": "is taken", "code": "invalid", "limits": {}}]


async def test_headers_that_go_with_a_status(app: FastAPI) -> None:
    async with client_of(app) as client:
        slow = await client.get("/raise/slow")
        check(slow, 429, "too_many_requests")
        assert slow.headers["retry-after"] == "2"
        nobody = await client.get("/raise/nobody")
        check(nobody, 401, "not_authenticated")
        assert nobody.headers["www-authenticate"] == "Bearer"
        unsupported = await client.get("/raise/http")
        check(unsupported, 415, "unsupported_media_type")
        assert unsupported.headers["x-extra"] == "1"
        assert check(await client.get("/raise/teapot"), 418, "i'm_a_teapot")["detail"] == "short and stout"


async def test_a_bug_leaks_nothing(app: FastAPI) -> None:
    async with client_of(app) as client:
        response = await client.get("/raise/bug")
        check(response, 500, "internal_error")
        assert "hunter2" not in response.text


@pytest.mark.parametrize(
    ("name", "words"),
    [("lost", "reached"), ("pool", "reached"), ("refused", "reached"), ("full", "full"), ("disk", "full")],
)
async def test_a_database_that_is_away_is_not_a_bug(app: FastAPI, name: str, words: str) -> None:
    async with client_of(app) as client:
        response = await client.get(f"/raise/{name}")
        problem = check(response, 503, "unavailable")
        assert words in problem["detail"]
        assert problem["remedy"]
        assert int(response.headers["retry-after"]) >= 1


async def test_an_error_after_the_answer_began_is_not_answered_twice(app: FastAPI) -> None:
    async with client_of(app) as client:
        with pytest.raises(RuntimeError, match="too late"):
            await client.get("/halfway")


async def test_unknown_paths_and_methods(app: FastAPI) -> None:
    async with client_of(app) as client:
        nowhere = check(await client.get("/nowhere"), 404, "not_found")
        assert "/ at the end" not in nowhere["remedy"]
        assert "Leave out the / at the end" in check(await client.get("/files/"), 404, "not_found")["remedy"]
        response = await client.delete("/halfway")
        check(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET"
        response = await client.put("/files")
        check(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET, POST"  # of all routes that the path has


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        (b'{"phone": ', "body", "not valid JSON at character"),
        (b"\xff\xfe{", "body", "cannot be read"),
        (b"[]", "body", "must be a JSON object"),
        (b'"text"', "body", "must be a JSON object"),
        (b"null", "body", "must be a JSON object"),
        (b"", "body", "is required, and must be a JSON object"),
        (b"{}", "body.phone", "required"),
        (b'{"phone": "123456"}', "body.phone", "at most 5"),
        (b'{"phone": "abc"}', "body.phone", "must have digits"),
        (b'{"phone": "\\ud800"}', "body.phone", "valid string"),
        (b'{"phone": "1", "tags": [1, "x"]}', "body.tags.1", "valid integer"),
        (b'{"phone": "1", "name": "My Shop"}', "body.name", "lower-case letters"),
        (b'{"phone": "1", "colour": "blue"}', "body.colour", "must match ^(red|green)$"),
        (b'{"phone": "1", "colours": "red"}', "body.colours", "check its spelling"),
        (b"[" * 100_000, "body", ""),
        (b"9" * 5000, "body", ""),
    ],
)
async def test_junk_bodies_name_the_field(app: FastAPI, body: bytes, field: str, hint: str) -> None:
    async with client_of(app) as client:
        response = await client.post("/items/1", content=body, headers={"content-type": "application/json"})
        [error] = check(response, 422, "invalid_input")["errors"]
        assert error["field"] == field
        assert hint in error["message"].lower() or hint in error["message"]


async def test_a_text_where_a_file_is_expected_is_said_without_python(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.post("/files", data={"file": "text"})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "body.file")
    assert error["message"] == "must be a file: a part of multipart/form-data that has a file name"


async def test_a_length_of_a_text_is_said_in_characters(app: FastAPI) -> None:
    async with client_of(app) as client:
        said = []
        for note in ("long one", "  "):
            answer = await client.post("/items/1", json={"phone": "1", "note": note})
            said += [(error["code"], error["message"], error["limits"]) for error in answer.json()["errors"]]
    assert said == [
        ("string_too_long", "String should have at most 3 characters", {"max_length": 3}),
        ("string_too_short", "String should have at least 1 character", {"min_length": 1}),
    ]


async def test_every_place_of_a_request_is_named(app: FastAPI) -> None:
    async with client_of(app) as client:
        response = await client.post("/items/x?limit=10", json={"phone": "1"}, headers=[(b"idempotency-key", b"\xe9")])
        fields = {error["field"] for error in check(response, 422, "invalid_input")["errors"]}
        assert fields == {"path.number", "query.limit", "header.idempotency-key"}


async def test_a_form_where_json_is_expected(app: FastAPI) -> None:
    async with client_of(app) as client:
        response = await client.post("/items/1", data={"phone": "1"})
        [error] = check(response, 422, "invalid_input")["errors"]
        assert "application/json" in error["message"]


async def test_what_was_sent_is_not_repeated_and_errors_are_bounded(app: FastAPI) -> None:
    async with client_of(app) as client:
        response = await client.post("/items/1", json={"phone": "hunter2", "tags": ["hunter2"] * 1000})
        problem = check(response, 422, "invalid_input")
        assert "hunter2" not in response.text
        assert len(problem["errors"]) == MAX_FIELD_ERRORS
        assert problem["detail"].startswith("1001 ")
