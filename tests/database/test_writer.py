"""Group commit: jobs share transactions and never each other's failures."""

import asyncio
import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from tests.fixtures.databases import watched

from prosa.clock import utc_now
from prosa.database import Database, ReadDb, WriteDb
from prosa.database.engine import Place
from prosa.database.groups import Committed, SqliteGroups, Work
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


async def test_what_follows_a_commit_and_fails_neither_undoes_nor_repeats_anything(database: Database) -> None:
    followed: list[str] = []

    def follow(email: str) -> Callable[[WriteDb], Awaitable[None]]:
        async def job(db: WriteDb) -> None:
            await add_user(email)(db)
            db.then(lambda: followed.append(email))
            if email == "bad@example.com":
                db.then(lambda: followed.append(str(1 / 0)))

        return job

    addresses = ["a@example.com", "bad@example.com", "z@example.com"]
    await asyncio.gather(*(database.submit(follow(email)) for email in addresses))
    async with database.write() as db:
        await follow("own@example.com")(db)
    assert followed == [*addresses, "own@example.com"]
    assert await emails(database) == {*addresses, "own@example.com"}


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


async def test_only_claims_are_not_waited_for_until_they_are_on_the_disk(database: Database) -> None:
    """A claim that a power cut undoes was never made; anything else that was said to be stored is."""
    ask, flushed = ("PRAGMA synchronous", 2) if database.dialect == "sqlite" else ("SHOW synchronous_commit", "on")

    async def how(db: WriteDb) -> object:
        return (await db.execute(text(ask))).scalar_one()

    async def wait_for_the_disk(db: WriteDb) -> None:
        if db.dialect == "postgresql":  # the tests' own server does not, for speed
            await db.execute(text("SET synchronous_commit TO on"))

    await database.submit(wait_for_the_disk)
    for place, waits in ((Place.ALONE, True), (Place.CLAIM, False), (Place.TOGETHER, True), (Place.ALONE, True)):
        assert (await database.submit(how, place=place) == flushed) is waits
    both = await asyncio.gather(database.submit(how, place=Place.CLAIM), database.submit(how, place=Place.TOGETHER))
    assert list(both) == [flushed] * 2


async def test_foreign_keys_hold_on_both_databases(database: Database) -> None:
    async with database.read() as db:
        assert (await db.execute(select(func.count()).select_from(User))).scalar_one() == 0
    if database.dialect == "sqlite":
        async with database.read() as db:
            assert (await db.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1
            assert (await db.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"


SMALL = (Place.TOGETHER, Place.CLAIM)


def note_thread(place: Place, threads: dict[Place, int]) -> Callable[[WriteDb], Awaitable[None]]:
    async def job(db: WriteDb) -> None:
        await db.execute(text("SELECT 1"))
        threads[place] = threading.get_ident()

    return job


async def test_sqlite_runs_small_jobs_on_the_event_loop_and_all_others_in_a_thread(sqlite_database: Database) -> None:
    await sqlite_database.submit(add_user("first@example.com"))  # opens the connection
    threads: dict[Place, int] = {}
    here = threading.get_ident()
    for place in SMALL:
        await sqlite_database.submit(note_thread(place, threads), place=place)
        assert threads.pop(place) == here
    await asyncio.gather(*(sqlite_database.submit(note_thread(place, threads), place=place) for place in Place))
    assert here not in threads.values(), "one that may be large takes its whole group into the thread"


async def test_sqlite_is_kept_from_other_programs_from_a_transactions_beginning(sqlite_database: Database) -> None:
    """One that first reads and then finds that another program wrote could only fail."""
    async with sqlite_database.write() as db:
        await db.execute(select(User.email))
        other = sqlite3.connect(str(sqlite_database.url.database), timeout=0)
        with contextlib.closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        await add_user("mine@example.com")(db)


async def test_a_new_sqlite_database_is_its_users_alone_and_an_old_one_keeps_its_rights(
    sqlite_database: Database, tmp_path: Path
) -> None:
    made = Database(sqlite_database.url.set(database=str(tmp_path / "new.sqlite3")))
    await made.submit(_table)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("new.sqlite3*")} == {0o600}  # noqa: ASYNC240
    await made.close()
    (tmp_path / "new.sqlite3").chmod(0o640)
    again = Database(made.url)
    await again.ping()
    assert (tmp_path / "new.sqlite3").stat().st_mode & 0o777 == 0o640
    await again.close()


async def _table(db: WriteDb) -> None:
    await db.execute(text("CREATE TABLE words (word TEXT)"))


@pytest.mark.parametrize("place", SMALL)
async def test_sqlite_that_another_program_writes_to_holds_up_no_event_loop(
    sqlite_database: Database, place: Place
) -> None:
    await sqlite_database.submit(add_user("first@example.com"))
    with contextlib.closing(sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(sqlite_database.submit(add_user("patient@example.com"), place=place))
        for _ in range(30):  # the loop goes round, and the job waits
            await asyncio.sleep(0.01)
            assert not waiting.done()
        other.execute("COMMIT")
    await waiting
    assert "patient@example.com" in await emails(sqlite_database)


async def test_sqlite_keeps_nothing_of_small_jobs_whose_commit_fails(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_database.submit(add_user("first@example.com"))
    run, failing = SqliteGroups._statement, True

    def statement(groups: SqliteGroups, sql: str) -> None:
        if sql == "COMMIT" and failing:
            raise DBAPIError(sql, None, sqlite3.OperationalError("disk I/O error"))
        run(groups, sql)

    monkeypatch.setattr(SqliteGroups, "_statement", statement)
    with pytest.raises(DBAPIError):
        await sqlite_database.submit(add_user("lost@example.com"), place=Place.TOGETHER)
    failing = False
    await sqlite_database.submit(add_user("kept@example.com"), place=Place.TOGETHER)
    assert await emails(sqlite_database) == {"first@example.com", "kept@example.com"}


async def test_who_waited_goes_on_before_the_next_group_begins(database: Database) -> None:
    order: list[str] = []

    async def first() -> None:
        await database.submit(add_user("one@example.com"), place=Place.TOGETHER)
        # what is said in answer, such as an acknowledgement, leaves a round of the loop later
        asyncio.get_running_loop().call_soon(order.append, "said")

    async def second(db: WriteDb) -> None:
        await add_user("two@example.com")(db)
        order.append("next group")

    async def later() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first group has begun
        assert not database._writer._waiting
        await database.submit(second, place=Place.TOGETHER)

    await asyncio.gather(first(), later())
    assert order == ["said", "next group"]


@pytest.mark.postgres
async def test_groups_find_rows_by_their_keys_before_the_database_knows_its_tables(postgres_database: Database) -> None:
    """A plan made while a table is empty is kept, and would read all of it once it is large."""

    async def plan(db: WriteDb | ReadDb) -> str:
        await db.execute(text("SET LOCAL plan_cache_mode TO force_generic_plan"))
        of_keys = "SELECT body FROM unnest($1) AS keys (id) JOIN messages ON messages.id = keys.id"
        await db.execute(text(f"PREPARE of_keys (uuid[]) AS {of_keys}"))
        rows = list(await db.execute(text("EXPLAIN EXECUTE of_keys ('{}')")))
        await db.execute(text("DEALLOCATE of_keys"))
        return "\n".join(row[0] for row in rows)

    async with postgres_database.read() as db:  # where all is left to the database
        assert "Seq Scan" in await plan(db)
    assert "Index Scan using pk_messages" in await postgres_database.submit(plan)


@pytest.mark.postgres
async def test_a_job_that_gives_way_in_a_deadlock_is_run_again(postgres_database: Database) -> None:
    first, second = [
        await postgres_database.submit(add_user(email)) for email in ("first@example.com", "second@example.com")
    ]
    begun, runs = asyncio.Event(), 0

    async def lock(db: WriteDb, user_id: uuid.UUID) -> None:
        await db.execute(select(User.id).where(User.id == user_id).with_for_update())

    async def job(db: WriteDb) -> str:
        nonlocal runs
        runs += 1
        await db.execute(text("SET LOCAL deadlock_timeout = '300ms'"))
        await lock(db, second)
        begun.set()
        await lock(db, first)
        return "done"

    async with postgres_database.write() as db:
        await db.execute(text("SET LOCAL deadlock_timeout = '60s'"))  # so it is the job that gives way
        await lock(db, first)
        submitted = asyncio.create_task(postgres_database.submit(job))
        await begun.wait()
        await lock(db, second)
    assert await submitted == "done"
    assert runs >= 2  # more where it asks again before the other, which was waiting, has taken the lock


def unconfirmed(database: Database, monkeypatch: pytest.MonkeyPatch, *, least: int) -> None:
    """Let the confirmation of the next commit of at least so many jobs be lost; the commit itself is made."""
    groups = database._writer._groups
    run, lost = groups.run, False

    async def losing(jobs: Sequence[Work]) -> Committed:
        nonlocal lost
        done = await run(jobs)
        if not lost and len(jobs) >= least:
            lost = True
            raise OperationalError("COMMIT", None, ConnectionResetError())
        return done

    monkeypatch.setattr(groups, "run", losing)


async def test_a_job_that_may_be_committed_is_not_run_again_unasked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed(database, monkeypatch, least=1)
    runs = 0

    async def job(db: WriteDb) -> None:
        nonlocal runs
        runs += 1
        await add_user("once@example.com")(db)

    with pytest.raises(OperationalError):
        await database.submit(job)
    assert runs == 1, "whoever asked for it knows whether it may be done twice"
    assert await emails(database) == {"once@example.com"}


async def test_jobs_whose_common_commit_fails_get_a_try_and_an_error_each(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed(database, monkeypatch, least=2)

    async def idempotent(db: WriteDb) -> str:
        found = (await db.execute(select(User.email))).scalars().all()
        if "twice@example.com" not in found:
            await add_user("twice@example.com")(db)
        return "done"

    results = await asyncio.gather(
        database.submit(idempotent), database.submit(add_user("taken@example.com")), return_exceptions=True
    )
    assert results[0] == "done"
    assert isinstance(results[1], DBAPIError), "it was committed, and its second run finds itself"
    assert await emails(database) == {"twice@example.com", "taken@example.com"}
