"""Connections that go to an address that was checked, and to no other: a name is resolved once, here.

Between a check of a name and a client's own look-up the name may come to mean another address (DNS rebinding); so these
resolve, check and connect in one step. `prosa.outgoing.Rules` says what may be asked.
"""

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import aiohttp.abc
import httpx2

from prosa.outgoing import Rules
from prosa.tls import trusted

if TYPE_CHECKING:
    import httpx

AnyRequest = TypeVar("AnyRequest", httpx2.Request, "httpx.Request")
AnyResponse = TypeVar("AnyResponse")


async def send_pinned(
    rules: Rules,
    request: AnyRequest,
    send: Callable[[AnyRequest], Awaitable[AnyResponse]],
    unreachable: tuple[type[Exception], ...],
) -> AnyResponse:
    """Send a request to an address that may be asked; then it says its name again.

    A name has several where `localhost` is both ::1 and 127.0.0.1, and its server listens on one of them, or where a
    service offers IPv6 that does not get through: the next is tried where no connection was made, so nothing was sent.

    Args:
        rules: Which addresses may be asked.
        request: What to send.
        send: Sends it.
        unreachable: What that raises where no connection was made.

    Raises:
        RefusedAddressError: The address may not be asked.
    """
    url = request.url
    host = rules.check_url(str(url))
    addresses = one_of_each_kind(await rules.resolve(host, url.port or (443 if url.scheme == "https" else 80)))
    request.extensions = {**request.extensions, "sni_hostname": host}
    try:
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)  # the header Host still says the name, and so does TLS
            with suppress(*unreachable):
                return await send(request)
        request.url = url.copy_with(host=addresses[-1])
        return await send(request)
    finally:
        request.url = url


def one_of_each_kind(addresses: list[str]) -> list[str]:
    """Return the first address, and the first one of the other kind, IPv4 or IPv6, if there is any.

    All of a dead network would take a connection's time limit each.
    """
    first = addresses[0]
    return [first, *[address for address in addresses if (":" in address) != (":" in first)][:1]]


class PinnedTransport(httpx2.AsyncBaseTransport):
    """For httpx2: each request, of a redirect too, goes to an address that may be asked. No proxy is used."""

    def __init__(self, rules: Rules, wrapped: httpx2.AsyncBaseTransport | None = None) -> None:
        """Make it.

        Args:
            rules: Which addresses may be asked.
            wrapped: Connects.
        """
        self._rules = rules
        self._wrapped = wrapped or httpx2.AsyncHTTPTransport(verify=trusted(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises:
            RefusedAddressError: The address may not be asked.
        """
        send = self._wrapped.handle_async_request
        return await send_pinned(self._rules, request, send, (httpx2.ConnectError, httpx2.ConnectTimeout))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wrapped.aclose()


class PinnedResolver(aiohttp.abc.AbstractResolver):
    """For aiohttp, which connects to what this returns.

    It is not asked about addresses that are no names: `Rules.check_url` is for these, and redirects must not be
    followed.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        """Return the addresses of a name, all of which may be asked.

        Raises:
            RefusedAddressError: One may not, or there is none.
        """
        del family
        return [
            aiohttp.abc.ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._rules.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is open."""
