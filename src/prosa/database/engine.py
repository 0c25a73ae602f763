"""The installation's database: transactions on SQLite or PostgreSQL, behind one class.

SQLite has one writer at a time, so the writes of this process take turns (a queue, not a busy loop) and reads go
through other connections. Other processes are waited for: by the queue with looks of its own (`SqliteGroups`), by
transactions of several steps with SQLite's busy timeout.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar

import structlog
from sqlalchemy import URL, text

from prosa.database.connect import (
    POOL_TIMEOUT_SECONDS,
    busy,
    connected,
    make_folder,
    postgres_engine,
    sqlite_engine,
    sqlite_writer,
)
from prosa.database.drivers import Params, SqlAlchemyDriver, Watch
from prosa.database.groups import Groups, Place, PostgresGroups, SqliteGroups
from prosa.database.outage import Outage, outage_of
from prosa.database.transactions import ReadDb, WriteDb
from prosa.database.writer import GroupWriter

__all__ = ["Database", "Params", "Place", "ReadDb", "WriteDb"]

logger = structlog.get_logger("prosa.database")

T = TypeVar("T")

CLOSE_SECONDS = 5.0
FULL_SECONDS = 60.0
STATEMENT_SECONDS = 60.0
"""A server that does not answer a statement for so long counts as away: a network that swallows packets ends no
connection by itself, for a quarter of an hour and more."""


class Database:
    """The installation's database."""

    def __init__(
        self,
        url: URL,
        *,
        pool_size: int = 10,
        on_wake: Callable[[set[str]], None] | None = None,
        statement_seconds: float | None = STATEMENT_SECONDS,
    ) -> None:
        """Make the engines; nothing is opened yet.

        Args:
            url: With an async driver.
            pool_size: Connections kept; twice as many at a peak (PostgreSQL), or readers (SQLite).
            on_wake: Called after a commit with the topics that the transaction named.
            statement_seconds: Longest wait for a statement on PostgreSQL; None for no end.

        Raises:
            ConfigurationError: The directory of an SQLite database cannot be made.
        """
        self.url = url
        self.on_wake = on_wake
        self.watch: Watch | None = None
        self._unwritable: Outage | None = None
        self._full_until = 0.0
        self._turn = asyncio.Lock()
        if url.get_backend_name() == "sqlite":
            self.dialect: Literal["sqlite", "postgresql"] = "sqlite"
            if url.database:
                make_folder(Path(url.database).parent)
            self._write_engine = sqlite_engine(url, begin="BEGIN IMMEDIATE", size=1)
            self._read_engine = sqlite_engine(url, begin="BEGIN", size=pool_size)
            writer = sqlite_writer(url)
            self.engines = [writer, self._write_engine.sync_engine, self._read_engine.sync_engine]
            groups: Groups = SqliteGroups(writer, self._turn, lambda: self.watch)
        else:
            self.dialect = "postgresql"
            self._write_engine = self._read_engine = postgres_engine(url, pool_size, statement_seconds)
            self.engines = [self._write_engine.sync_engine]
            groups = PostgresGroups(self._write_engine, lambda: self.watch)
        self._writer = GroupWriter(
            groups, on_commit=lambda done: self._committed(done.wakes, done.calls), on_failure=self._failed
        )

    @property
    def unwritable(self) -> Outage | None:
        """Why the last write did not work, where that was the database's fault; None where it worked.

        On a full disk small writes often find room where large ones do not; so it counts as full for a while.
        """
        return self._unwritable or (Outage.FULL if time.monotonic() < self._full_until else None)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadDb]:
        """Open a read-only view of one moment (SQLite) or of each statement (PostgreSQL)."""
        async with connected(self._read_engine) as connection:
            db = ReadDb(SqlAlchemyDriver(connection))
            try:
                yield db
            finally:
                await db.aclose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteDb]:
        """Open a transaction; committed at the end of the block, rolled back when the block raises."""
        if self.dialect == "postgresql":
            async with self._transaction() as db:
                yield db
            return
        try:
            async with asyncio.timeout(POOL_TIMEOUT_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise busy() from None
        try:
            async with self._transaction() as db:
                yield db
        finally:
            self._turn.release()

    async def submit(self, job: Callable[[WriteDb], Awaitable[T]], *, place: Place = Place.ALONE) -> T:
        """Run a small write in a transaction that it may share with others waiting at the same moment.

        Returns when the transaction is committed. The job touches nothing and waits for nothing but its `WriteDb`: it
        may be run in another thread, and again after the shared transaction failed.

        Args:
            job: What to do.
            place: When it runs, where it shares a transaction.

        Raises:
            Exception: Whatever the job raised; then nothing of it is kept.
        """
        return await self._writer.submit(job, place)

    async def ping(self) -> None:
        """Do the least that shows that the database can be read."""
        async with connected(self._read_engine) as connection:
            await connection.execute(text("SELECT 1"))

    async def touch(self) -> None:
        """Do the least that shows that the database can be written."""

        async def job(db: WriteDb) -> None:
            await db.execute(text("UPDATE alembic_version SET version_num = version_num"))

        await self.submit(job)

    async def close(self) -> None:
        """Finish waiting writes and close every connection; a server that does not answer is not waited for long."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.close()
                await self._write_engine.dispose()
                if self._read_engine is not self._write_engine:
                    await self._read_engine.dispose()
        except TimeoutError:
            logger.warning("the database did not close in time")

    def _committed(self, wakes: set[str], calls: Sequence[Callable[[], None]]) -> None:
        self._unwritable = None
        for call in calls:
            try:
                call()
            except Exception:
                logger.exception("what was to follow a commit failed")
        if wakes and self.on_wake is not None:
            self.on_wake(wakes)

    def _failed(self, error: BaseException) -> None:
        self._unwritable = outage_of(error) or self._unwritable
        if self._unwritable is Outage.FULL:
            self._full_until = time.monotonic() + FULL_SECONDS

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[WriteDb]:
        try:
            async with connected(self._write_engine) as connection:
                db = WriteDb(SqlAlchemyDriver(connection))
                try:
                    async with connection.begin():
                        yield db
                        await db.flush()
                finally:
                    await db.aclose()
        except Exception as error:
            self._failed(error)
            raise
        self._committed(db.wakes, db.calls)
