"""Prices: the list's, and the owner's before them."""

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from prosa.ai.names import ModelName
from prosa.ai.pricing import _plain, cost_microusd, estimate_microusd, load_prices, prompt_microusd
from prosa.errors import ConfigurationError

FLASH = ModelName("google", "gemini-3.5-flash-lite")


@pytest.fixture(autouse=True)
def no_own_prices() -> Iterator[None]:
    yield
    load_prices()


def test_the_list_and_the_owners_own(tmp_path: Path) -> None:
    load_prices()
    assert estimate_microusd(FLASH, 1_000_000, 0) == 300_000
    assert estimate_microusd(ModelName("ollama", "mine"), 1000, 0) is None
    path = tmp_path / "prices.json"
    path.write_text('{"gemini-3.5-flash-lite": {"input": 0.1, "output": 1}, "ollama:mine": {"input": 0, "output": 0}}')
    load_prices(path)
    assert estimate_microusd(FLASH, 1_000_000, 1_000) == 101_000
    assert estimate_microusd(ModelName("ollama", "mine"), 1000, 1000) == 0


def _prices() -> Iterator[tuple[str, str]]:
    for provider in get_snapshot().providers:
        for model in provider.models:
            yield provider.id, model.id


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 260_001, "output_tokens": 777},
        {"input_tokens": 2500, "input_text_tokens": 2500, "cache_read_tokens": 2496, "cache_text_read_tokens": 2496,
         "output_tokens": 31, "details": {"text_prompt_tokens": 2500}},
        {"input_tokens": 900, "output_tokens": 80, "output_reasoning_tokens": 50},
        {"input_tokens": 900, "input_audio_tokens": 300, "output_tokens": 80},
    ],
)  # fmt: skip
def test_the_short_way_to_a_price_leads_to_the_lists(usage: dict[str, Any]) -> None:
    plain = 0
    for provider, model in _prices():
        response = ModelResponse([], usage=RequestUsage(**usage), model_name=model, provider_name=provider)
        try:
            expected = response.cost().total_price
        except (LookupError, ValueError):
            continue
        assert cost_microusd(response) == int((expected * 1_000_000).quantize(Decimal(1), ROUND_HALF_UP)), model
        plain += _plain(response) is not None
    assert (plain > 100) is ("input_audio_tokens" not in usage), "most calls take the short way, and only text does"


@pytest.mark.parametrize("text", ["[]", "{", '{"m": {"input": 1}}', '{"m": {"input": -1, "output": 1}}', '{"m": 3}'])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_prices(path)
    assert "prices.json" in caught.value.detail
    with pytest.raises(ConfigurationError):
        load_prices(tmp_path / "none.json")


def test_the_owners_price_of_cached_tokens_holds_for_them_alone(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    plain_price = {"input": 2, "output": 8}
    path.write_text(json.dumps({"ollama:mine": plain_price | {"cached": 0.5}, "ollama:plain": plain_price}))
    load_prices(path)
    used = RequestUsage(input_tokens=1000, cache_read_tokens=400, output_tokens=10)
    mine, plain = ModelName("ollama", "mine"), ModelName("ollama", "plain")
    assert cost_microusd(ModelResponse([], usage=used), mine) == 600 * 2 + 400 * 0.5 + 10 * 8
    assert cost_microusd(ModelResponse([], usage=used), plain) == 1000 * 2 + 10 * 8
    assert prompt_microusd("ollama", "mine", 1000, 0.4) == 600 * 2 + 400 * 0.5
