"""How the console's files are served: which form, for how long, under which policy, and never in the API's way."""

import gzip
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.fixtures.http import client_of

from prosa.app import create_app
from prosa.console import pages
from prosa.console.files import accepted, load
from prosa.http import problems
from prosa.settings import Settings

PAGE = "<!doctype html><title>Prosa</title>"
SCRIPT = "console.log('prosa');" * 200


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "_dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "icon.svg").write_text("<svg/>")
    script = folder / "assets" / "index-abc123.js"
    script.write_text(SCRIPT)
    script.with_name("index-abc123.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    script.with_name("index-abc123.js.br").write_bytes(b"as if by brotli")
    return folder


def app_of(folder: Path) -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    problems.install(app)
    pages.install(app, pages.Console(folder))
    return app


@pytest.mark.parametrize("path", ["/", "/app", "/app/", "/app/inbox", "/app/numbers/shop-sales", "/app/assetsnot"])
async def test_routes_of_the_page_get_the_page(built: Path, path: str) -> None:
    async with client_of(app_of(built)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("origins", "ancestors"), [([], "'none'"), (["https://intra.example", "http://127.0.0.1:1"], None)]
)
async def test_only_named_origins_may_show_the_console_in_a_frame(
    tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch, origins: list[str], ancestors: str | None
) -> None:
    monkeypatch.setattr(pages, "load", lambda _folder: load(built))
    settings = Settings(_env_file=None, data_dir=tmp_path, frame_origins=origins)
    async with client_of(create_app(settings)) as client:
        page, api = await client.get("/"), await client.get("/health/live")
    expected = ancestors or " ".join(origins)
    assert page.headers["content-security-policy"].endswith(f"frame-ancestors {expected}")
    assert "frame-ancestors 'none'" in api.headers["content-security-policy"]


async def test_assets_are_kept_for_ever_and_sent_in_the_smallest_form(built: Path) -> None:
    async with client_of(app_of(built)) as client:

        async def get(encoding: str, **headers: str) -> httpx.Response:
            request = client.build_request("GET", "/app/assets/index-abc123.js", headers=headers)
            request.headers["Accept-Encoding"] = encoding
            answer = await client.send(request, stream=True)
            await answer.aclose()
            return answer

        brotli, gzipped, plain = await get("gzip, deflate, br"), await get("gzip;q=0.5"), await get("identity")
        known = await get("br", **{"If-None-Match": f'"other", {brotli.headers["etag"]}'})
    assert [a.headers.get("content-encoding") for a in (brotli, gzipped, plain)] == ["br", "gzip", None]
    assert len({a.headers["etag"] for a in (brotli, gzipped, plain)}) == 3
    for answer in (brotli, gzipped, plain):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
    assert known.status_code == 304
    assert known.headers["etag"] == brotli.headers["etag"]


@pytest.mark.parametrize("path", ["/app/assets/old-1.js", "/app/assets/index-abc123.js.br"])
async def test_an_asset_of_another_version_is_not_found(built: Path, path: str) -> None:
    async with client_of(app_of(built)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", {""}),
        ("gzip, br", {"gzip", "br"}),
        ("br;q=0, gzip;q=0.1", {"gzip"}),
        ("*", {"*", "br", "gzip"}),
        ("*, br;q=0.000", {"*", "gzip"}),
        ("GZIP ; q=1.0", {"gzip"}),
    ],
)
def test_what_a_client_takes(header: str, taken: set[str]) -> None:
    assert accepted(header) == taken


async def test_a_console_that_was_not_built_says_what_to_do(tmp_path: Path) -> None:
    async with client_of(app_of(tmp_path)) as client:
        for path in ("/", "/app/inbox", "/app/assets/index.js"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert "make setup" in answer.text


async def test_the_api_keeps_its_paths(settings: Settings) -> None:
    app = create_app(settings)
    ours = {"/", "/favicon.ico", "/app", "/app/{path:path}"}
    served = {path for route in app.routes if (path := getattr(route, "path", None))}
    assert ours <= served
    assert not [path for path in served - ours if path.startswith("/app")]
    async with client_of(app) as client:
        for path in ("/docs", "/asyncapi.json", "/nothing"):
            assert "<title>Prosa</title>" not in (await client.get(path)).text
