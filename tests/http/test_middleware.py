"""What is around every endpoint: request ids, headers, limits, CORS, one log line."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request, Response, UploadFile
from fastapi.responses import HTMLResponse
from structlog.testing import capture_logs
from tests.fixtures.http import client_of

from prosa.http import middleware, problems
from prosa.http.body_limit import BODY_BYTES, MEBIBYTE
from prosa.http.compression import Compression
from prosa.settings import Settings

router = APIRouter()


@router.post("/json")
async def take_json(body: dict[str, Any]) -> int:
    return len(body)


@router.post("/raw")
@router.post("/numbers/1/media")
async def take_raw(request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


@router.post("/form")
@router.post("/numbers/2/media")
async def take_file(file: UploadFile) -> int:
    return len(await file.read())


@router.get("/bug")
async def bug() -> None:
    raise RuntimeError("oh")


@router.get("/page", response_class=HTMLResponse)
async def page() -> str:
    return "<p>"


@router.get("/own")
async def own(response: Response) -> None:
    response.headers["Cache-Control"] = "private, max-age=60"
    response.headers["Content-Security-Policy"] = "sandbox"


@router.get("/nothing", status_code=204)
async def nothing() -> None:
    structlog.contextvars.bind_contextvars(user_id="ana")


def make_app(settings: Settings, **changes: Any) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    middleware.install(app, settings.model_copy(update=changes))
    app.include_router(router)
    return app


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(settings, media_max_mb=2)) as client:
        yield client


async def test_every_answer_has_a_request_id_of_its_own(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/nothing", "/bug", "/nowhere", "/page")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 4
    assert answers[1].json()["request_id"] == ids[1]
    assert answers[2].json()["request_id"] == ids[2]


async def test_a_sane_request_id_is_kept_and_an_odd_one_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get("/nothing", headers={"X-Request-ID": "trace-1234.A_b"})
    assert kept.headers["x-request-id"] == "trace-1234.A_b"
    for odd in (b"short", b"x" * 65, b"with space!", b'"><script>', b"\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9"):
        answer = await client.get("/nothing", headers=[(b"X-Request-ID", odd)])
        assert answer.headers["x-request-id"].encode() != odd


async def test_one_log_line_says_how_it_went_and_holds_no_query(client: httpx.AsyncClient) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await client.get("/nothing?token=hunter2")
    [line] = lines
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/nothing", 204)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["user_id"] == "ana"
    assert line["ms"] >= 0
    assert "hunter2" not in str(line)


async def test_the_log_has_the_traceback_that_the_answer_has_not(client: httpx.AsyncClient) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = await client.get("/bug")
    error, request = lines
    assert isinstance(error["exc_info"], RuntimeError)
    assert error["request_id"] == request["request_id"] == answer.json()["request_id"]
    assert request["status"] == 500


async def test_nothing_of_one_request_is_bound_in_the_next(client: httpx.AsyncClient) -> None:
    await client.get("/nothing")
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await client.get("/page")
    assert "user_id" not in lines[0]


@pytest.mark.parametrize("path", ["/nothing", "/bug", "/nowhere", "/page", "/docs"])
async def test_security_headers_are_everywhere(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy  # nothing of another host
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_answers_of_the_api_are_not_cached_and_own_headers_stay(client: httpx.AsyncClient) -> None:
    assert (await client.post("/json", json={})).headers["cache-control"] == "no-store"
    assert (await client.get("/nowhere")).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await client.get("/page")).headers
    own = (await client.get("/own")).headers
    assert own["cache-control"] == "private, max-age=60"
    assert own["content-security-policy"] == "sandbox"


async def chunks(size: int) -> AsyncIterator[bytes]:
    """Send `size` bytes without saying beforehand how many."""
    while size > 0:
        yield b"[" * min(size, 100_000)
        size -= 100_000


def check_too_large(answer: httpx.Response, *, upload: bool = False) -> None:
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"
    assert "MiB" in answer.json()["detail"]
    assert ("PROSA_MEDIA_MAX_MB" in answer.json()["detail"]) is upload
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/json", "/raw"])
async def test_large_bodies_are_refused_announced_or_not(client: httpx.AsyncClient, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    check_too_large(await client.post(path, content=b"[" * (BODY_BYTES + 1), headers=headers))
    check_too_large(await client.post(path, content=chunks(BODY_BYTES + 1), headers=headers))


async def test_an_announced_size_is_believed_only_upwards(client: httpx.AsyncClient) -> None:
    check_too_large(await client.post("/raw", content=b"", headers={"Content-Length": "9" * 400}))
    lie = await client.post("/raw", content=chunks(BODY_BYTES + 1), headers={"Content-Length": "5"})
    check_too_large(lie)
    for odd in (b"\xb2", b"-5", b"x"):
        assert (await client.post("/raw", content=b"abc", headers=[(b"Content-Length", odd)])).json() == 3


async def test_the_largest_body_passes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/raw", content=b"x" * BODY_BYTES)).json() == BODY_BYTES
    assert (await client.post("/raw", content=chunks(BODY_BYTES))).json() == BODY_BYTES


async def test_media_may_be_as_large_as_is_set(client: httpx.AsyncClient) -> None:
    file = {"file": b"x" * 2 * MEBIBYTE}
    assert (await client.post("/numbers/2/media", files=file)).json() == 2 * MEBIBYTE
    assert (await client.post("/numbers/1/media", content=chunks(2 * MEBIBYTE))).json() == 2 * MEBIBYTE
    check_too_large(await client.post("/form", files=file))
    check_too_large(await client.post("/numbers/1/media", content=chunks(3 * MEBIBYTE + 1)), upload=True)
    check_too_large(await client.post("/numbers/2/media", files={"file": b"x" * (3 * MEBIBYTE + 1)}), upload=True)


async def test_other_pages_may_call_only_where_that_is_set(settings: Settings) -> None:
    origin = "https://panel.example"
    ask = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with client_of(make_app(settings)) as client:
        assert "access-control-allow-origin" not in (await client.options("/json", headers=ask)).headers
    async with client_of(make_app(settings, cors_origins=[origin])) as client:
        allowed = await client.options("/json", headers=ask)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == origin
        failed = await client.get("/bug", headers={"Origin": origin})
        assert failed.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in failed.headers
        refused = await client.options("/json", headers={**ask, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers


async def test_large_answers_come_compressed_to_those_who_take_it() -> None:
    app = FastAPI()
    app.add_middleware(Compression)
    text = "bolo de laranja " * 200

    @app.get("/large")
    @app.get("/messages/1/media")
    async def large() -> list[str]:
        return [text]

    @app.get("/small")
    async def small() -> list[str]:
        return [text[:1000]]

    async with client_of(app) as client:
        answers = {path: await client.get(path) for path in ("/large", "/messages/1/media", "/small")}
        plain = await client.get("/large", headers={"Accept-Encoding": "identity"})
    assert answers["/large"].json() == plain.json() == [text]
    assert int(answers["/large"].headers["content-length"]) < len(text) / 6
    assert {path: answer.headers.get("content-encoding") for path, answer in answers.items()} == {
        "/large": "gzip", "/messages/1/media": None, "/small": None,
    }  # fmt: skip
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == answers["/large"].headers["vary"] == "Accept-Encoding"
