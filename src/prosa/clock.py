"""The one place that reads the time, so that tests can move it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def from_millis(millis: int) -> datetime:
    """Return the moment that lies `millis` milliseconds after the Unix epoch, in UTC."""
    return datetime.fromtimestamp(millis / 1000, UTC)


def to_millis(moment: datetime) -> int:
    """Return the whole milliseconds from the Unix epoch to `moment`."""
    return int(moment.timestamp() * 1000)
