"""Connections that go to an address that was checked, and to no other: a name is resolved once, here.

Between a check of a name and a client's own look-up the name may come to mean another address (DNS rebinding); so these
resolve, check and connect in one step. `prosa.outgoing.Rules` says what may be asked.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import aiohttp.abc
import httpx2

from prosa.outgoing import Rules
from prosa.tls import trusted

if TYPE_CHECKING:
    import httpx

AnyRequest = TypeVar("AnyRequest", httpx2.Request, "httpx.Request")


@asynccontextmanager
async def pinned(rules: Rules, request: AnyRequest) -> AsyncIterator[AnyRequest]:
    """Let a request go to an address that may be asked, while it is sent; then it says its name again.

    Raises:
        RefusedAddressError: The address may not be asked.
    """
    url = request.url
    host = rules.check_url(str(url))
    [address, *_] = await rules.resolve(host, url.port or (443 if url.scheme == "https" else 80))
    request.url = url.copy_with(host=address)  # the header Host still says the name, and so does TLS
    request.extensions = {**request.extensions, "sni_hostname": host}
    try:
        yield request
    finally:
        request.url = url


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
        async with pinned(self._rules, request):
            return await self._wrapped.handle_async_request(request)

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
