"""The models' libraries are imported at first need, by one thread, and a number without a key never needs them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from prosa.ai import lazy
from prosa.ai.answer import AnswerRequest
from prosa.ai.context import PromptMessage
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer

KEY = "test-key"
REQUEST = AnswerRequest([PromptMessage(1, "contact", "Oi", asks=True)], datetime(2026, 11, 24, tzinfo=UTC))


def settings(gemini: GeminiServer, **values: Any) -> Settings:
    return Settings(_env_file=None, gemini_base_url=gemini.base_url, data_dir=Path("unused"), **values)


class Loads:
    """Counts, and fails as often as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failing: int = 0) -> None:
        self.count = 0
        self._failing = failing
        self._real = lazy._import_and_make
        monkeypatch.setattr(lazy, "_import_and_make", self)

    def __call__(self, settings: Settings) -> Any:
        self.count += 1
        if self.count <= self._failing:
            raise ImportError("the disk is full")
        return self._real(settings)


async def test_without_a_key_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = Loads(monkeypatch)
    async with GeminiServer(api_key=KEY) as gemini:
        answers = lazy.LazyAnswers(settings(gemini))
        await answers.start()
        assert answers.unready(None) == "no_api_key"
        assert answers.unready("openai:gpt") is None
        await answers.stop()
    assert loads.count == 0


async def test_with_a_key_it_is_loaded_ahead_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = Loads(monkeypatch)
    async with GeminiServer(api_key=KEY) as gemini:
        answers = lazy.LazyAnswers(settings(gemini, gemini_api_key=KEY))
        await answers.start()
        hasty = asyncio.create_task(answers.answer(REQUEST))
        await asyncio.sleep(0)
        hasty.cancel()  # whoever gives up must not take the import from the others
        said = await asyncio.gather(answers.answer(REQUEST), answers.answer(REQUEST))
        await answers.stop()
    assert [len(answer.calls) for answer in said] == [1, 1]
    assert loads.count == 1


async def test_a_failed_import_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = Loads(monkeypatch, failing=1)
    async with GeminiServer(api_key=KEY) as gemini:
        answers = lazy.LazyAnswers(settings(gemini, gemini_api_key=KEY))
        await answers.start()
        with pytest.raises(ImportError):
            await answers.answer(REQUEST)
        assert (await answers.answer(REQUEST)).text
        await answers.stop()
    assert loads.count == 2
