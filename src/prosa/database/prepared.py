"""Statements of the hot path: written in SQLAlchemy Core, compiled once, run by the driver itself.

SQLAlchemy's own execution costs more than such a statement does in the database (measured: 5 to 10 times on SQLite).
What is kept of it is the text for each database and the conversion of values; what is left out is everything else:
caching keys, contexts, events, results that can be read in twenty ways.
"""

import uuid
from collections import namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, Final, TypeAlias, cast

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Delete,
    Dialect,
    Insert,
    Select,
    String,
    Table,
    TypeDecorator,
    Update,
    Uuid,
    bindparam,
    func,
    select,
)
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from prosa.database.base import UtcDateTime
from prosa.database.bulk import Kind, Repeated, Unnested

Statement: TypeAlias = Select[Any] | Insert | Update | Delete
Values = Mapping[str, Any]
_Convert = Callable[[Any], Any]

REMEMBERED = 8_192
"""Converted moments and identifiers that are remembered, for each database and direction; some 2 MB in all. The same
few are written and read many times in a row, and looking one up costs a tenth of converting it."""
_converters: dict[tuple[str, type, bool], _Convert] = {}


class Compiled:
    """A statement in the words of one database.

    Attributes:
        sql: Its text, with the driver's placeholders.
    """

    def __init__(self, statement: Statement, dialect: Dialect, columns: Sequence[str]) -> None:
        """Compile a statement.

        Args:
            statement: In Core.
            dialect: The database.
            columns: Of an insert: those that are given.

        Raises:
            ValueError: A column's default is made in Python, or a list of values is part of the text.
        """
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        if made := [column.name for column in compiled.prefetch if column.name not in columns]:
            raise ValueError(f"a prepared statement gets all values from its caller; missing: {', '.join(made)}")
        if compiled.literal_execute_params or compiled.post_compile_params:
            raise ValueError("a prepared statement has no lists of values; see `among`")
        names = list(compiled.positiontup or ())
        constants = {name: compiled.binds[name].effective_value for name in names if not compiled.binds[name].required}
        processors = {name: _bind(compiled, name, dialect) for name in names}
        self.sql: Final = str(compiled)
        self._template: Final = [
            convert(constants[name]) if convert is not None and name in constants else constants.get(name)
            for name in names
            for convert in (processors[name],)
        ]
        given = [(place, name) for place, name in enumerate(names) if name not in constants]
        self._places: Final = [place for place, _ in given]
        self._values: Final = _values_of([name for _, name in given])
        self._converts: Final = [(place, convert) for place, name in given if (convert := processors[name]) is not None]
        self._result: Final = _reader(statement, dialect)
        self._kind: Final[Kind] = (
            "insert" if isinstance(statement, Insert) else "update" if isinstance(statement, Update) else "select"
        )
        self._types: Final = [_type_name(compiled, name, dialect) for name in names]

    @cached_property
    def unnested(self) -> Unnested:
        """The statement for many rows on PostgreSQL."""
        return Unnested(self.sql, self._kind, self._types)

    @cached_property
    def repeated(self) -> Repeated:
        """The statement for many rows on SQLite."""
        return Repeated(self.sql, self._kind, len(self._types))

    def arguments(self, values: Values) -> list[Any]:
        """Return the driver's arguments for some values.

        Raises:
            KeyError: A value is missing.
        """
        given = self._values(values)
        if len(given) == len(self._template):
            result = list(given)
        else:
            result = self._template.copy()
            for place, value in zip(self._places, given, strict=True):
                result[place] = value
        for place, convert in self._converts:
            value = result[place]
            if value is not None:
                result[place] = convert(value)
        return result

    def rows(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """Return what the driver found, with names and in Python's types."""
        return [self._result(row) for row in found]

    def dealt(self, count: int, found: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """Return what a select for many found, for each of them: rows begin with its number, from 1."""
        result: list[list[Any]] = [[] for _ in range(count)]
        for number, *row in found:
            result[number - 1].append(self._result(row))
        return result


class Prepared:
    """A statement that is compiled when it is first run on a database.

    Its values are given by name at every run; all of them: defaults in Python are the caller's to make. An insert sets
    the columns that are given, which are the same for all rows of a run.
    """

    def __init__(
        self,
        statement: Statement,
        *,
        postgresql: Statement | None = None,
        sets_given: bool = False,
        bulk: bool = False,
        each: tuple[str, str] | None = None,
    ) -> None:
        """Take the statement.

        Args:
            statement: For both databases, or for SQLite.
            postgresql: For PostgreSQL, where that is another one.
            sets_given: It is an update that sets the columns that are given, as an insert does.
            bulk: It can be run for many rows at once: it is a select, an insert of values, or an update of a row.
            each: Of such an insert or update: the value that no two rows share, and the column that has it.
        """
        self.bulk: Final = bulk
        self.each: Final = each
        self._statements = {"sqlite": statement, "postgresql": statement if postgresql is None else postgresql}
        self._compiled: dict[Hashable, Compiled] = {}
        self._sets: frozenset[str] = frozenset()
        if isinstance(statement, Insert) or (sets_given and isinstance(statement, Update)):
            self._sets = frozenset(cast("Table", statement.table).c.keys())

    @cached_property
    def rank(self) -> int:
        """Place of the statement's table among all: behind those that it refers to.

        Raises:
            TypeError: It is a select.
        """
        statement = self._statements["sqlite"]
        if isinstance(statement, Select):
            raise TypeError("what is read cannot be put off")
        table = cast("Table", statement.table)
        return table.metadata.sorted_tables.index(table)

    def statement(self, dialect: Dialect) -> Statement:
        """Return the statement for a database."""
        return self._statements[dialect.name]

    def compiled(self, dialect: Dialect, values: Values) -> Compiled:
        """Return the statement in a database's words, for values of such names."""
        columns = tuple(name for name in values if name in self._sets) if self._sets else ()
        key = (dialect.name, columns)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = Compiled(self.statement(dialect), dialect, columns)
        return compiled


def apart(
    statements: Sequence[tuple[Prepared, Sequence[Values]]],
) -> list[list[tuple[Prepared, Sequence[Values]]]]:
    """Return statements in runs that may be one statement: in each all are for many rows, and of different tables.

    Of two changes of one row in one statement, PostgreSQL makes but one.
    """
    result: list[list[tuple[Prepared, Sequence[Values]]]] = []
    for statement in statements:
        prepared = statement[0]
        fits = result and prepared.bulk and all(other.bulk and other.rank != prepared.rank for other, _ in result[-1])
        if fits:
            result[-1].append(statement)
        else:
            result.append([statement])
    return result


class _JsonList(TypeDecorator[Any]):
    """A list as JSON, for SQLite, which has no lists."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write identifiers as SQLite keeps them."""
        del dialect
        return orjson.dumps([item.hex if isinstance(item, uuid.UUID) else item for item in value]).decode()


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the values of a list, given as one value called `name`.

    A statement with a placeholder for each would be another one for each length.
    """
    if dialect == "postgresql":
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))
    listed = func.json_each(bindparam(name, type_=_JsonList())).table_valued("value")
    return column.in_(select(listed.c.value))


def _values_of(names: Sequence[str]) -> Callable[[Values], Sequence[Any]]:
    """Return what reads the values of some names, in their order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def _bind(compiled: SQLCompiler, name: str, dialect: Dialect) -> _Convert | None:
    type_ = compiled.binds[name].type
    return _remembering(type_, dialect, type_.dialect_impl(dialect).bind_processor(dialect), reads=False)


def _remembering(type_: TypeEngine[Any], dialect: Dialect, convert: _Convert | None, *, reads: bool) -> _Convert | None:
    """Return a converter that remembers, for values that cannot be changed and come again; others as they are."""
    kind = next((kind for kind in (UtcDateTime, Uuid) if isinstance(type_, kind)), None)
    if convert is None or kind is None:
        return convert
    return _converters.setdefault((dialect.name, kind, reads), lru_cache(maxsize=REMEMBERED)(convert))


def _type_name(compiled: SQLCompiler, name: str, dialect: Dialect) -> str:
    """Return a parameter's type as PostgreSQL casts to it: without a length, to which a cast would shorten it."""
    written: str = dialect.type_compiler_instance.process(compiled.binds[name].type.dialect_impl(dialect))
    return written.partition("(")[0]


def _read_by(type_: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return _remembering(type_, dialect, type_.dialect_impl(dialect).result_processor(dialect, None), reads=True)


def _reader(statement: Statement, dialect: Dialect) -> _Convert:
    """Return what makes a named row of one of the driver's rows."""
    columns = list(statement.exported_columns)
    if not columns:
        return tuple
    # its names are known only here
    make: _Convert = namedtuple("Row", [column.key for column in columns])._make  # type: ignore[attr-defined,misc] # noqa: PYI024
    converts = [
        (place, convert)
        for place, column in enumerate(columns)
        if (convert := _read_by(column.type, dialect)) is not None
    ]
    if not converts:
        return make

    def read(row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in converts:
            values[place] = convert(values[place])
        return make(values)

    return read
