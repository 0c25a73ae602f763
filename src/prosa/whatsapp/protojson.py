"""Careful readers for protobuf's JSON form of data that strangers made.

None of them raises: what is missing, of another type or out of range reads as nothing. protojson writes 64-bit
integers as strings, and not-a-number as the string "NaN" (protobuf.dev, "ProtoJSON Format").
"""

import math
from datetime import UTC, datetime
from typing import Any

from prosa.clock import from_millis
from prosa.whatsapp.engine import Json

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
_LAST_MILLI = 253_402_300_799_999
"""The last millisecond of the year 9999, where Python's datetime ends."""


def obj(parent: Any, *path: str) -> Json:
    """Return the object at `path` below `parent`; empty where there is none."""
    for key in path:
        parent = parent.get(key) if isinstance(parent, dict) else None
    return parent if isinstance(parent, dict) else {}


def items(parent: Any, key: str) -> list[Any]:
    """Return the list at `key`; empty where there is none."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, list) else []


def string(parent: Any, key: str) -> str:
    """Return the text at `key`; empty where there is none."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, str) else ""


def flag(parent: Any, key: str) -> bool:
    """Whether `key` is true."""
    return isinstance(parent, dict) and parent.get(key) is True


def integer(parent: Any, key: str, *, limit: int = INT32_MAX) -> int | None:
    """Return the whole number from 0 to `limit` at `key`, also where it is written as a string."""
    value = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        return None
    return value


def real(parent: Any, key: str, *, limit: float) -> float | None:
    """Return the number of a magnitude up to `limit` at `key`."""
    value = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > limit:
        return None
    return float(value)


def moment(parent: Any, key: str) -> datetime:
    """Return the moment at `key` (milliseconds since the Unix epoch); the present where there is none."""
    millis = integer(parent, key, limit=_LAST_MILLI)
    return from_millis(millis) if millis else datetime.now(UTC)


def without_nul(value: Any) -> Any:
    """Return JSON data with the character U+0000 removed everywhere; PostgreSQL cannot store it in text or JSON."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    return value
