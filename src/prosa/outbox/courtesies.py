"""What WhatsApp is told beside messages: “typing…”, and that the contact was read. No answer waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import structlog

from prosa.sessions.facts import Connections, SessionFacts
from prosa.whatsapp.engine import Connection, EngineError

logger = structlog.get_logger("prosa.outbox")

TYPING_AFTER_SECONDS = 0.25
"""From the beginning of an answer. Nobody types at once, and an answer that is known already is there before."""
TYPING_SECONDS = 10.0
"""Between two “typing…”: phones stop showing it after about 25 s without a new one."""
COURTESY_SECONDS = 10.0
"""Longest wait for WhatsApp to take “typing…” or a read receipt."""

Courtesy: TypeAlias = Callable[[Connection], Awaitable[None]]


class Courtesies:
    """Tells WhatsApp what nobody waits for, over numbers that are online in this process."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()

    def typing(self, session: SessionFacts, contact: str) -> "Typing":
        """Return what shows “typing…” to a contact for as long as a `with` block takes."""
        return Typing(self, session, contact)

    def tell(self, session_id: str, courtesy: Courtesy) -> bool:
        """Tell WhatsApp something, where the number is online; return whether it is."""
        online = self._connections.connection(session_id) is not None
        if online:
            self.begin(self.told(session_id, courtesy))
        return online

    async def told(self, session_id: str, courtesy: Courtesy) -> None:
        """Tell WhatsApp something, as far as it takes it."""
        connection = self._connections.connection(session_id)
        if connection is None:
            return
        try:
            async with asyncio.timeout(COURTESY_SECONDS):
                await courtesy(connection)
        except (EngineError, TimeoutError) as error:
            logger.debug("WhatsApp did not take a courtesy", error=str(error))
        except Exception:
            logger.exception("a courtesy failed")

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside all else, until it is done or Prosa stops."""
        task = asyncio.create_task(work, name="courtesy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Drop what is still being told."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Typing:
    """“typing…” at a contact's phone while a block runs, if that takes long enough for somebody to begin."""

    def __init__(self, courtesies: Courtesies, session: SessionFacts, contact: str) -> None:
        self._courtesies = courtesies
        self._session = session
        self._contact = contact
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self._session.settings.show_typing:
            self._timer = asyncio.get_running_loop().call_later(TYPING_AFTER_SECONDS, self._begin)

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def end(self) -> None:
        """Let the phone stop showing it, where it shows it."""
        if self._task is not None:
            self._courtesies.tell(
                self._session.session_id, lambda number: number.send_typing(self._contact, typing=False)
            )

    def _begin(self) -> None:
        self._task = self._courtesies.begin(self._keep())

    async def _keep(self) -> None:
        while True:
            await self._courtesies.told(
                self._session.session_id, lambda number: number.send_typing(self._contact, typing=True)
            )
            await asyncio.sleep(TYPING_SECONDS)
