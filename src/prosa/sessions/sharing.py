"""Which part of the numbers this process is to hold, where several processes serve one database.

Each process has a row of its own, leased as numbers are: it lives as long as that lease lasts. All of them count the
same rows, so each finds the same share: an equal part of the numbers that are wanted, rounded up. Whoever has more
hands some over, whoever has less takes them; nobody tells anybody what to do. What a share leaves lying for some
seconds, because the one it is meant for cannot take it, anybody may take.
"""

import time
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, delete, insert, or_, select

from prosa import leases
from prosa.clock import Clock, utc_now
from prosa.database import Database, ReadDb, WriteDb
from prosa.ids import new_id
from prosa.sessions.models import GatewayProcess

SETTLE_SECONDS = 10.0
"""From the start of a process: so long it counts on the processes that start with it, and so long the others wait
before they hand numbers over to it. One that dies right after each start does not make numbers go to and fro."""
FORGET_SECONDS = 60.0
"""After its lease has ended, until the row of a process that is gone is deleted."""

_TABLE = cast("Table", GatewayProcess.__table__)
_c = _TABLE.c


def part(numbers: int, processes: int) -> int:
    """Return how many of some numbers one of some processes is to hold at most."""
    return -(-numbers // max(1, processes))


class Sharing:
    """This process's row, and how many there are."""

    def __init__(
        self, database: Database, owner: str, *, lease_seconds: float, expected: int = 1, clock: Clock = utc_now
    ) -> None:
        """Make it; no row is written before `announce`.

        Args:
            database: Where all processes are.
            owner: The gateway's name as a holder of leases.
            lease_seconds: How long it is counted after it was last heard of.
            expected: Processes that are started together with this one, itself included.
            clock: Tells the time.
        """
        self._database = database
        self._owner = owner
        self._lease = timedelta(seconds=lease_seconds)
        self._expected = expected
        self._clock = clock
        self._id = new_id()
        self._since: float | None = None
        self._live = 1
        self.established = 1
        """Processes that have been there for some time: these get numbers handed over."""

    @property
    def settled(self) -> bool:
        """Whether this process is there for some time."""
        return self._since is not None and time.monotonic() >= self._since + SETTLE_SECONDS

    @property
    def processes(self) -> int:
        """How many processes share the numbers that are free."""
        return self._live if self.settled else max(self._live, self._expected)

    async def announce(self) -> None:
        """Say that this process lives, and count all that do; to be repeated well within the lease.

        Raises:
            Exception: The database could not do it; what was known stays.
        """
        if self._since is None:
            self._since = time.monotonic()
        began = await self._database.submit(self._announce)
        now = self._clock()
        self._live = max(1, len(began))
        self.established = max(1, sum(at <= now - timedelta(seconds=SETTLE_SECONDS) for at in began))

    async def withdraw(self, db: WriteDb) -> None:
        """Delete this process's row: others need not wait for the end of its lease."""
        await db.execute(delete(_TABLE).where(_c.id == self._id))

    async def _announce(self, db: WriteDb) -> list[datetime]:
        now = self._clock()
        if not await leases.renew(db, _TABLE, [self._id], owner=self._owner, now=now, lease=self._lease):
            await self.withdraw(db)
            own = {"id": self._id, "due_at": now, "lease_owner": self._owner, "lease_until": now + self._lease}
            await db.execute(insert(_TABLE), own)
        gone = or_(_c.lease_until.is_(None), _c.lease_until <= now - timedelta(seconds=FORGET_SECONDS))
        await db.execute(delete(_TABLE).where(gone))
        return await _began(db, now=now)


async def _began(db: ReadDb, *, now: datetime) -> list[datetime]:
    return list((await db.execute(select(_c.due_at).where(_c.lease_until > now))).scalars())
