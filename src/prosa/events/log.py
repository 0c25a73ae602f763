"""The log of events: appended in the transaction that caused them, replayed from any place still kept."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Self, TypeAlias

from pydantic_core import to_json
from sqlalchemy import bindparam, delete, func, insert, literal_column, select, tuple_

from prosa.clock import to_millis, utc_now
from prosa.database.base import WrittenJson
from prosa.database.engine import ReadDb, WriteDb
from prosa.database.prepared import Prepared
from prosa.events.models import EventRow
from prosa.events.types import Payload

TOPIC = "events"
"""Wakes the readers of the log."""
MOST = 2**63 - 1
"""The largest number that either database has room for."""
PRUNED = 5_000
"""Events that are forgotten at a time: others wait for as long."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log; as text it is an event's id."""

    txid: int
    id: int

    def __str__(self) -> str:
        return f"{self.txid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an event's id.

        Raises:
            ValueError: It is not one.
        """
        txid, separator, number = text.partition("-")
        if not (separator and txid.isascii() and txid.isdigit() and number.isascii() and number.isdigit()):
            raise ValueError("an event id looks like 12-345")
        position = cls(int(txid), int(number))
        if max(position.txid, position.id) > MOST:
            raise ValueError("an event id looks like 12-345")
        return position


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as read from the log."""

    position: Position
    user_id: uuid.UUID
    session: str | None
    type: str
    time: datetime
    payload: dict[str, Any]

    def envelope(self) -> dict[str, Any]:
        """Return what clients get."""
        return {
            "id": str(self.position),
            "event": self.type,
            "timestamp": to_millis(self.time),
            "session": self.session,
            "payload": self.payload,
        }


@dataclass(frozen=True, slots=True)
class Head:
    """What of an event tells whom it concerns."""

    position: Position
    user_id: uuid.UUID
    session: str | None
    type: str
    time: datetime


Forgetting: TypeAlias = Callable[[WriteDb, Position], Awaitable[None]]
"""Told of the last place that is about to be forgotten, in the transaction that does it."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append."""

    user_id: uuid.UUID
    session: str | None
    payload: Payload


_insert = Prepared(insert(EventRow).values(payload=bindparam("json", type_=WrittenJson())), bulk=True)
_PLACE = tuple_(EventRow.txid, EventRow.id)


async def append(db: WriteDb, *events: NewEvent) -> None:
    """Append events in this transaction; listeners are woken when it is committed."""
    if not events:
        return
    now = utc_now()
    for event in events:
        db.later(
            _insert,
            {
                "user_id": event.user_id,
                "session_id": event.session,
                "type": event.payload.event,
                "json": to_json(event.payload, inf_nan_mode="null").decode(),
                "created_at": now,
            },
        )
    db.wake(TOPIC)


def _settled(db: ReadDb) -> Any:
    """Only rows whose number can no longer be undercut by a transaction still open."""
    if db.dialect == "sqlite":
        return literal_column("1") == 1
    return EventRow.txid < literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


def _place(db: ReadDb) -> list[Any]:
    """Return what events are ordered by."""
    return [EventRow.id] if db.dialect == "sqlite" else [EventRow.txid, EventRow.id]


def _behind(db: ReadDb, after: Position) -> Any:
    if db.dialect == "sqlite":
        return (EventRow.txid == 0) & (EventRow.id > (after.id if after.txid == 0 else MOST))
    return tuple_(after.txid, after.id) < _PLACE


def _upto(db: ReadDb, last: Position) -> Any:
    return EventRow.id <= last.id if db.dialect == "sqlite" else tuple_(last.txid, last.id) >= _PLACE


async def read_after(
    db: ReadDb,
    after: Position,
    *,
    user_id: uuid.UUID | None = None,
    sessions: Collection[str] | None = None,
    limit: int = 500,
) -> Sequence[LoggedEvent]:
    """Return up to `limit` events behind `after`, in order; of one owner, or of all; of these numbers only, or any."""
    statement = (
        select(EventRow.txid, EventRow.id, EventRow.user_id, EventRow.session_id, EventRow.type,
               EventRow.created_at, EventRow.payload)
        .where(_behind(db, after), _settled(db))
        .order_by(*_place(db))
        .limit(limit)
    )  # fmt: skip
    if user_id is not None:
        statement = statement.where(EventRow.user_id == user_id)
    if sessions is not None:
        statement = statement.where(EventRow.session_id.in_(sessions))
    return [
        LoggedEvent(Position(row.txid, row.id), row.user_id, row.session_id, row.type, row.created_at, row.payload)
        for row in await db.execute(statement)
    ]


async def read_heads(
    db: ReadDb, after: Position, *, until: Position | None = None, user_id: uuid.UUID | None = None, limit: int
) -> Sequence[Head]:
    """Return whom up to `limit` events behind `after` concern, in order; of one owner, or of all."""
    statement = (
        select(EventRow.txid, EventRow.id, EventRow.user_id, EventRow.session_id, EventRow.type, EventRow.created_at)
        .where(_behind(db, after), _settled(db))
        .order_by(*_place(db))
        .limit(limit)
    )
    if until is not None:
        statement = statement.where(_upto(db, until))
    if user_id is not None:
        statement = statement.where(EventRow.user_id == user_id)
    return [
        Head(Position(row.txid, row.id), row.user_id, row.session_id, row.type, row.created_at)
        for row in await db.execute(statement)
    ]


async def read_one(db: ReadDb, position: Position, user_id: uuid.UUID) -> LoggedEvent | None:
    """Return one event of an owner, where it is still kept."""
    found = await read_after(db, Position(position.txid, position.id - 1), user_id=user_id, limit=1)
    return found[0] if found and found[0].position == position else None


async def end(db: ReadDb) -> Position:
    """Return the place of the newest event that readers may see."""
    newest = [column.desc() for column in _place(db)]
    statement = select(EventRow.txid, EventRow.id).where(_settled(db)).order_by(*newest).limit(1)
    row = (await db.execute(statement)).first()
    return Position(row.txid, row.id) if row else Position(0, 0)


async def oldest(db: ReadDb) -> Position | None:
    """Return the place of the oldest event still kept; None where there is none."""
    row = (await db.execute(select(EventRow.txid, EventRow.id).order_by(*_place(db)).limit(1))).first()
    return Position(row.txid, row.id) if row else None


async def prune(db: WriteDb, *, before: datetime, limit: int = PRUNED, forgetting: Forgetting | None = None) -> int:
    """Forget up to `limit` of the oldest events, those from before a moment; return how many.

    They are taken in the log's order, up to the first that is kept; `forgetting` is told first.
    """
    statement = select(EventRow.txid, EventRow.id, EventRow.created_at).order_by(*_place(db)).limit(limit)
    old = list(takewhile(lambda row: row.created_at < before, await db.execute(statement)))
    if old:
        last = Position(old[-1].txid, old[-1].id)
        if forgetting is not None:
            await forgetting(db, last)
        await db.execute(delete(EventRow).where(_upto(db, last), EventRow.created_at < before))
    return len(old)


async def forget(db: WriteDb, user_id: uuid.UUID, session_id: str) -> None:
    """Forget all that was told of a number that goes: another one may have its name."""
    await db.execute(delete(EventRow).where(EventRow.user_id == user_id, EventRow.session_id == session_id))


async def forget_all(db: WriteDb, user_id: uuid.UUID) -> None:
    """Forget all that was told to a person who was just deleted in this transaction.

    Deleting them waits for whoever is changing something of theirs, so what these told is found here.
    """
    await db.execute(delete(EventRow).where(EventRow.user_id == user_id))


async def count_after(
    db: ReadDb, after: Position, *, user_id: uuid.UUID, sessions: Collection[str] | None = None, limit: int
) -> int:
    """Return how many events an owner has behind `after`, of these numbers or any, counting no further than `limit`."""
    rows = select(EventRow.id).where(EventRow.user_id == user_id, _behind(db, after)).limit(limit)
    if sessions is not None:
        rows = rows.where(EventRow.session_id.in_(sessions))
    return int((await db.execute(select(func.count()).select_from(rows.subquery()))).scalar_one())
