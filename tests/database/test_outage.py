"""The database locked, full, read-only, frozen, stopped: each is an outage, and it works afterwards."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tests.fixtures.databases import watched
from tests.fixtures.servers import PostgresServer

from prosa.database import Database, WriteDb, connect, engine, writer
from prosa.database.outage import Outage, OutageLog, in_words, is_outage, outage_of, patiently


async def insert(db: WriteDb) -> None:
    await db.execute(text("INSERT INTO notes (body) VALUES (:body)"), {"body": "x" * 2000})


async def why(work: Callable[[], Awaitable[object]]) -> Outage | None:
    with pytest.raises(Exception) as caught:
        await work()
    return outage_of(caught.value)


async def count(db: WriteDb) -> None:
    await db.execute(text("SELECT count(*) FROM users"))


@asynccontextmanager
async def notes(url: URL, **options: float) -> AsyncIterator[Database]:
    """A database with one table and one row."""
    database = Database(url, pool_size=2, **options)  # type: ignore[arg-type]
    try:
        async with database.write() as db:
            await db.execute(text("CREATE TABLE IF NOT EXISTS notes (body TEXT)"))
        yield database
    finally:
        await database.close()


async def works(database: Database) -> bool:
    await database.submit(insert)
    await database.ping()
    return database.unwritable is None


@pytest.fixture
async def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_SECONDS", 0.2)
    async with notes(URL.create("sqlite+aiosqlite", database=str(tmp_path / "notes.sqlite3"))) as database:
        yield database


async def pragma(database: Database, statement: str) -> None:
    async def set_it(db: WriteDb) -> None:
        await db.execute(text(f"PRAGMA {statement}"))

    await database.submit(set_it)


async def test_sqlite_locked_by_another_program_fails_all_who_wait_after_one_wait(
    local: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begins() -> int:
        return len([statement for statement, _ in seen if statement.startswith("BEGIN")])

    monkeypatch.setattr(writer, "MAX_GROUP", 10)
    with closing(sqlite3.connect(str(local.url.database))) as other, watched(local) as seen:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(local.submit(insert) for _ in range(100)), return_exceptions=True)
        assert {outage_of(result) for result in results if isinstance(result, Exception)} == {Outage.BUSY}
        assert len([result for result in results if isinstance(result, Exception)]) == 100
        assert begins() == 1, "who waits for the same lock does not wait one after another"
        assert local.unwritable is Outage.BUSY
        monkeypatch.setattr(engine, "POOL_TIMEOUT_SECONDS", 0.3)

        async def write() -> None:
            async with local.write() as db:
                await insert(db)

        results = await asyncio.gather(*(write() for _ in range(10)), return_exceptions=True)
        assert {outage_of(result) for result in results if isinstance(result, Exception)} == {Outage.BUSY}
        assert begins() < 5, "nor do they take turns in waiting"
        await local.ping()
        other.rollback()
    assert await works(local)


async def test_health_also_tells_of_a_transaction_that_shares_nothing(local: Database) -> None:
    async def write() -> None:
        async with local.write() as db:
            await insert(db)

    with closing(sqlite3.connect(str(local.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await why(write) is Outage.BUSY
        assert local.unwritable is Outage.BUSY
        other.rollback()
    await write()
    assert local.unwritable is None


async def test_sqlite_full_keeps_nothing_of_a_job_and_works_once_there_is_space(
    local: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pragma(local, "max_page_count=4")
    results = await asyncio.gather(*(local.submit(insert) for _ in range(20)), return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    assert failures
    assert {outage_of(failure) for failure in failures} == {Outage.FULL}
    async with local.read() as db:
        rows = (await db.execute(text("SELECT count(*) FROM notes"))).scalar_one()
    assert rows == 20 - len(failures), "each job is there whole or not at all"
    assert local.unwritable is Outage.FULL
    await pragma(local, "max_page_count=100000")
    await local.submit(insert)
    assert local.unwritable is Outage.FULL, "one write that finds room does not show that there is space again"
    monkeypatch.setattr(local, "_full_until", 0.0)
    assert await works(local)


async def test_sqlite_that_may_not_be_written_and_a_bug(local: Database) -> None:
    await pragma(local, "query_only=1")
    assert await why(lambda: local.submit(insert)) is Outage.READ_ONLY
    await pragma(local, "query_only=0")

    async def bug(db: WriteDb) -> None:
        await db.execute(text("SELECT * FROM nowhere"))

    assert await why(lambda: local.submit(bug)) is None, "a mistake of ours does not pass by itself"
    assert await works(local)


@pytest.mark.postgres
async def test_every_way_for_postgres_to_be_away(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "IDLE_SECONDS", 1.0)
    async with notes(own_postgres.url, statement_seconds=0.5) as database:

        async def cut(db: WriteDb) -> None:
            await insert(db)
            await db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        assert await why(lambda: database.submit(cut)) is Outage.AWAY
        assert database.unwritable is Outage.AWAY
        assert await works(database)

        async def free_rows() -> int:
            async with database.write() as db:
                return len((await db.execute(text("SELECT 1 FROM notes FOR UPDATE SKIP LOCKED"))).all())

        async def frozen_inside_a_transaction() -> None:
            async with database.write() as db:
                await db.execute(text("UPDATE notes SET body = 'mine'"))
                assert await free_rows() == 0
                async with asyncio.timeout(20):
                    while not await free_rows():  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                await insert(db)

        assert await why(frozen_inside_a_transaction) is Outage.AWAY
        assert await works(database)

        # As after a failover: the server that is connected to is a standby now.
        async with database.write() as db:
            await db.execute(text("ALTER DATABASE postgres SET default_transaction_read_only = on"))
        async with database.read() as reading:
            await reading.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )
        await database._write_engine.dispose()
        assert await why(lambda: database.submit(insert)) is Outage.READ_ONLY
        await database.ping()
        async with database._write_engine.connect() as connection:
            await connection.execute(text("SET TRANSACTION READ WRITE"))
            await connection.execute(text("ALTER DATABASE postgres RESET default_transaction_read_only"))
            await connection.commit()
        await database._write_engine.dispose()
        assert await works(database)

        own_postgres.freeze()
        try:
            results = await asyncio.gather(*(database.submit(insert) for _ in range(20)), return_exceptions=True)
            assert all(is_outage(result) for result in results if isinstance(result, Exception))
            assert all(isinstance(result, Exception) for result in results)
        finally:
            own_postgres.thaw()
        assert await works(database)

        own_postgres.stop()
        assert await why(database.ping) is Outage.AWAY
        assert await why(lambda: database.submit(insert)) is Outage.AWAY
        own_postgres.start()
        assert await works(database)


@pytest.mark.postgres
async def test_connections_that_were_cut_while_they_were_idle_cost_nobody_an_error(
    postgres_database: Database, postgres_database_url: URL
) -> None:
    async with postgres_database.read(), postgres_database.read():  # two of them are kept
        await postgres_database.submit(count)
    admin = Database(postgres_database_url, pool_size=1)
    async with admin.read() as db:
        mine = text("pid <> pg_backend_pid() AND datname = current_database()")
        await db.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
    await admin.close()
    await postgres_database.ping()
    await postgres_database.submit(count)


def test_errors_that_are_no_outage() -> None:
    for error in (ValueError("x"), OSError("x"), IntegrityError("x", {}, Exception("taken")), FileNotFoundError()):
        assert not is_outage(error)
    assert outage_of(PoolTimeoutError("all in use")) is Outage.AWAY
    full = DBAPIError("x", {}, type("Pg", (Exception,), {"sqlstate": "53100"})())
    assert outage_of(full) is Outage.FULL


@pytest.mark.parametrize(
    ("code", "outage"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, Outage.AWAY),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Outage.BUSY),
        (sqlite3.SQLITE_READONLY_DBMOVED, Outage.READ_ONLY),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, None),
    ],
)
def test_sqlite_says_more_than_the_kind_of_an_error(code: int, outage: Outage | None) -> None:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    assert outage_of(DBAPIError.instance("COMMIT", None, error, sqlite3.Error)) is outage


def test_every_outage_says_what_it_is_and_what_to_do() -> None:
    words = [in_words(outage) for outage in Outage]
    assert len({detail for detail, _ in words}) == len(Outage)
    assert all(part.endswith(".") for pair in words for part in pair)


async def test_patience_ends_with_its_waits_and_with_any_other_error() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    failures: list[Exception] = [ConnectionRefusedError(), TimeoutError()]

    async def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert await patiently(work, waits=(1, 2, 3), sleep=sleep, what="test") == "done"
    assert slept == [1, 2]
    failures[:] = [ConnectionRefusedError()] * 3
    with pytest.raises(ConnectionRefusedError):
        await patiently(work, waits=(1, 2), sleep=sleep, what="test")
    failures[:] = [ValueError("a bug")]
    with pytest.raises(ValueError, match="a bug"):
        await patiently(work, waits=(1, 2), sleep=sleep, what="test")


def test_a_loop_that_cannot_go_on_says_so_once() -> None:
    import structlog

    log = OutageLog("turns")
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            log.failed(ConnectionRefusedError())
        log.worked()
        log.worked()
        log.failed(ValueError("a bug"))
    assert [line["event"] for line in lines] == ["database_away", "database_back", "failed"]
