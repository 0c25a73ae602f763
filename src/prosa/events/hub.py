"""Reads the log once for all live clients and hands each its owner's events; while there are none, it reads nothing.

A client that does not keep up is cut off with a reason once `MAX_WAITING` events wait for it; it reconnects with the
last id it saw and gets the rest from the log. So memory is bounded by the number of clients.
"""

import asyncio
import uuid
from collections import defaultdict, deque
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from prosa.clock import to_millis, utc_now
from prosa.database.engine import Database
from prosa.database.outage import OutageLog
from prosa.events import log
from prosa.events.bus import Bus, Signal, Word, cancel
from prosa.events.log import Forgetting, LoggedEvent, Position
from prosa.events.moving import Places, move_in
from prosa.events.types import Payload

MAX_WAITING = 1000
"""Events that may wait for one client."""
BATCH = 500
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.01
"""Between two reads of the log: a burst of commits is read at once."""
PRUNE_SECONDS = 600.0
_PASSING, _WATCHING = "event", "watching"


@dataclass(frozen=True, slots=True)
class PassingEvent:
    """An event of the moment, stored nowhere."""

    session: str | None
    type: str
    timestamp: int
    """Milliseconds since the Unix epoch."""
    payload: dict[str, Any]

    def envelope(self, after: Position) -> dict[str, Any]:
        """Return what clients get; its id is that of the stored event before it, so it may be kept like any other."""
        return {
            "id": str(after),
            "event": self.type,
            "timestamp": self.timestamp,
            "session": self.session,
            "payload": self.payload,
        }


class Subscriber:
    """One client's queue of events."""

    def __init__(self, user_id: uuid.UUID) -> None:
        self.user_id = user_id
        self.too_slow = False
        self._waiting: deque[LoggedEvent | PassingEvent] = deque()
        self._changed = asyncio.Event()

    def push(self, event: LoggedEvent | PassingEvent) -> None:
        """Add an event; where too many wait already, give the client up, or let a passing one pass."""
        if isinstance(event, PassingEvent) and len(self._waiting) >= MAX_WAITING // 2:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.too_slow = True
            self._waiting.clear()
        if not self.too_slow:
            self._waiting.append(event)
        self._changed.set()

    async def next(self) -> LoggedEvent | PassingEvent | None:
        """Return the next event, waiting for one; None when the client was too slow."""
        while not self._waiting and not self.too_slow:
            self._changed.clear()
            await self._changed.wait()
        return None if self.too_slow else self._waiting.popleft()


class EventHub:
    """Follows the log and fans out."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        retention: timedelta,
        forgetting: Forgetting | None = None,
        places: Places | None = None,
    ) -> None:
        """Make it.

        Args:
            database: Where the log is.
            bus: Says that there is something new.
            retention: How long events are kept.
            forgetting: Told before events are forgotten.
            places: How far others have read the log.
        """
        self._places = places
        self._forgetting = forgetting
        self._database = database
        self._bus = bus
        self._retention = retention
        self._subscribers: dict[uuid.UUID, set[Subscriber]] = defaultdict(set)
        self._position = Position(0, 0)
        self._reading = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        bus.hear(_PASSING, self._pass)

    async def start(self) -> None:
        """Start following the log, which may come from another server."""
        await move_in(self._database, self._places)
        self._tasks = [
            asyncio.create_task(self._follow(), name="event-hub"),
            asyncio.create_task(self._prune(), name="event-prune"),
        ]

    async def stop(self) -> None:
        """Stop following."""
        for task in self._tasks:
            await cancel(task)
        self._tasks = []

    async def subscribe(self, user_id: uuid.UUID) -> Subscriber:
        """Collect an owner's events from the log's present end on; hand it back to `unsubscribe`."""
        subscriber = Subscriber(user_id)
        async with self._reading:
            if not self._subscribers:  # nobody has read on since the last one left
                async with self._database.read() as db:
                    self._position = await log.end(db)
            self._subscribers[user_id].add(subscriber)
            self._wanted.set()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop collecting."""
        mine = self._subscribers[subscriber.user_id]
        mine.discard(subscriber)
        if not mine:
            del self._subscribers[subscriber.user_id]
        if not self._subscribers:
            self._wanted.clear()

    def pass_on(self, user_id: uuid.UUID, session: str | None, payload: Payload) -> None:
        """Tell an owner's clients, of whatever process, an event that is not stored."""
        word = {
            "user_id": str(user_id),
            "session": session,
            "type": payload.event,
            "timestamp": to_millis(utc_now()),
            "payload": payload.model_dump(mode="json"),
        }
        self._bus.tell(_PASSING, word)

    def watching(self, user_id: uuid.UUID, sessions: Collection[str] | None = None) -> None:
        """Say that a person of this owner has the conversations of these numbers, or of all, before them now."""
        of = {} if sessions is None else {"sessions": sorted(sessions)}
        self._bus.tell(_WATCHING, {"user_id": str(user_id), **of})

    def listen(self, topic: str) -> AbstractAsyncContextManager[Signal]:
        """Be woken when something changes that is no event."""
        return self._bus.listen(topic)

    def _pass(self, word: Word) -> None:
        event = PassingEvent(word["session"], word["type"], word["timestamp"], word["payload"])
        for subscriber in self._subscribers.get(uuid.UUID(word["user_id"]), ()):
            subscriber.push(event)

    @property
    def subscribers(self) -> int:
        """How many clients listen."""
        return sum(map(len, self._subscribers.values()))

    async def _follow(self) -> None:
        outages = OutageLog("reading the log of events")
        async with self._bus.listen(log.TOPIC) as signal:
            while True:
                await self._wanted.wait()
                await signal.wait(POLL_SECONDS)
                try:
                    async with self._reading:
                        await self._read()
                    outages.worked()
                    await asyncio.sleep(GATHER_SECONDS)
                except Exception as error:  # noqa: BLE001 - logged; the log is read on from the same place
                    outages.failed(error)
                    await asyncio.sleep(POLL_SECONDS)

    async def _read(self) -> None:
        while self._subscribers:
            async with self._database.read() as db:
                events = await log.read_after(db, self._position, limit=BATCH)
            for event in events:
                for subscriber in self._subscribers.get(event.user_id, ()):
                    subscriber.push(event)
            if events:
                self._position = events[-1].position
            if len(events) < BATCH:
                return

    async def _prune(self) -> None:
        outages = OutageLog("pruning the log of events")
        while True:
            try:
                forget = partial(log.prune, before=utc_now() - self._retention, forgetting=self._forgetting)
                while await self._database.submit(forget) == log.PRUNED:
                    pass  # others write between two parts
                outages.worked()
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                outages.failed(error)
            await asyncio.sleep(PRUNE_SECONDS)
