"""How a gateway writes to the rows that it holds: each write checks, in its transaction, that it still holds them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.database.outage import patiently
from prosa.leases import LeaseLostError
from prosa.sessions import repository, twice
from prosa.sessions.changes import Change, apply
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import Opened

T = TypeVar("T")


class Recorder:
    """Writes on behalf of one gateway. While the database is away, writes wait for it; losing the lease ends that."""

    def __init__(self, database: Database, directory: SessionDirectory, owner: str, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._directory = directory
        self._owner = owner
        self._clock = clock

    def now(self) -> datetime:
        """Return the present moment."""
        return self._clock()

    async def read(self, row_id: UUID) -> SessionRecord:
        """Return a row as it is now.

        Raises:
            LeaseLostError: It is no longer this gateway's.
        """

        async def job(db: WriteDb) -> SessionRecord:
            return await self._held(db, row_id)

        return await self._submit(job)

    async def record(self, old: SessionRecord, change: Change) -> SessionRecord:
        """Write a change of status with its events.

        Raises:
            LeaseLostError: The row is no longer this gateway's; nothing was written.
        """

        async def job(db: WriteDb) -> SessionRecord:
            return await apply(db, await self._held(db, old.id), change, now=self._clock())

        return await self._changed(old.session_id, job)

    async def opened(self, old: SessionRecord, opened: Opened) -> SessionRecord:
        """Write that a number is online, and as whom.

        Raises:
            LeaseLostError: The row is no longer this gateway's; nothing was written.
        """

        async def job(db: WriteDb) -> SessionRecord:
            held = await self._held(db, old.id)
            now = self._clock()
            facts: dict[str, Any] = {"jid": opened.jid, "last_connected_at": now}
            facts |= {name: value for name in ("lid", "push_name") if (value := getattr(opened, name))}
            change = Change(status=SessionStatus.OPEN, also=facts)
            if await repository.linked_alike(db, held.user_id, opened.jid, but=held.id):
                change = replace(change, reason=StatusReason.LINKED_TWICE, detail=twice.detail())
            return await apply(db, held, change, now=now)

        return await self._changed(old.session_id, job)

    async def finish(
        self, old: SessionRecord, change: Change | None, *, due_at: datetime | None = None
    ) -> tuple[SessionRecord, bool]:
        """Write the last change and give the row back, unless somebody asked for something new since `old` was read.

        Args:
            old: What this gateway last knew.
            change: What to write; None: nothing but the release.
            due_at: When a gateway is to take the number up again; None: not until a person asks.

        Returns:
            The row, and whether it was given back.

        Raises:
            LeaseLostError: The row is no longer this gateway's; nothing was written.
        """

        async def job(db: WriteDb) -> tuple[SessionRecord, bool]:
            held = await self._held(db, old.id)
            if change is not None:
                held = await apply(db, held, change, now=self._clock())
            if held.due_at != old.due_at:
                return held, False
            asked = {"wanted": due_at is not None, "due_at": due_at}
            return await repository.change(db, held.id, asked | {"lease_owner": None, "lease_until": None}), True

        return await self._changed(old.session_id, job)

    async def _held(self, db: WriteDb, row_id: UUID) -> SessionRecord:
        held = await repository.find_held(db, row_id, owner=self._owner, now=self._clock())
        if held is None:
            raise LeaseLostError(f"whatsapp_sessions {row_id} is no longer held by {self._owner}")
        return held

    async def _changed(self, session_id: str, job: Callable[[WriteDb], Awaitable[T]]) -> T:
        try:
            return await self._submit(job)
        finally:
            await self._directory.forget(session_id)

    async def _submit(self, job: Callable[[WriteDb], Awaitable[T]]) -> T:
        return await patiently(lambda: self._database.submit(job), what="session")
