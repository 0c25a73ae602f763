"""Works through the outbox: takes what is due for the numbers online here, sends it, writes down what came of it.

Conversations are sent in parallel, each strictly in order. A message that may or may not have arrived is sent again
under the same WhatsApp id, which recipients show once.
"""

import asyncio
import uuid
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import partial

import structlog

from prosa import leases
from prosa.clock import Clock, utc_now
from prosa.conversations.hot import MESSAGES
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.database.engine import Database, Place, WriteDb
from prosa.database.outage import OutageLog
from prosa.events.bus import Bus, Signal
from prosa.leases import LeaseLostError
from prosa.outbox import claims, limits
from prosa.outbox.ahead import Ahead
from prosa.outbox.attempts import EXPIRED, Attempts
from prosa.outbox.offline import OfflineNumbers
from prosa.outbox.pace import Paces
from prosa.outbox.queue import TOPIC
from prosa.outbox.sending import Sending, SendSlot
from prosa.sessions.facts import Numbers, SessionFacts
from prosa.stopping import SENDING, Grace

logger = structlog.get_logger("prosa.outbox")

LEASE = timedelta(seconds=30)
RENEW_SECONDS = 8.0
POLL_SECONDS = 1.0
TOTAL = 64
"""Messages being sent at the same time in this process."""
PER_NUMBER = 8
"""Messages of one number being sent at the same time."""
EXPIRY_SECONDS = 60.0
STOP_SECONDS = 5.0


class Sender:
    """The running part that sends."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        numbers: OnlineNumbers,
        files: MediaFiles,
        *,
        sessions: Numbers | None = None,
        clock: Clock = utc_now,
        grace: Grace | None = None,
    ) -> None:
        """Make it.

        Args:
            database: Where the outbox is.
            bus: Wakes it.
            numbers: Those that are online in this process.
            files: Where files to send are.
            sessions: Where numbers' settings are looked up; left out: the defaults hold.
            clock: The time.
            grace: How long a stop waits for messages on their way; left out: some seconds.
        """
        self._database = database
        self._bus = bus
        self._numbers = numbers
        self._clock = clock
        self._grace = grace or Grace(STOP_SECONDS)
        self._owner = leases.new_owner()
        self._sending: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._busy: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_NUMBER))
        self._on_way: Counter[str] = Counter()
        """Messages taken and not done with, by number."""
        self._crowded: frozenset[str] = frozenset()
        """Numbers with so many of them that more may be due and was not taken."""
        self._is_offline = OfflineNumbers(numbers)
        self._paces = Paces(database, sessions, clock)
        self._attempts = Attempts(database, files, numbers, self._is_offline, self._paces, clock, owner=self._owner)
        self._ahead = Ahead(database, numbers, self._paces, clock)
        self._signal = Signal()
        self._rounds = 0
        """Looks at the outbox for what is new."""
        self._looking = False
        """One of these is under way."""
        self._behind = True
        """More may be due than was taken: then no answer goes first."""
        self._taken_at = clock()
        """What was due by then was asked for."""
        self._open = False
        self._lent = 0
        self._lost: set[uuid.UUID] = set()
        """Taken with a slot in a transaction of which nobody knows whether it was committed."""
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to send."""
        self._open = True
        self._on_way.clear()
        self._loops = [
            asyncio.create_task(self._run(), name="sender"),
            asyncio.create_task(self._renew(), name="sender-leases"),
            asyncio.create_task(self._expire(), name="sender-expiry"),
        ]

    async def stop(self) -> None:
        """Stop taking messages, finish those on their way for a few seconds, and give back the rest."""
        self._open = False
        if self._loops:
            self._loops[0].cancel()
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=self._grace.left(SENDING))
        tasks = [*self._loops, *self._sending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ahead.stop()
        self._loops = []
        held = partial(leases.release_all, table=MESSAGES, owner=self._owner)
        await leases.give_back(self._database, held, what="messages")

    def lend(self, session: SessionFacts) -> SendSlot | None:
        """Return a slot for a message of a number, to be taken back; None where it cannot go, or others wait."""
        name, now = session.session_id, self._clock()
        self._behind = self._behind or len(self._sending) + self._lent >= TOTAL
        if not self._open or self._behind or session.settings.sending.messages_per_minute:
            return None
        online = self._numbers.connection(name) is not None and not self._is_offline(name, now)
        if not online or name in self._crowded or not self._paces.may_send(name, now):
            return None
        self._lent += 1
        # A look at the outbox that is under way may miss what comes behind the message: then it is looked for again.
        send = partial(self._begin, round_=self._rounds - self._looking)
        return SendSlot(self._owner, LEASE, self._clock, send)

    def take_back(self, slot: SendSlot) -> None:
        """Take a slot back, whatever became of its transaction."""
        self._lent -= 1
        if slot.taken is not None and not slot.handed:
            self._lost.add(slot.taken)
            self._bus.wake(TOPIC)

    def _begin(self, message: Sending, round_: int) -> None:
        if self._open:
            task = asyncio.create_task(self._send(message, round_), name="send")
            self._sending[message.id] = task
            self._on_way[message.session_id] += 1

    async def _give_back_lost(self) -> None:
        """Give back what was taken with a slot, where nobody sends it."""
        lost = set(self._lost)

        async def free(db: WriteDb) -> None:
            await claims.give_back(db, [id_ for id_ in lost if id_ not in self._sending], owner=self._owner)

        await self._database.submit(free)
        self._lost -= lost

    async def _run(self) -> None:
        outages = OutageLog("looking at the outbox")
        async with self._bus.listen(TOPIC) as self._signal:
            news = True
            while True:
                self._rounds += news
                try:
                    if self._lost:
                        await self._give_back_lost()
                    for message in await self._look(news=news):
                        self._begin(message, self._rounds)
                    wait = await self._ahead.wait(POLL_SECONDS, taken_at=self._taken_at)
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the tables are looked at again
                    outages.failed(error)
                    await asyncio.sleep(POLL_SECONDS)
                    news = True
                    continue
                if len(self._sending) + self._lent >= TOTAL and self._sending:
                    await asyncio.wait(self._sending.values(), return_when=asyncio.FIRST_COMPLETED)
                    news = True
                else:
                    woken = await self._signal.wait(wait)
                    news, self._signal.news = self._signal.news or not woken, False

    async def _look(self, *, news: bool) -> list[Sending]:
        self._looking = news
        try:
            return await self._take()
        finally:
            self._looking = False

    async def _take(self) -> list[Sending]:
        self._taken_at = now = self._clock()
        names = self._numbers.names()
        await self._paces.know(names)
        for name in await self._paces.roomier():
            await self._database.submit(partial(limits.look_again, session_id=name, now=now))
        turnout = self._paces.turnout([name for name in names if not self._is_offline(name, now)], now)
        limit = TOTAL - len(self._sending) - self._lent
        if not (turnout.quick or turnout.slow) or limit <= 0:
            return []
        what = claims.Taking(turnout.quick, turnout.slow, self._paces.cap, limit, PER_NUMBER, self._on_way.copy())
        job = partial(claims.take, what=what, owner=self._owner, now=now, lease=LEASE)
        taken = await self._database.submit(job, place=Place.CLAIM)
        self._behind = len(taken.messages) >= limit
        self._crowded = taken.crowded
        self._paces.filled(taken.full)
        self._paces.went(turnout.slow, {message.session_id for message in taken.messages}, now)
        return await self._slowed(taken.messages, turnout.slow, now)

    async def _slowed(self, taken: list[Sending], slow: list[str], now: datetime) -> list[Sending]:
        """Give messages back that are too many for a number whose rate turns out to be limited by now."""
        names = {message.session_id for message in taken}
        await self._paces.refresh(names)
        changed = {name for name in names.difference(slow) if self._paces.is_slow(name)}
        if not changed:
            return taken
        go: list[Sending] = []
        for message in taken:
            if message.session_id in changed and any(other.session_id == message.session_id for other in go):
                await self._attempts.put_back(message)
            else:
                go.append(message)
        self._paces.went(changed, {message.session_id for message in go}, now)
        return go

    async def _send(self, message: Sending, round_: int) -> None:
        try:
            async with self._busy[message.session_id]:
                again = await self._attempts.make(message)
        except LeaseLostError:
            logger.info("a message is another's by now", session=message.session_id, message=str(message.id))
            again = True
        except Exception:
            logger.exception("sending failed; the lease will end by itself", session=message.session_id)
            again = False
        finally:
            self._sending.pop(message.id, None)
            self._on_way[message.session_id] -= 1
        # What follows in this conversation could not be taken while this was on its way: what was there before, or what
        # came since, with a look at the outbox that could not take it. Looks that only repeat are not counted: what
        # they cannot take, one that was counted could not take either; each would be a reason for the next one.
        if again or message.followed or self._rounds > round_ or message.session_id in self._crowded:
            if self._numbers.connection(message.session_id) is not None:
                self._signal.again()
            else:  # its number may be another process's by now
                self._bus.wake(TOPIC)

    async def _renew(self) -> None:
        outages = OutageLog("renewing leases of messages")
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            ids = list(self._sending)
            if not ids:
                continue
            try:
                await self._database.submit(
                    partial(leases.renew, table=MESSAGES, ids=ids, owner=self._owner, now=self._clock(), lease=LEASE)
                )
                outages.worked()
            except Exception as error:  # noqa: BLE001 - logged; whoever finishes a message checks its lease
                outages.failed(error)

    async def _expire(self) -> None:
        outages = OutageLog("giving up old messages")
        while True:
            try:
                await self._database.submit(self._give_up_old)
                outages.worked()
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                outages.failed(error)
            await asyncio.sleep(EXPIRY_SECONDS)

    async def _give_up_old(self, db: WriteDb) -> None:
        await claims.expire(db, now=self._clock(), error=EXPIRED)
