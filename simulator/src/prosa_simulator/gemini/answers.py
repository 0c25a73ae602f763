"""What the server can answer: one small class a kind, also as JSON for the control API.

Each has a ``kind`` that names it in JSON and a ``latency`` in seconds to wait before anything is sent.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from prosa_simulator.gemini import errors
from prosa_simulator.gemini.errors import GoogleError, status_for


@dataclass(frozen=True, kw_only=True)
class _Timed:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    latency: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True)
class Text(_Timed):
    """A plain answer, ``finishReason: STOP`` (``MAX_TOKENS`` when longer than the request's ``maxOutputTokens``).

    Attributes:
        text: the answer.
        thoughts: the model's thinking, sent only when the request asks for it.
        thought_tokens: tokens the thinking cost; None estimates them from `thoughts`.
        chunk_delay: seconds between the pieces of a streamed answer.
    """

    text: str
    thoughts: str = ""
    thought_tokens: Annotated[int, Field(ge=0)] | None = None
    chunk_delay: Annotated[float, Field(ge=0)] = 0.0
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Json(_Timed):
    """Structured output: this value as JSON text. The schema of the request is not enforced on it."""

    value: Any
    kind: Literal["json"] = "json"


@dataclass(frozen=True)
class ToolCall(_Timed):
    """The model calls a function.

    Attributes:
        name: the function.
        args: its arguments.
        text: words before the call.
        and_also: more calls in the same step (parallel calls; only the first carries a thought signature).
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    and_also: "tuple[ToolCall, ...]" = ()
    kind: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True)
class BlockedPrompt(_Timed):
    """The question is refused: no candidates, ``promptFeedback.blockReason``."""

    reason: Literal["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"] = "SAFETY"
    message: str = ""
    kind: Literal["blocked_prompt"] = "blocked_prompt"


@dataclass(frozen=True)
class BlockedAnswer(_Timed):
    """The answer is stopped: the finish reason, and no content.

    Attributes:
        reason: ``finishReason``.
        text: what a streaming client had already received before the stop.
    """

    reason: Literal["SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"] = "SAFETY"
    text: str = ""
    kind: Literal["blocked_answer"] = "blocked_answer"


@dataclass(frozen=True)
class Empty(_Timed):
    """``finishReason: STOP`` and nothing said, which Gemini does now and then."""

    kind: Literal["empty"] = "empty"


@dataclass(frozen=True)
class Truncated(_Timed):
    """The answer ran out of tokens: this much of it, then ``finishReason: MAX_TOKENS``."""

    text: str = ""
    kind: Literal["truncated"] = "truncated"


@dataclass(frozen=True)
class Failure(_Timed):
    """An HTTP error in Google's shape.

    Attributes:
        code: HTTP status, 400 to 599.
        message: for people.
        status: canonical name; None takes the one of the code.
        details: google.rpc detail messages.
        retry_after: seconds for ``Retry-After``.
        after_text: for streams: this text first, then the error inside the open stream.
    """

    code: Annotated[int, Field(ge=400, le=599)]
    message: str = "Simulated failure."
    status: str | None = None
    details: tuple[dict[str, Any], ...] = ()
    retry_after: Annotated[float, Field(ge=0)] | None = None
    after_text: str = ""
    kind: Literal["failure"] = "failure"

    @property
    def error(self) -> GoogleError:
        """The error to send."""
        return GoogleError(
            self.code,
            self.message,
            status=self.status or status_for(self.code),
            details=list(self.details),
            retry_after=self.retry_after,
        )


@dataclass(frozen=True)
class RateLimited(_Timed):
    """429 ``RESOURCE_EXHAUSTED`` with ``QuotaFailure``, ``Help`` and ``RetryInfo``; `retry_after` in seconds."""

    retry_after: Annotated[float, Field(ge=0)] = 1.0
    kind: Literal["rate_limited"] = "rate_limited"


@dataclass(frozen=True)
class Hang(_Timed):
    """Nothing comes until the server releases it, or the client leaves.

    Attributes:
        then: the answer after the release; None drops the connection.
    """

    then: "Answer | None" = None
    kind: Literal["hang"] = "hang"


@dataclass(frozen=True)
class Cut(_Timed):
    """The connection breaks in the middle of the body.

    Attributes:
        text: the whole answer, of which the client gets a part.
        keep: how much of the body is sent, 0 to 1.
    """

    text: str = "This answer never arrives whole."
    keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    kind: Literal["cut"] = "cut"


@dataclass(frozen=True)
class Malformed(_Timed):
    """Status 200 and a body that is not JSON."""

    body: str = '{"candidates": [{"content": {"parts": [{"text": "never clos'
    kind: Literal["malformed"] = "malformed"


@dataclass(frozen=True)
class WrongTypes(_Timed):
    """Status 200 and JSON whose fields have other types than Gemini's."""

    body: dict[str, Any] = field(
        default_factory=lambda: {"candidates": {"content": 7}, "usageMetadata": {"promptTokenCount": "many"}}
    )
    kind: Literal["wrong_types"] = "wrong_types"


Answer: TypeAlias = (
    Text
    | Json
    | ToolCall
    | BlockedPrompt
    | BlockedAnswer
    | Empty
    | Truncated
    | Failure
    | RateLimited
    | Hang
    | Cut
    | Malformed
    | WrongTypes
)

#: Reads and writes answers as JSON; unknown kinds and fields are errors (``pydantic.ValidationError``).
ANSWER_JSON: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])


def internal_error(*, latency: float = 0.0) -> Failure:
    """500 ``INTERNAL``, worded as Google does."""
    return _failure(errors.internal(), latency)


def overloaded(*, latency: float = 0.0) -> Failure:
    """503 ``UNAVAILABLE``: "The model is overloaded"."""
    return _failure(errors.overloaded(), latency)


def _failure(error: GoogleError, latency: float) -> Failure:
    return Failure(error.code, error.message, status=error.status, latency=latency)
