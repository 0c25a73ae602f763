"""Connections and transactions on SQLite or PostgreSQL, behind one class.

SQLite has one writer at a time, so every write of this process goes through one connection (a queue, not a busy loop)
and reads go through others; other processes are waited for by SQLite's busy timeout.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson
import structlog
from sqlalchemy import URL, Executable, event, text
from sqlalchemy.engine import CursorResult, ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from prosa.database.outage import Outage, outage_of
from prosa.database.writer import GroupWriter
from prosa.errors import ConfigurationError

logger = structlog.get_logger("prosa.database")

T = TypeVar("T")
Params = dict[str, Any] | Sequence[dict[str, Any]] | None

BUSY_TIMEOUT_SECONDS = 15.0
POOL_TIMEOUT_SECONDS = 15.0
CLOSE_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
"""A server that does not answer a statement for so long counts as away: a network that swallows packets ends no
connection by itself, for a quarter of an hour and more."""


class ReadDb:
    """A connection for reading. `execute` is Core (the hot path), `orm` an ORM session on the same transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._orm: AsyncSession | None = None

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database this is."""
        return "sqlite" if self.connection.dialect.name == "sqlite" else "postgresql"

    @property
    def orm(self) -> AsyncSession:
        """An ORM session on this connection's transaction."""
        if self._orm is None:
            # rollback_only: the transaction (or a job's savepoint) around the session is not the session's to end
            self._orm = AsyncSession(
                bind=self.connection, expire_on_commit=False, join_transaction_mode="rollback_only"
            )
        return self._orm

    async def execute(self, statement: Executable, params: Params = None) -> CursorResult[Any]:
        """Run a Core statement."""
        return await self.connection.execute(statement, params)

    async def flush(self) -> None:
        """Send what the ORM session holds back."""
        if self._orm is not None:
            await self._orm.flush()

    async def aclose(self) -> None:
        """Let go of the ORM session."""
        if self._orm is not None:
            await self._orm.close()
            self._orm = None


class WriteDb(ReadDb):
    """A transaction that may write. Only services open one; it is short, and never open across a network call."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.wakes: set[str] = set()

    def wake(self, topic: str) -> None:
        """Wake the listeners of `topic` once this transaction is committed."""
        self.wakes.add(topic)


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
        self._unwritable: Outage | None = None
        if url.get_backend_name() == "sqlite":
            self.dialect: Literal["sqlite", "postgresql"] = "sqlite"
            if url.database:
                _make_folder(Path(url.database).parent)
            self._write_engine = _sqlite_engine(url, begin="BEGIN IMMEDIATE", size=1)
            self._read_engine = _sqlite_engine(url, begin="BEGIN", size=pool_size)
        else:
            self.dialect = "postgresql"
            self._write_engine = self._read_engine = _postgres_engine(url, pool_size, statement_seconds)
        self._writer = GroupWriter(self._transaction)

    @property
    def unwritable(self) -> Outage | None:
        """Why the last write did not work, where that was the database's fault; None where it worked."""
        return self._unwritable

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadDb]:
        """Open a read-only view of one moment (SQLite) or of each statement (PostgreSQL)."""
        async with _connected(self._read_engine) as connection:
            db = ReadDb(connection)
            try:
                yield db
            finally:
                await db.aclose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteDb]:
        """Open a transaction; committed at the end of the block, rolled back when the block raises."""
        async with self._transaction() as db:
            yield db

    async def submit(self, job: Callable[[WriteDb], Awaitable[T]]) -> T:
        """Run a small write in a transaction that it may share with others waiting at the same moment.

        Returns when the transaction is committed. The job touches nothing but its `WriteDb`, since it may be run again
        by itself after the shared transaction failed.

        Raises:
            Exception: Whatever the job raised; then nothing of it is kept.
        """
        return await self._writer.submit(job)

    async def ping(self) -> None:
        """Do the least that shows that the database can be read."""
        async with _connected(self._read_engine) as connection:
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

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[WriteDb]:
        try:
            async with _connected(self._write_engine) as connection:
                db = WriteDb(connection)
                try:
                    async with connection.begin():
                        yield db
                        await db.flush()
                finally:
                    await db.aclose()
        except Exception as error:
            self._unwritable = outage_of(error) or self._unwritable
            raise
        self._unwritable = None
        if db.wakes and self.on_wake is not None:
            self.on_wake(db.wakes)


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Take a connection; that a server cannot be reached is an `OperationalError`, as everywhere else."""
    connected = False
    try:
        async with engine.connect() as connection:
            connected = True
            yield connection
    except Exception as error:
        # asyncpg's failures to connect come as they are: refused, timed out, no such host, starting up.
        if connected or not (isinstance(error, OSError) or hasattr(error, "sqlstate")):
            raise
        raise OperationalError("connect", None, error) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The database's directory {folder} cannot be made: {error.strerror}.",
            remedy="Give this user the right to write there, or set PROSA_DATA_DIR or PROSA_DATABASE_URL.",
        ) from error


def _loads(raw: str | bytes) -> Any:
    return orjson.loads(raw)


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def _sqlite_engine(url: URL, *, begin: str, size: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        json_serializer=_dumps,
        json_deserializer=_loads,
        hide_parameters=True,  # an error's text goes to the log; what people wrote does not
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions on its own: BEGIN is sent below (SQLAlchemy, "SQLite: Serializable
        # isolation / Savepoints / Transactional DDL").
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _use_wal(cursor: Any) -> None:
    """Switch a database file to write-ahead logging, once in its life.

    Two connections that switch a new file at the same moment each hold a lock that the other waits for, and SQLite's
    busy timeout lets both wait in vain; so each tries briefly, and again.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT_SECONDS
    cursor.execute("PRAGMA busy_timeout=20")
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception as error:  # the adapted driver's OperationalError has no stable type of its own
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311
        else:
            break
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}")


def _postgres_engine(url: URL, size: int, statement_seconds: float | None) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=size,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        json_serializer=_dumps,
        json_deserializer=_loads,
        hide_parameters=True,
        connect_args={
            "server_settings": {"application_name": "prosa", "timezone": "UTC"},
            "timeout": 10,
            "command_timeout": statement_seconds,
        },
    )

    @event.listens_for(engine.sync_engine, "handle_error")
    def _name_timeouts(context: ExceptionContext) -> None:
        # The driver's own TimeoutError says neither of what nor whose it is.
        if isinstance(context.original_exception, TimeoutError):
            raise OperationalError(None, None, context.original_exception) from context.original_exception

    return engine
