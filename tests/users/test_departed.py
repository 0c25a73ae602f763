"""What was told to a person goes with them, whoever tells them something at the same moment."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from tests.fixtures.conversations import add_owner, add_session, events, inbound, receiver
from tests.fixtures.databases import on_postgres
from tests.fixtures.people import People

from prosa.auth.caller import Caller
from prosa.clock import utc_now
from prosa.database import Database, WriteDb
from prosa.events import log
from prosa.events.log import NewEvent, Position
from prosa.events.types import SessionStatusPayload
from prosa.users.service import COMMAND_LINE

RENAME = text("UPDATE whatsapp_sessions SET name = 'new' WHERE session_id = 'main'")


async def owners(database: Database) -> set[uuid.UUID]:
    """Return whose events are in the log."""
    return {event.user_id for event in await events(database)}


def told(owner: Caller) -> NewEvent:
    return NewEvent(owner.user_id, "main", SessionStatusPayload(status="open"))


async def waits(database: Database, task: asyncio.Task[None]) -> bool:
    """Return whether a task comes to wait for another transaction's lock before it ends."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while not task.done():
            async with database.read() as db:
                if (await db.execute(blocked)).scalar_one():
                    return True
            await asyncio.sleep(0.01)
    return False


async def deleted_beside(people: People, bob: Caller, change: Callable[[WriteDb], Awaitable[object]]) -> bool:
    """Delete a person while a transaction is open that has told them of a change; return whether it was waited for."""
    deleting: asyncio.Task[None] | None = None
    try:
        async with people.database.write() as db:
            await change(db)
            await log.append(db, told(bob))
            await db.flush()
            deleting = asyncio.create_task(people.users.delete(COMMAND_LINE, bob.user_id))
            waited = await waits(people.database, deleting)
        await deleting
    finally:
        if deleting is not None:
            deleting.cancel()
            with suppress(asyncio.CancelledError):
                await deleting
    return waited


async def test_a_deleted_persons_events_go_at_once_and_nobody_elses(people: People, tmp_path: Path) -> None:
    database = people.database
    ana, bob = await add_owner(database), await add_owner(database, "bob@example.com")
    for owner, number in ((ana, "ana"), (bob, "main")):
        session = await add_session(database, owner, number)
        await receiver(database, tmp_path).message(session, inbound("hello"))
    assert await owners(database) == {ana.user_id, bob.user_id}
    anas = [event for event in await events(database) if event.user_id == ana.user_id]
    await people.users.delete(COMMAND_LINE, bob.user_id)
    assert await events(database) == anas


@on_postgres
async def test_who_is_changing_what_is_theirs_is_waited_for_and_leaves_no_event(people: People) -> None:
    await add_owner(people.database)
    bob = await add_owner(people.database, "bob@example.com")
    await add_session(people.database, bob)
    assert await deleted_beside(people, bob, lambda db: db.execute(RENAME))
    assert await owners(people.database) == set()


@on_postgres
async def test_an_event_that_comes_too_late_is_nobodys_and_goes_with_its_age(people: People) -> None:
    database = people.database
    ana, bob = await add_owner(database), await add_owner(database, "bob@example.com")
    assert not await deleted_beside(people, bob, lambda db: log.append(db, told(ana)))
    assert await owners(database) == {ana.user_id, bob.user_id}
    async with database.read() as db:
        read = await log.read_after(db, Position(0, 0), user_id=ana.user_id)
        assert [event.user_id for event in read] == [ana.user_id]
    async with database.write() as db:
        assert await log.prune(db, before=utc_now() - timedelta(minutes=1)) == 0
        assert await log.prune(db, before=utc_now() + timedelta(seconds=1)) == 2
    assert await events(database) == []
