"""A gateway's leases: rows claimed, renewed together, and given up in time when that fails."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_

from prosa import leases
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.holders import release_dead
from prosa.sessions import repository
from prosa.sessions.operations import TOPIC
from prosa.sessions.record import SessionRecord
from prosa.sessions.repository import TABLE, Asked
from prosa.sessions.sharing import Sharing, part

LEFT_LYING = timedelta(seconds=3)
"""How long a free number is left to the process whose part it is; the others look every second."""

_log = structlog.get_logger("prosa.sessions")


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long leases last; all in seconds.

    Attributes:
        lease: From a renewal to the moment when another process may take the number.
        renew: Between renewals.
        margin: A number whose lease has less than this left is disconnected: time enough to close its socket.
    """

    lease: float = 15.0
    renew: float = 4.0
    margin: float = 4.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is this process's now, until `lease_ends` on the event loop's clock."""

    record: SessionRecord
    lease_ends: float


class Tenure:
    """Claims and renews rows for one holder.

    Ends of leases are kept on the monotonic clock and counted from before the statement that set them: so they come,
    if anything, too early, whatever the wall clock does.

    Writes go through `Database.submit`, where a caller that is cancelled or gives up interrupts no statement: on SQLite
    an interrupted one can keep the file locked for seconds.
    """

    def __init__(self, database: Database, owner: str, *, times: LeaseTimes, clock: Clock = utc_now) -> None:
        self.owner = owner
        self.times = times
        self._database = database
        self._clock = clock
        self._lease = timedelta(seconds=times.lease)

    async def claim(self, *, limit: int, held: int = 0, sharing: Sharing | None = None) -> list[Claimed]:
        """Claim up to `limit` numbers that are wanted, due and free.

        Args:
            limit: At most so many.
            held: How many this process holds.
            sharing: With whom the numbers are shared: then no more than this process's part, but for those that nobody
                else takes.
        """
        async with self._database.read() as read:
            if not await repository.any_claimable(read, now=self._clock()):
                return []
        ends = self._ends()

        async def job(db: WriteDb) -> list[SessionRecord]:
            wanted = TABLE.c.wanted.is_(True)
            if sharing is None or sharing.processes == 1:
                return await self._claim(db, limit=limit, where=wanted)
            now = self._clock()
            room = part(await repository.count_wanted(db, now=now), sharing.processes) - held
            if room > 0:
                return await self._claim(db, limit=min(room, limit), where=wanted)
            if not sharing.settled:
                return []
            return await self._claim(db, limit=limit, where=and_(wanted, repository.left_lying(now - LEFT_LYING)))

        return [Claimed(record, ends) for record in await self._database.submit(job)]

    async def claim_one(self, session_id: str) -> Claimed | None:
        """Claim a number whether wanted or not; None where another process holds it, or it is gone."""
        ends = self._ends()

        async def job(db: WriteDb) -> list[SessionRecord]:
            await repository.make_due(db, session_id, now=self._clock())
            return await self._claim(db, limit=1, where=TABLE.c.session_id == session_id)

        records = await self._database.submit(job)
        return Claimed(records[0], ends) if records else None

    async def pass_on(self, row_id: UUID) -> None:
        """Give a number back, for another process to take it."""

        async def job(db: WriteDb) -> None:
            await repository.pass_on(db, row_id, owner=self.owner, now=self._clock())
            db.wake(TOPIC)

        await self._database.submit(job)

    async def spare(self, *, held: int, processes: int) -> int:
        """Return how many numbers this process holds beyond its part."""
        async with self._database.read() as db:
            return max(0, held - part(await repository.count_wanted(db, now=self._clock()), processes))

    async def make_due(self, *, reasons: Collection[str]) -> None:
        """Make wanted numbers due now that were put off for one of `reasons`."""

        async def job(db: WriteDb) -> None:
            await repository.make_due_again(db, reasons, now=self._clock())

        await self._database.submit(job)

    async def renew(self, ids: Collection[UUID], *, before: float) -> tuple[set[UUID], float]:
        """Renew leases in one statement.

        Args:
            ids: The rows.
            before: Give up at this moment of the event loop's clock.

        Returns:
            Those that are still this holder's, and when their leases end.

        Raises:
            Exception: The database could not do it in time; nothing is renewed as far as this process knows.
        """
        ends, now = self._ends(), self._clock()

        async def job(db: WriteDb) -> set[UUID]:
            return await leases.renew(db, TABLE, ids, owner=self.owner, now=now, lease=self._lease)

        # A renewal that is given up may still be written; then another process has to wait a little longer.
        async with asyncio.timeout_at(before):
            return await self._database.submit(job), ends

    async def asked(self) -> dict[UUID, Asked]:
        """Return what people ask of the numbers that are held."""
        async with self._database.read() as db:
            return await repository.asked_of_held(db, owner=self.owner)

    async def _claim(self, db: WriteDb, *, limit: int, where: ColumnElement[bool]) -> list[SessionRecord]:
        now = self._clock()
        lost = await repository.lost_holders(db, now=now)
        rows = await leases.claim(db, TABLE, owner=self.owner, now=now, lease=self._lease, limit=limit, where=where)
        if rows and lost:
            # Whoever let all its numbers go without a word is dead, or cut off from the database. Its turns and
            # messages are leased for longer, and would keep contacts waiting; should it live, it finds out by itself.
            count = await release_dead(db, processes=[leases.process_of(owner) for owner in lost])
            _log.info("taken over from processes that renew no lease", holders=lost, leases=count)
        return [SessionRecord.of(row) for row in rows]

    def _ends(self) -> float:
        return asyncio.get_running_loop().time() + self.times.lease


class Renewing:
    """The loop that keeps leases, and gives numbers up before their lease ends."""

    def __init__(
        self,
        tenure: Tenure,
        *,
        held: Callable[[], dict[UUID, float]],
        kept: Callable[[Collection[UUID], float], None],
        lost: Callable[[Collection[UUID]], None],
    ) -> None:
        """Make the loop.

        Args:
            tenure: Renews.
            held: Returns the rows held, with the ends of their leases.
            kept: Told rows whose leases were renewed, and their new end.
            lost: Told rows to give up at once.
        """
        self._tenure = tenure
        self._held = held
        self._kept = kept
        self._lost = lost

    async def run(self) -> None:
        """Renew until cancelled."""
        times = self._tenure.times
        wait = times.renew
        while True:
            await asyncio.sleep(wait)
            wait = times.renew if await self.once() else min(1.0, times.renew / 4)

    async def once(self) -> bool:
        """Renew once; return whether the database could be asked."""
        loop = asyncio.get_running_loop()
        margin = self._tenure.times.margin
        self._give_up(loop.time() + margin)
        held = self._held()
        if not held:
            return True
        last_moment = min(held.values()) - margin
        try:
            kept, ends = await self._tenure.renew(
                held.keys(), before=min(last_moment, loop.time() + self._tenure.times.renew)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the leases are running out
            _log.warning("renewal_failed", error=type(error).__name__)
            self._give_up(loop.time() + margin)
            return False
        self._kept(kept, ends)
        if gone := held.keys() - kept:
            self._lost(gone)
        return True

    def _give_up(self, until: float) -> None:
        if ending := {row_id for row_id, ends in self._held().items() if ends <= until}:
            self._lost(ending)
