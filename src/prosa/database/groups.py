"""Running a group of jobs in one transaction, on each database in the way that costs least there."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from prosa.database import connect
from prosa.database.connect import connected
from prosa.database.drivers import AsyncpgDriver, SqliteDriver, Watch, fail, fail_sqlite
from prosa.database.outage import Outage, outage_of
from prosa.database.together import GroupFailedError, Job, JobFailedError, run_together
from prosa.database.transactions import WriteDb

T = TypeVar("T")

LOOK_SECONDS = 0.001
"""Between two looks whether another process has ended its transaction on SQLite: a fraction of what one takes."""


class Place(IntEnum):
    """When a job of a group runs."""

    ALONE = 0
    """In its turn, while no other one does."""
    TOGETHER = 1
    """Side by side with others (`prosa.database.together`)."""
    CLAIM = 2
    """After all others, in its turn: what they store, it finds.

    A commit of claims alone is not waited for until it is on the disk. It is atomic and in order all the same; should
    the power fail within that moment, the claim was never made, and the work is claimed again as when a lease ends.
    """


@dataclass(frozen=True, slots=True)
class Work:
    """A job, and when it runs."""

    job: Job
    place: Place = Place.ALONE


@dataclass(frozen=True, slots=True)
class Committed:
    """A group that is committed: what each job returned, whom to wake, and what to call."""

    results: list[Any]
    wakes: set[str]
    calls: list[Callable[[], None]]


class NotBegunError(Exception):
    """No transaction could be opened; `__cause__` says why."""


class Groups(Protocol):
    """Runs groups, one at a time."""

    async def run(self, jobs: Sequence[Work]) -> Committed:
        """Run jobs in one transaction.

        Raises:
            JobFailedError: A job raised.
            GroupFailedError: Jobs could not be run side by side.
            NotBegunError: No transaction could be opened.
            Exception: The transaction itself failed.
        """

    async def close(self) -> None:
        """Let go of everything."""


class SqliteGroups:
    """Writes on one connection.

    Small jobs run on the event loop itself, and only their commit, which waits for the disk, in a thread: a thread that
    runs Python beside a busy event loop waits up to 5 ms for the interpreter's lock after each statement (measured: a
    group took three times its processor time). All others, which may be large, run in the thread as a whole.

    Other processes may write, too. Whoever finds another at it looks again a moment later, from the event loop:
    SQLite's own wait would hold that up, and looks ever less often, so that who waits long loses to who has just come.
    """

    def __init__(self, engine: Engine, turn: asyncio.Lock, watch: Callable[[], Watch | None]) -> None:
        """Make it; nothing is opened yet.

        Args:
            engine: Of the writing connection, which begins no transaction by itself.
            turn: Held by whoever in this process writes.
            watch: Gives who is told of statements.
        """
        self._engine = engine
        self._turn = turn
        self._watch = watch
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-writer")
        self._connection: Connection | None = None
        self._flushed = True
        """Whether its commits are on the disk when they are done, as connections are set up."""

    async def run(self, jobs: Sequence[Work]) -> Committed:
        """Run jobs in one transaction."""
        async with self._turn:
            try:
                await self._begin(flushed=not _only_claims(jobs))
                if any(work.place is Place.ALONE for work in jobs):
                    return await self._in_thread(self._work_and_commit, jobs)
                done = self._work(jobs)
                await self._in_thread(self._statement, "COMMIT")
            except (JobFailedError, GroupFailedError):
                self._undo()
                raise
            except BaseException:
                self._disconnect()  # whatever it was, the next group begins afresh
                raise
            return done

    async def close(self) -> None:
        """End the thread and close the connection."""
        self._thread.shutdown(wait=False)  # nothing runs in it any more
        await asyncio.to_thread(self._disconnect)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _work_and_commit(self, jobs: Sequence[Work]) -> Committed:
        done = self._work(jobs)
        self._statement("COMMIT")
        return done

    def _work(self, jobs: Sequence[Work]) -> Committed:
        """Run the jobs; return what is to be told once they are committed."""
        db = WriteDb(SqliteDriver(cast("Connection", self._connection), self._watch()))
        results = without_loop(_run_jobs(db, jobs))
        return Committed(results, db.wakes, db.calls)

    async def _begin(self, *, flushed: bool) -> None:
        """Begin a transaction, as soon as nobody else has one.

        Args:
            flushed: Whether its commit is on the disk when it is done.

        Raises:
            NotBegunError: It could not be begun, or others wrote for all of `connect.BUSY_TIMEOUT_SECONDS`.
        """
        try:
            if self._connection is None:
                self._connection, self._flushed = await self._in_thread(self._engine.connect), True
                self._statement("PRAGMA busy_timeout=0")
            if flushed is not self._flushed:
                self._statement(f"PRAGMA synchronous={'FULL' if flushed else 'NORMAL'}")
                self._flushed = flushed
            self._tell("BEGIN IMMEDIATE")
            give_up = time.monotonic() + connect.BUSY_TIMEOUT_SECONDS
            while not self._begun(last=time.monotonic() >= give_up):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(LOOK_SECONDS)
        except Exception as error:
            raise NotBegunError from error

    def _begun(self, *, last: bool) -> bool:
        """Begin a transaction, where nobody else has one; return whether it is begun, or raise on the last try."""
        try:
            self._execute("BEGIN IMMEDIATE")
        except DBAPIError as error:
            if last or outage_of(error) is not Outage.BUSY:
                raise
            return False
        return True

    def _statement(self, sql: str) -> None:
        self._tell(sql)
        self._execute(sql)

    def _tell(self, sql: str) -> None:
        if (watch := self._watch()) is not None:
            watch(sql, ())

    def _execute(self, sql: str) -> None:
        connection = cast("Connection", self._connection)
        try:
            _raw(connection).execute(sql)
        except sqlite3.Error as error:
            fail_sqlite(connection.dialect, sql, error)

    def _undo(self) -> None:
        try:
            if _raw(cast("Connection", self._connection)).in_transaction:  # SQLite ends some itself, as on a full disk
                self._statement("ROLLBACK")
        except DBAPIError:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.invalidate()
            connection.close()
        self._engine.dispose()


def _raw(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


class PostgresGroups:
    """Runs jobs on a connection that is kept: taking one from the pool costs as much as a small transaction.

    Its statements find rows by their keys, and their plans are kept with it. PostgreSQL, which knows nothing of tables
    that were empty a moment ago, made plans that read a whole table for each group (measured: a third of its work, and
    more the more is stored), until it looked at them by itself a minute or two later. So here it is to use indexes,
    and not to compile plans whose cost it overrates because of that.
    """

    _SETTINGS = "SET enable_seqscan TO off; SET jit TO off"

    def __init__(self, engine: AsyncEngine, watch: Callable[[], Watch | None]) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")  # transactions are begun and ended here
        self._watch = watch
        self._connection: AsyncConnection | None = None
        self._kept = AsyncExitStack()

    async def run(self, jobs: Sequence[Work]) -> Committed:
        """Run jobs in one transaction."""
        watch = self._watch()
        connection, raw = await self._begin(flushed=not _only_claims(jobs))
        db = WriteDb(AsyncpgDriver(connection, raw, watch))
        try:
            results = await _run_jobs(db, jobs)
            await raw.execute("COMMIT")
        except BaseException as error:
            await self._undo(raw, error.__cause__ or error)
            if isinstance(error, Exception) and not isinstance(error, JobFailedError | GroupFailedError):
                fail(connection, raw, None, error)
            raise
        if watch is not None:
            watch("COMMIT", ())
        return Committed(results, db.wakes, db.calls)

    async def close(self) -> None:
        """Give the connection back to the pool, which must not be used any more: it has settings of its own."""
        self._connection = None
        await self._kept.aclose()

    async def _begin(self, *, flushed: bool) -> tuple[AsyncConnection, Any]:
        """Begin a transaction, on a new connection where the old one turns out to have been cut while it was idle."""
        reused = self._connection is not None
        try:
            if self._connection is None:
                self._connection = await self._kept.enter_async_context(connected(self._engine))
            connection = self._connection
            raw: Any = (await connection.get_raw_connection()).driver_connection
            try:
                if not reused:
                    await raw.execute(self._SETTINGS)
                await raw.execute("BEGIN" if flushed else "BEGIN; SET LOCAL synchronous_commit TO off")
            except Exception as error:  # noqa: BLE001 - raised as SQLAlchemy does
                fail(connection, raw, None, error)
        except Exception as error:
            await self._drop()
            if reused and isinstance(error, DBAPIError) and error.connection_invalidated:
                return await self._begin(flushed=flushed)
            raise NotBegunError from error
        return connection, raw

    async def _undo(self, raw: Any, cause: BaseException) -> None:
        if outage_of(cause) is None:
            with suppress(Exception):
                await raw.execute("ROLLBACK")
                return
        await self._drop()  # another connection may lead to a server that works

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.invalidate()
        await self.close()


def _only_claims(jobs: Sequence[Work]) -> bool:
    return all(work.place is Place.CLAIM for work in jobs)


async def _run_jobs(db: WriteDb, jobs: Sequence[Work]) -> list[Any]:
    results: list[Any] = [None] * len(jobs)
    order = sorted(range(len(jobs)), key=lambda place: jobs[place].place is Place.CLAIM)
    for together, some in groupby(order, key=lambda place: jobs[place].place is Place.TOGETHER):
        places = list(some)
        if together and len(places) > 1:
            try:
                found = await run_together(db, [jobs[place].job for place in places])
            except JobFailedError as failure:
                raise JobFailedError(places[failure.place]) from failure.__cause__
            for place, result in zip(places, found, strict=True):
                results[place] = result
            continue
        for place in places:
            try:
                results[place] = await jobs[place].job(db)
            except Exception as error:
                raise JobFailedError(place) from error
    await db.flush()
    return results


def without_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, with or without an event loop.

    Raises:
        RuntimeError: It waits for something: a job touches nothing but its database.
    """
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a submitted job waited for something else than its database")
