"""Pinned connections (`prosa.pinning`) for providers whose client takes httpx and not httpx2, such as Groq's.

httpx is no requirement of Prosa's: it comes with those clients.
"""

import httpx

from prosa.outgoing import Rules


class LegacyPinnedTransport(httpx.AsyncBaseTransport):
    """For httpx: each request, of a redirect too, goes to an address that may be asked. No proxy is used."""

    def __init__(self, rules: Rules) -> None:
        """Make it.

        Args:
            rules: Which addresses may be asked.
        """
        self._rules = rules
        self._wrapped = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            RefusedAddressError: The address may not be asked.
        """
        url = request.url
        host = self._rules.check_url(str(url))
        [address, *_] = await self._rules.resolve(host, url.port or (443 if url.scheme == "https" else 80))
        request.url = url.copy_with(host=address)  # the header Host still says the name, and so does TLS
        request.extensions = {**request.extensions, "sni_hostname": host}
        try:
            return await self._wrapped.handle_async_request(request)
        finally:
            request.url = url

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wrapped.aclose()


def pinned_client(rules: Rules, *, seconds: float, connect_seconds: float) -> httpx.AsyncClient:
    """Return a client for addresses that people typed in."""
    timeout = httpx.Timeout(seconds, connect=connect_seconds)
    return httpx.AsyncClient(transport=LegacyPinnedTransport(rules), timeout=timeout, trust_env=False)
