"""A world with a Prosa in it, on each database, reached through its public API only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from prosa_simulator.contacts import Contact
from prosa_simulator.product import EventStream, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

SHOP = "551140000001"
ANA = "5511988887777"
AT_ONCE = {"debounce_seconds": 0, "sending": {"typing_ms_per_char": 0}}


@dataclass(slots=True)
class Stage:
    """A world, a Prosa, its owner signed in, and the owner's events."""

    world: World
    prosa: ProsaProcess
    api: ProsaClient
    events: EventStream

    async def link(self, session: str = "shop", number: str = SHOP, **settings: Any) -> None:
        """Link a number by QR code."""
        await self.api.post("/sessions", {"session_id": session, "settings": {**AT_ONCE, **settings}})
        await self.api.post(f"/sessions/{session}/connect", {"method": "qr"})
        shown = await self.events.wait("session.qr", lambda event: event["session"] == session)
        await self.world.network.phone(number, "Shop").scan(shown["payload"]["qr"])
        await self.opened(session)

    async def opened(self, session: str = "shop", *, after: int = 0) -> None:
        """Wait until a number is online, by an event later than number `after` of those seen."""
        await self.events.wait(
            "session.status",
            lambda event: (
                event["session"] == session
                and event["payload"]["status"] == "open"
                and self.events.events.index(event) >= after
            ),
            seconds=40,
        )

    async def messages(self, body: str) -> list[dict[str, Any]]:
        """Return the stored messages of the conversation in which `body` was received, oldest first."""
        received = await self.events.wait("message.received", lambda event: event["payload"]["body"] == body)
        page = await self.api.get(f"/conversations/{received['payload']['conversation_id']}/messages", limit=100)
        return list(reversed(page["items"]))

    async def ana(self) -> Contact:
        """Return a contact, linked."""
        return await self.world.contacts.link(ANA, name="Ana")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path / "world") as world:
        yield world


@pytest.fixture
async def stage(world: World, database_url: URL) -> AsyncIterator[Stage]:
    """Prosa as its own process, on SQLite and on PostgreSQL."""
    settings = {}
    if database_url.get_backend_name() == "postgresql":
        settings["PROSA_DATABASE_URL"] = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    prosa = world.prosa(settings=settings)
    await prosa.start()
    async with ProsaClient(prosa.url) as api:
        await api.register("owner@example.com", "a long password", "Owner")
        async with api.events() as events:
            yield Stage(world, prosa, api, events)
