"""Two Prosas on one PostgreSQL and one Redis: each number is held by one of them, and the other takes over."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from tests.fixtures.servers import RedisServer
from tests.flows.conftest import AT_ONCE

from prosa.database import Database
from prosa_simulator.contacts import Contact
from prosa_simulator.product import EventStream, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

NUMBERS = ("551140000001", "551140000002", "551140000003")
EMAIL, PASSWORD = "owner@example.com", "a long password"


@dataclass(slots=True)
class Pair:
    """Two processes, and the owner signed in at both."""

    world: World
    prosas: tuple[ProsaProcess, ProsaProcess]
    apis: tuple[ProsaClient, ProsaClient]
    events: tuple[EventStream, EventStream]
    database: Database

    async def link(self, session: str, number: str, *, at: int) -> None:
        """Link a number through one of the processes."""
        await self.apis[at].post("/sessions", {"session_id": session, "settings": AT_ONCE})
        await self.apis[at].post(f"/sessions/{session}/connect", {"method": "qr"})
        shown = await self.events[at].wait("session.qr", lambda event: event["session"] == session, seconds=40)
        await self.world.network.phone(number, "Shop").scan(shown["payload"]["qr"])
        await self.opened(session, at=at)

    async def opened(self, session: str, *, at: int, after: int = 0) -> None:
        """Wait until a number is online, by an event later than number `after` of those seen."""
        seen = self.events[at].events
        await self.events[at].wait(
            "session.status",
            lambda event: (
                event["session"] == session and event["payload"]["status"] == "open" and seen.index(event) >= after
            ),
            seconds=40,
        )

    async def holders(self) -> dict[str, str]:
        """Return who holds each number."""
        async with self.database.read() as db:
            rows = await db.execute(text("SELECT session_id, lease_owner FROM whatsapp_sessions"))
            return {row.session_id: row.lease_owner for row in rows}

    async def holder(self, session: str) -> int:
        """Return which of the processes holds a number.

        Raises:
            KeyError: Neither does.
        """
        owner = (await self.holders())[session] or ""
        return {str(prosa.pid): place for place, prosa in enumerate(self.prosas)}[process_of(owner)]


def process_of(owner: str) -> str:
    """Return the number of the process in the name of a lease's owner."""
    return owner.split(":")[1] if owner else ""


@pytest.fixture
async def pair(tmp_path: Path, postgres_database_url: URL, redis_server: RedisServer) -> AsyncIterator[Pair]:
    shared = {
        "PROSA_DATABASE_URL": postgres_database_url.set(drivername="postgresql").render_as_string(hide_password=False),
        "PROSA_REDIS_URL": redis_server.url,
        "PROSA_SECRET_KEY": secrets.token_urlsafe(32),
    }
    async with World(tmp_path / "world") as world:
        # data directories of their own, as on two machines: nothing but the two servers joins them
        prosas = world.prosa("first", settings=shared), world.prosa("second", settings=shared)
        await asyncio.gather(*(prosa.start() for prosa in prosas))
        async with ProsaClient(prosas[0].url) as first, ProsaClient(prosas[1].url) as second:
            await first.register(EMAIL, PASSWORD, "Owner")
            await second.login(EMAIL, PASSWORD)
            async with first.events() as here, second.events() as there:
                database = Database(postgres_database_url)
                yield Pair(world, prosas, (first, second), (here, there), database)
                await database.close()


def shown(contact: Contact) -> Counter[str]:
    return Counter(message.body for message in contact.received)


async def test_one_holds_a_number_and_both_serve_it(pair: Pair) -> None:
    await pair.link("shop", NUMBERS[0], at=0)
    holder = await pair.holder("shop")
    other = 1 - holder
    ana = await pair.world.contacts.link("5511988887777", name="Ana")
    await ana.send_text(NUMBERS[0], "hello")
    await ana.wait_for(lambda message: "hello" in message.body, 30)
    here, there = [
        await events.wait("message.received", lambda event: event["payload"]["body"] == "hello")
        for events in pair.events
    ]
    assert here == there
    # a person writes through the process that has no connection
    conversation = here["payload"]["conversation_id"]
    await pair.apis[other].post(f"/conversations/{conversation}/messages", {"text": "by hand"})
    await ana.wait_for("by hand", 30)
    sent = await pair.apis[holder].get(f"/conversations/{conversation}/messages", limit=10)
    assert sent["items"][0]["body"] == "by hand"
    # and the AI, paused by that, keeps quiet, whichever process claims the turn
    await ana.send_text(NUMBERS[0], "still there?")
    for events in pair.events:
        await events.wait("message.received", lambda event: event["payload"]["body"] == "still there?")
    await asyncio.sleep(2)
    assert shown(ana)["by hand"] == 1
    assert sum(shown(ana).values()) == 2
    # what is set through the other one holds for the next message
    await pair.apis[other].patch("/sessions/shop", {"settings": {"ai_enabled": False}})
    bia = await pair.world.contacts.link("5511988886666", name="Bia")
    await bia.send_text(NUMBERS[0], "anybody?")
    await pair.events[0].wait("message.received", lambda event: event["payload"]["body"] == "anybody?")
    await asyncio.sleep(2)
    assert not shown(bia)
    await pair.apis[other].patch("/sessions/shop", {"settings": {"ai_enabled": True}})
    await bia.send_text(NUMBERS[0], "and now?")
    await bia.wait_for(lambda message: "and now?" in message.body, 30)
    # a command to the other one reaches the connection
    stopped = await pair.apis[other].post("/sessions/shop/stop", {})
    assert stopped["status"] == "closed"
    assert (await pair.holders())["shop"] is None


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_the_other_takes_over(pair: Pair, how: str) -> None:
    pair.world.gemini.latency = 0.5
    for place, number in enumerate(NUMBERS):
        await pair.link(f"shop-{place}", number, at=place % 2)
    contacts = [await pair.world.contacts.link(f"55119888877{place:02}", name="Ana") for place in range(3)]
    for contact, number in zip(contacts, NUMBERS, strict=True):
        await contact.send_text(number, "before")
        await contact.wait_for(lambda message: "before" in message.body, 30)
    gone = await pair.holder("shop-0")
    left = 1 - gone
    before = len(pair.events[left].events)
    for contact, number in zip(contacts, NUMBERS, strict=True):
        await contact.send_text(number, "in the middle")
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await (pair.prosas[gone].stop() if how == "stop" else pair.prosas[gone].kill())
    for contact, number in zip(contacts, NUMBERS, strict=True):
        await contact.send_text(number, "after")
    for contact in contacts:
        await contact.wait_for(lambda message: "after" in message.body, 60)
    # a lease on a number lasts 15 s; what else was leased does not have to be waited for
    assert how == "kill" or time.monotonic() - began < 15
    assert {process_of(owner) for owner in (await pair.holders()).values()} == {str(pair.prosas[left].pid)}
    await asyncio.sleep(1)
    for contact in contacts:
        assert all(count == 1 for count in shown(contact).values()), shown(contact)
        assert sum(text.count("in the middle") for text in shown(contact)) == 1
    told = pair.events[left].events[before:]
    assert not any(event["event"] == "session.qr" for event in told)
