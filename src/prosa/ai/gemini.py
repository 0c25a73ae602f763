"""Gemini without its SDK's detours: the same requests, made and sent for a tenth of the CPU.

Google's client turns pydantic-ai's dictionaries into models of hundreds of fields, looks into each of them for every
field there might be, and sends what it finds through httpx. Here the dictionaries become JSON as they are (the API's
names are theirs in camel case) and aiohttp sends it.

What pydantic-ai itself makes of a request is the same every time but for the messages: so it is asked once for each
combination of settings and tools, and plain messages are then put beside what it made (`gemini_plain`). A plain answer
is read here as well. Whatever is unusual, in a request, in an answer or as an error, goes through pydantic-ai, and what
even that does not make plain through Google's client.
"""

import base64
from collections.abc import Hashable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from google.genai import Client, errors
from google.genai.types import GenerateContentResponse
from pydantic_ai import direct
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters, check_allow_model_requests
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.settings import ModelSettings

from prosa.ai import gemini_plain
from prosa.ai.gemini_http import Api, GeminiHttp
from prosa.google_client import proxy_for
from prosa.settings import GEMINI_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

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

KEPT_FRAMES: Final = 64
"""Combinations of settings and tools that a model remembers; an installation has a few for each number."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a request is besides its messages, as pydantic-ai made it.

    Attributes:
        body: Its JSON, by its places in the body.
        headers: Sent along.
        seconds: Longest wait for the answer.
    """

    body: Mapping[str, orjson.Fragment]
    headers: Mapping[str, str]
    seconds: float | None


@dataclass(slots=True)
class _Turn:
    """One request on its way through pydantic-ai.

    Attributes:
        frame: What pydantic-ai made of its settings and tools; None: nothing plain.
        outcome: What was answered already, or went wrong: nothing is sent.
    """

    frame: _Frame | None = None
    outcome: bytes | Exception | None = None


_turn: ContextVar[_Turn | None] = ContextVar("gemini_turn", default=None)


@contextmanager
def _under_way(turn: _Turn) -> "Iterator[_Turn]":
    token = _turn.set(turn)
    try:
        yield turn
    finally:
        _turn.reset(token)


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
        base_url = (base_url or GEMINI_URL).rstrip("/")
        self._short = _Client(
            provider.client, http, Api(base_url, key, None if pinned else proxy_for(base_url), pinned)
        )
        self._frames: dict[Hashable, list[tuple[ModelRequestParameters, _Frame]]] = {}

    @property
    def client(self) -> Client:
        """What pydantic-ai asks."""
        return cast("Client", self._short)

    async def ask(
        self, messages: Sequence[ModelMessage], settings: ModelSettings, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Ask the model: what `pydantic_ai.direct.model_request` does, at less cost where all is plain.

        Raises:
            Exception: What that raises.
        """
        check_allow_model_requests()
        general = partial(
            direct.model_request, self, messages, model_settings=settings, model_request_parameters=parameters
        )
        spoken = gemini_plain.spoken(messages)
        key = _key(settings)
        if spoken is None or key is None:
            return await general()
        frame = self._known(key, parameters)
        if frame is None:
            with _under_way(_Turn()) as turn:
                response = await general()
            if turn.frame is not None:
                self._learn(key, parameters, turn.frame)
            return response
        outcome: bytes | Exception
        try:
            outcome = await self._short.send(self.model_name, frame, spoken)
            said = gemini_plain.answer(outcome, self.system, self.base_url)
        except Exception as error:  # noqa: BLE001 - pydantic-ai says below what it is
            outcome, said = error, None
        if said is not None:
            return said
        with _under_way(_Turn(outcome=outcome)):
            return await general()

    def _known(self, settings: Hashable, parameters: ModelRequestParameters) -> _Frame | None:
        frames = self._frames.get(settings, ())
        return next((frame for known, frame in frames if known is parameters or known == parameters), None)

    def _learn(self, settings: Hashable, parameters: ModelRequestParameters, frame: _Frame) -> None:
        if sum(map(len, self._frames.values())) >= KEPT_FRAMES:
            self._frames.clear()  # those in use are learnt again, each by one request
        if self._known(settings, parameters) is None:
            self._frames.setdefault(settings, []).append((parameters, frame))


def _key(settings: ModelSettings) -> Hashable | None:
    """Return settings as a key; None where they cannot be one."""
    key = tuple(settings.items())
    try:
        hash(key)
    except TypeError:
        return None
    return key


class _Client:
    """Google's client, but for one method."""

    def __init__(self, client: Client, http: GeminiHttp, api: Api) -> None:
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
        turn = _turn.get() or _Turn()
        if isinstance(turn.outcome, Exception):
            raise turn.outcome
        if turn.outcome is not None:
            return _read(turn.outcome)
        options = config.get("http_options") or {}
        given = {name for name, value in config.items() if value is not None}
        if not given <= {*_TOP, *_GENERATION, "http_options"} or not options.keys() <= {"headers", "timeout"}:
            asked: Any = self._client.aio.models.generate_content
            return cast("GenerateContentResponse", await asked(model=model, contents=contents, config=config))
        body: dict[str, Any] = {_TOP[name]: _json(config[name]) for name in given & _TOP.keys()}
        body["generationConfig"] = {
            place: config[name] if name in _VERBATIM else _json(config[name])
            for name, place in _GENERATION.items()
            if name in given
        }
        spoken = {"contents": _json(contents)}
        if system := body.pop("systemInstruction", None):
            spoken["systemInstruction"] = system
        timeout = options.get("timeout")
        turn.frame = _Frame(
            {place: orjson.Fragment(orjson.dumps(value)) for place, value in body.items()},
            options.get("headers") or {},
            timeout / 1000 if timeout else None,
        )
        return _read(await self.send(model, turn.frame, spoken))

    async def send(self, model: str, frame: _Frame, spoken: Mapping[str, Any]) -> bytes:
        """Send a request; return the body of the answer.

        Args:
            model: Which one is asked.
            frame: What the request is besides its messages.
            spoken: The messages, and what the model is told to be: the rest of the body.
        """
        body = orjson.dumps({**spoken, **frame.body})
        return await self._http.generate(self._api, model, body, frame.headers, frame.seconds)


def _read(content: bytes) -> GenerateContentResponse:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.UnknownApiResponseError("the answer is not JSON") from error
    return GenerateContentResponse.model_validate(answer)


@cache
def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _json(value: Any) -> Any:
    """Return what the API takes for a value that Google's client takes."""
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
