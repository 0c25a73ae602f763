"""The real Gemini client against the local Gemini server: answers, prices, and every way not to get one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from prosa.ai import failures
from prosa.ai.answer import PAUSE_SECONDS, Answer, AnswerRequest, AnswerService
from prosa.ai.context import PromptMessage
from prosa.ai.models import Models
from prosa.ai.usage import CallUsage, Purpose
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer
from prosa_simulator.gemini import answers as says

KEY = "test-key"


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer(api_key=KEY) as server:
        yield server


@asynccontextmanager
async def service(gemini: GeminiServer, *, seconds: float = 5, **settings: Any) -> AsyncIterator[AnswerService]:
    values = {"gemini_api_key": KEY, "gemini_base_url": gemini.base_url, "data_dir": Path("unused"), **settings}
    made = AnswerService(Models(Settings(_env_file=None, **values)), timeout_seconds=seconds)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def answers(gemini: GeminiServer) -> AsyncIterator[AnswerService]:
    async with service(gemini) as made:
        yield made


def asked(*texts: str, **options: Any) -> AnswerRequest:
    """A conversation in which the contact begins and the sides alternate."""
    messages = [
        PromptMessage(seq, "ai" if seq % 2 == 0 else "contact", text, asks=bool(seq % 2))
        for seq, text in enumerate(texts, 1)
    ]
    return AnswerRequest(messages=messages, now=datetime(2026, 11, 24, 10, 15, tzinfo=UTC), **options)


def spent(answer: Answer) -> CallUsage:
    [(purpose, usage)] = answer.calls
    assert purpose is Purpose.REPLY
    assert answer.usage is usage
    return usage


async def test_an_answer_with_its_tokens_and_cost(gemini: GeminiServer, answers: AnswerService) -> None:
    gemini.script.enqueue("Yes, **until 18h**.\n\n\n\nSee [the menu](https://example.com)")
    answer = await answers.answer(asked("Are you open?", instructions="You are a bakery.", contact_name="Ana"))
    assert isinstance(answer, Answer)
    assert answer.text == "Yes, *until 18h*.\n\nSee the menu: https://example.com"
    assert not answer.truncated
    usage = spent(answer)
    assert (usage.provider, usage.model, usage.cached_tokens) == ("google", "gemini-3.5-flash-lite", 0)
    assert usage.input_tokens > 100
    assert usage.output_tokens > 5
    # 0.30 and 2.50 USD a million tokens: ai.google.dev/gemini-api/docs/pricing
    assert usage.cost_microusd == pytest.approx(usage.input_tokens * 0.30 + usage.output_tokens * 2.5, abs=1)
    assert 0 <= usage.latency_ms < 5000
    prompt = gemini.requests[-1].prompt
    assert prompt is not None
    assert "You are a bakery." in prompt.system_text
    assert prompt.last_user_text == "Are you open?\n[2026-11-24 10:15 UTC, Tuesday; Ana]"
    assert prompt.config["maxOutputTokens"] == 1024
    assert prompt.config["thinkingConfig"] == {"thinkingLevel": "MINIMAL"}


async def test_earlier_turns_and_the_summary_arrive(gemini: GeminiServer, answers: AnswerService) -> None:
    await answers.answer(asked("I am Ana", "Hello Ana", "Who am I?", summary="She ordered rye.", max_tokens=77))
    prompt = gemini.requests[-1].prompt
    assert prompt is not None
    assert [turn.role for turn in prompt.turns] == ["user", "model", "user"]
    assert prompt.texts()[0] == "[Notes of the conversation before these messages:\nShe ordered rye.\n]\nI am Ana"
    assert prompt.texts()[1] == "Hello Ana"
    assert "rye" not in prompt.system_text
    assert prompt.config["maxOutputTokens"] == 77


async def test_cached_tokens_are_counted_and_cheaper(answers: AnswerService) -> None:
    long = "Our opening hours and prices, one by one. " * 700
    first = await answers.answer(asked("hi", instructions=long))
    second = await answers.answer(asked("hi", "hello", "and tomorrow?", instructions=long))
    assert spent(first).cached_tokens == 0
    assert spent(second).cached_tokens > 4096
    assert spent(second).cached_tokens < spent(second).input_tokens
    before, after = spent(first).cost_microusd, spent(second).cost_microusd
    assert before is not None
    assert after is not None
    assert after < before / 2


async def test_an_unknown_price_is_no_price(answers: AnswerService) -> None:
    answer = await answers.answer(asked("hi", model="gemini-99-secret"))
    assert spent(answer).cost_microusd is None
    assert spent(answer).model == "gemini-99-secret"


async def test_too_many_requests_names_the_wait_and_leaves_the_model_alone(
    gemini: GeminiServer, answers: AnswerService
) -> None:
    gemini.script.enqueue(says.RateLimited(retry_after=1))
    with pytest.raises(failures.RateLimitedError) as caught:
        await answers.answer(asked("hi"))
    assert caught.value.retry_after == 1
    assert caught.value.called
    assert caught.value.temporary
    calls = len(gemini.requests)
    with pytest.raises(failures.RateLimitedError) as again:
        await answers.answer(asked("hi"))
    assert not again.value.called
    assert again.value.retry_after is not None
    assert 0 < again.value.retry_after <= 1
    assert len(gemini.requests) == calls, "the model was not asked"
    await answers.answer(asked("hi", model="gemini-3.8-flash"))  # another model has its own quota
    await asyncio.sleep(1.05)
    assert (await answers.answer(asked("hi"))).text


async def test_too_many_requests_that_name_no_time_leave_the_model_alone_for_a_moment(
    gemini: GeminiServer, answers: AnswerService
) -> None:
    gemini.script.enqueue(says.Failure(429, "slow down"))
    with pytest.raises(failures.RateLimitedError) as caught:
        await answers.answer(asked("hi"))
    assert (caught.value.called, caught.value.retry_after) == (True, None)
    with pytest.raises(failures.RateLimitedError) as again:
        await answers.answer(asked("hi"))
    assert not again.value.called
    assert again.value.retry_after is not None
    assert PAUSE_SECONDS - 2 < again.value.retry_after <= PAUSE_SECONDS
    assert len(gemini.requests) == 1


FAILING = [
    (says.internal_error(), failures.ProviderUnavailableError, True),
    (says.overloaded(), failures.ProviderUnavailableError, True),
    (says.Cut(), failures.ProviderUnavailableError, True),
    (says.Malformed(), failures.ProviderUnavailableError, True),
    (says.WrongTypes(), failures.ProviderUnavailableError, True),
    (says.Empty(), failures.EmptyAnswerError, True),
    (says.Text(" \n "), failures.EmptyAnswerError, True),
    (says.Truncated(""), failures.EmptyAnswerError, True),
    (says.BlockedPrompt(), failures.BlockedError, False),
    (says.BlockedAnswer(), failures.BlockedError, False),
    (says.Failure(400, "nonsense"), failures.RejectedError, False),
    (says.Failure(404, "no such model"), failures.BadModelError, False),
    (says.Failure(403, "denied"), failures.BadKeyError, False),
    (says.Failure(402, "pay"), failures.QuotaExceededError, False),
]


@pytest.mark.parametrize(("said", "error", "temporary"), FAILING, ids=lambda value: getattr(value, "kind", None))
async def test_every_failure_is_typed_and_asked_once(
    gemini: GeminiServer, answers: AnswerService, said: says.Answer, error: type[failures.AnswerError], temporary: bool
) -> None:
    gemini.script.enqueue(said)
    with structlog.testing.capture_logs(), pytest.raises(failures.AnswerError) as caught:
        await answers.answer(asked("my secret question"))
    assert type(caught.value) is error
    assert caught.value.temporary is temporary
    assert caught.value.called
    assert "secret" not in str(caught.value)
    assert len(gemini.requests) == 1, "nothing below retries"
    assert (await answers.answer(asked("hi"))).text, "the next call works"


async def test_what_a_blocked_answer_cost_is_known(gemini: GeminiServer, answers: AnswerService) -> None:
    gemini.script.enqueue(says.BlockedAnswer())
    with pytest.raises(failures.BlockedError) as caught:
        await answers.answer(asked("hi"))
    [(_, paid)] = caught.value.paid
    assert paid.input_tokens > 0
    assert paid.cost_microusd is not None


async def test_a_wrong_key_is_said_without_showing_it(gemini: GeminiServer) -> None:
    async with service(gemini, gemini_api_key="wrong-key-123") as answers:
        with structlog.testing.capture_logs() as logs, pytest.raises(failures.BadKeyError) as caught:
            await answers.answer(asked("hi"))
    assert not caught.value.temporary
    assert "wrong-key" not in str(caught.value)
    assert "wrong-key" not in str(logs)


async def test_no_key(gemini: GeminiServer) -> None:
    async with service(gemini, gemini_api_key=None) as answers:
        assert answers.unready(None) == "no_api_key"
        assert answers.unready("openai:gpt-5") is None
        with pytest.raises(failures.NoApiKeyError):
            await answers.answer(asked("hi"))
    assert len(gemini.requests) == 0
    async with service(gemini) as answers:
        assert answers.unready(None) is None


@pytest.mark.parametrize("model", ["nope:model", "google:", ":x", "anthropic:claude-haiku-4-5", "openai-chat:gpt-5"])
async def test_a_model_that_cannot_be_used_says_why(answers: AnswerService, model: str) -> None:
    with pytest.raises(failures.BadModelError) as caught:
        await answers.answer(asked("hi", model=model))
    assert not caught.value.called
    assert not caught.value.temporary
    assert caught.value.message


async def test_an_answer_that_ran_out_of_tokens_ends_after_a_sentence(
    gemini: GeminiServer, answers: AnswerService
) -> None:
    gemini.script.enqueue(says.Truncated("We open at 8. We close at 18. On Sund"))
    answer = await answers.answer(asked("When?"))
    assert answer.text == "We open at 8. We close at 18."
    assert answer.truncated


async def test_a_slow_answer_is_waited_for_and_a_hanging_one_is_not(gemini: GeminiServer) -> None:
    async with service(gemini, seconds=0.6) as answers:
        gemini.script.enqueue(says.Text("slow", latency=0.2))
        assert spent(await answers.answer(asked("hi"))).latency_ms >= 200
        gemini.script.enqueue(says.Hang())
        began = time.monotonic()
        with pytest.raises(failures.ProviderUnavailableError, match="in time"):
            await answers.answer(asked("hi"))
        assert 0.5 < time.monotonic() - began < 10


async def test_a_provider_that_is_away(gemini: GeminiServer) -> None:
    async with service(gemini) as answers:
        await gemini.stop()
        with pytest.raises(failures.ProviderUnavailableError):
            await answers.answer(asked("hi"))
        await gemini.start()
        assert (await answers.answer(asked("hi"))).text


async def test_many_at_once_go_through_a_few_at_a_time(gemini: GeminiServer, answers: AnswerService) -> None:
    gemini.latency = 0.05
    texts = [answer.text for answer in await asyncio.gather(*(answers.answer(asked(f"n{i}")) for i in range(70)))]
    assert all(f"n{i}" in text for i, text in enumerate(texts))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("We open at 8.\n[2026-11-24 10:15 UTC, Tuesday; Ana]", "We open at 8."),
        ("[2026-11-24 10:15 UTC, Tuesday]\nWe open at 8.", "We open at 8."),
        ("[see you] at 8", "[see you] at 8"),
    ],
)
async def test_the_facts_of_the_turn_are_not_repeated_to_the_contact(
    gemini: GeminiServer, answers: AnswerService, said: str, text: str
) -> None:
    gemini.script.enqueue(said)
    assert (await answers.answer(asked("When?"))).text == text


def everything(prompt: Any) -> str:
    return f"{prompt.system_text}\n{prompt.last_user_text}"


def only_facts(prompt: Any) -> str:
    return str(prompt.last_user_text.rpartition("\n")[2])


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (everything, failures.NonsenseError),
        (only_facts, failures.EmptyAnswerError),
        ("\u200b\u200b\n\u2060", failures.EmptyAnswerError),
    ],
)
async def test_nonsense_is_no_answer(
    gemini: GeminiServer, answers: AnswerService, said: Any, error: type[failures.AnswerError]
) -> None:
    gemini.script.enqueue(said)
    with structlog.testing.capture_logs(), pytest.raises(failures.AnswerError) as caught:
        await answers.answer(asked("When?"))
    assert type(caught.value) is error
    assert caught.value.temporary
    assert caught.value.paid, "it was paid for"
