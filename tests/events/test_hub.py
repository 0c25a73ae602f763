"""Who listens gets what happened since, whoever comes and goes beside them, and whatever the database does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from tests.events.test_log import owner, status

from prosa.database import Database, ReadDb
from prosa.events import hub as hub_module
from prosa.events import log
from prosa.events.bus import Bus
from prosa.events.hub import EventHub, Subscriber
from prosa.events.log import LoggedEvent, NewEvent


@pytest.fixture
async def hub(database: Database, bus: Bus) -> AsyncIterator[EventHub]:
    hub = EventHub(database, bus, retention=timedelta(hours=1))
    yield hub
    await hub.stop()


async def happen(database: Database, *events: NewEvent) -> None:
    async with database.write() as db:
        await log.append(db, *events)


async def told(subscriber: Subscriber) -> str:
    event = await asyncio.wait_for(subscriber.next(), 5)
    assert isinstance(event, LoggedEvent)
    return str(event.payload["status"])


async def test_one_who_comes_takes_nothing_from_those_who_listen(database: Database, hub: EventHub) -> None:
    user = await owner(database)
    first = await hub.subscribe(user)
    await happen(database, status(user, "before the second came"))
    second = await hub.subscribe(user)
    await hub.start()
    await happen(database, status(user, "after"))
    assert [await told(first), await told(first)] == ["before the second came", "after"]
    while await told(second) != "after":  # what it knows from its replay is passed over there
        pass


async def test_what_happened_while_nobody_listened_is_not_pushed(database: Database, hub: EventHub) -> None:
    user = await owner(database)
    hub.unsubscribe(await hub.subscribe(user))
    await happen(database, *(status(user, "while nobody listened") for _ in range(hub_module.MAX_WAITING + 1)))
    late = await hub.subscribe(user)
    await hub.start()
    await happen(database, status(user, "now"))
    assert await told(late) == "now", "or it would be cut off as too slow"


async def test_an_outage_of_the_database_costs_no_event(
    database: Database, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POLL_SECONDS", 0.05)
    user = await owner(database)
    listening = await hub.subscribe(user)
    read_after, tries = log.read_after, 0

    async def away(db: ReadDb, *arguments: object, **more: object) -> object:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise OperationalError("SELECT", None, ConnectionResetError())
        return await read_after(db, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "read_after", away)
    await happen(database, status(user, "one"), status(user, "two"))
    await hub.start()
    assert [await told(listening), await told(listening)] == ["one", "two"]
    assert tries > 2
