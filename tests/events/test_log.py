"""The log misses nothing, also when transactions commit in another order than they numbered their events."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from prosa.clock import utc_now
from prosa.database import Database, WriteDb
from prosa.events import log
from prosa.events.log import NewEvent, Position
from prosa.events.types import SessionStatusPayload
from prosa.ids import new_id
from prosa.users.models import User


async def owner(database: Database) -> uuid.UUID:
    now = utc_now()
    user = User(id=new_id(), email=f"{new_id()}@example.com", role="owner", created_at=now, updated_at=now)
    async with database.write() as db:
        db.orm.add(user)
    return user.id


def status(user_id: uuid.UUID, text: str) -> NewEvent:
    return NewEvent(user_id, "s1", SessionStatusPayload(status=text))


async def seen(database: Database, after: Position) -> tuple[list[str], Position]:
    async with database.read() as db:
        events = await log.read_after(db, after)
    return [event.payload["status"] for event in events], events[-1].position if events else after


async def test_events_come_in_order_and_once(database: Database) -> None:
    user = await owner(database)
    for n in range(5):
        async with database.write() as db:
            await log.append(db, status(user, f"{n}a"), status(user, f"{n}b"))
    names, end = await seen(database, Position(0, 0))
    assert names == [f"{n}{x}" for n in range(5) for x in "ab"]
    assert await seen(database, end) == ([], end)
    async with database.read() as db:
        assert await log.end(db) == end
        assert await log.oldest(db) is not None


@pytest.mark.postgres
async def test_a_reader_never_passes_a_transaction_that_is_still_open(postgres_database: Database) -> None:
    database = postgres_database
    user = await owner(database)
    first_wrote, second_done = asyncio.Event(), asyncio.Event()

    async def slow(db: WriteDb) -> None:
        await log.append(db, status(user, "slow"))
        await db.flush()  # takes the lower number
        first_wrote.set()
        await second_done.wait()

    async def run_slow() -> None:
        async with database.write() as db:
            await slow(db)

    task = asyncio.create_task(run_slow())
    await first_wrote.wait()
    async with database.write() as db:
        await log.append(db, status(user, "quick"))
    names, position = await seen(database, Position(0, 0))
    assert names == []  # "quick" is committed, but "slow" might still appear before it
    second_done.set()
    await task
    names, _ = await seen(database, position)
    assert sorted(names) == ["quick", "slow"]


@pytest.mark.postgres
async def test_nothing_is_missed_by_a_reader_beside_many_writers(postgres_database: Database) -> None:
    database = postgres_database
    user = await owner(database)
    writing = True
    collected: list[str] = []

    async def read() -> None:
        position = Position(0, 0)
        while True:
            last_round = not writing
            names, position = await seen(database, position)
            collected.extend(names)
            if last_round and not names:
                return
            await asyncio.sleep(0.002)

    async def write(n: int) -> None:
        for m in range(10):
            async with database.write() as db:
                if m % 2:  # a transaction that has its number long before its event
                    await db.orm.get(User, user, with_for_update={"key_share": True})
                    await asyncio.sleep(0.003 * (n % 3))
                await log.append(db, status(user, f"{n}-{m}"))
                await asyncio.sleep(0.002 * ((n + m) % 4))

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(n) for n in range(8)))
    writing = False
    await reader
    assert sorted(collected) == sorted(f"{n}-{m}" for n in range(8) for m in range(10))


async def test_an_owner_reads_only_its_own(database: Database) -> None:
    mine, other = await owner(database), await owner(database)
    async with database.write() as db:
        await log.append(db, status(mine, "mine"), status(other, "other"))
    async with database.read() as db:
        events = await log.read_after(db, Position(0, 0), user_id=mine)
        assert [event.payload["status"] for event in events] == ["mine"]
        assert await log.count_after(db, Position(0, 0), user_id=mine, limit=10) == 1


async def test_old_events_are_forgotten(database: Database) -> None:
    user = await owner(database)
    async with database.write() as db:
        await log.append(db, status(user, "old"))
    async with database.write() as db:
        assert await log.prune(db, before=utc_now() - timedelta(hours=1)) == 0
        assert await log.prune(db, before=utc_now() + timedelta(seconds=1)) == 1
    assert (await seen(database, Position(0, 0)))[0] == []


async def test_old_events_are_forgotten_in_parts_the_oldest_first(database: Database) -> None:
    user = await owner(database)
    for n in range(5):
        async with database.write() as db:
            await log.append(db, status(user, str(n)))
    later = utc_now() + timedelta(seconds=1)
    async with database.write() as db:
        assert await log.prune(db, before=later, limit=2) == 2
    assert (await seen(database, Position(0, 0)))[0] == ["2", "3", "4"]
    async with database.write() as db:
        assert [await log.prune(db, before=later, limit=2) for _ in range(3)] == [2, 1, 0]
    assert (await seen(database, Position(0, 0)))[0] == []


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "a-b", "1-2-3", "²-1", "-1--1", "99999999999999999999-1"])
def test_a_bad_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="event id"):
        Position.parse(text)


def test_an_id_survives_a_round_trip() -> None:
    assert Position.parse(str(Position(12, 345))) == Position(12, 345)
