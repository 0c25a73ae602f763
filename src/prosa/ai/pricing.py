"""What a model call cost, from the tokens that the provider billed and the price list of genai-prices."""

from decimal import ROUND_HALF_UP, Decimal

import structlog
from genai_prices.data_snapshot import get_snapshot
from pydantic_ai.messages import ModelResponse

logger = structlog.get_logger("prosa.ai")


def load_prices() -> None:
    """Read the price list, which takes a moment, so that the first answer need not wait for it."""
    get_snapshot()


def cost_microusd(response: ModelResponse) -> int | None:
    """Return what a call cost in millionths of a US dollar, rounded half up; None where the price is not known."""
    if not response.model_name or not response.usage.input_tokens:
        return None
    try:
        total = response.cost().total_price
    except (LookupError, ValueError):
        return None  # not in the list, or a usage that makes no sense
    except Exception as error:  # noqa: BLE001 - a price must never cost an answer
        logger.warning("a call could not be priced", model=response.model_name, error=repr(error))
        return None
    return int((Decimal(total) * 1_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP))
