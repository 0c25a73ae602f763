"""Pinned connections (`prosa.pinning`) for providers whose client takes httpx and not httpx2, such as Groq's.

httpx is no requirement of Prosa's: it comes with those clients.
"""

import httpx

from prosa.outgoing import Rules
from prosa.pinning import send_pinned
from prosa.tls import trusted


class LegacyPinnedTransport(httpx.AsyncBaseTransport):
    """For httpx: each request, of a redirect too, goes to an address that may be asked. No proxy is used."""

    def __init__(self, rules: Rules) -> None:
        """Make it.

        Args:
            rules: Which addresses may be asked.
        """
        self._rules = rules
        self._wrapped = httpx.AsyncHTTPTransport(verify=trusted(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            RefusedAddressError: The address may not be asked.
        """
        send = self._wrapped.handle_async_request
        return await send_pinned(self._rules, request, send, (httpx.ConnectError, httpx.ConnectTimeout))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wrapped.aclose()


def pinned_client(rules: Rules, *, seconds: float, connect_seconds: float) -> httpx.AsyncClient:
    """Return a client for addresses that people typed in."""
    timeout = httpx.Timeout(seconds, connect=connect_seconds)
    return httpx.AsyncClient(transport=LegacyPinnedTransport(rules), timeout=timeout, trust_env=False)
