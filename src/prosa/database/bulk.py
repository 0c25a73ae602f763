"""A prepared statement for many rows at once, in the words of each database, with the same plan as for one.

PostgreSQL takes a column's values as one array (`unnest`), so the text is the same for any number of rows. SQLite has
no arrays: there the text has a place for each value, and many rows go in parts whose sizes are powers of two, so that
there are few texts and their statements stay prepared.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any, Final, Literal, TypeAlias

Kind: TypeAlias = Literal["select", "insert", "update"]
Row: TypeAlias = Sequence[Any]

LARGEST_PART = 64
"""Rows of one statement on SQLite: 64 messages have 1,600 values, of 32,766 that SQLite takes."""

SMALL_PART = 8
"""Up to so many rows have a text of their own: a turn's events are one statement."""

_NUMBERED = re.compile(r"\$(\d+)")


class Unnested:
    """For PostgreSQL: one text for any number of rows.

    Attributes:
        sql: Its text; the arguments are columns, `columns(rows)`.
        width: The number of its arguments.
    """

    def __init__(self, one: str, kind: Kind, types: Sequence[str]) -> None:
        """Take the statement for one row.

        Args:
            one: Its text, with `$1`, `$2`.
            kind: What it does.
            types: The parameters' types as PostgreSQL names them.
        """
        self.width = len(types)
        arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(types, 1))
        names = ", ".join(f"c{place}" for place in range(1, len(types) + 1))
        body = _NUMBERED.sub(r"v.c\1", one)
        if kind == "insert":
            before, values, after = _around_values(body)
            self.sql = f"{before} SELECT {values} FROM unnest({arrays}) AS v({names}) {after}"  # noqa: S608 - as below
        elif kind == "update":
            before, where, after = body.partition(" WHERE ")
            self.sql = f"{before} FROM unnest({arrays}) AS v({names}){where}{after}"
        else:
            # LATERAL is worked out for each row as the statement for one is, whatever the statistics say.
            numbered = f"unnest({arrays}) WITH ORDINALITY AS v({names}, n)"
            self.sql = f"SELECT v.n, o.* FROM {numbered} CROSS JOIN LATERAL ({body}) AS o"  # noqa: S608 - our own words

    @staticmethod
    def columns(rows: Sequence[Row]) -> list[list[Any]]:
        """Return the arguments for some rows."""
        return [list(column) for column in zip(*rows, strict=True)]


@lru_cache(256)
def in_one(statements: tuple[Unnested, ...]) -> str:
    """Return one text for PostgreSQL that does what several do; its arguments are theirs, one after another.

    All of them see the database as it was before (manual, "Data-Modifying Statements in WITH"), so none may need what
    another one does; constraints are checked after the last.
    """
    befores = accumulate((statement.width for statement in statements), initial=0)
    texts = [
        _NUMBERED.sub(lambda found, before=before: f"${before + int(found[1])}", statement.sql)  # type: ignore[misc]
        for statement, before in zip(statements, befores, strict=False)
    ]
    return f"WITH {', '.join(f'w{place} AS ({text})' for place, text in enumerate(texts))} SELECT 1"


class Repeated:
    """For SQLite: a text for each size of a part."""

    def __init__(self, one: str, kind: Kind, width: int) -> None:
        """Take the statement for one row, with `?`, and the number of its parameters."""
        self._write: Final[Callable[[int], str]] = lru_cache(None)(lambda size: _repeated(one, kind, width, size))

    def sql(self, size: int) -> str:
        """Return the text for a part of so many rows; its arguments are their values, one row after another."""
        return self._write(size)

    @staticmethod
    def values(rows: Sequence[Row]) -> list[Any]:
        """Return the arguments for a part."""
        return list(chain.from_iterable(rows))


def parts(count: int) -> list[tuple[int, int]]:
    """Return the parts, as beginning and size, in which so many rows go."""
    result, begin, size = [], 0, LARGEST_PART
    while begin < count:
        left = count - begin
        while size > max(left, SMALL_PART):
            size //= 2
        result.append((begin, min(size, left)))
        begin += result[-1][1]
    return result


def _repeated(one: str, kind: Kind, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    if kind == "insert":
        before, values, after = _around_values(one)
        return f"{before} VALUES {', '.join([f'({values})'] * size)} {after}"
    if kind == "update":
        place = iter(range(1, width + 1))
        body = re.sub(r"\?", lambda _: f"v.column{next(place)}", one)
        before, where, after = body.partition(" WHERE ")
        return f"{before} FROM (VALUES {', '.join([row] * size)}) AS v{where}{after}"
    return " UNION ALL ".join(f"SELECT {n}, * FROM ({one})" for n in range(1, size + 1))  # noqa: S608 - our own words


def _around_values(insert: str) -> tuple[str, str, str]:
    """Split an insert of one row: what comes before `VALUES (...)`, what is between the brackets, what comes after."""
    before, _, rest = insert.partition(" VALUES (")
    depth, end = 1, 0
    while depth:
        depth += {"(": 1, ")": -1}.get(rest[end], 0)
        end += 1
    return before, rest[: end - 1], rest[end:]
