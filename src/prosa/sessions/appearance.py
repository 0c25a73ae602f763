"""Numbers show as online while a person looks at their conversations, and not a moment longer.

WhatsApp tells a linked device who types only while it says that it is online, and a device that is always online is a
lie to contacts and keeps the phone from ringing. So it follows who watches (`{"type": "watching"}` of the WebSocket).
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from typing import TypeAlias

from prosa.database.outage import OutageLog
from prosa.events.bus import Bus, Word, cancel
from prosa.sessions.facts import Connections, Numbers
from prosa.whatsapp.engine import EngineError

WATCH_SECONDS = 90.0
"""How long a number stays online after the last word that somebody watches; the console says it every 40 s."""
LOOK_SECONDS = 10.0
_CALL_SECONDS = 5.0

_Watch: TypeAlias = tuple[uuid.UUID, frozenset[str] | None]
"""Whose numbers are watched, and which of them; None: all."""


class Appearance:
    """Shows the numbers of this process as online or not."""

    def __init__(
        self, bus: Bus, connections: Connections, numbers: Numbers, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Make it; it hears who watches from now on.

        Args:
            bus: Tells who watches.
            connections: Where numbers that are online are found.
            numbers: Where their owners and settings are looked up.
            monotonic: A clock, in seconds.
        """
        self._connections = connections
        self._numbers = numbers
        self._monotonic = monotonic
        self._shown: dict[str, bool] = {}
        self._watched: dict[_Watch, float] = {}
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        bus.hear("watching", self._watching)

    async def start(self) -> None:
        """Start following."""
        self._task = asyncio.create_task(self._follow(), name="session-appearance")

    async def stop(self) -> None:
        """Stop following."""
        await cancel(self._task)

    def opened(self, session_id: str) -> None:
        """Take note of a number that came online: WhatsApp does not show it as online yet."""
        self._shown[session_id] = False
        if self._watched:
            self._look.set()

    def _watching(self, word: Word) -> None:
        numbers = word.get("sessions")
        watch = (uuid.UUID(word["user_id"]), None if numbers is None else frozenset(numbers))
        news = watch not in self._watched
        self._watched[watch] = self._monotonic() + WATCH_SECONDS
        if news:
            self._look.set()

    async def _follow(self) -> None:
        outages = OutageLog("showing numbers as online")
        while True:
            # while nobody watches there is nothing to end
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self._watched else None):
                    await self._look.wait()
            self._look.clear()
            try:
                await self.look()
                outages.worked()
            except Exception as error:  # noqa: BLE001 - logged, and tried again at the next look
                outages.failed(error)

    async def look(self) -> None:
        """Show every number as it should be shown now. What WhatsApp refuses is tried again at the next look."""
        now = self._monotonic()
        ended = {watch for watch, until in self._watched.items() if until <= now}
        watched = self._watched.keys() - ended
        for session_id, shown in list(self._shown.items()):
            connection = self._connections.connection(session_id)
            if connection is None:
                self._shown.pop(session_id, None)
                continue
            with contextlib.suppress(EngineError, TimeoutError):
                wanted = await self._wanted(session_id, watched) if watched else False
                if wanted != shown:
                    async with asyncio.timeout(_CALL_SECONDS):
                        await connection.set_presence(available=wanted)
                    if session_id in self._shown:
                        self._shown[session_id] = wanted
        for watch in ended:
            if self._watched.get(watch, now) <= now:
                self._watched.pop(watch, None)

    async def _wanted(self, session_id: str, watched: set[_Watch]) -> bool:
        facts = await self._numbers.get(session_id)
        if facts is None or not facts.settings.sending.show_online:
            return False
        return any(owner == facts.user_id and (of is None or session_id in of) for owner, of in watched)
