"""Servers are checked against the system's certificates, or those of SSL_CERT_FILE, which are read once."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from prosa.ai.gemini_http import Api, GeminiHttp
from prosa.ai.legacy import pinned_client
from prosa.ai.models import Models
from prosa.auth.keys import Key
from prosa.google_client import google_http
from prosa.outgoing import Outgoing, Rules
from prosa.settings import Settings
from prosa.tls import trusted
from prosa_simulator.network.media import tls_context

RULES = Rules(private=True)
Ask = Callable[[str], Awaitable[Any]]


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    trusted.cache_clear()
    yield
    trusted.cache_clear()


@asynccontextmanager
async def serving(host: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Answer whatever is asked; gives the URL."""
    app = web.Application()

    async def hello(_: web.Request) -> web.Response:
        return web.json_response({"hello": 1})

    app.router.add_route("*", "/{rest:.*}", hello)
    server = TestServer(app, host=host)
    await server.start_server(ssl=context)
    try:
        yield f"https://{host}:{server.port}"
    finally:
        await server.close()


async def by_outgoing(url: str) -> None:
    client = Outgoing(RULES)
    try:
        assert (await client.request("GET", url)).status == 200
    except OSError as error:
        raise OSError(str(error.__cause__)) from error
    finally:
        await client.close()


async def by_httpx(url: str) -> None:
    async with pinned_client(RULES, seconds=10, connect_seconds=5) as client:
        try:
            assert (await client.get(url)).status_code == 200
        except httpx.ConnectError as error:
            raise OSError(str(error)) from error


async def by_gemini(url: str, *, pinned: bool = False) -> None:
    http = GeminiHttp(RULES)
    try:
        assert await http.generate(Api(url, "k", None, pinned), "m", b"{}", {}, 10) == b'{"hello": 1}'
    except httpx2.ConnectError as error:
        raise OSError(str(error)) from error
    finally:
        await http.close()


async def by_gemini_of_an_owner(url: str) -> None:
    await by_gemini(url, pinned=True)


async def by_google(url: str) -> None:
    async with google_http(url) as client:
        try:
            assert (await client.get(url)).status_code == 200
        except httpx2.ConnectError as error:
            raise OSError(str(error)) from error


@pytest.mark.parametrize("ask", [by_outgoing, by_httpx, by_gemini, by_gemini_of_an_owner, by_google])
async def test_a_server_is_asked_only_where_its_certificate_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Ask
) -> None:
    context, certificate = tls_context(tmp_path)
    async with serving("127.0.0.1", context) as url, serving("127.0.0.2", context) as not_in_certificate:
        with pytest.raises(OSError, match=r"(?i)certificate"):
            await ask(url)
        trusted.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await ask(url)
        with pytest.raises(OSError, match=r"(?i)certificate"):
            await ask(not_in_certificate)


async def test_a_key_more_reads_no_certificates(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    models = Models(settings, RULES)
    models.get(models.name(None), Key("of-ana"))
    made = Mock(side_effect=AssertionError("certificates were read again"))
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", made)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", made)
    for key in (Key("of-bia"), Key("of-cid", "http://127.0.0.1:1")):
        models.get(models.name(None), key)
    await models.close()
