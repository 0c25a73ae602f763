"""A name that means another address the second time: connections go to the address that was checked, or nowhere."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.fixtures.names import LOOPBACK, PUBLIC, meaning, rebinding

from prosa.ai.legacy import pinned_client
from prosa.outgoing import Outgoing, RefusedAddressError, Rules
from prosa.pinning import PinnedResolver, PinnedTransport, one_of_each_kind

Ask = Callable[..., Awaitable[Any]]
PUBLIC_ONLY = Rules()


async def by_outgoing(url: str, rules: Rules = PUBLIC_ONLY) -> Any:
    client = Outgoing(rules)
    try:
        return await client.request("POST", url, json={})
    finally:
        await client.close()


async def by_httpx2(url: str, rules: Rules = PUBLIC_ONLY) -> Any:
    async with httpx2.AsyncClient(transport=PinnedTransport(rules)) as client:
        try:
            return await client.post(url, json={})
        except httpx2.ConnectError as error:
            raise OSError from error


async def by_httpx(url: str, rules: Rules = PUBLIC_ONLY) -> Any:
    async with pinned_client(rules, seconds=10, connect_seconds=5) as client:
        try:
            return await client.post(url, json={})
        except httpx.ConnectError as error:
            raise OSError from error


async def by_aiohttp(url: str, rules: Rules = PUBLIC_ONLY) -> Any:
    connector = aiohttp.TCPConnector(resolver=PinnedResolver(rules))
    async with aiohttp.ClientSession(connector=connector) as client, client.post(url, json={}) as answer:
        return answer


@pytest.mark.parametrize("ask", [by_outgoing, by_httpx2, by_httpx, by_aiohttp])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_is_looked_up_once_and_what_it_means_then_is_what_counts(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, scheme: str
) -> None:
    with rebinding(monkeypatch, [PUBLIC], [LOOPBACK]) as names:
        with pytest.raises(OSError):  # it is the network that refuses
            await ask(f"{scheme}://rebind.example/v1")
        assert (names.connected, names.asked) == ([PUBLIC], ["rebind.example"])
        with pytest.raises(RefusedAddressError, match="not a public one"):
            await ask(f"{scheme}://rebind.example/v1")
        assert names.connected == [PUBLIC]


@pytest.mark.parametrize("ask", [by_outgoing, by_httpx2, by_httpx, by_aiohttp])
async def test_one_private_address_among_public_ones_is_one_too_many(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    with rebinding(monkeypatch, [PUBLIC, "10.0.0.7"]) as names:
        with pytest.raises(RefusedAddressError):
            await ask("http://mixed.example/")
        assert names.connected == []


@pytest.mark.parametrize("ask", [by_outgoing, by_httpx2, by_httpx, by_aiohttp])
@pytest.mark.parametrize("addresses", [("::1", LOOPBACK), (LOOPBACK, "::1")])
async def test_a_server_that_listens_on_one_of_a_names_addresses_is_found(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, addresses: tuple[str, ...]
) -> None:
    meaning(monkeypatch, "double.example", *addresses)
    hosts = []

    async def hello(request: web.Request) -> web.Response:
        hosts.append(request.host)
        return web.Response(text=await request.text())

    app = web.Application()
    app.router.add_post("/", hello)
    async with TestServer(app, host=LOOPBACK) as server:
        url = f"http://double.example:{server.port}/"
        await ask(url, Rules(private=True))
        assert hosts == [f"double.example:{server.port}"]
    with pytest.raises(OSError):
        await ask(url, Rules(private=True))


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        (["1.1.1.1"], ["1.1.1.1"]),
        (["1.1.1.1", "1.0.0.1"], ["1.1.1.1"]),
        (["2606::1", "2606::2", "1.1.1.1", "1.0.0.1"], ["2606::1", "1.1.1.1"]),
        (["1.1.1.1", "1.0.0.1", "2606::1"], ["1.1.1.1", "2606::1"]),
    ],
)
def test_one_address_of_each_kind_is_tried(found: list[str], tried: list[str]) -> None:
    assert one_of_each_kind(found) == tried


async def test_where_a_redirect_leads_is_checked_as_well() -> None:
    def moved(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(307, headers={"Location": "http://169.254.169.254/latest/meta-data"})

    transport = PinnedTransport(Rules(private=False), httpx2.MockTransport(moved))
    async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(RefusedAddressError):
            await client.get("http://8.8.8.8/")
