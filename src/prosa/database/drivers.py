"""Ways to run statements in an open transaction: through SQLAlchemy, or with the driver itself where that pays."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, cast

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from prosa.database.bulk import in_one, parts
from prosa.database.prepared import Compiled, Prepared, Values, apart

Params = dict[str, Any] | Sequence[dict[str, Any]] | None

Watch = Callable[[str, Sequence[Any]], None]
"""Told of every statement that the driver runs without SQLAlchemy, with the arguments of its first row; for tests."""


class Driver(Protocol):
    """Runs statements in an open transaction."""

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""

    async def execute(self, statement: Executable, params: Params) -> CursorResult[Any]:
        """Run a Core statement."""

    async def fetch(self, prepared: Prepared, values: Values) -> list[Any]:
        """Run a prepared statement; return its rows."""

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Values]) -> list[list[Any]]:
        """Run a prepared statement that is `bulk` for all of some values at once; return the rows of each."""

    async def run_all(self, statements: Sequence[tuple[Prepared, Sequence[Values]]]) -> None:
        """Run prepared statements, which return nothing, each for its rows, as if one after another."""


class SqlAlchemyDriver:
    """Everything through SQLAlchemy."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""
        return self.connection.dialect

    async def execute(self, statement: Executable, params: Params) -> CursorResult[Any]:
        """Run a Core statement."""
        return await self.connection.execute(statement, params)

    async def fetch(self, prepared: Prepared, values: Values) -> list[Any]:
        """Run a prepared statement; return its rows."""
        result = await self.connection.execute(prepared.statement(self.dialect), values)
        return list(result.all()) if result.returns_rows else []

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Values]) -> list[list[Any]]:
        """Run a prepared statement for each row."""
        return [await self.fetch(prepared, values) for values in rows]

    async def run_all(self, statements: Sequence[tuple[Prepared, Sequence[Values]]]) -> None:
        """Run prepared statements, each for its rows."""
        for prepared, rows in statements:
            await self.connection.execute(prepared.statement(self.dialect), rows)


class SqliteDriver:
    """SQLite in the caller's thread. Nothing here ever waits for the event loop, so `without_loop` can run it."""

    def __init__(self, connection: Connection, watch: Watch | None) -> None:
        self._connection = connection
        self._watch = watch
        self._raw = cast("sqlite3.Connection", connection.connection.driver_connection)

    @property
    def dialect(self) -> Dialect:
        """SQLite."""
        return self._connection.dialect

    async def execute(self, statement: Executable, params: Params) -> CursorResult[Any]:
        """Run a Core statement."""
        return self._connection.execute(statement, params)

    async def fetch(self, prepared: Prepared, values: Values) -> list[Any]:
        """Run a prepared statement; return its rows."""
        compiled = prepared.compiled(self.dialect, values)
        arguments = compiled.arguments(values)
        if self._watch is not None:
            self._watch(compiled.sql, arguments)
        try:
            return compiled.rows(self._raw.execute(compiled.sql, arguments).fetchall())
        except sqlite3.Error as error:
            fail_sqlite(self.dialect, compiled.sql, error)

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Values]) -> list[list[Any]]:
        """Run a prepared statement for all of some values, in a few statements."""
        compiled = prepared.compiled(self.dialect, rows[0])
        arguments = [compiled.arguments(row) for row in rows]
        if prepared.each is not None:
            return deal(rows, compiled.rows(self._in_parts(compiled, arguments)), *prepared.each)
        result: list[list[Any]] = []
        for begin, size in parts(len(arguments)):
            result += compiled.dealt(size, self._part(compiled, arguments[begin : begin + size]))
        return result

    async def run_all(self, statements: Sequence[tuple[Prepared, Sequence[Values]]]) -> None:
        """Run prepared statements, each for its rows."""
        for prepared, rows in statements:
            self._run_many(prepared, rows)

    def _run_many(self, prepared: Prepared, rows: Sequence[Values]) -> None:
        compiled, arguments = to_run(self.dialect, prepared, rows)
        if prepared.bulk and len(arguments) > 1:
            self._in_parts(compiled, arguments)
            return
        if self._watch is not None:
            self._watch(compiled.sql, arguments[0])
        try:
            self._raw.executemany(compiled.sql, arguments)
        except sqlite3.Error as error:
            fail_sqlite(self.dialect, compiled.sql, error)

    def _in_parts(self, compiled: Compiled, arguments: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        return [
            row
            for begin, size in parts(len(arguments))
            for row in self._part(compiled, arguments[begin : begin + size])
        ]

    def _part(self, compiled: Compiled, arguments: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        sql = compiled.repeated.sql(len(arguments))
        if self._watch is not None:
            self._watch(sql, arguments[0])
        try:
            return self._raw.execute(sql, compiled.repeated.values(arguments)).fetchall()
        except sqlite3.Error as error:
            fail_sqlite(self.dialect, sql, error)


class AsyncpgDriver:
    """PostgreSQL, prepared statements by asyncpg alone, all others by SQLAlchemy on the same connection."""

    def __init__(self, connection: AsyncConnection, raw: Any, watch: Watch | None) -> None:
        """Take a connection.

        Args:
            connection: In SQLAlchemy's AUTOCOMMIT: the transaction is the caller's.
            raw: The `asyncpg.Connection` beneath it.
            watch: Told of statements.
        """
        self.connection = connection
        self._raw = raw
        self._watch = watch

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL."""
        return self.connection.dialect

    async def execute(self, statement: Executable, params: Params) -> CursorResult[Any]:
        """Run a Core statement."""
        return await self.connection.execute(statement, params)

    async def fetch(self, prepared: Prepared, values: Values) -> list[Any]:
        """Run a prepared statement; return its rows."""
        compiled = prepared.compiled(self.dialect, values)
        arguments = compiled.arguments(values)
        if self._watch is not None:
            self._watch(compiled.sql, arguments)
        try:
            return compiled.rows(await self._raw.fetch(compiled.sql, *arguments))
        except Exception as error:  # noqa: BLE001 - asyncpg's errors, and those of its socket
            fail(self.connection, self._raw, compiled.sql, error)

    async def fetch_many(self, prepared: Prepared, rows: Sequence[Values]) -> list[list[Any]]:
        """Run a prepared statement for all of some values, in one statement."""
        compiled = prepared.compiled(self.dialect, rows[0])
        found = await self._at_once(compiled, [compiled.arguments(row) for row in rows])
        if prepared.each is not None:
            return deal(rows, compiled.rows(found), *prepared.each)
        return compiled.dealt(len(rows), found)

    async def run_all(self, statements: Sequence[tuple[Prepared, Sequence[Values]]]) -> None:
        """Run prepared statements, each for its rows: those about different tables in one statement.

        What a group puts off has five, and each would be a round trip.
        """
        for some in apart(statements):
            if len(some) == 1:
                await self._run_many(*some[0])
                continue
            unnested, arguments, first = [], [], []
            for prepared, rows in some:
                compiled, values = to_run(self.dialect, prepared, rows)
                unnested.append(compiled.unnested)
                arguments += compiled.unnested.columns(values)
                first += values[0]
            await self._fetch(in_one(tuple(unnested)), arguments, first)

    async def _run_many(self, prepared: Prepared, rows: Sequence[Values]) -> None:
        compiled, arguments = to_run(self.dialect, prepared, rows)
        if prepared.bulk and len(arguments) > 1:
            await self._at_once(compiled, arguments)
            return
        if self._watch is not None:
            self._watch(compiled.sql, arguments[0])
        try:
            await self._raw.executemany(compiled.sql, arguments)
        except Exception as error:  # noqa: BLE001 - as above
            fail(self.connection, self._raw, compiled.sql, error)

    async def _at_once(self, compiled: Compiled, arguments: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        return await self._fetch(compiled.unnested.sql, compiled.unnested.columns(arguments), arguments[0])

    async def _fetch(self, sql: str, columns: Sequence[Any], first: Sequence[Any]) -> list[Sequence[Any]]:
        if self._watch is not None:
            self._watch(sql, first)
        try:
            found: list[Sequence[Any]] = await self._raw.fetch(sql, *columns)
        except Exception as error:  # noqa: BLE001 - as above
            fail(self.connection, self._raw, sql, error)
        return found


def to_run(dialect: Dialect, prepared: Prepared, rows: Sequence[Values]) -> tuple[Compiled, list[list[Any]]]:
    """Return a statement compiled, and its arguments for each of its rows that is not overwritten by a later one."""
    rows = last_of_each(prepared, rows)
    compiled = prepared.compiled(dialect, rows[0])
    return compiled, [compiled.arguments(row) for row in rows]


def last_of_each(prepared: Prepared, rows: Sequence[Values]) -> Sequence[Values]:
    """Return the rows of an update without those that a later one overwrites: at once, their order is lost."""
    if prepared.each is None or len(rows) == 1:
        return rows
    name = prepared.each[0]
    return list({row[name]: row for row in rows}.values())


def deal(rows: Sequence[Values], found: Sequence[Any], name: str, column: str) -> list[list[Any]]:
    """Return what was found for each of some values: the rows whose column has the value of this name."""
    by_value: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in found:
        by_value[getattr(row, column)].append(row)
    return [by_value.get(values[name], []) for values in rows]


def fail_sqlite(dialect: Dialect, sql: str, error: sqlite3.Error) -> NoReturn:
    """Raise an error of SQLite as SQLAlchemy does.

    Raises:
        DBAPIError: Always.
    """
    raise DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True, dialect=dialect) from error


def fail(connection: AsyncConnection, raw: Any, sql: str | None, error: Exception) -> NoReturn:
    """Raise an error of asyncpg as SQLAlchemy does, so that callers need to know one family of errors only.

    Raises:
        DBAPIError: The database refused, or its connection is gone.
        Exception: The error itself, where it is another one (of the socket).
    """
    import asyncpg  # noqa: PLC0415 - not for SQLite

    dbapi: Any = connection.dialect.dbapi
    match error:
        case asyncpg.IntegrityConstraintViolationError():
            kind = dbapi.IntegrityError
        case asyncpg.PostgresError():
            kind = dbapi.Error
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            kind = dbapi.InterfaceError
        case TimeoutError():
            raise OperationalError(None, None, error) from error  # the driver's own says not whose it is
        case _:
            raise error
    raise DBAPIError.instance(
        sql,
        None,
        kind(str(error), error),
        dbapi.Error,
        hide_parameters=True,
        connection_invalidated=raw.is_closed(),
        dialect=connection.dialect,
    ) from error
