"""The row of a number as the process that holds it knows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from prosa.sessions.changes import Change
from prosa.sessions.record import SessionRecord
from prosa.sessions.recorder import Recorder
from prosa.whatsapp.engine import Opened


class HeldRow:
    """Reads and writes it, and tells of it after each.

    All of it raises LeaseLostError where the row is no longer this process's.
    """

    def __init__(self, record: SessionRecord, recorder: Recorder, told: Callable[[SessionRecord], None]) -> None:
        """Make it.

        Args:
            record: The row as claimed.
            recorder: Reads and writes.
            told: Called with the row as it was read or written; that brings along what people asked meanwhile.
        """
        self.record = record
        self.unwritten: Change | None = None
        """What it is about to say; for long only while the database takes no writes."""
        self._recorder = recorder
        self._told = told

    async def read(self) -> None:
        """Read it anew."""
        self._set(await self._recorder.read(self.record.id))

    async def write(self, change: Change) -> SessionRecord:
        """Write a change of status with its events."""
        with self._writing(change):
            record = await self._recorder.record(self.record, change)
        return self._set(record)

    async def opened(self, opened: Opened) -> None:
        """Write that the number is online, and as whom."""
        self._set(await self._recorder.opened(self.record, opened))

    async def finish(self, change: Change | None, *, wait: float | None) -> bool:
        """Write the last change and give the row back; return False where somebody asked for something new meanwhile.

        Args:
            change: What to write; None: nothing but the release.
            wait: Seconds until a gateway is to take the number up again; None: not until a person asks.
        """
        due_at = None if wait is None else self._recorder.now() + timedelta(seconds=wait)
        with self._writing(change):
            record, given_back = await self._recorder.finish(self.record, change, due_at=due_at)
        self._set(record)
        return given_back

    @contextmanager
    def _writing(self, change: Change | None) -> Iterator[None]:
        self.unwritten = change
        try:
            yield
        finally:
            self.unwritten = None

    def _set(self, record: SessionRecord) -> SessionRecord:
        self.record = record
        self._told(record)
        return record
