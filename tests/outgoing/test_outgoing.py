"""Addresses that people typed in: public ones only, whatever their names say."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from prosa.outgoing import Outgoing, RefusedAddressError, Rules


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1/x", "not a public"),
        ("http://127.1.2.3:8000/", "not a public"),
        ("http://10.0.0.1/", "PROSA_OUTGOING_PRIVATE_ADDRESSES=true"),
        ("http://localhost:8000/", "not a public"),
        ("http://Shop.LOCALHOST/", "not a public"),
        ("http://127.1/", "not a public"),
        ("http://0x7f000001/", "not a public"),
        ("http://2130706433/", "not a public"),
        ("http://192.168.1.1/", "not a public"),
        ("http://169.254.169.254/latest/meta-data", "not a public"),
        ("http://100.64.0.1/", "not a public"),
        ("http://0.0.0.0/", "not a public"),
        ("http://224.0.0.1/", "not a public"),
        ("http://[::1]/", "not a public"),
        ("http://[fd00::1]/", "not a public"),
        ("http://[fe80::1%25eth0]/", "not a public"),
        ("http://[::ffff:127.0.0.1]/", "not a public"),
        ("http://[2002:7f00:1::]/", "not a public"),
        ("https://user:pass@shop.example/", "user name"),
        ("ftp://shop.example/", "begins with"),
        ("https:///x", "begins with"),
        ("https://shop.example:99999/", "not a URL"),
        ("https://[bad/", "not a URL"),
    ],
)
def test_addresses_that_are_refused_before_anything_is_asked(url: str, words: str) -> None:
    with pytest.raises(RefusedAddressError, match=words):
        Rules().check_url(url)


def test_names_that_begin_like_a_number_are_names() -> None:
    for host in ("3com.example", "1e100.example", "127.0.0.1.example", "localhost.example"):
        assert Rules().check_url(f"https://{host}/") == host
    assert Rules(private=True).check_url("http://localhost:8080/") == "localhost"


def test_hosts_can_be_limited() -> None:
    rules = Rules(hosts=["shop.example", ".api.example"])
    assert rules.check_url("https://shop.example/x") == "shop.example"
    assert rules.check_url("https://eu.api.example/x") == "eu.api.example"
    for url in ("https://evil.example/", "https://api.example.evil.test/", "https://notshop.example/"):
        with pytest.raises(RefusedAddressError, match="not among"):
            rules.check_url(url)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names mean, for this test."""
    known: dict[str, list[str]] = {}

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], []])
async def test_a_name_that_means_a_private_address_is_refused(
    names: dict[str, list[str]], addresses: list[str]
) -> None:
    names["rebind.example"] = addresses
    with pytest.raises(RefusedAddressError):
        await Outgoing(Rules()).request("GET", "http://rebind.example/")


async def test_an_unknown_name(names: dict[str, list[str]]) -> None:
    with pytest.raises(RefusedAddressError, match="resolved"):
        await Outgoing(Rules()).request("GET", "http://nowhere.example/")


@pytest.fixture
async def service() -> AsyncIterator[str]:
    """A service on loopback: echoes, redirects, floods, hangs."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(
            {"host": request.headers["Host"], "q": dict(request.query), "auth": request.headers.get("X-Key")}
        )

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/echo")

    async def flood(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.get("/hang", hang), web.get("/moved", moved), web.get("/flood", flood)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    await runner.cleanup()


async def test_where_it_is_allowed_the_service_is_asked(service: str) -> None:
    client = Outgoing(Rules(private=True))
    port = service.rpartition(":")[2]
    reached = await client.request(
        "GET", f"http://localhost:{port}/echo?a=1", params={"b": "2"}, headers={"X-Key": "k"}
    )
    assert reached.status == 200
    assert reached.text == f'{{"host": "localhost:{port}", "q": {{"a": "1", "b": "2"}}, "auth": "k"}}'
    assert (await client.request("GET", f"{service}/moved")).status == 302
    flood = await client.request("GET", f"{service}/flood", max_bytes=10)
    assert (flood.text, flood.cut) == ("x" * 10, True)
    with pytest.raises(TimeoutError):
        await client.request("GET", f"{service}/hang", seconds=0.1)
    with pytest.raises(OSError, match="could not be reached"):
        await client.request("GET", "http://127.0.0.1:9/")
    await client.close()
