"""How connections to each database are made and set up."""

import random
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Engine, Pool, QueuePool, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from prosa.errors import ConfigurationError

BUSY_TIMEOUT_SECONDS = 15.0
POOL_TIMEOUT_SECONDS = 15.0
IDLE_SECONDS = 5.0
"""PostgreSQL rolls back a transaction of a process that has said nothing for so long: one that is frozen, or whose
machine is gone, would keep its rows locked, and nobody could take them over when its leases end."""


def sqlite_engine(url: URL, *, begin: str, size: int) -> AsyncEngine:
    """Return an engine whose statements run in threads of their own, one a connection."""
    engine = create_async_engine(url, **_sqlite_options(AsyncAdaptedQueuePool, size))
    _set_up(engine.sync_engine, begin)
    return engine


def sqlite_writer(url: URL) -> Engine:
    """Return an engine with the one connection that writes, used by one thread at a time.

    Its transactions are begun and ended by whoever has it, who also says how long it waits for another program's.
    """
    options = _sqlite_options(QueuePool, 1)
    options["connect_args"] = {**options["connect_args"], "check_same_thread": False}
    options["connect_args"]["cached_statements"] = 512  # groups have a text for each size (`prosa.database.bulk`)
    engine = create_engine(url.set(drivername="sqlite"), **options)
    _set_up(engine, None)
    return engine


def postgres_engine(url: URL, size: int, statement_seconds: float | None) -> AsyncEngine:
    """Return an engine on PostgreSQL, whose statements may take so long; None for no end."""
    settings = {"application_name": "prosa", "timezone": "UTC"}
    if statement_seconds is not None:
        settings["idle_in_transaction_session_timeout"] = str(round(IDLE_SECONDS * 1000))
    _take_only_lists_for_arrays()
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
            "server_settings": settings,
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


def _take_only_lists_for_arrays() -> None:
    """Let asyncpg take lists and tuples for arrays, and nothing else.

    It asks of each element whether that is an array, too (protocol/codecs/array.pyx of 0.32), by two abstract classes:
    some 170 elements of a turn, a twentieth of the turn's processor time. A type is asked in no time.
    """
    from asyncpg.protocol import protocol  # noqa: PLC0415 - not for SQLite

    protocol.IterableABC = protocol.SizedABC = (list, tuple)


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Take a connection; that a server cannot be reached is an `OperationalError`, as everywhere else."""
    opened = False
    try:
        async with engine.connect() as connection:
            opened = True
            yield connection
    except Exception as error:
        # asyncpg's failures to connect come as they are: refused, timed out, no such host, starting up.
        if opened or not (isinstance(error, OSError) or hasattr(error, "sqlstate")):
            raise
        raise OperationalError("connect", None, error) from error


def busy() -> OperationalError:
    """Return the error of one who waited for his turn to write in vain, as SQLite itself would raise it."""
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("BEGIN IMMEDIATE", None, locked)


def make_folder(folder: Path) -> None:
    """Make the directory of an SQLite database.

    Raises:
        ConfigurationError: It cannot be made.
    """
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


def _sqlite_options(pool: type[Pool], size: int) -> dict[str, Any]:
    return {
        "poolclass": pool,
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "connect_args": {"timeout": BUSY_TIMEOUT_SECONDS},
        "json_serializer": _dumps,
        "json_deserializer": _loads,
        "hide_parameters": True,  # an error's text goes to the log; what people wrote does not
    }


def _set_up(engine: Engine, begin: str | None) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions on its own: BEGIN is sent below (SQLAlchemy, "SQLite: Serializable
        # isolation / Savepoints / Transactional DDL").
        connection.isolation_level = None
        _make_private(engine.url.database)
        cursor = connection.cursor()
        _use_wal(cursor)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
            "wal_autocheckpoint=4000",  # pages: the same ones are written again and again, and copied back once
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql(begin)


def _make_private(file: str | None) -> None:
    """Let only this user read a database that is new: what people wrote is in it. SQLite's side files follow it."""
    path = Path(file) if file else None
    if path is not None and path.is_file() and path.stat().st_size == 0:
        path.chmod(0o600)


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
