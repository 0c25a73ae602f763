"""A log that was written on another PostgreSQL server, as after a backup was restored, and is to go on here.

Events are ordered by the numbers of their transactions, which each server counts by itself: on a new one they begin
small again, and what happens there would come before everything that happened on the old one, where no reader looks any
more.
"""

from typing import Any, TypeAlias

import structlog
from sqlalchemy import Column, ColumnElement, Table, func, literal_column, select, text, tuple_, update

from prosa.database.engine import Database, ReadDb, WriteDb
from prosa.events.models import EventRow

Places: TypeAlias = tuple[Table, Column[int], Column[int]]
"""A table whose rows are at a place in the log, and the columns of its `txid` and `id`."""

_HERE: ColumnElement[int] = literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
"""Above the numbers of all transactions that this server has begun."""

logger = structlog.get_logger("prosa.events")


async def move_in(database: Database, places: Places | None) -> bool:
    """Where the log comes from another server, put all of it before what is to come, in the order of its numbers.

    Readers that had not read all of it may get some again that they had, where transactions had been under way at the
    same moment; they miss none.

    Args:
        database: Where the log is.
        places: How far it was read, where somebody keeps that.

    Returns:
        Whether it comes from another server.
    """
    if database.dialect == "sqlite":
        return False  # one writer, so nothing but `id` orders
    async with database.read() as db:
        if not await _foreign(db, places):
            return False
    # it may take long, as a migration
    patient = Database(database.url, pool_size=1, statement_seconds=None)
    try:
        async with patient.write() as db:
            await db.execute(text("LOCK TABLE events IN EXCLUSIVE MODE"))  # another process may have the same in mind
            if not await _foreign(db, places):
                return False
            await _move(db, places)
    finally:
        await patient.close()
    logger.warning("the log of events comes from another database server; it goes on here")
    return True


async def _foreign(db: ReadDb, places: Places | None) -> bool:
    numbers: list[Any] = [EventRow.txid, *([places[1]] if places is not None else [])]
    furthest = [select(func.max(number)).scalar_subquery() for number in numbers]
    return bool((await db.execute(select(func.greatest(*furthest) >= _HERE))).scalar_one())


async def _move(db: WriteDb, places: Places | None) -> None:
    newest = select(func.max(EventRow.id)).scalar_subquery()
    if places is not None:
        table, txid, number = places
        behind = tuple_(EventRow.txid, EventRow.id) > tuple_(txid, number)
        first = select(func.min(EventRow.id) - 1).where(behind).correlate(table).scalar_subquery()
        await db.execute(update(table).values({txid: 0, number: func.coalesce(first, newest, number)}))
    await db.execute(update(EventRow).where(EventRow.txid > 0).values(txid=0))
