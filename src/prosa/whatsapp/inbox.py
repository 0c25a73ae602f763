"""One session's events, handed to its handler in order and acknowledged once the handler has stored them."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from prosa.whatsapp.engine import Closed, EngineError, EngineEvent, EventHandler, Inbound, Json
from prosa.whatsapp.events import KNOWN, MESSAGE, PASSING, engine_event
from prosa.whatsapp.jid import JidKind, kind
from prosa.whatsapp.link import RECEIPTS, Link

T = TypeVar("T")

LIMIT = 1000
"""Events that wait for a session's handler before passing ones (typing, names) are dropped.

Only those can pile up: the bridge sends a stored event after the last one was answered (people's messages and
receipts: at most 64 of each before), and a connection reports few states before Prosa asks for the next.
"""

NOT_STORED = "not_stored"
"""Reason of the `Closed` that follows a handler's failure to store."""

_SLOW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as the bridge sent it."""

    name: str
    seq: int | None
    data: Json


class Inbox:
    """The queue and the task of one session, and another task while there are receipts, which hold up nothing.

    Messages that wait one behind another are stored side by side, those of one chat in their order. All other events
    wait for what came before them.

    When the handler raises on an event that must be stored, the bridge is told so, the session is disconnected, and
    nothing is stored until it connects again: WhatsApp then delivers that event and all after it, in order.
    """

    def __init__(self, session_id: str, handler: EventHandler, link: Link) -> None:
        self._session_id = session_id
        self._handler = handler
        self._link = link
        self._queue: deque[RawEvent] = deque()
        self._receipts: list[RawEvent] = []
        self._arrived = asyncio.Event()
        self._ending = False
        self._refused = False
        """A receipt could not be stored."""
        self._last: EngineEvent | None = None
        self._dropped = 0
        self._log = structlog.get_logger("prosa.whatsapp").bind(session=session_id)
        self._task = asyncio.create_task(self._run(), name=f"whatsapp-events-{session_id}")
        self._receipts_task: asyncio.Task[None] | None = None

    def put(self, event: RawEvent) -> None:
        """Take an event; never blocks."""
        if self._ending:
            return
        if event.name == RECEIPTS:
            self._put_receipt(event)
            return
        if len(self._queue) >= LIMIT and event.name in PASSING:
            self._dropped += 1
            if self._dropped == 1:
                self._log.warning("handler_far_behind", waiting=len(self._queue))
            return
        self._queue.append(event)
        self._arrived.set()

    def end(self, last: EngineEvent | None = None) -> None:
        """Forget what waits, hand over `last`, then stop; what is in the handler's hands is finished first."""
        if not self._ending:
            self._ending, self._last = True, last
            self._queue.clear()
            self._receipts.clear()
            self._arrived.set()

    async def settle(self, seconds: float) -> None:
        """End, and wait up to `seconds` for the handler to finish; returns at once where the handler itself asks."""
        self.end()
        tasks = self._tasks()
        if asyncio.current_task() not in tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def cancel(self) -> None:
        """Stop the handler where it is. What it has in hand is not acknowledged."""
        self.end()
        tasks = self._tasks()
        if asyncio.current_task() not in tasks:
            for task in tasks:
                task.cancel()

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {self._task} if self._receipts_task is None else {self._task, self._receipts_task}

    async def _run(self) -> None:
        while True:
            while self._queue or self._refused:
                if self._refused:
                    await self._refuse_until_reconnected()
                elif messages := self._take_messages():
                    await self._deliver_messages(messages)
                else:
                    await self._deliver(self._queue.popleft())
            if self._ending:
                break
            self._dropped = 0
            self._arrived.clear()
            await self._arrived.wait()
        if self._last is not None:
            await self._handle(self._last)

    def _take_messages(self) -> list[RawEvent]:
        """Take the messages at the head of the queue."""
        messages = []
        while self._queue and self._queue[0].name == MESSAGE:
            messages.append(self._queue.popleft())
        return messages

    async def _deliver_messages(self, messages: list[RawEvent]) -> None:
        """Have the handler store messages, those of different chats at the same time."""
        chats: dict[str, list[tuple[RawEvent, EngineEvent | None]]] = {}
        for raw in messages:
            event = engine_event(raw.name, raw.data)
            chats.setdefault(_chat(event), []).append((raw, event))
        if not all(await _together([self._deliver_chat(chat) for chat in chats.values()])):
            await self._refuse_until_reconnected()

    async def _deliver_chat(self, messages: list[tuple[RawEvent, EngineEvent | None]]) -> bool:
        """Have the messages of a chat stored one after another, until one is not."""
        stored = True
        for raw, event in messages:
            if stored:
                stored = await self._store(raw, event)
            elif raw.seq is not None:
                self._link.acknowledge(raw.seq, stored=False)
        return stored

    async def _deliver(self, raw: RawEvent) -> None:
        event = engine_event(raw.name, raw.data)
        if event is None and raw.name not in KNOWN:
            self._log.info("unknown_event", name=raw.name)
        if not await self._store(raw, event) and raw.seq is not None:
            await self._refuse_until_reconnected()

    def _put_receipt(self, raw: RawEvent) -> None:
        self._receipts.append(raw)
        if self._receipts_task is None:
            self._receipts_task = asyncio.create_task(
                self._deliver_receipts(), name=f"whatsapp-receipts-{self._session_id}"
            )

    async def _deliver_receipts(self) -> None:
        """Have the handler store all receipts that wait, together, until there are none."""
        try:
            while self._receipts:
                some, self._receipts = self._receipts, []
                await _together([self._deliver_receipt(raw) for raw in some])
        finally:
            self._receipts_task = None

    async def _deliver_receipt(self, raw: RawEvent) -> None:
        if not await self._store(raw, engine_event(raw.name, raw.data)):
            self._refused = True
            self._arrived.set()

    async def _store(self, raw: RawEvent, event: EngineEvent | None) -> bool:
        """Have the handler store an event, where there is something to store, and answer it; False where it did not."""
        stored = await self._handle(event) if event is not None else True
        if raw.seq is not None:
            self._link.acknowledge(raw.seq, stored=stored)
        return stored

    async def _handle(self, event: EngineEvent) -> bool:
        """Run the handler; False where it raised."""
        started = time.monotonic()
        try:
            await self._handler(event)
        except Exception:  # noqa: BLE001 - whatever it was, the event is not stored
            self._log.exception("handler_failed", event_type=type(event).__name__)
            return False
        seconds = time.monotonic() - started
        if seconds > _SLOW_SECONDS:
            self._log.warning("handler_slow", event_type=type(event).__name__, seconds=round(seconds, 1))
        return True

    async def _refuse_until_reconnected(self) -> None:
        """Disconnect, so that WhatsApp delivers again from the event that was not stored, and say so."""
        try:
            await self._link.call(self._session_id, "disconnect", {}, timeout=10)
        except EngineError as error:
            self._log.warning("disconnect_failed", error=error.message)
        self._refused = False  # all that this connection brought is here
        waiting, self._queue = self._queue, deque()
        receipts, self._receipts = self._receipts, []
        for raw in (*waiting, *receipts):
            if raw.seq is None:
                self._queue.append(raw)
            else:
                self._link.acknowledge(raw.seq, stored=False)
        if not self._ending:
            await self._handle(Closed(NOT_STORED, "a message could not be stored; WhatsApp delivers it again"))


async def _together(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all of some work at the same time; one piece of it, which is what there mostly is, needs no task."""
    return [await works[0]] if len(works) == 1 else await asyncio.gather(*works)


def _chat(event: EngineEvent | None) -> str:
    """Return what messages of one conversation have in common: the chat's LID, as far as they tell it."""
    if not isinstance(event, Inbound):
        return ""
    chat, other = event.message.chat, event.message.chat_alt
    return other if other is not None and kind(other) is JidKind.LID else chat
