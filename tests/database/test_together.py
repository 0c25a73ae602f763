"""Jobs side by side in one transaction: one statement for all of them, and each works as if it were alone."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from asyncpg.protocol import protocol
from sqlalchemy import bindparam, func, select, text, update
from tests.fixtures.databases import watched

from prosa.clock import utc_now
from prosa.conversations.held import TABLE, create, hold, hold_all, save
from prosa.conversations.hot import MESSAGES, index_message, insert_message, message_values
from prosa.conversations.identity import Address, address
from prosa.database import Database, WriteDb
from prosa.database.bulk import LARGEST_PART, SMALL_PART, parts
from prosa.database.engine import Place
from prosa.database.prepared import Prepared
from prosa.events import log
from prosa.events.log import NewEvent, Position
from prosa.events.types import AiSkippedPayload
from prosa.ids import new_id
from prosa.sessions.models import WhatsAppSession
from prosa.users.models import User

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
Job = Callable[[WriteDb], Awaitable[Any]]


@pytest.fixture
async def owner(database: Database) -> uuid.UUID:
    owner = new_id()
    async with database.write() as db:
        db.orm.add(User(id=owner, email="a@example.com", role="owner"))
        await db.orm.flush()
        db.orm.add(
            WhatsAppSession(id=new_id(), session_id="shop", user_id=owner, status="closed", settings={}, extra={})
        )
    return owner


def who(n: int) -> Address:
    return address(f"5511{n:09}@s.whatsapp.net", None)


def says(n: int, wa_id: str, owner: uuid.UUID, *, fails: bool = False) -> Job:
    """Store a message as the receiver does: hold or make the conversation, add a row, count it, tell of it."""

    async def job(db: WriteDb) -> tuple[uuid.UUID, int | None]:
        found = await hold_all(db, "shop", who(n))
        held = found[0] if found else await create(db, "shop", who(n), at=AT, name=f"Olá {n}")
        if held is None:
            [held] = await hold_all(db, "shop", who(n))
        values = message_values(
            id_=new_id(), conversation_id=held.id, session_id="shop", seq=held.last_seq + 1, wa_id=wa_id, from_me=False,
            author="contact", sender_jid=held.contact_jid, sender_name=None, type_="text", body=f"Bom dia {wa_id}",
            status="received", created_at=AT, stored_at=AT, media={"size": n},
        )  # fmt: skip
        if not await insert_message(db, values):
            return held.id, None
        await index_message(db, values["id"], "text", values["body"], None)
        held.last_seq = values["seq"]
        held.version += 1
        held.unread_count += 1
        await save(db, held)
        await log.append(db, NewEvent(owner, "shop", AiSkippedPayload(conversation_id=held.id, reason=wa_id)))
        if fails:
            raise ValueError(wa_id)
        return held.id, values["seq"]

    return job


async def together(database: Database, *jobs: Job) -> list[Any]:
    return await asyncio.gather(*(database.submit(job, place=Place.TOGETHER) for job in jobs), return_exceptions=True)


async def stored(database: Database) -> dict[str, tuple[int, int, int]]:
    """Return what each conversation says of itself, and how many messages it has."""
    counted = select(func.count()).where(MESSAGES.c.conversation_id == TABLE.c.id).scalar_subquery()
    async with database.read() as db:
        rows: Any = await db.execute(select(TABLE.c.contact_jid, TABLE.c.last_seq, TABLE.c.unread_count, counted))
        return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def test_jobs_side_by_side_share_their_statements(database: Database, owner: uuid.UUID) -> None:
    await together(database, *(says(n, f"a{n}", owner) for n in range(70)))
    with watched(database) as seen:
        results = await together(database, *(says(n, f"b{n}", owner) for n in range(70)))
    assert [seq for _, seq in results] == [2] * 70
    assert len({key for key, _ in results}) == 70
    # some are alone in the first group, and SQLite takes 70 rows in parts of 64 and 6
    assert 0 < len(seen) <= 40
    assert await stored(database) == {who(n).jid: (2, 2, 2) for n in range(70)}
    async with database.read() as db:
        columns = MESSAGES.c.body, MESSAGES.c.media, MESSAGES.c.created_at
        rows: Any = (await db.execute(select(*columns))).all()
        events = await log.read_after(db, Position(0, 0), limit=500)
        words = (await db.execute(text("SELECT count(*) FROM message_search"))).scalar_one()
    assert {(body, media["size"], at) for body, media, at in rows} == {
        (f"Bom dia {round_}{n}", n, AT) for n in range(70) for round_ in "ab"
    }
    assert (len(events), words) == (140, 140)


async def test_jobs_about_one_conversation_go_one_after_another(database: Database, owner: uuid.UUID) -> None:
    results = await together(database, *(says(n % 2, f"m{n}", owner) for n in range(20)))
    assert [seq for _, seq in results] == [n // 2 + 1 for n in range(20)]
    assert await stored(database) == {who(n).jid: (10, 10, 10) for n in range(2)}


async def test_a_message_that_comes_twice_in_one_group_is_one(database: Database, owner: uuid.UUID) -> None:
    results = await together(database, *(says(n % 3, f"m{n % 6}", owner) for n in range(12)))
    assert sorted(seq is None for _, seq in results) == [False] * 6 + [True] * 6
    assert await stored(database) == {who(n).jid: (2, 2, 2) for n in range(3)}


async def test_one_that_fails_takes_nothing_from_the_others(database: Database, owner: uuid.UUID) -> None:
    jobs = [says(n, f"m{n}", owner, fails=n in {3, 7}) for n in range(10)]
    results = await together(database, *jobs)
    assert [n for n, result in enumerate(results) if isinstance(result, ValueError)] == [3, 7]
    assert await stored(database) == {who(n).jid: (1, 1, 1) for n in range(10) if n not in {3, 7}}


async def test_a_statement_for_all_that_fails_is_tried_for_each(database: Database, owner: uuid.UUID) -> None:
    def usage_of_nobody(n: int) -> Job:
        async def job(db: WriteDb) -> None:
            nobody = NewEvent(new_id(), "shop", AiSkippedPayload(conversation_id=new_id(), reason="none"))
            await says(n, f"m{n}", owner)(db)
            values = message_values(
                id_=new_id(), conversation_id=new_id(), session_id="shop", seq=1, wa_id="x", from_me=False,
                author="contact", sender_jid="x", sender_name=None, type_="text", body="", status="received",
                created_at=AT, stored_at=AT,
            )  # fmt: skip
            await insert_message(db, values)  # no such conversation
            await log.append(db, nobody)

        return job

    jobs = [usage_of_nobody(n) if n == 4 else says(n, f"m{n}", owner) for n in range(8)]
    results = await together(database, *jobs)
    assert [n for n, result in enumerate(results) if isinstance(result, Exception)] == [4]
    assert await stored(database) == {who(n).jid: (1, 1, 1) for n in range(8) if n != 4}


async def test_jobs_that_wait_for_each_other_run_one_after_another(database: Database, owner: uuid.UUID) -> None:
    [(a, _), (b, _)] = await together(database, says(0, "m0", owner), says(1, "m1", owner))

    def both(first: uuid.UUID, second: uuid.UUID) -> Job:
        async def job(db: WriteDb) -> int:
            for key in (first, second):
                held = await hold(db, key)
                assert held is not None
                held.unread_count += 1
                await save(db, held)
            return 1

        return job

    lone = database.submit(says(2, "m2", owner))  # keeps the writer busy, so that the others share a group
    results = await asyncio.gather(lone, together(database, *(both(a, b) if n % 2 else both(b, a) for n in range(6))))
    assert results[1] == [1] * 6
    assert {key: row[1] for key, row in (await stored(database)).items()} == {
        who(0).jid: 7, who(1).jid: 7, who(2).jid: 1,
    }  # fmt: skip


@pytest.mark.parametrize("found_by", ["id", "address"])
@pytest.mark.parametrize("seldom", [False, True])
async def test_each_of_a_group_sees_what_those_before_it_changed(
    database: Database, owner: uuid.UUID, found_by: str, *, seldom: bool
) -> None:
    """Also where no constraint would tell that it worked on a conversation as it was: counts would be lost."""
    [(key, _)] = await together(database, says(0, "m0", owner))

    def counts(n: int) -> Job:
        async def job(db: WriteDb) -> None:
            held = await hold(db, key) if found_by == "id" else (await hold_all(db, "shop", who(0)))[0]
            assert held is not None
            held.unread_count += 1
            if seldom:  # then it is written at once
                held.contact_name = f"name {n}"
            await save(db, held)

        return job

    lone = database.submit(says(1, "m1", owner))  # keeps the writer busy, so that the others share a group
    await asyncio.gather(lone, together(database, *(counts(n) for n in range(6))))
    assert (await stored(database))[who(0).jid][1] == 7


async def test_what_is_put_last_finds_what_its_group_stores(database: Database, owner: uuid.UUID) -> None:
    async def count(db: WriteDb) -> int:
        return int((await db.execute(select(func.count()).select_from(MESSAGES))).scalar_one())

    lone = database.submit(says(9, "first", owner))
    last = database.submit(count, place=Place.CLAIM)
    _, found, *_ = await asyncio.gather(lone, last, *(database.submit(says(n, f"m{n}", owner)) for n in range(5)))
    assert found == 6


async def test_a_row_changed_twice_in_one_group_keeps_the_last_change(database: Database, owner: uuid.UUID) -> None:
    [(key, _), *_] = await together(database, says(0, "m0", owner), says(1, "m1", owner))

    async def twice(db: WriteDb) -> None:
        held = await hold(db, key)
        assert held is not None
        for count in (5, 6):
            held.unread_count = count
            await save(db, held)

    lone = database.submit(says(2, "m2", owner))
    await asyncio.gather(lone, together(database, twice, says(1, "m3", owner)))
    assert (await stored(database))[who(0).jid][1] == 6


async def test_statements_outside_the_hot_path_mix_with_those_of_it(database: Database, owner: uuid.UUID) -> None:
    def renames(n: int) -> Job:
        async def job(db: WriteDb) -> Any:
            result = await says(n, f"r{n}", owner)(db)
            await db.execute(
                update(TABLE).where(TABLE.c.id == result[0]).values(contact_name="R", updated_at=utc_now())
            )
            return result

        return job

    results = await together(database, *(renames(n) if n % 2 else says(n, f"m{n}", owner) for n in range(9)))
    assert [seq for _, seq in results] == [1] * 9
    assert await stored(database) == {who(n).jid: (1, 1, 1) for n in range(9)}
    async with database.read() as db:
        names = set((await db.execute(select(TABLE.c.contact_name))).scalars())
    assert names == {"R", *(f"Olá {n}" for n in range(0, 9, 2))}


def test_rows_go_in_few_kinds_of_parts() -> None:
    for count in range(1, 200):
        begin = 0
        for at, size in parts(count):
            assert at == begin
            begin += size
            assert size <= SMALL_PART or size in {16, 32, LARGEST_PART}
        assert begin == count
    assert parts(7) == [(0, 7)]
    assert parts(64 + 32 + 11) == [(0, 64), (64, 32), (96, 8), (104, 3)]


async def test_what_is_put_off_is_one_statement_on_postgresql(database: Database, owner: uuid.UUID) -> None:
    await together(database, says(0, "m0", owner))
    with watched(database) as seen:
        [(key, _)] = await together(database, says(0, "m1", owner))
    written = [text for text, _ in seen if "INSERT INTO events" in text]
    assert len(written) == 1
    in_it = [f"INTO {table}" for table in ("message_search", "events")] + ["UPDATE conversations"]
    assert all(part in written[0] for part in in_it) is (database.dialect == "postgresql")
    assert await stored(database) == {who(0).jid: (2, 2, 2)}
    async with database.read() as db:
        events = await log.read_after(db, Position(0, 0), limit=500)
    assert [event.payload["conversation_id"] for event in events] == [str(key)] * 2


async def test_two_changes_of_one_row_are_both_made(database: Database, owner: uuid.UUID) -> None:
    [(key, _)] = await together(database, says(0, "m0", owner))
    table = TABLE.update().where(TABLE.c.id == bindparam("row_id"))
    renamed = Prepared(table.values(contact_name=bindparam("name")), bulk=True, each=("row_id", "id"))
    read = Prepared(table.values(unread_count=bindparam("count")), bulk=True, each=("row_id", "id"))

    async def job(db: WriteDb) -> None:
        db.later(renamed, {"row_id": key, "name": "Ana"})
        db.later(read, {"row_id": key, "count": 7})
        await log.append(db, NewEvent(owner, "shop", AiSkippedPayload(conversation_id=key, reason="r")))

    await database.submit(job)
    async with database.read() as db:
        row: Any = (await db.execute(select(TABLE.c.contact_name, TABLE.c.unread_count))).one()
    assert tuple(row) == ("Ana", 7)


async def test_two_jobs_that_change_one_row_by_the_same_statement_are_both_made(
    database: Database, owner: uuid.UUID
) -> None:
    [(key, _)] = await together(database, says(0, "m0", owner))
    read = TABLE.c.unread_count
    more = TABLE.update().where(TABLE.c.id == bindparam("row_id")).values(unread_count=read + bindparam("by"))
    counted = Prepared(more.returning(TABLE.c.id, read), bulk=True, each=("row_id", "id"))

    def adds(by: int) -> Job:
        async def job(db: WriteDb) -> int:
            [row] = await db.fetch(counted, {"row_id": key, "by": by})
            return int(row.unread_count)

        return job

    lone = database.submit(says(1, "m1", owner))  # keeps the writer busy, so that the others share a group
    _, results = await asyncio.gather(lone, together(database, adds(10), adds(100)))
    assert results == [11, 111]


async def test_elements_of_an_array_are_not_asked_whether_they_are_arrays(postgres_database: Database) -> None:
    """Should asyncpg no longer ask by these names, what Prosa does about it is of no use any more."""
    await postgres_database.ping()
    source = files("asyncpg.protocol.codecs").joinpath("array.pyx").read_text(encoding="utf-8")
    assert "isinstance(obj, IterableABC)" in source
    assert "isinstance(obj, SizedABC)" in source
    assert protocol.IterableABC == protocol.SizedABC == (list, tuple)
