"""A WhatsApp in memory behind `WhatsAppEngine`: events go in by a call, and what is sent comes out by a callback.

As with the real engine, events of one number reach its handler one after another, each when the last one is stored.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prosa.whatsapp.engine import (
    Content,
    DeviceState,
    EngineEvent,
    EventHandler,
    MessageType,
    Opened,
    ResolvedUser,
    SendResult,
    Uploaded,
)

OnSend = Callable[[str, str, float], None]
"""Told of each message handed over to be sent: to whom, its id, and when (`time.perf_counter`)."""


class MemoryConnection:
    """A linked number that is online as soon as it connects."""

    def __init__(self, session_id: str, handler: EventHandler, jid: str, on_send: OnSend) -> None:
        self._session_id = session_id
        self._jid = jid
        self._on_send = on_send
        self._handler = handler
        self._events: asyncio.Queue[EngineEvent] = asyncio.Queue()
        self._task = asyncio.create_task(self._deliver(), name=f"memory-{session_id}")

    @property
    def session_id(self) -> str:
        return self._session_id

    @property
    def state(self) -> DeviceState:
        return DeviceState(linked=True, jid=self._jid, lid=None, push_name="Shop")

    def put(self, event: EngineEvent) -> None:
        """Let WhatsApp report something, after what it reported before."""
        self._events.put_nowait(event)

    async def connect(self) -> None:
        self.put(Opened(self._jid, None, "Shop"))

    async def send(self, to: str, wa_id: str, content: Content) -> SendResult:
        del content
        self._on_send(to, wa_id, time.perf_counter())
        await asyncio.sleep(0)  # as everything that leaves the process, it is not done at once
        return SendResult(timestamp=datetime.now(UTC), sender=self._jid)

    async def send_typing(self, to: str, *, typing: bool, recording: bool = False) -> None:
        del to, typing, recording

    async def mark_read(
        self, chat: str, wa_ids: Sequence[str], timestamp: datetime, *, sender: str | None = None
    ) -> None:
        del chat, wa_ids, timestamp, sender

    async def set_presence(self, *, available: bool) -> None:
        del available

    async def disconnect(self) -> None:
        """Nothing is to be cut."""

    async def close(self) -> None:
        if asyncio.current_task() is not self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def logout(self) -> None:
        raise NotImplementedError

    async def pair_with_code(self, phone: str) -> tuple[str, float]:
        raise NotImplementedError

    async def answer_passkey(self, assertion: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def confirm_passkey(self) -> None:
        raise NotImplementedError

    async def upload(self, path: Path, media_type: MessageType) -> Uploaded:
        raise NotImplementedError

    async def download(self, payload: Mapping[str, Any], path: Path) -> int:
        raise NotImplementedError

    async def resolve(self, phones: Sequence[str]) -> list[ResolvedUser]:
        raise NotImplementedError

    async def alternate(self, jid: str) -> str | None:
        del jid
        return None

    async def _deliver(self) -> None:
        while True:
            await self._handler(await self._events.get())


class MemoryEngine:
    """Hosts numbers that are linked already."""

    def __init__(self, media_dir: Path, on_send: OnSend) -> None:
        self._media_dir = media_dir
        self._on_send = on_send
        self.connections: dict[str, MemoryConnection] = {}
        self._opened = asyncio.Event()

    @property
    def media_dir(self) -> Path:
        return self._media_dir

    async def start(self) -> None:
        """Begin."""

    async def wait_online(self, count: int) -> None:
        """Wait until so many numbers are opened."""
        while len(self.connections) < count:
            self._opened.clear()
            await self._opened.wait()

    async def stop(self) -> None:
        """End."""
        await asyncio.gather(*(connection.close() for connection in self.connections.values()))

    async def open(
        self, session_id: str, handler: EventHandler, *, device_jid: str | None, device_name: str = "Prosa"
    ) -> MemoryConnection:
        """Open a number that is linked."""
        del device_name
        if device_jid is None:
            raise ValueError("only linked numbers can be opened here")
        connection = MemoryConnection(session_id, handler, device_jid, self._on_send)
        self.connections[session_id] = connection
        self._opened.set()
        return connection
