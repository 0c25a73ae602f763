"""Google's client for the Gemini API, made so that it costs little: it is one for each key."""

from typing import Final
from urllib import request
from urllib.parse import urlsplit

from google.genai import Client
from google.genai.types import HttpOptions
from httpx2 import AsyncClient, AsyncHTTPTransport, Limits
from pydantic_ai.models import create_async_httpx2_client, get_user_agent
from pydantic_ai.providers.google import GoogleProvider

from prosa.settings import GEMINI_URL
from prosa.tls import trusted

READ_SECONDS: Final = 600
CONNECT_SECONDS: Final = 5.0
"""As pydantic-ai's clients have them; a call's own limit is shorter."""
_LIMITS: Final = Limits(max_connections=1000, max_keepalive_connections=100)
"""As pydantic-ai's clients have them."""


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an address, as Google's client uses it.

    aiohttp itself (`trust_env`) would look for one in a thread, at every request.
    """
    parts = urlsplit(url)
    if request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def google_http(base_url: str | None) -> AsyncClient:
    """Return connections for the clients of one address; they do not retry, and connecting takes 5 s at most.

    Args:
        base_url: The API's address; Google's where it is None.
    """
    proxy = proxy_for(base_url or GEMINI_URL)
    return create_async_httpx2_client(transport=AsyncHTTPTransport(verify=trusted(), limits=_LIMITS, proxy=proxy))


def google_provider(key: str, base_url: str | None, http: AsyncClient) -> GoogleProvider:
    """Return what pydantic-ai asks Gemini through.

    Args:
        key: The API's.
        base_url: The API's address; Google's where it is None.
        http: The connections, which whoever gives them closes.
    """
    options = HttpOptions(
        base_url=base_url,
        headers={"user-agent": get_user_agent()},
        timeout=READ_SECONDS * 1000,
        httpx_async_client=http,
        # It makes clients of its own besides, which nothing is asked through.
        client_args={"verify": trusted()},
        async_client_args={"verify": trusted(), "ssl": trusted()},
    )
    return GoogleProvider(client=Client(vertexai=False, api_key=key, http_options=options))
