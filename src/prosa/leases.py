"""Rows that are due, claimed by one holder for a time, renewed, then finished, retried or given up.

The one primitive behind turns (conversations), sending (messages) and session ownership. A holder that stalls past its
lease loses the row to another; so whoever finishes a piece of work checks, in the finishing transaction, that the lease
is still its own (`hold`). Times are the callers' clocks in UTC: machines that share a database keep theirs in
step (NTP) to within a fraction of a lease.
"""

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Table, Update, and_, bindparam, or_, select, update

from prosa.database.engine import Database, WriteDb
from prosa.database.outage import OutageLog
from prosa.database.prepared import Prepared
from prosa.ids import new_token

_jitter = random.Random()  # noqa: S311 - its own: loops in the background must not move others' sequence
GIVE_BACK_SECONDS = 2.0
"""How long a stop waits for the database; after that, leases end by themselves."""


class LeaseLostError(Exception):
    """The lease ran out or another holder has the row: drop the work, somebody else does it."""


def host_name() -> str:
    """Return this machine's name, as holders' names begin with it."""
    return socket.gethostname()[:40]


def process_name() -> str:
    """Return this process's name: for people (host, pid), and unique."""
    return _process_name(os.getpid())


@cache
def _process_name(pid: int) -> str:
    return f"{host_name()}:{pid}:{new_token()[:10]}"


def new_owner() -> str:
    """Return a name for a holder in this process: the process's, and what makes it unique."""
    return f"{process_name()}.{new_token()[:6]}"


def process_of(owner: str) -> str:
    """Return the name of the process that a holder is in."""
    return owner.rpartition(".")[0]


def backoff(attempts: int, *, base: float, ceiling: float) -> timedelta:
    """Return the wait before try number `attempts + 1`: exponential to `ceiling` seconds, with jitter (50-100 %)."""
    return timedelta(seconds=min(ceiling, base * 2.0 ** min(attempts, 30)) * _jitter.uniform(0.5, 1.0))


class Claim:
    """Claims rows as `claim` does, with a statement that is compiled once."""

    def __init__(
        self,
        table: Table,
        *,
        where: Callable[[str], ColumnElement[bool]] | None = None,
        returning: Sequence[ColumnElement[Any]],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Take what is always the same.

        Args:
            table: As for `claim`.
            where: What else must be true of a row, in the words of a dialect; may have parameters of its own.
            returning: Columns wanted.
            values: What else is set.
        """
        self._prepared = Prepared(
            _claiming(table, "sqlite", where, returning, values),
            postgresql=_claiming(table, "postgresql", where, returning, values),
        )

    async def __call__(
        self, db: WriteDb, *, owner: str, now: datetime, lease: timedelta, limit: int, **parameters: Any
    ) -> list[Any]:
        """Claim rows; see `claim`. `parameters` are those of `where`."""
        values = {"owner": owner, "now": now, "until": now + lease, "most": limit, **parameters}
        rows = await db.fetch(self._prepared, values)
        return sorted(rows, key=lambda row: row.claimed_due_at)


def _claiming(
    table: Table,
    dialect: str,
    where: Callable[[str], ColumnElement[bool]] | None,
    returning: Sequence[ColumnElement[Any]],
    values: Mapping[str, Any] | None,
) -> Update:
    c = table.c
    now = bindparam("now", type_=c.due_at.type)
    due = select(c.id).where(c.due_at <= now, or_(c.lease_until.is_(None), c.lease_until <= now))
    if where is not None:
        due = due.where(where(dialect))
    due = due.order_by(c.due_at).limit(bindparam("most", type_=Integer()))
    if dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    changes = {"lease_owner": bindparam("owner"), "lease_until": bindparam("until"), **(values or {})}
    statement = update(table).where(c.id.in_(due.scalar_subquery())).values(changes)
    return statement.returning(*returning, c.due_at.label("claimed_due_at"))


async def claim(
    db: WriteDb,
    table: Table,
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    where: ColumnElement[bool] | None = None,
    returning: Sequence[ColumnElement[Any]] = (),
    before: Sequence[ColumnElement[Any]] = (),
) -> list[Row[Any]]:
    """Claim up to `limit` rows that are due and free, those due longest first.

    Args:
        db: The transaction; rows are the holder's once it is committed.
        table: One with the columns of `prosa.database.Leased` and a primary key `id`.
        owner: The holder's name.
        now: The present moment.
        lease: For how long.
        limit: At most so many rows.
        where: What else must be true of a row.
        returning: Columns wanted; the whole row where left out.
        before: What to order by before the time at which rows were due; needs a look at every row that is due.

    Returns:
        The rows as claimed, those due longest first.
    """
    c = table.c
    free = or_(c.lease_until.is_(None), c.lease_until <= now)
    due = select(c.id).where(and_(c.due_at <= now, free))
    if where is not None:
        due = due.where(where)
    due = due.order_by(*before, c.due_at).limit(limit)
    if db.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    statement = (
        update(table)
        .where(c.id.in_(due.scalar_subquery()))
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(*(returning or c), c.due_at.label("claimed_due_at"))
    )
    rows = (await db.execute(statement)).all()
    return sorted(rows, key=lambda row: row.claimed_due_at)


async def renew(
    db: WriteDb, table: Table, ids: Collection[Any], *, owner: str, now: datetime, lease: timedelta
) -> set[Any]:
    """Prolong leases; return the ids that are still the owner's. The others are lost."""
    if not ids:
        return set()
    statement = (
        update(table)
        .where(table.c.id.in_(ids), table.c.lease_owner == owner, table.c.lease_until > now)
        .values(lease_until=now + lease)
        .returning(table.c.id)
    )
    return set((await db.execute(statement)).scalars())


async def hold(db: WriteDb, table: Table, row_id: Any, *, owner: str, now: datetime) -> None:
    """Make sure, inside the transaction that finishes the work, that the lease is still the owner's.

    The row stays locked until the transaction ends, so nobody can claim it in between.

    Raises:
        LeaseLostError: It is not; the transaction must be rolled back.
    """
    c = table.c
    statement = select(c.id).where(c.id == row_id, c.lease_owner == owner, c.lease_until > now)
    if db.dialect == "postgresql":
        statement = statement.with_for_update()
    if (await db.execute(statement)).first() is None:
        raise LeaseLostError(f"{table.name} {row_id} is no longer held by {owner}")


def released(due_at: datetime | None, *, attempts: int = 0) -> dict[str, Any]:
    """Return the values that give a row back: due again at `due_at`, or not at all (None)."""
    return {"lease_owner": None, "lease_until": None, "due_at": due_at, "attempts": attempts}


async def release_all(db: WriteDb, table: Table, *, owner: str) -> int:
    """Give back everything an owner holds, as it is due; for a graceful stop. Returns the number of rows."""
    statement = update(table).where(table.c.lease_owner == owner).values(lease_owner=None, lease_until=None)
    return (await db.execute(statement)).rowcount


async def give_back(database: Database, job: Callable[[WriteDb], Awaitable[object]], *, what: str) -> None:
    """Give back what is held, at a stop; where the database is away, it is logged and the leases end by themselves.

    Args:
        database: Where the rows are.
        job: `release_all` of a table and an owner, or more.
        what: For the log, as "messages".
    """
    try:
        async with asyncio.timeout(GIVE_BACK_SECONDS):
            await database.submit(job)
    except Exception as error:  # noqa: BLE001 - others take them over when their leases end
        OutageLog(f"giving {what} back").failed(error)
