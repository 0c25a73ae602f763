"""One stream of everything that the page shows: the world around, and every contact's screen.

One, because browsers open no more than six connections to a server, and a page may be open in several tabs.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.control.contact_routes import HEARTBEAT_SECONDS, ContactRoutes, news

LOOK_SECONDS: Final = 0.3
"""Between two looks at the world around, which has no signal of its own."""

Json = dict[str, Any]
Event = tuple[str, Json]


class LiveRoute:
    """The route of the stream."""

    def __init__(self, book: ContactBook, contacts: ContactRoutes, around: Callable[[], Awaitable[Json]]) -> None:
        """Describe it.

        Args:
            book: Whose screens.
            contacts: Their routes.
            around: Returns what else the page shows.
        """
        self._book = book
        self._contacts = contacts
        self._around = around

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/live", self._live, allow_head=False)]

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """Stream all that the page shows, as events "world" and "screen" (of each contact); the first are the whole."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[Event] = asyncio.Queue()
        with suppress(ConnectionError):  # the page was closed
            looking = asyncio.create_task(self._look(queue), name="page-live")
            try:
                while not looking.done():
                    await response.write(await _next(queue))
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
        return response

    async def _look(self, queue: asyncio.Queue[Event]) -> None:
        """Put what changes into the queue, until cancelled."""
        shown: Json | None = None
        async with asyncio.TaskGroup() as screens:
            followed: set[Contact] = set()
            while True:
                around = await self._around()
                if around != shown:
                    shown = around
                    queue.put_nowait(("world", around))
                for contact in self._book:
                    if contact not in followed:
                        followed.add(contact)
                        screens.create_task(self._follow(contact, queue))
                await asyncio.sleep(LOOK_SECONDS)

    async def _follow(self, contact: Contact, queue: asyncio.Queue[Event]) -> None:
        timeline, after, first = self._contacts.timeline(contact), 0, True
        while True:
            if first or await news(contact, timeline, after, HEARTBEAT_SECONDS):
                screen, first = timeline.since(after), False
                after = screen["cursor"]
                queue.put_nowait(("screen", {"number": contact.number, **screen}))


async def _next(queue: asyncio.Queue[Event]) -> bytes:
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            name, data = await queue.get()
    except TimeoutError:
        return b": still here\n\n"
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
