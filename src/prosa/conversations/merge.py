"""Two conversations that turn out to be with one contact become one.

Messages keep their order within each of the two and are interleaved by time; sequence numbers are given anew. A mark
("answered until", "read until") moves to just before the first message that either conversation had not passed: a
message may be looked at once more, none is passed over.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, select, table, update
from sqlalchemy import column as named_column
from sqlalchemy import types as sql

from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.held import HeldConversation
from prosa.conversations.models import AiState, Message, ScheduledMessage
from prosa.conversations.unread import COUNTED
from prosa.database.base import Base
from prosa.database.engine import WriteDb

MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = MESSAGES.c
_SCHEDULED: Final[Table] = Base.metadata.tables[ScheduledMessage.__tablename__]
_usage = table("usage", named_column("conversation_id", sql.Uuid()))

_OUT_OF_THE_WAY = 1_000_000_000
"""Far above any sequence number and within 32 bits: where numbers go while they are given anew."""


@dataclass(slots=True)
class _Moving:
    """A message on its way to its new number."""

    id: uuid.UUID
    seq: int
    wa_id: str
    created_at: datetime
    counted: bool
    unread: bool
    unanswered: bool
    unsummarised: bool


async def merge(db: WriteDb, one: HeldConversation, other: HeldConversation) -> tuple[HeldConversation, uuid.UUID]:
    """Make two held conversations one.

    Returns:
        The one that stays (not yet saved; its addresses are the caller's to set), and the id of the one that is gone.
    """
    stays, goes = sorted((one, other), key=lambda held: (-held.last_seq, held.id))
    kept = await _messages(db, stays)
    moved = await _messages(db, goes)
    known = {message.wa_id for message in kept}
    doubles = [message.id for message in moved if message.wa_id in known]
    moved = [message for message in moved if message.wa_id not in known]
    if doubles:
        await db.execute(delete(MESSAGES).where(_m.id.in_(doubles)))

    history = _interleave([m for m in kept if m.seq < 0], [m for m in moved if m.seq < 0])
    current = _interleave([m for m in kept if m.seq > 0], [m for m in moved if m.seq > 0])
    places = {m.id: seq for seq, m in enumerate(history, -len(history))}
    places |= {m.id: seq for seq, m in enumerate(current, 1)}
    await _renumber(db, stays, goes, places)

    summaries = await _texts(db, CONVERSATIONS.c.summary, stays, goes)
    theirs = _SCHEDULED.c.conversation_id == goes.id
    await db.execute(update(_SCHEDULED).where(theirs).values(conversation_id=stays.id))
    await db.execute(update(_usage).where(_usage.c.conversation_id == goes.id).values(conversation_id=stays.id))
    c = CONVERSATIONS.c
    approached = select(func.max(c.approached_at)).where(c.id.in_([stays.id, goes.id])).scalar_subquery()
    await db.execute(update(CONVERSATIONS).where(c.id == stays.id).values(approached_at=approached))
    if notes := await _texts(db, c.notes, stays, goes):
        await db.execute(update(CONVERSATIONS).where(c.id == stays.id).values(notes="\n\n".join(notes)))
    await db.execute(delete(CONVERSATIONS).where(c.id == goes.id))

    stays.last_seq = len(current)
    stays.version = max(stays.version, goes.version) + 1
    stays.read_until = _mark(current, "unread")
    stays.unread_count = sum(m.counted for m in current[stays.read_until :])
    stays.answered_until = _mark(current, "unanswered")
    stays.summarised_until = _mark(current, "unsummarised") if summaries else 0
    _combine(stays, goes)
    if summaries:
        await db.execute(
            update(CONVERSATIONS).where(CONVERSATIONS.c.id == stays.id).values(summary="\n\n".join(summaries))
        )
    return stays, goes.id


async def _messages(db: WriteDb, held: HeldConversation) -> list[_Moving]:
    counted: ColumnElement[bool] = COUNTED
    rows = await db.execute(
        select(_m.id, _m.seq, _m.wa_id, _m.created_at, counted.label("counted"))
        .where(_m.conversation_id == held.id)
        .order_by(_m.seq)
    )
    return [
        _Moving(
            id=row.id,
            seq=row.seq,
            wa_id=row.wa_id,
            created_at=row.created_at,
            counted=bool(row.counted),
            unread=bool(row.counted) and row.seq > held.read_until,
            unanswered=bool(row.counted) and row.seq > held.answered_until,
            unsummarised=row.seq > held.summarised_until,
        )
        for row in rows
    ]


def _interleave(one: list[_Moving], other: list[_Moving]) -> list[_Moving]:
    """Merge two lists by time without changing the order within either (a clock may have jumped)."""
    result: list[_Moving] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if one[i].created_at <= other[j].created_at:
            result.append(one[i])
            i += 1
        else:
            result.append(other[j])
            j += 1
    return result + one[i:] + other[j:]


async def _renumber(db: WriteDb, stays: HeldConversation, goes: HeldConversation, places: dict[uuid.UUID, int]) -> None:
    # The unique index on (conversation_id, seq) is checked row by row, so numbers first go where none can collide.
    mine = _m.conversation_id == stays.id
    await db.execute(update(MESSAGES).where(mine, _m.seq > 0).values(seq=_m.seq + _OUT_OF_THE_WAY))
    await db.execute(update(MESSAGES).where(mine, _m.seq < 0).values(seq=_m.seq - _OUT_OF_THE_WAY))
    if places:
        statement = (
            update(MESSAGES)
            .where(_m.id == bindparam("message"))
            .values(conversation_id=bindparam("home"), seq=bindparam("place"))
        )
        await db.execute(statement, [{"message": key, "home": stays.id, "place": seq} for key, seq in places.items()])
    del goes


async def _texts(
    db: WriteDb, column: ColumnElement[str | None], stays: HeldConversation, goes: HeldConversation
) -> list[str]:
    """Return what two conversations have in a column of text."""
    c = CONVERSATIONS.c
    rows = await db.execute(select(c.id, column.label("text")).where(c.id.in_([stays.id, goes.id])))
    found: dict[uuid.UUID, str | None] = {row.id: row.text for row in rows}
    return [text for key in (goes.id, stays.id) if (text := found.get(key))]


def _mark(messages: list[_Moving], attribute: str) -> int:
    """Return the number of the last message before the first one that has the attribute."""
    return next((i for i, message in enumerate(messages) if getattr(message, attribute)), len(messages))


_PAUSE = ("ai_paused_until", "ai_paused_by", "ai_paused_user_id", "ai_paused_reason", "ai_paused_at")


def _pick(choose: Callable[..., datetime], *moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return choose(known) if known else None


def _combine(stays: HeldConversation, goes: HeldConversation) -> None:
    if goes.last_message_at and (stays.last_message_at is None or goes.last_message_at > stays.last_message_at):
        stays.last_message_at, stays.last_message_preview = goes.last_message_at, goes.last_message_preview
    if (goes.contact_name_set, bool(goes.contact_name)) > (stays.contact_name_set, bool(stays.contact_name)):
        stays.contact_name, stays.contact_name_set = goes.contact_name, goes.contact_name_set
    # A person who switched the AI off in either meant the contact.
    stays.ai_enabled = stays.ai_enabled and goes.ai_enabled
    if goes.ai_paused_until and (stays.ai_paused_until is None or goes.ai_paused_until > stays.ai_paused_until):
        for name in _PAUSE:
            setattr(stays, name, getattr(goes, name))
    if goes.ai_stopped_until and (stays.ai_stopped_until is None or goes.ai_stopped_until > stays.ai_stopped_until):
        stays.ai_stopped_until, stays.ai_stopped_at = goes.ai_stopped_until, goes.ai_stopped_at
    stays.due_at = _pick(min, stays.due_at, goes.due_at)
    stays.waiting_since = _pick(min, stays.waiting_since, goes.waiting_since)
    stays.last_inbound_at = _pick(max, stays.last_inbound_at, goes.last_inbound_at)
    stays.ai_failed_at = _pick(max, stays.ai_failed_at, goes.ai_failed_at)
    stays.closed_notice_at = _pick(max, stays.closed_notice_at, goes.closed_notice_at)
    stays.ai_forced = stays.ai_forced or goes.ai_forced
    stays.ai_overtaken = 0
    stays.skipped_from = None  # a place among the old numbers
    # An answer in the making knows the old numbers: whoever makes it must find its lease gone and begin anew.
    stays.lease_owner = stays.lease_until = None
    stays.attempts = 0
    if stays.due_at is not None:
        stays.ai_state, stays.ai_reason = AiState.WAITING.value, None
