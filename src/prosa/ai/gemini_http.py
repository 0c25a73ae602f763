"""Gemini's HTTP: a body goes out, the answer's comes in, and what went wrong is told as Google's client tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import httpx2
import orjson
from google.genai import errors

from prosa.google_client import CONNECT_SECONDS
from prosa.outgoing import Rules
from prosa.pinning import PinnedResolver
from prosa.tls import trusted

MOST_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, for whom, and through which proxy.

    Attributes:
        base_url: Its address.
        key: What it is asked with.
        proxy: Of the environment; None: none.
        pinned: The address is an owner's: connections go only where the rules allow.
    """

    base_url: str
    key: str = field(repr=False)
    proxy: str | None
    pinned: bool = False


class GeminiHttp:
    """The HTTP connections to the Gemini API, for all models and keys."""

    def __init__(self, rules: Rules) -> None:
        """Nothing is opened yet.

        Args:
            rules: Which addresses of owners' may be asked.
        """
        self._rules = rules
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def generate(
        self, api: Api, model: str, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> bytes:
        """Ask a model; return the body of its answer.

        Raises:
            APIError: The API refused.
            TransportError: There was no answer (as httpx says it, which pydantic-ai knows).
            RefusedAddressError: The address is an owner's, and may not be asked.
        """
        if (session := self._sessions.get(api.pinned)) is None:
            resolver = PinnedResolver(self._rules) if api.pinned else None
            connector = aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS, resolver=resolver, use_dns_cache=not api.pinned, ssl=trusted()
            )
            session = self._sessions[api.pinned] = aiohttp.ClientSession(connector=connector)
        if api.pinned:
            self._rules.check_url(api.base_url)
        name = model if "/" in model else f"models/{model}"
        try:
            async with session.post(
                f"{api.base_url}/v1beta/{name}:generateContent",
                data=body,
                headers={**headers, "x-goog-api-key": api.key},
                timeout=aiohttp.ClientTimeout(seconds, sock_connect=CONNECT_SECONDS),
                proxy=api.proxy,
                allow_redirects=not api.pinned,
            ) as response:
                content = await response.read()
                status, answered = response.status, response.headers
        except TimeoutError as error:
            raise httpx2.ReadTimeout("no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ConnectError(str(error) or type(error).__name__) from error
        if status >= 300:
            _refuse(status, answered, content)
        return content

    async def close(self) -> None:
        """Close the connections."""
        for session in self._sessions.values():
            await session.close()


def _refuse(status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Raise what Google's client raises for such an answer.

    Raises:
        APIError: Always.
    """
    try:
        details = orjson.loads(content)
    except orjson.JSONDecodeError:
        details = {"message": content.decode(errors="replace")[:1000], "status": str(status)}
    response = httpx2.Response(status, headers=dict(headers), content=content)
    kind = errors.ClientError if status < 500 else errors.ServerError
    raise kind(status, details, response)
