"""Why there is no answer: one class a reason, each with a stable code and words for the owner, never for a contact."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from prosa.ai.usage import CallUsage, Purpose


class AnswerError(Exception):
    """The model gave no answer.

    Attributes:
        code: Stable name.
        temporary: Whether the same call may succeed later without anybody doing anything.
        message: What happened and what to do, for the owner of the number.
        retry_after: Seconds to wait before a retry, where the provider said so.
        called: Whether the provider was asked at all.
        paid: What each call used that was answered, and what it was for.
        notes: What files say, by their messages' `seq`, where that is known already.
    """

    code: ClassVar[str]
    temporary: ClassVar[bool] = False
    default: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        called: bool = True,
        usage: CallUsage | None = None,
    ) -> None:
        self.message = message or self.default
        self.retry_after = retry_after
        self.called = called
        self.paid: Sequence[tuple[Purpose, CallUsage]] = () if usage is None else ((Purpose.REPLY, usage),)
        self.notes: Mapping[int, str] = {}
        super().__init__(f"{self.code}: {self.message}")


class NoApiKeyError(AnswerError):
    """No key is set for the provider."""

    code = "no_api_key"
    default = (
        "No API key is set. Add one in the console (Settings, Model keys) or by PUT /provider-keys/google, "
        "or set PROSA_GEMINI_API_KEY and start Prosa again."
    )


class BadKeyError(AnswerError):
    """The provider refuses the key."""

    code = "bad_api_key"
    default = (
        "The provider refused the API key. Check it (Settings, Model keys; or PROSA_GEMINI_API_KEY), "
        "and that it may use this model."
    )


class BadModelError(AnswerError):
    """There is no such model, or what it needs is not installed."""

    code = "bad_model"
    default = "There is no such model. Choose another one in the number's settings, or set PROSA_AI_MODEL."


class QuotaExceededError(AnswerError):
    """The account's quota or credit is used up; waiting a little does not help."""

    code = "quota_exceeded"
    default = "The provider's quota or credit is used up. Look at the plan and billing of the API key."


class RateLimitedError(AnswerError):
    """Too many calls in a short time."""

    code = "rate_limited"
    temporary = True
    default = "The provider asks to slow down."


class ProviderUnavailableError(AnswerError):
    """The provider is overloaded, away, too slow, or answers nonsense."""

    code = "provider_unavailable"
    temporary = True
    default = "The provider is not available at the moment."


class BlockedError(AnswerError):
    """The provider's safety filter stopped the question or the answer."""

    code = "blocked"
    default = "The provider's safety filter blocked the question or the answer. A person should look."


class EmptyAnswerError(AnswerError):
    """The model said nothing, which Gemini does now and then."""

    code = "empty_answer"
    temporary = True
    default = "The model answered with nothing."


class NonsenseError(AnswerError):
    """The model said something that is no answer."""

    code = "nonsense"
    temporary = True
    default = "The model repeated its own instructions instead of answering."


class TooLongError(AnswerError):
    """The prompt does not fit the model."""

    code = "prompt_too_long"
    default = "The instructions and messages are too long for the model. Shorten the instructions or the context."


class OverBudgetError(AnswerError):
    """The answer would cost more than its owner allows."""

    code = "budget"
    default = "The answer would cost more than the number's budget allows."


class RejectedError(AnswerError):
    """The provider refuses the request as it is."""

    code = "rejected"
    default = "The provider refused the request. The log says why."
