"""Prices: the list's, and the owner's before them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prosa.ai.names import ModelName
from prosa.ai.pricing import estimate_microusd, load_prices
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


@pytest.mark.parametrize("text", ["[]", "{", '{"m": {"input": 1}}', '{"m": {"input": -1, "output": 1}}', '{"m": 3}'])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_prices(path)
    assert "prices.json" in caught.value.detail
    with pytest.raises(ConfigurationError):
        load_prices(tmp_path / "none.json")
