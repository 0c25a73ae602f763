"""The statements about model calls."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, String, Table, case, column, func, insert, literal, select, table

from prosa.auth.caller import Caller
from prosa.auth.numbers import mine
from prosa.database.base import Base, UtcDateTime
from prosa.database.engine import ReadDb, WriteDb
from prosa.database.prepared import Prepared
from prosa.ids import new_id
from prosa.usage.models import Usage

TABLE: Final[Table] = Base.metadata.tables[Usage.__tablename__]
_c = TABLE.c
_insert = Prepared(insert(TABLE), bulk=True)


@dataclass(frozen=True, slots=True)
class NewUsage:
    """A model call to record; fields as in `prosa.usage.models.Usage`."""

    user_id: uuid.UUID
    session_id: str
    conversation_id: uuid.UUID | None
    message_id: uuid.UUID | None
    purpose: str
    provider: str
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_microusd: int | None
    latency_ms: int
    created_at: datetime
    saved_tokens: int = 0


# Another domain's table, which this one does not import; this is all that is needed of it.
_SESSIONS = table("whatsapp_sessions", column("session_id", String()), column("created_at", UtcDateTime()))
GROUPS = ("day", "session_id", "purpose", "provider", "model")


_FIELDS = tuple(field.name for field in fields(NewUsage))


@dataclass(frozen=True, slots=True)
class Where:
    """Whose calls or messages, from `begin` to before `end`; of one number only where `session_id` is given."""

    caller: Caller
    begin: datetime
    end: datetime
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What the calls of one group came to; fields as in `prosa.usage.schemas.UsageTotal`."""

    day: date | None
    session_id: str | None
    provider: str | None
    model: str | None
    purpose: str | None
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    saved_tokens: int
    cost_microusd: int
    unpriced_calls: int
    latency_ms: int
    saved_microusd: int = 0


async def add(db: WriteDb, *calls: NewUsage) -> None:
    """Record calls, in the transaction of what they were for."""
    for call in calls:
        db.later(_insert, {"id": new_id(), **{name: getattr(call, name) for name in _FIELDS}})


async def totals(db: ReadDb, where: Where, *, group: Sequence[str], limit: int) -> Sequence[Total]:
    """Return the totals of an owner's calls, the newest day first.

    Args:
        db: The view.
        where: Whose calls, and when.
        group: By what to add up: of `GROUPS`.
        limit: At most so many totals.
    """
    columns = {"day": day_of(db, _c.created_at).label("day")} | {name: _c[name] for name in GROUPS[1:]}
    by = [columns[name] for name in group]
    statement = (
        select(
            *by,
            func.count().label("calls"),
            func.sum(_c.input_tokens).label("input_tokens"),
            func.sum(_c.cached_tokens).label("cached_tokens"),
            func.sum(_c.output_tokens).label("output_tokens"),
            func.sum(_c.saved_tokens).label("saved_tokens"),
            func.coalesce(func.sum(_c.cost_microusd), 0).label("cost_microusd"),
            func.sum(case((_c.cost_microusd.is_(None), 1), else_=0)).label("unpriced_calls"),
            func.sum(_c.latency_ms).label("latency_ms"),
        )
        .where(*_conditions(where))
        .group_by(*by)
        .order_by(*(column.desc() if name == "day" else column for name, column in zip(group, by, strict=True)))
        .limit(limit)
    )
    return [_total(dict(row._mapping)) for row in await db.execute(statement) if row.calls]  # noqa: SLF001


def _total(row: dict[str, Any]) -> Total:
    day = row.get("day")
    sums = ("input_tokens", "cached_tokens", "output_tokens", "saved_tokens", "cost_microusd", "unpriced_calls")
    return Total(
        day=date.fromisoformat(day) if day else None,
        session_id=row.get("session_id"),
        provider=row.get("provider"),
        model=row.get("model"),
        purpose=row.get("purpose"),
        calls=row["calls"],
        latency_ms=round(int(row["latency_ms"]) / row["calls"]),
        **{name: int(row[name]) for name in sums},
    )


def _conditions(where: Where) -> list[ColumnElement[bool]]:
    conditions = [mine(_c, where.caller), _c.created_at >= where.begin, _c.created_at < where.end]
    if where.caller.limited:  # bills outlive numbers, and who has the key need not know what had the name before
        since = select(_SESSIONS.c.created_at).where(_SESSIONS.c.session_id == _c.session_id).scalar_subquery()
        conditions.append(_c.created_at >= since)
    return conditions if where.session_id is None else [*conditions, _c.session_id == where.session_id]


async def reply_times(db: ReadDb, where: Where, shares: Sequence[float]) -> list[int | None]:
    """Return the milliseconds below which a share of the calls for replies took, for each share; None without any."""
    replies = [*_conditions(where), _c.purpose == "reply"]
    count = int((await db.execute(select(func.count()).where(*replies))).scalar_one())
    result: list[int | None] = []
    for share in shares:
        place = select(_c.latency_ms).where(*replies).order_by(_c.latency_ms)
        at = min(count - 1, int(share * count))
        result.append((await db.execute(place.offset(at).limit(1))).scalar_one() if count else None)
    return result


def day_of(db: ReadDb, moment: ColumnElement[datetime]) -> ColumnElement[str]:
    """Return the day (UTC) of a moment as text."""
    # Formats are literals, not parameters: a parameter would make the grouping another expression to PostgreSQL.
    if db.dialect == "sqlite":
        return func.strftime(literal("%Y-%m-%d", String, literal_execute=True), moment)
    utc = func.timezone(literal("UTC", String, literal_execute=True), moment)
    return func.to_char(utc, literal("YYYY-MM-DD", String, literal_execute=True))
