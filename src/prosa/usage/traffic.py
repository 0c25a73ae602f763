"""The statements about messages: how many came and went, where answers came from, and how long contacts waited."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, Uuid, column, func, select, table, text

from prosa.auth.numbers import mine
from prosa.database.base import JsonColumn, UtcDateTime
from prosa.database.engine import ReadDb
from prosa.usage.repository import Where, day_of

# Other domains' tables, which this one does not import; this is all that is needed of them.
_SESSIONS = table("whatsapp_sessions", column("session_id", String()), column("user_id", Uuid()))
_MESSAGES = table(
    "messages",
    column("conversation_id", Uuid()),
    column("session_id", String()),
    column("seq", Integer()),
    column("author", String()),
    column("ai", JsonColumn),
    column("stored_at", UtcDateTime()),
    column("sent_at", UtcDateTime()),
)
_c = _MESSAGES.c
COUNTED = text("messages.seq > 0 AND messages.type <> 'reaction'")
"""Of no imported history, and no reactions; word for word the condition of `ix_messages_session_id_stored_at`."""
_ANSWERING = ("ai", "person", "phone")
"""Who answers contacts: neither what was set long before nor a program's notification does."""
MOST_TIMED = 2_000
"""Answers whose waiting times are looked at: the newest, so that the effort has a bound."""
LONGEST = timedelta(days=7)
"""A message after a longer silence answers nothing."""


@dataclass(slots=True)
class Flow:
    """Messages of one group; what it was not grouped by is None."""

    day: date | None
    session_id: str | None
    authors: dict[str, int] = field(default_factory=dict)
    """How many by who wrote them."""
    answers: dict[str, int] = field(default_factory=dict)
    """The AI's answers by their tier."""


async def flows(db: ReadDb, where: Where, group: Sequence[str]) -> list[Flow]:
    """Return messages by day, session_id or both, the newest day first."""
    columns: dict[str, ColumnElement[Any]] = {"day": day_of(db, _c.stored_at).label("day"), "session_id": _c.session_id}
    by = [columns[name] for name in group]
    found: dict[tuple[str | None, str | None], Flow] = {}

    def flow(row: Any) -> Flow:
        day, session_id = getattr(row, "day", None), getattr(row, "session_id", None)
        known = found.get((day, session_id))
        if known is None:
            known = found[day, session_id] = Flow(date.fromisoformat(day) if day else None, session_id)
        return known

    counted = select(*by, _c.author, func.count().label("number")).where(*_conditions(where), COUNTED)
    for row in await db.execute(counted.group_by(*by, _c.author)):
        flow(row).authors[row.author] = int(row.number)
    for row in await db.execute(_answers(where, by)):
        if row.tier:
            flow(row).answers[row.tier] = int(row.number)
    in_order = sorted(found.values(), key=lambda one: one.session_id or "")
    return sorted(in_order, key=lambda one: one.day or date.min, reverse=True)


async def answers_by_tier(db: ReadDb, where: Where) -> dict[str, int]:
    """Return how many answers came from where."""
    return {row.tier: int(row.number) for row in await db.execute(_answers(where, ())) if row.tier}


async def waits(db: ReadDb, where: Where) -> dict[str, list[timedelta]]:
    """Return how long contacts waited for the newest answers, by `ai` and `people`, each in rising order.

    A wait is from when the message just before an answer was stored to when WhatsApp had the answer.
    """
    newest = (
        select(_c.conversation_id, _c.seq, _c.author, func.coalesce(_c.sent_at, _c.stored_at).label("at"), _c.stored_at)
        .where(*_conditions(where), COUNTED, _c.author.in_(_ANSWERING))
        .order_by(_c.stored_at.desc())
        .limit(MOST_TIMED)
        .subquery()
    )
    asked = _MESSAGES.alias("asked")
    pairs = select(newest.c.author, newest.c.at, asked.c.stored_at.label("since")).join(
        asked,
        (asked.c.conversation_id == newest.c.conversation_id)
        & (asked.c.seq == newest.c.seq - 1)
        & (asked.c.author == "contact"),
    )
    result: dict[str, list[timedelta]] = {"ai": [], "people": []}
    for row in await db.execute(pairs):
        waited = max(timedelta(), row.at - row.since)
        if waited <= LONGEST:
            result["ai" if row.author == "ai" else "people"].append(waited)
    return {who: sorted(times) for who, times in result.items()}


def _conditions(where: Where) -> list[ColumnElement[bool]]:
    """Return the conditions on messages, in the order of the index."""
    numbers = select(_SESSIONS.c.session_id).where(mine(_SESSIONS.c, where.caller))
    if where.session_id is not None:
        numbers = numbers.where(_SESSIONS.c.session_id == where.session_id)
    return [_c.session_id.in_(numbers), _c.stored_at >= where.begin, _c.stored_at < where.end]


def _answers(where: Where, by: Sequence[ColumnElement[Any]]) -> Select[Any]:
    tier = _c.ai.op("->>", return_type=String())("tier").label("tier")
    return (
        select(*by, tier, func.count().label("number"))
        .where(*_conditions(where), COUNTED, _c.author == "ai", _c.ai.is_not(None))
        .group_by(*by, tier)
    )
