"""What a worker has to do next: what is reported of its connection, and what is asked of it, in the order it came."""

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from prosa.sessions.linker import LinkingItem
from prosa.sessions.repository import Asked
from prosa.whatsapp.engine import EngineError, EngineEvent


@dataclass(frozen=True, slots=True)
class Begin:
    """Do what the row asks for."""


@dataclass(frozen=True, slots=True)
class Look:
    """The row asks for something else now."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class Leave:
    """Unlink the number; `now`: without trying to get online first."""

    now: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The wait after a connection's end is over."""


_Request: TypeAlias = Begin | Look | Leave
Item: TypeAlias = EngineEvent | EngineError | LinkingItem | _Request | Retry


class Mailbox:
    """A queue that forgets what connections report that were given up."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[int, Item]] = asyncio.Queue()
        self._call = 0
        """Rises with every connection given up."""

    def post(self, item: Item) -> None:
        """Add something; all but a request is about the connection that there is now."""
        self._queue.put_nowait((self._call, item))

    def give_up(self) -> None:
        """Drop what the connection that there was reported, and still reports."""
        self._call += 1

    async def next(self) -> Item:
        """Wait for what comes next."""
        while True:
            call, item = await self._queue.get()
            if call == self._call or isinstance(item, _Request):
                return item
