"""What a model call costs: the tokens that the provider billed, by the owner's prices or those of genai-prices."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path

import structlog
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice
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
    if listed := _plain(response):
        return listed.microusd(used.input_tokens, used.cache_read_tokens, used.output_tokens)
    try:
        total = response.cost().total_price
    except (LookupError, ValueError):
        return None  # not in the list, or a usage that makes no sense
    except Exception as error:  # noqa: BLE001 - a price must never cost an answer
        logger.warning("a call could not be priced", model=response.model_name, error=repr(error))
        return None
    return _rounded(Decimal(total) * 1_000_000)


def _plain(response: ModelResponse) -> Price | None:
    """Return the list's price of a call that is billed by tokens of text alone; None for any other call.

    genai-prices finds out for each call anew which of some sixty units it is billed by, which costs as much as storing
    its answer does.
    """
    if not {name for name, value in vars(response.usage).items() if value} <= _TEXT:
        return None
    try:
        found = _listed(response.model_name or "", response.provider_name, response.provider_url)
    except LookupError:
        return None
    if found is None or found.variants & (response.provider_details or {}).keys():
        return None
    return found.price


_TEXT = frozenset(
    {
        "details", "input_tokens", "input_text_tokens", "cache_read_tokens", "cache_text_read_tokens", "output_tokens",
        "output_text_tokens", "output_reasoning_tokens", "output_text_reasoning_tokens",
    }
)  # fmt: skip
_BESIDES = re.compile(r"_(text|reasoning)_mtok$|_text_read_mtok$|^requests_")
"""Prices of some of the tokens of a text, or of a call, beside those of all tokens."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A price, and what a call may tell of itself to be billed otherwise."""

    price: Price
    variants: frozenset[str]


@lru_cache(256)
def _listed(model: str, provider: str | None, url: str | None) -> _Listed | None:
    """Return the list's price of a model, where it has one for each kind of token and no more.

    Raises:
        LookupError: It is not in the list.
    """
    snapshot = get_snapshot()
    found = None
    if url:  # goes first, as in pydantic-ai
        with suppress(LookupError):
            _, found = snapshot.find_provider_model(model, None, None, url)
    if found is None:
        _, found = snapshot.find_provider_model(model, None, provider, None)
    prices = found.prices
    if not isinstance(prices, ModelPrice):
        return None  # it depends on the day
    known = {name: value for name, value in vars(prices).items() if value is not None}
    fresh, out = known.get("input_mtok"), known.get("output_mtok")
    cached = known.get("cache_read_mtok", fresh)
    if not (isinstance(fresh, Decimal) and isinstance(out, Decimal) and isinstance(cached, Decimal)):
        return None  # it depends on the length
    if any(map(_BESIDES.search, known)):
        return None
    keys = frozenset(key for variant in found.price_variants or () for key in variant.when)
    return _Listed(Price(input=fresh, output=out, cached=cached), keys)


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


def prompt_microusd(provider: str, model: str, tokens: int, cached_share: float) -> int | None:
    """Return what a prompt's tokens cost, a share of them cached; None where the price is not known."""
    name, cached = ModelName(provider, model), round(tokens * cached_share)
    if price := _own.get(name):
        return price.microusd(tokens, cached, 0)
    try:
        used = Usage(input_tokens=tokens, cache_read_tokens=cached)
        found = calc_price(used, model_ref=model, provider_id=provider)
    except Exception:  # noqa: BLE001 - not in the list
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
