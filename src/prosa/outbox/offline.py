"""Numbers that turned out to be offline when something was to be sent."""

from dataclasses import dataclass
from datetime import datetime

from prosa.conversations.online import OnlineNumbers


@dataclass(frozen=True, slots=True)
class _Offline:
    """Until when a number is left alone, and how often it had come online by then."""

    until: datetime
    openings: int


class OfflineNumbers:
    """Leaves a number alone for a while, or until it comes online again."""

    def __init__(self, numbers: OnlineNumbers) -> None:
        self._numbers = numbers
        self._offline: dict[str, _Offline] = {}

    def note(self, name: str, until: datetime) -> None:
        """Take note that a number is offline."""
        self._offline[name] = _Offline(until, self._numbers.openings(name))

    def __call__(self, name: str, now: datetime) -> bool:
        """Whether a number is left alone."""
        offline = self._offline.get(name)
        if offline is None:
            return False
        if offline.until > now and offline.openings == self._numbers.openings(name):
            return True
        del self._offline[name]
        return False
