"""From a conversation to the text of an answer: one call of a model, and what it used."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog
from pydantic_ai import direct
from pydantic_ai import exceptions as pydantic_ai_errors
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from prosa.ai import failures, prompt
from prosa.ai.asking import Answer, AnswerRequest, Completion, TextRequest
from prosa.ai.context import merge
from prosa.ai.echo import tells_its_rules, without_facts
from prosa.ai.gate import MOST_CALLS, Gate
from prosa.ai.gemini import Gemini
from prosa.ai.limits import within_limits
from prosa.ai.models import Models
from prosa.ai.names import DEFAULT_PROVIDER, ModelName
from prosa.ai.notes import NOTE_TOKENS, numbered, split
from prosa.ai.pricing import cost_microusd
from prosa.ai.system import system_text
from prosa.ai.talk import Talk
from prosa.ai.text import cut_short, to_whatsapp
from prosa.ai.usage import CallUsage, Purpose
from prosa.auth.keys import Key, Keys
from prosa.outgoing import RefusedAddressError

__all__ = ["Answer", "AnswerRequest", "AnswerService"]

logger = structlog.get_logger("prosa.ai")

_TRY_NEXT = (
    failures.RateLimitedError,
    failures.ProviderUnavailableError,
    failures.QuotaExceededError,
    failures.EmptyAnswerError,
    failures.BadKeyError,
    failures.BadModelError,
    failures.NoApiKeyError,
)
"""What another model may do better. What a filter blocked or a provider refused, another one is not asked."""
PAUSE_SECONDS = 5.0
"""How long a model is left alone after "too many requests" that names no time."""
UNNAMED_SECONDS = 60.0
"""How long one that fails without naming a time is taken to be away, beside another one that names one."""


class AnswerService:
    """Asks models for answers. It calls once and never retries: whoever asks decides when to ask again."""

    def __init__(self, models: Models, *, timeout_seconds: float, most_calls: int = MOST_CALLS) -> None:
        """Make the service.

        Args:
            models: Where models come from.
            timeout_seconds: Longest wait for one answer.
            most_calls: To one provider at the same time.
        """
        self._models = models
        self._timeout = timeout_seconds
        self._gate = Gate(time.monotonic, most_calls)

    def unready(self, model: str | None, keys: Keys | None = None) -> str | None:
        """Return `no_api_key` where the model cannot be asked for want of a key, else None."""
        return self._models.unready(model, keys)

    def name(self, model: str | None) -> ModelName:
        """Return the model that a number's setting means."""
        return self._models.name(model)

    async def answer(self, request: AnswerRequest) -> Answer:
        """Ask the model, and where it is not available the next one.

        Raises:
            AnswerError: There is no answer; see `prosa.ai.failures` for the reasons. It is the reason of the model
                that may answer soonest, where one may, else the first model's.
        """
        reasons: list[failures.AnswerError] = []
        paid: list[tuple[Purpose, CallUsage]] = []
        for model in (request.model, *request.fallbacks):
            try:
                asked = request if model == request.model else replace(request, model=model)
                answer = await self._answer(within_limits(self._models.name(model), asked))
            except failures.AnswerError as error:
                reasons.append(error)
                paid += error.paid
                if not isinstance(error, _TRY_NEXT):
                    break
                continue
            return replace(answer, calls=(*paid, *answer.calls)) if paid else answer
        passing = [one for one in reasons if one.temporary]
        reason = min(passing, key=_seconds, default=reasons[0])
        reason.paid = paid
        raise reason

    async def _answer(self, request: AnswerRequest) -> Answer:
        name = self._models.name(request.model)
        key = request.keys.get(name.provider)
        talk = Talk(partial(self._ask, name, self._models.get(name, key), key), request.tools, request.on_call)
        files = numbered(request.attachments)
        try:
            try:
                response = await talk.answer(_prompt(request), request.max_tokens + NOTE_TOKENS * len(files))
            except failures.RejectedError:
                if not files:
                    raise
                # A model that takes no such file may still answer the words; the files stand as placeholders.
                logger.warning("the model was asked again without files", provider=name.provider, model=name.model)
                files = {}
                response = await talk.answer(_prompt(replace(request, attachments={})), request.max_tokens)
            answer = _read(response, talk.calls[-1], files)
        except failures.AnswerError as error:
            error.paid = _replies(talk)
            raise
        return replace(answer, calls=_replies(talk), tools=tuple(talk.uses))

    async def complete(self, request: TextRequest) -> Completion:
        """Ask a model for a text, such as a summary. Nothing of a conversation's prompt goes along.

        Raises:
            AnswerError: There is none.
        """
        name = self._models.name(request.model)
        key = request.keys.get(name.provider)
        files = [BinaryContent(data=file.data, media_type=file.mime_type) for file in request.files]
        asked = UserPromptPart([request.text, *files] if files else request.text)
        messages: list[ModelMessage] = [ModelRequest(parts=[SystemPromptPart(request.system), asked])]
        response, usage = await self._ask(name, self._models.get(name, key), key, messages, request.max_tokens)
        if response.finish_reason == "content_filter":
            raise failures.BlockedError(usage=usage)
        return Completion((response.text or "").strip(), usage)

    async def close(self) -> None:
        """Close the connections to providers."""
        await self._models.close()

    async def _ask(
        self,
        name: ModelName,
        model: Model,
        key: Key | None,
        messages: Sequence[ModelMessage],
        max_tokens: int,
        parameters: ModelRequestParameters | None = None,
    ) -> tuple[ModelResponse, CallUsage]:
        # A quota is a key's: who is asked to slow down with theirs holds up nobody else.
        quota = name if key is None else ModelName(name.provider, f"{name.model} {hash(key)}")
        async with self._gate.enter(quota):
            started = time.monotonic()
            try:
                response = await self._call(name, model, messages, max_tokens, parameters)
            except failures.RateLimitedError as error:
                self._gate.pause(quota, PAUSE_SECONDS if error.retry_after is None else error.retry_after)
                raise
            return response, _usage(name, response, time.monotonic() - started)

    async def _call(
        self,
        name: ModelName,
        model: Model,
        messages: Sequence[ModelMessage],
        max_tokens: int,
        parameters: ModelRequestParameters | None,
    ) -> ModelResponse:
        settings = ModelSettings(max_tokens=max_tokens, timeout=self._timeout, request_timeout=self._timeout)
        if name.provider == DEFAULT_PROVIDER:
            # Thinking is output too, in time, money and the limit; a chat answer wants as little as the model allows.
            settings["thinking"] = False
        try:
            if isinstance(model, Gemini):
                return await model.ask(messages, settings, parameters or ModelRequestParameters())
            return await direct.model_request(
                model, messages, model_settings=settings, model_request_parameters=parameters
            )
        except Exception as error:
            if (refused := _refused(error)) is not None:
                raise failures.BadModelError(
                    f"The key's own address cannot be asked: {refused}", called=False
                ) from None
            raise _failure(name, error) from error


def _replies(talk: Talk) -> tuple[tuple[Purpose, CallUsage], ...]:
    return tuple((Purpose.REPLY, usage) for usage in talk.calls)


def _seconds(error: failures.AnswerError) -> float:
    """Return how long a model may be away: as it says, or a guess."""
    return UNNAMED_SECONDS if error.retry_after is None else error.retry_after


def _prompt(request: AnswerRequest) -> list[ModelMessage]:
    return prompt.build(
        merge(request.messages, request.attachments),
        system=system_text(request.instructions, request.knowledge, request.index),
        summary=request.summary,
        now=request.now,
        contact_name=request.contact_name,
        group=request.group,
        passages=request.passages,
        files=len(numbered(request.attachments)),
    )


def _failure(name: ModelName, error: Exception) -> failures.AnswerError:
    """Return what an error of pydantic-ai means for us. Messages of providers go to the log, not to people."""
    match error:
        case pydantic_ai_errors.ModelRateLimitError():
            return failures.RateLimitedError(retry_after=error.retry_after)
        case pydantic_ai_errors.ModelQuotaExceededError():
            failure: failures.AnswerError = failures.QuotaExceededError()
        case pydantic_ai_errors.ModelAuthenticationError():
            failure = failures.BadKeyError()
        case pydantic_ai_errors.ModelNotFoundError():
            failure = failures.BadModelError(
                f"There is no model {name.model!r} at {name.provider}. Choose another one."
            )
        case pydantic_ai_errors.ModelContextWindowExceededError():
            failure = failures.TooLongError()
        case pydantic_ai_errors.ModelRequestRejectedError() | pydantic_ai_errors.UserError():
            failure = failures.RejectedError()
        case pydantic_ai_errors.ContentFilterError():
            failure = failures.BlockedError()
        case pydantic_ai_errors.ModelTimeoutError() | pydantic_ai_errors.ModelRequestTimeout():
            failure = failures.ProviderUnavailableError("The provider did not answer in time.")
        case pydantic_ai_errors.ModelAPIError():
            failure = failures.ProviderUnavailableError(retry_after=error.retry_after)
        case _:
            # Such as a body of other types than the provider's own: its client raises whatever it runs into.
            failure = failures.ProviderUnavailableError("The provider's answer could not be read.")
    logger.warning(
        "the model gave no answer",
        provider=name.provider, model=name.model, reason=failure.code, error=type(error).__name__,
        status=getattr(error, "status_code", None), provider_code=getattr(error, "provider_error_code", None),
    )  # fmt: skip
    return failure


def _refused(error: BaseException | None) -> RefusedAddressError | None:
    """Return the refusal of an address that is at the bottom of an error, where one is: clients wrap what they get."""
    while error is not None and not isinstance(error, RefusedAddressError):
        error = error.__cause__ or error.__context__
    return error


def _usage(name: ModelName, response: ModelResponse, latency: float) -> CallUsage:
    used = response.usage
    return CallUsage(
        provider=name.provider,
        model=name.model,
        input_tokens=used.input_tokens,
        cached_tokens=used.cache_read_tokens,
        output_tokens=used.output_tokens,
        cost_microusd=cost_microusd(response, name),
        latency_ms=round(latency * 1000),
    )


def _read(response: ModelResponse, usage: CallUsage, files: Mapping[int, int]) -> Answer:
    if response.finish_reason == "content_filter":
        raise failures.BlockedError(usage=usage)
    said, notes = split(response.text or "", files) if files else (response.text or "", {})
    if tells_its_rules(said):
        raise failures.NonsenseError(usage=usage)
    text = to_whatsapp(without_facts(said))
    truncated = response.finish_reason == "length"
    if truncated:
        text = cut_short(text)
    if not text:
        raise failures.EmptyAnswerError(
            "The answer did not fit the number's limit of tokens." if truncated else None, usage=usage
        )
    return Answer(text, ((Purpose.REPLY, usage),), truncated=truncated, notes=notes)
