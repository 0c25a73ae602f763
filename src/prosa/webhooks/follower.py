"""The running part that delivers: takes webhooks, one holder each, and wakes those that an event concerns.

While no webhook is switched on, the log is not read. Several processes may run; what one of them held is taken over by
another when it dies (`prosa.leases`, `prosa.holders`).
"""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row

from prosa import leases
from prosa.auth.vault import Vault
from prosa.clock import Clock, utc_now
from prosa.database.engine import Database, WriteDb
from prosa.database.outage import OutageLog
from prosa.events import log
from prosa.events.bus import Bus, Signal, cancel
from prosa.events.log import Position
from prosa.leases import new_owner
from prosa.outgoing import Outgoing
from prosa.stopping import SENDING, Grace
from prosa.webhooks import metrics, repository
from prosa.webhooks.line import Line, Parts

TOPIC = "webhooks"
"""Says that a webhook was added, changed or removed."""
POLL_SECONDS = 5.0
"""Between two looks for webhooks: another process may have added one, or died."""
LISTEN_SECONDS = 1.0
"""Between two looks at the log, while webhooks are held: another process may have written to it."""
LEASE, RENEW_SECONDS = timedelta(seconds=30), 8.0
READ = 1000
STOP_SECONDS = 3.0
LAST_SECONDS = 0.5
"""What a stop waits for requests under way at least, also where its time is over."""


class Follower:
    """Delivers the events of the webhooks that this process holds."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        outgoing: Outgoing,
        vault: Vault,
        *,
        clock: Clock = utc_now,
        grace: Grace | None = None,
        lease: timedelta = LEASE,
        renew_seconds: float = RENEW_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """Make it.

        Args:
            database: Where webhooks and the log are.
            bus: Says that there is something new.
            outgoing: Sends.
            vault: Opens secrets.
            clock: The time.
            grace: How long a stop waits for requests under way; left out: some seconds.
            lease: How long a webhook is this process's without a sign of life.
            renew_seconds: Between two signs of life.
            poll_seconds: Between two looks for webhooks.
        """
        self._parts = Parts(database, outgoing, vault, clock)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._grace = grace or Grace(STOP_SECONDS)
        self._lease = lease
        self._renew_seconds = renew_seconds
        self._poll_seconds = poll_seconds
        self._lines: dict[uuid.UUID, tuple[Line, asyncio.Task[None]]] = {}
        self._held = asyncio.Event()
        self._signal: Signal | None = None
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        self._loops = [
            asyncio.create_task(self._claim_forever(), name="webhooks-claim"),
            asyncio.create_task(self._renew_forever(), name="webhooks-renew"),
            asyncio.create_task(self._listen(), name="webhooks-listen"),
        ]

    async def stop(self) -> None:
        """Begin nothing more, finish the requests under way, and give the webhooks back."""
        loops, self._loops = self._loops, []
        for loop in loops:
            await cancel(loop)
        lines = list(self._lines.values())
        for line, _ in lines:
            line.halt()
        tasks = [task for _, task in lines]
        if tasks:
            await asyncio.wait(tasks, timeout=max(LAST_SECONDS, self._grace.left(SENDING)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()
        if lines:
            owners = [line.owner for line, _ in lines]
            await leases.give_back(self._database, partial(_give_back, owners), what="webhooks")

    async def _claim_forever(self) -> None:
        outages = OutageLog("looking for webhooks")
        async with self._bus.listen(TOPIC) as signal:
            self._signal = signal
            while True:
                wait = self._poll_seconds
                if signal.news:
                    signal.news = False
                    for line, _ in self._lines.values():
                        line.wake()
                try:
                    wait = await self._claim()
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the table is looked at again
                    outages.failed(error)
                await signal.wait(wait)

    async def _claim(self) -> float:
        """Take what is due and free; return for how many seconds nothing is."""
        while True:
            async with self._database.read() as db:
                due = await repository.next_due(db)
            now = self._clock()
            if due is None:
                return self._poll_seconds
            if due > now:
                return min(self._poll_seconds, max(0.02, (due - now).total_seconds()))
            owner = new_owner()
            job = partial(leases.claim, table=repository.TABLE, owner=owner, now=now, lease=self._lease, limit=1)
            rows = await self._database.submit(job)
            if not rows:
                return min(self._poll_seconds, 1.0)  # another process was first
            await self._begin(rows[0], owner)

    async def _begin(self, row: Row[Any], owner: str) -> None:
        before = self._lines.pop(row.id, None)
        if before is not None:  # it was given back, or switched off and on, a moment ago
            await cancel(before[1])
        line = Line(self._parts, row, owner)
        task = asyncio.create_task(line.run(), name=f"webhook {row.id}")
        self._lines[row.id] = line, task
        task.add_done_callback(partial(self._ended, row.id))
        metrics.LINES.set(len(self._lines))
        self._held.set()

    def _ended(self, webhook_id: uuid.UUID, task: asyncio.Task[None]) -> None:
        known = self._lines.get(webhook_id)
        if known is not None and known[1] is task:
            del self._lines[webhook_id]
            if self._signal is not None:
                self._signal.again()  # it may be due again before long
        metrics.LINES.set(len(self._lines))
        if not self._lines:
            self._held.clear()

    async def _renew_forever(self) -> None:
        outages = OutageLog("keeping webhooks")
        while True:
            await asyncio.sleep(self._renew_seconds)
            lines = [line for line, _ in self._lines.values()]
            if not lines:
                continue
            try:
                kept = await self._database.submit(partial(_renew, lines, now=self._clock(), lease=self._lease))
                outages.worked()
            except Exception as error:  # noqa: BLE001 - logged; what is lost meanwhile is noticed when it is written
                outages.failed(error)
                continue
            for line in lines:
                if line.id not in kept and (mine := self._lines.get(line.id)) is not None and mine[0] is line:
                    mine[1].cancel()

    async def _listen(self) -> None:
        """Wake those lines that something new in the log concerns; read only while there are any."""
        outages = OutageLog("reading the log of events for webhooks")
        place: Position | None = None
        async with self._bus.listen(log.TOPIC) as signal:
            while True:
                if not self._lines:
                    place = None
                    await self._held.wait()
                await signal.wait(LISTEN_SECONDS)
                try:
                    place = await self._read(place)
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; lines look for themselves now and then
                    outages.failed(error)
                    await asyncio.sleep(1)

    async def _read(self, place: Position | None) -> Position:
        while True:
            async with self._database.read() as db:
                if place is None:
                    place = await log.end(db)
                    for line, _ in self._lines.values():
                        line.wake()
                    return place
                heads = await log.read_heads(db, place, limit=READ)
            for line, _ in self._lines.values():
                if any(head.user_id == line.row.user_id and _concerns(line, head) for head in heads):
                    line.wake()
            if heads:
                place = heads[-1].position
            if len(heads) < READ:
                return place


def _concerns(line: Line, head: log.Head) -> bool:
    return repository.wants(line.row, head.type, head.session)


async def _renew(lines: Sequence[Line], db: WriteDb, *, now: datetime, lease: timedelta) -> set[uuid.UUID]:
    kept: set[uuid.UUID] = set()
    for line in lines:
        kept |= await leases.renew(db, repository.TABLE, [line.id], owner=line.owner, now=now, lease=lease)
    return kept


async def _give_back(owners: Sequence[str], db: WriteDb) -> None:
    for owner in owners:
        await leases.release_all(db, repository.TABLE, owner=owner)
