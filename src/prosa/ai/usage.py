"""What model calls are for, and what each used."""

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a model call was for."""

    REPLY = "reply"
    SUMMARY = "summary"
    ANSWER_MATCH = "answer_match"
    TRANSCRIPTION = "transcription"
    """A voice message was written down, to search for what it asks."""
    TRY = "try"
    """A person tried what would be answered."""


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What one model call used and took.

    Attributes:
        provider: Such as `google`.
        model: The model's name, without its provider.
        input_tokens: All of the prompt, cached tokens included.
        cached_tokens: Of these, those the provider had in its cache.
        output_tokens: Of the answer, thinking included.
        cost_microusd: Millionths of a US dollar; None where the price is not known.
        latency_ms: From the request to the whole answer.
    """

    provider: str
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_microusd: int | None
    latency_ms: int
