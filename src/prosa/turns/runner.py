"""Runs turns: claims conversations that are due, many at a time, and renews their leases while answers are made."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

import structlog

from prosa import leases
from prosa.conversations.held import TABLE
from prosa.database import Database
from prosa.database.engine import Place, WriteDb
from prosa.database.outage import OutageLog, is_outage
from prosa.events.bus import Bus, Signal, cancel
from prosa.sessions.facts import SessionFacts
from prosa.stopping import ANSWERS, Grace
from prosa.turns import claims
from prosa.turns.claimed import ClaimedConversation
from prosa.turns.reply import Replier
from prosa.turns.slots import TurnSlot

logger = structlog.get_logger("prosa.turns")

TOPIC = "turns"
"""Wakes the runner."""
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
POLL_SECONDS = 1.0
"""Between two looks at the table when nothing wakes the runner: due times come, other holders' leases end."""
STOP_SECONDS = 5.0
"""How long a stop waits for answers in the making; what is not ready then is made by another process, or the next."""


class TurnRunner:
    """Claims due conversations and has their turns made, up to a number at the same time."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        replier: Replier,
        *,
        concurrency: int,
        lease_seconds: float = LEASE_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        grace: Grace | None = None,
        held: Callable[[], Collection[str] | None] = lambda: None,
    ) -> None:
        """Make the runner.

        Args:
            database: Where conversations are.
            bus: Says when to look.
            replier: Makes turns.
            concurrency: Turns at the same time.
            lease_seconds: How long after this process died another one takes its conversations over.
            renew_seconds: Between two renewals; well below `lease_seconds`.
            poll_seconds: Between two looks when nothing wakes it.
            grace: How long a stop waits for answers in the making; left out: some seconds.
            held: Returns the numbers that this process holds, where other processes hold the rest.
        """
        self._database = database
        self._bus = bus
        self._replier = replier
        self._concurrency = concurrency
        self._lease = timedelta(seconds=lease_seconds)
        self._renew_seconds = renew_seconds
        self._poll_seconds = poll_seconds
        self._grace = grace or Grace(STOP_SECONDS)
        self._held = held
        self._running: dict[uuid.UUID, tuple[ClaimedConversation, asyncio.Task[None]]] = {}
        self._counts: Counter[str] = Counter()
        """Turns and lent slots of each number."""
        self._lent = 0
        self._open = False
        self._behind = True
        """More may be due than was claimed: then nothing that arrives goes first."""
        self._lost: set[uuid.UUID] = set()
        """Claimed with a slot in a transaction of which nobody knows whether it was committed."""
        self._full: set[str] = set()
        """Numbers that make as many answers as they may: their conversations wait until one is done."""
        self._loops: list[asyncio.Task[None]] = []
        self._slot_free = asyncio.Event()

    @property
    def running(self) -> int:
        """How many turns are being made now."""
        return len(self._running)

    async def start(self) -> None:
        """Begin to make turns."""
        self._open = True
        self._loops = [
            asyncio.create_task(self._claim_forever(), name="turns-claim"),
            asyncio.create_task(self._renew_forever(), name="turns-renew"),
        ]

    async def stop(self) -> None:
        """Claim no more, finish what can be finished soon, and give the rest back."""
        self._open = False
        loops, self._loops = self._loops, []
        for loop in loops[:1]:
            await cancel(loop)
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=self._grace.left(ANSWERS))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for loop in loops[1:]:
            await cancel(loop)
        await self._replier.close()
        await leases.give_back(self._database, partial(_give_back, self._replier.owner), what="turns")

    def lend(self, session: SessionFacts) -> TurnSlot | None:
        """Return a slot for a turn of a number, to be taken back; None where there is no room, or others wait."""
        number = session.session_id
        self._behind = self._behind or self._free <= 0
        if (
            not self._open
            or self._behind
            or number in self._full
            or self._counts[number] >= session.settings.turns.most_parallel
        ):
            return None
        self._lent += 1
        self._counts[number] += 1
        return TurnSlot(self._replier.owner, self._lease, self._replier.clock, self._is_running, self._begin)

    def take_back(self, session: SessionFacts, slot: TurnSlot) -> None:
        """Take a slot back, whatever became of its transaction."""
        slot.back.set()
        self._lent -= 1
        self._count_down(session.session_id)
        if slot.begun:
            return  # the turn has taken its place
        self._make_room(session.session_id)
        if slot.claimed is not None:
            self._lost.add(slot.claimed)
            self._bus.wake(TOPIC)

    @property
    def _free(self) -> int:
        return self._concurrency - len(self._running) - self._lent

    def _is_running(self, conversation_id: uuid.UUID) -> bool:
        running = self._running.get(conversation_id)
        return running is not None and not running[0].over

    async def _claim_forever(self) -> None:
        outages = OutageLog("claiming turns")
        async with self._bus.listen(TOPIC) as signal:
            while True:
                try:
                    await self._claim_once(signal)
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the tables are looked at again
                    outages.failed(error)
                    await asyncio.sleep(self._poll_seconds)

    async def _claim_once(self, signal: Signal) -> None:
        if self._lost:
            lost = set(self._lost)
            await self._database.submit(partial(self._give_back_lost, lost))
            self._lost -= lost
        free = self._free
        if free <= 0:
            self._slot_free.clear()
            await self._slot_free.wait()
            return
        rows, due_at = await self._database.submit(partial(self._claim, free), place=Place.CLAIM)
        kept, extra = await self._within_limits(rows)
        self._behind = len(rows) == free or bool(extra)
        for claimed in kept:
            self._begin(claimed)
        if extra:
            await self._database.submit(partial(claims.give_back, ids=extra, owner=self._replier.owner))
        elif len(rows) < free:
            await signal.wait(self._until(due_at))

    def _until(self, due_at: datetime | None) -> float:
        """Return the seconds until a conversation is due, at most until the next poll."""
        if due_at is None:
            return self._poll_seconds
        # One that is due already was just taken by another process, or its lease has just ended.
        seconds = (due_at - self._replier.clock()).total_seconds()
        return min(self._poll_seconds, max(self._poll_seconds / 10, seconds) if seconds <= 0 else seconds)

    async def _claim(self, limit: int, db: WriteDb) -> tuple[list[ClaimedConversation], datetime | None]:
        """Claim what is due; return it, and when something is due next."""
        now = self._replier.clock()
        what = claims.Claiming(self._replier.owner, now, self._lease, limit, self._full, self._held())
        rows, due_next = await claims.claim(db, what)
        for row in rows:
            former = self._running.get(row.id)
            if former is not None:
                # The lease had ended, or two conversations became one: what the former turn knows is out of date. The
                # lease's owner does not tell the two apart, so this does, before any later job of the former can run.
                former[0].over = True
        return [ClaimedConversation.read(row) for row in rows], due_next

    async def _within_limits(
        self, rows: list[ClaimedConversation]
    ) -> tuple[list[ClaimedConversation], list[uuid.UUID]]:
        """Return the conversations whose numbers may make one more answer here, and the ids of the others."""
        counts = self._counts.copy()
        most: dict[str, int] = {}
        kept: list[ClaimedConversation] = []
        extra: list[uuid.UUID] = []
        for claimed in rows:
            number = claimed.session_id
            counts[number] += 1
            if counts[number] > 1 and number not in most:
                most[number] = await self._replier.most_parallel(number)
            if counts[number] > most.get(number, 1):
                self._full.add(number)
                extra.append(claimed.id)
            elif len(kept) >= self._free:  # slots were lent meanwhile
                extra.append(claimed.id)
            else:
                kept.append(claimed)
        return kept, extra

    def _begin(self, claimed: ClaimedConversation, after: asyncio.Event | None = None) -> None:
        if not self._open:
            return  # what is held is given back
        former = self._running.get(claimed.id)
        if former is not None:
            former[1].cancel()
        job = self._run(claimed, former[1] if former is not None else None, after)
        task = asyncio.create_task(job, name=f"turn-{claimed.id}")
        self._running[claimed.id] = (claimed, task)
        self._counts[claimed.session_id] += 1
        task.add_done_callback(partial(self._ended, claimed))

    def _ended(self, claimed: ClaimedConversation, _task: asyncio.Task[None]) -> None:
        current = self._running.get(claimed.id)
        if current is not None and current[0] is claimed:
            del self._running[claimed.id]
        self._count_down(claimed.session_id)
        self._make_room(claimed.session_id)

    def _make_room(self, number: str) -> None:
        """Have a number's conversations claimed again, where they waited for one answer less."""
        if number in self._full:
            self._full.discard(number)
            self._bus.wake(TOPIC)

    def _count_down(self, number: str) -> None:
        self._counts[number] -= 1
        if not self._counts[number]:
            del self._counts[number]
        self._slot_free.set()

    async def _run(
        self, claimed: ClaimedConversation, former: "asyncio.Task[None] | None", after: asyncio.Event | None
    ) -> None:
        if former is not None:
            await asyncio.wait({former})
        if after is not None:
            await after.wait()
        log = logger.bind(session=claimed.session_id, conversation=str(claimed.id))
        try:
            await self._replier.reply(claimed)
        except leases.LeaseLostError:
            log.warning("a turn was dropped: another process, or a change, took the conversation")
        except Exception as error:
            if is_outage(error):
                log.warning("a turn was cut short by the database; it is due again when its lease ends")
                return
            log.exception("a turn failed")
            if claimed.over:
                return
            try:
                await self._replier.fail(claimed)
            except leases.LeaseLostError:
                log.warning("a failed turn was taken over")
            except Exception:
                log.exception("a failed turn could not be put off; it is due again when its lease ends")

    async def _renew_forever(self) -> None:
        outages, wait = OutageLog("renewing leases of turns"), self._renew_seconds
        while True:
            await asyncio.sleep(wait)
            wait = self._renew_seconds
            try:
                await self._renew_once()
                outages.worked()
            except Exception as error:  # noqa: BLE001 - each turn makes sure at its end that it still holds its lease
                outages.failed(error)
                wait = min(1.0, self._renew_seconds / 4)

    async def _renew_once(self) -> None:
        held = {claimed.id: claimed for claimed, _ in self._running.values() if not claimed.over}
        if not held:
            return
        kept = await self._database.submit(partial(self._renew, list(held)))
        for lost in held.keys() - kept:
            current = self._running.get(lost)
            if current is not None and current[0] is held[lost] and not current[0].over:
                logger.warning("a turn lost its conversation and is dropped", conversation=str(lost))
                current[1].cancel()

    async def _renew(self, ids: list[uuid.UUID], db: WriteDb) -> set[uuid.UUID]:
        return await leases.renew(
            db, TABLE, ids, owner=self._replier.owner, now=self._replier.clock(), lease=self._lease
        )

    async def _give_back_lost(self, ids: set[uuid.UUID], db: WriteDb) -> None:
        """Give back what was claimed with a slot, where no turn of it was begun."""
        await claims.give_back(db, [id_ for id_ in ids if id_ not in self._running], owner=self._replier.owner)


async def _give_back(owner: str, db: WriteDb) -> None:
    if await leases.release_all(db, TABLE, owner=owner):
        db.wake(TOPIC)
