"""Group commit: jobs share transactions and never each other's failures."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, insert, select, text
from tests.fixtures.databases import watched

from prosa.clock import utc_now
from prosa.database import Database, WriteDb
from prosa.events.bus import Bus
from prosa.ids import new_id
from prosa.users.models import User


def add_user(email: str) -> Callable[[WriteDb], Awaitable[uuid.UUID]]:
    async def job(db: WriteDb) -> uuid.UUID:
        user_id = new_id()
        now = utc_now()
        values = {"id": user_id, "email": email, "role": "owner", "created_at": now, "updated_at": now}
        await db.execute(insert(User), values)
        db.wake(email)
        return user_id

    return job


async def emails(database: Database) -> set[str]:
    async with database.read() as db:
        return set((await db.execute(select(User.email))).scalars())


async def test_jobs_that_wait_together_share_commits(database: Database) -> None:
    with watched(database) as seen:
        ids = await asyncio.gather(*(database.submit(add_user(f"{n}@example.com")) for n in range(40)))
    commits = [statement for statement, _ in seen].count("COMMIT")
    assert len(set(ids)) == 40
    assert len(await emails(database)) == 40
    assert 0 < commits <= 3


async def test_a_job_that_fails_takes_nothing_from_the_others(database: Database) -> None:
    async def broken(db: WriteDb) -> None:
        await add_user("lost@example.com")(db)
        raise ValueError("no")

    async def bad_sql(db: WriteDb) -> None:
        await db.execute(text("SELECT * FROM nowhere"))

    results = await asyncio.gather(
        database.submit(add_user("a@example.com")),
        database.submit(broken),
        database.submit(add_user("a@example.com")),  # the address is taken
        database.submit(bad_sql),
        database.submit(add_user("b@example.com")),
        return_exceptions=True,
    )
    assert [isinstance(result, Exception) for result in results] == [False, True, True, True, False]
    assert isinstance(results[1], ValueError)
    assert await emails(database) == {"a@example.com", "b@example.com"}


async def test_only_committed_work_wakes(database: Database, bus: Bus) -> None:
    async def broken(db: WriteDb) -> None:
        db.wake("broken")
        raise ValueError("no")

    async with bus.listen("ok@example.com") as ok, bus.listen("broken") as bad:
        await ok.wait(0)
        await bad.wait(0)
        await asyncio.gather(
            database.submit(add_user("ok@example.com")), database.submit(broken), return_exceptions=True
        )
        assert await ok.wait(1)
        assert not await bad.wait(0.01)


async def test_a_transaction_that_raises_keeps_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as db:
            await add_user("lost@example.com")(db)
            raise RuntimeError
    assert await emails(database) == set()


async def test_closing_finishes_what_waits(database: Database) -> None:
    waiting = [asyncio.create_task(database.submit(add_user(f"{n}@example.com"))) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*waiting)) == 5
    with pytest.raises(RuntimeError, match="closed"):
        await database.submit(add_user("late@example.com"))


async def test_a_cancelled_caller_does_not_stop_the_others(database: Database) -> None:
    tasks = [asyncio.create_task(database.submit(add_user(f"{n}@example.com"))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert sum(isinstance(result, uuid.UUID) for result in results) == 9


async def test_foreign_keys_hold_on_both_databases(database: Database) -> None:
    async with database.read() as db:
        assert (await db.execute(select(func.count()).select_from(User))).scalar_one() == 0
    if database.dialect == "sqlite":
        async with database.read() as db:
            assert (await db.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1
            assert (await db.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"
