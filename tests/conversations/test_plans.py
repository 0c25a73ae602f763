"""The statements that every message costs find their rows by index, however much there is."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.fixtures.conversations import CONTACT, CONTACT_LID, add_owner, add_session, inbound, messages, receiver
from tests.fixtures.databases import watched

from prosa.clock import utc_now
from prosa.conversations.models import Author
from prosa.conversations.queries import reactions_to
from prosa.database import Database
from prosa.events import log
from prosa.events.log import Position
from prosa.outbox import claims
from prosa.outbox.content import OutboundText
from prosa.outbox.queue import enqueue
from prosa.whatsapp.engine import MessageType, ReceiptType, ReceiptUpdate


async def plans(database: Database, work: Callable[[], Awaitable[Any]]) -> list[str]:
    """Return how SQLite looks for rows in each statement of some work."""
    with watched(database) as found:
        await work()
    seen = [(sql, values) for sql, values in found if sql.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}]
    result = []
    async with database._write_engine.connect() as connection:
        for statement, parameters in seen:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))
            result += [str(row.detail) for row in rows]
    return result


@pytest.fixture
async def busy(sqlite_database: Database) -> Database:
    """A database whose statistics tempt the planner: one number, many conversations."""
    owner = await add_owner(sqlite_database)
    await add_session(sqlite_database, owner)
    async with sqlite_database.write() as db:
        await db.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                "INSERT INTO conversations (id, session_id, contact_jid, kind, created_at, updated_at, "
                "last_message_at) SELECT printf('%032x', i), 'main', i || '@s.whatsapp.net', 'contact', '2026-01-01', "
                "'2026-01-01', '2026-01-01' FROM n"
            )
        )
    return sqlite_database


def check(found: list[str]) -> None:
    assert found
    small = ("CONSTANT ROW", "(subquery", "VIRTUAL TABLE")  # such as the list that json_each makes of a parameter
    scans = [plan for plan in found if plan.startswith("SCAN") and not any(word in plan for word in small)]
    assert scans == []
    # An index on the number alone is a walk through all of its conversations.
    walks = [plan for plan in found if plan.startswith("SEARCH conversations") and plan.endswith("(session_id=?)")]
    assert walks == []


async def test_the_log_of_events(sqlite_database: Database) -> None:
    user, after = (await add_owner(sqlite_database)).user_id, Position(0, 1000)

    async def work() -> None:
        async with sqlite_database.write() as db:
            await log.read_after(db, after, user_id=user, limit=10)
            await log.read_after(db, after, limit=10)
            await log.count_after(db, after, user_id=user, limit=10)
            await log.end(db)
            await log.oldest(db)
            await log.prune(db, before=utc_now())

    found = [plan.replace("COVERING ", "") for plan in await plans(sqlite_database, work) if "SCAN anon" not in plan]
    of_one = "SEARCH events USING INDEX ix_events_user_id_txid_id (user_id=? AND txid=? AND id>?)"
    of_all = "SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"
    in_order = "SCAN events"  # from an end of the table, without sorting
    assert found == [of_one, of_all, "CO-ROUTINE anon_1", of_one, in_order, in_order, in_order]


async def test_storing(busy: Database, tmp_path: Path) -> None:
    owner_session = await add_session(busy, await add_owner(busy, "b@example.com"), "second")
    receive = receiver(busy, tmp_path)
    first = inbound(chat=CONTACT_LID, chat_alt=CONTACT)
    await receive.message(owner_session, first)

    async def work() -> None:
        await receive.message(owner_session, inbound("two"))
        await receive.message(owner_session, inbound("edited", edits=first.wa_id))
        await receive.message(owner_session, inbound("👍", type=MessageType.REACTION, reacts_to=first.wa_id))
        update = ReceiptUpdate(
            ReceiptType.READ, CONTACT, (first.wa_id,), first.timestamp, CONTACT, from_me=False, is_group=False
        )
        await receive.receipt(owner_session, update)

    found = await plans(busy, work)
    check(found)
    assert any("ix_messages_reactions" in plan for plan in found)


async def test_sending(busy: Database, tmp_path: Path) -> None:
    session = await add_session(busy, await add_owner(busy, "b@example.com"), "second")
    await receiver(busy, tmp_path).message(session, inbound())
    [row] = await messages(busy)

    async def work() -> None:
        async with busy.write() as db:
            await enqueue(db, row.conversation_id, author=Author.PERSON, content=OutboundText("hi"))
            what = claims.Taking(["second", "main"], cap=lambda _: 10, limit=10)
            taken = (await claims.take(db, what, owner="x", now=utc_now(), lease=timedelta(seconds=30))).messages
        assert len(taken) == 1

    found = await plans(busy, work)
    check(found)
    assert any("ix_messages_unsent" in plan for plan in found)
    assert any("ix_messages_due" in plan for plan in found)


async def test_reactions_of_a_page(busy: Database, tmp_path: Path) -> None:
    owner = await add_owner(busy, "b@example.com")
    session = await add_session(busy, owner, "second")
    receive = receiver(busy, tmp_path)
    for n in range(3):
        await receive.message(session, inbound(wa_id=f"M{n}"))
        await receive.message(session, inbound("👍", type=MessageType.REACTION, reacts_to=f"M{n}"))
    rows = await messages(busy)

    async def work() -> None:
        async with busy.read() as db:
            assert len(await reactions_to(db, owner, rows)) == 3

    found = await plans(busy, work)
    check(found)
    assert len([plan for plan in found if "ix_messages_reactions" in plan]) == 1
