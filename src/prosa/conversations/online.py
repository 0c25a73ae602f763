"""The numbers that are online in this process, for the loops that work through them."""

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from prosa.events.bus import Bus
from prosa.whatsapp.engine import Connection

ConnectionOf: TypeAlias = Callable[[str], Connection | None]
"""Returns the live connection of a number that is online in this process, or None."""


class OnlineNumbers:
    """Remembers which numbers opened here, and finds those that are online still."""

    def __init__(
        self, bus: Bus, connection_of: ConnectionOf, *, topics: tuple[str, ...] = ("outbox", "media", "changes")
    ) -> None:
        """Make it.

        Args:
            bus: Wakes those who wait for a number.
            connection_of: Finds a number's live connection.
            topics: What to wake when a number comes online.
        """
        self._bus = bus
        self._connection_of = connection_of
        self._topics = topics
        self._names: set[str] = set()
        self._openings: Counter[str] = Counter()

    def opened(self, session_id: str) -> None:
        """Take note that a number is online; give this to the gateway's `on_open`."""
        self._names.add(session_id)
        self._openings[session_id] += 1
        self._bus.wake_all(self._topics)

    def names(self) -> list[str]:
        """Return the numbers that are online here."""
        return sorted(name for name in self._names if self._connection_of(name) is not None)

    def connection(self, session_id: str) -> Connection | None:
        """Return a number's live connection, or None."""
        connection = self._connection_of(session_id)
        if connection is not None:
            self._names.add(session_id)
        return connection

    def openings(self, session_id: str) -> int:
        """Return how often a number came online, to tell whether it did so since."""
        return self._openings[session_id]
