"""What a model call costs: the tokens that the provider billed, by the owner's prices or those of genai-prices."""

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import structlog
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from pydantic_ai.messages import ModelResponse

from prosa.ai.names import ModelName
from prosa.errors import ConfigurationError

logger = structlog.get_logger("prosa.ai")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a million tokens."""

    input: Decimal
    output: Decimal
    cached: Decimal

    def microusd(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
        """Return what some tokens cost; `input_tokens` counts cached ones too."""
        fresh = max(0, input_tokens - cached_tokens)
        return _rounded(self.input * fresh + self.cached * cached_tokens + self.output * output_tokens)


_own: dict[ModelName, Price] = {}
"""The owner's prices, which come before the list's; set once at start."""


def load_prices(path: Path | None = None) -> None:
    """Read the price lists, which takes a moment, so that the first answer need not wait for it.

    Args:
        path: The owner's own: a JSON object of `model` or `provider:model` to an object with `input`, `output` and,
            where cached tokens are cheaper, `cached`: US dollars a million tokens.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    _own.clear()
    if path is not None:
        _own.update(_read(path))
    get_snapshot()


def cost_microusd(response: ModelResponse, name: ModelName | None = None) -> int | None:
    """Return what a call cost in millionths of a US dollar, rounded half up; None where the price is not known."""
    used = response.usage
    if name is not None and (price := _own.get(name)):
        return price.microusd(used.input_tokens, used.cache_read_tokens, used.output_tokens)
    if not response.model_name or not used.input_tokens:
        return None
    try:
        total = response.cost().total_price
    except (LookupError, ValueError):
        return None  # not in the list, or a usage that makes no sense
    except Exception as error:  # noqa: BLE001 - a price must never cost an answer
        logger.warning("a call could not be priced", model=response.model_name, error=repr(error))
        return None
    return _rounded(Decimal(total) * 1_000_000)


def estimate_microusd(name: ModelName, input_tokens: int, output_tokens: int) -> int | None:
    """Return what a call would cost without any cached tokens; None where the price is not known."""
    if price := _own.get(name):
        return price.microusd(input_tokens, 0, output_tokens)
    try:
        found = calc_price(
            Usage(input_tokens=input_tokens, output_tokens=output_tokens),
            model_ref=name.model,
            provider_id=name.provider,
        )
    except Exception:  # noqa: BLE001 - not in the list; a price must never cost an answer
        return None
    return _rounded(Decimal(found.total_price) * 1_000_000)


def _read(path: Path) -> dict[ModelName, Price]:
    prices = {}
    try:
        for name, price in json.loads(path.read_text(encoding="utf-8")).items():
            each = {key: _amount(price[key]) for key in ("input", "output", "cached") if key in price}
            prices[ModelName.parse(name)] = Price(each["input"], each["output"], each.get("cached", each["input"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ConfigurationError(
            f"The prices in {path} cannot be read: {error!r}.",
            remedy='Write {"provider:model": {"input": 0.3, "cached": 0.03, "output": 2.5}}: dollars a million tokens.',
        ) from error
    return prices


def _amount(value: object) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError("a price is a number of dollars")
    return amount


def _rounded(microusd: Decimal) -> int:
    return int(microusd.quantize(Decimal(1), rounding=ROUND_HALF_UP))
