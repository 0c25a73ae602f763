"""Gemini without its SDK's detours: the same requests, made and sent for a fifth of the CPU.

Google's client turns pydantic-ai's dictionaries into models of hundreds of fields, looks into each of them for every
field there might be, and sends what it finds through httpx: four fifths of what a short answer cost Prosa, model and
network apart. Here the dictionaries become JSON as they are (the API's names are theirs in camel case) and aiohttp
sends it. All else is pydantic-ai's: the prompt, tools, files, finish reasons, usage, errors. A request with anything
unusual in it goes to Google's client.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, Final, cast
from urllib import request
from urllib.parse import urlsplit

import aiohttp
import httpx2
import orjson
from google.genai import Client, errors
from google.genai.types import GenerateContentResponse
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from prosa.outgoing import Rules
from prosa.pinning import PinnedResolver

BASE_URL: Final = "https://generativelanguage.googleapis.com"
CONNECT_SECONDS: Final = 5.0
MOST_CONNECTIONS: Final = 100

# Where each part of a configuration belongs (google-genai, models.py, _GenerateContentConfig_to_mldev).
_TOP: Final = {
    "system_instruction": "systemInstruction",
    "safety_settings": "safetySettings",
    "tools": "tools",
    "tool_config": "toolConfig",
    "cached_content": "cachedContent",
}
_GENERATION: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_output_tokens": "maxOutputTokens",
    "stop_sequences": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
    "thinking_config": "thinkingConfig",
    "response_mime_type": "responseMimeType",
    "response_json_schema": "responseJsonSchema",
    "response_modalities": "responseModalities",
    "media_resolution": "mediaResolution",
}
_VERBATIM: Final = frozenset({"args", "response", "parameters_json_schema", "response_json_schema"})
"""What holds names of others: arguments, results and schemas of tools."""


@dataclass(frozen=True, slots=True)
class _Api:
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
        self, api: _Api, model: str, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> bytes:
        """Ask a model; return the body of its answer.

        Raises:
            APIError: The API refused.
            TransportError: There was no answer (as httpx says it, which pydantic-ai knows).
            RefusedAddressError: The address is an owner's, and may not be asked.
        """
        if (session := self._sessions.get(api.pinned)) is None:
            resolver = PinnedResolver(self._rules) if api.pinned else None
            connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, resolver=resolver, use_dns_cache=not api.pinned)
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


class Gemini(GoogleModel):
    """A Gemini model."""

    def __init__(
        self,
        name: str,
        provider: GoogleProvider,
        http: GeminiHttp,
        *,
        key: str,
        base_url: str | None = None,
        pinned: bool = False,
    ) -> None:
        """Make it.

        Args:
            name: Such as `gemini-2.5-flash`.
            provider: Asked where there is anything unusual in a request.
            http: The connections.
            key: Of the API.
            base_url: Another address of it.
            pinned: That address is an owner's: it is asked only where the rules allow.
        """
        super().__init__(name, provider=provider)
        base_url = (base_url or BASE_URL).rstrip("/")
        self._short = _Client(provider.client, http, _Api(base_url, key, None if pinned else _proxy(base_url), pinned))

    @property
    def client(self) -> Client:
        """What pydantic-ai asks."""
        return cast("Client", self._short)


class _Client:
    """Google's client, but for one method."""

    def __init__(self, client: Client, http: GeminiHttp, api: _Api) -> None:
        self._client = client
        self._http = http
        self._api = api
        self.aio = self
        self.models = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def generate_content(
        self, *, model: str, contents: list[Any], config: Mapping[str, Any]
    ) -> GenerateContentResponse:
        """Ask a model."""
        options = config.get("http_options") or {}
        given = {name for name, value in config.items() if value is not None}
        if not given <= {*_TOP, *_GENERATION, "http_options"} or not options.keys() <= {"headers", "timeout"}:
            asked: Any = self._client.aio.models.generate_content
            return cast("GenerateContentResponse", await asked(model=model, contents=contents, config=config))
        body: dict[str, Any] = {"contents": _json(contents)}
        body |= {_TOP[name]: _json(config[name]) for name in given & _TOP.keys()}
        body["generationConfig"] = {
            place: config[name] if name in _VERBATIM else _json(config[name])
            for name, place in _GENERATION.items()
            if name in given
        }
        timeout = options.get("timeout")
        content = await self._http.generate(
            self._api, model, orjson.dumps(body), options.get("headers") or {}, timeout / 1000 if timeout else None
        )
        try:
            answer = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise errors.UnknownApiResponseError("the answer is not JSON") from error
        return GenerateContentResponse.model_validate(answer)


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for an address, as Google's client uses it.

    aiohttp itself (`trust_env`) would look for one in a thread, at every request.
    """
    parts = urlsplit(url)
    if request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


@cache
def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _json(value: Any) -> Any:
    """Return what the API takes for a value that Google's client takes."""
    kind = type(value)
    if kind is str:  # nearly all of a prompt is texts, dictionaries and lists
        return value
    if kind is dict:
        return {
            _camel(name): item if name in _VERBATIM else _json(item) for name, item in value.items() if item is not None
        }
    if kind is list:
        return [_json(item) for item in value]
    match value:
        case str() | int() | float() if not isinstance(value, Enum):
            return value
        case Enum():
            return value.value
        case bytes():
            return base64.urlsafe_b64encode(value).decode()  # as Google's client writes them
        case Mapping():
            return {
                _camel(name): item if name in _VERBATIM else _json(item)
                for name, item in value.items()
                if item is not None
            }
        case list() | tuple():
            return [_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} is nothing that pydantic-ai asks Gemini")


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
