"""The statements about model calls."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, String, Table, case, func, insert, literal, select

from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.ids import new_id
from prosa.usage.models import Usage

TABLE: Final[Table] = Base.metadata.tables[Usage.__tablename__]
_c = TABLE.c
_insert = insert(TABLE)


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


@dataclass(frozen=True, slots=True)
class Total:
    """What the calls of one day, model and purpose came to; fields as in `prosa.usage.schemas.UsageTotal`."""

    day: date
    provider: str
    model: str
    purpose: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_microusd: int
    unpriced_calls: int
    latency_ms: int


async def add(db: WriteDb, *calls: NewUsage) -> None:
    """Record calls, in the transaction of what they were for."""
    rows = [{"id": new_id(), **asdict(call)} for call in calls]
    if rows:
        await db.execute(_insert, rows[0] if len(rows) == 1 else rows)


async def totals(
    db: ReadDb, *, user_id: uuid.UUID, begin: datetime, end: datetime, session_id: str | None = None
) -> Sequence[Total]:
    """Return the totals of an owner's calls from `begin` to before `end`, the newest day first."""
    day = _day(db).label("day")
    statement = (
        select(
            day,
            _c.provider,
            _c.model,
            _c.purpose,
            func.count().label("calls"),
            func.sum(_c.input_tokens).label("input_tokens"),
            func.sum(_c.cached_tokens).label("cached_tokens"),
            func.sum(_c.output_tokens).label("output_tokens"),
            func.coalesce(func.sum(_c.cost_microusd), 0).label("cost_microusd"),
            func.sum(case((_c.cost_microusd.is_(None), 1), else_=0)).label("unpriced_calls"),
            func.sum(_c.latency_ms).label("latency_ms"),
        )
        .where(_c.user_id == user_id, _c.created_at >= begin, _c.created_at < end)
        .group_by(day, _c.provider, _c.model, _c.purpose)
        .order_by(day.desc(), _c.provider, _c.model, _c.purpose)
    )
    if session_id is not None:
        statement = statement.where(_c.session_id == session_id)
    return [
        Total(
            day=date.fromisoformat(row.day),
            provider=row.provider,
            model=row.model,
            purpose=row.purpose,
            calls=row.calls,
            input_tokens=int(row.input_tokens),
            cached_tokens=int(row.cached_tokens),
            output_tokens=int(row.output_tokens),
            cost_microusd=int(row.cost_microusd),
            unpriced_calls=int(row.unpriced_calls),
            latency_ms=round(int(row.latency_ms) / row.calls),
        )
        for row in await db.execute(statement)
    ]


def _day(db: ReadDb) -> ColumnElement[str]:
    """Return the day (UTC) of a call as text."""
    # Formats are literals, not parameters: a parameter would make the grouping another expression to PostgreSQL.
    if db.dialect == "sqlite":
        return func.strftime(literal("%Y-%m-%d", String, literal_execute=True), _c.created_at)
    utc = func.timezone(literal("UTC", String, literal_execute=True), _c.created_at)
    return func.to_char(utc, literal("YYYY-MM-DD", String, literal_execute=True))
