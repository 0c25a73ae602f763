"""Reading messages that are to be sent later, in the form of messages."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, literal, null, select, true, tuple_

from prosa.auth.caller import Caller
from prosa.auth.numbers import owned
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import MessageStatus, ScheduledMessage
from prosa.database.base import Base
from prosa.database.engine import ReadDb

TABLE: Final[Table] = Base.metadata.tables[ScheduledMessage.__tablename__]
_s = TABLE.c

_GIVEN: dict[str, ColumnElement[Any]] = {
    "seq": literal(0),
    "wa_id": literal(""),
    "from_me": true(),
    "sender_jid": literal(""),
    "stored_at": _s.created_at,
    "scheduled_for": _s.send_at,
    "attempts": literal(0),
}


def _column(name: str) -> ColumnElement[Any]:
    if name in _GIVEN:
        return _GIVEN[name].label(name)
    return _s[name] if name in _s else null().label(name)


_as_message = select(*(_column(name) for name in MESSAGES.c.keys()), literal(0).label("read_until"))  # noqa: SIM118


@dataclass(frozen=True, slots=True)
class ScheduledFilter:
    """Which are wanted; what is left out does not matter."""

    session_id: str | None = None
    conversation_id: uuid.UUID | None = None


async def find_scheduled(db: ReadDb, caller: Caller, message_id: uuid.UUID) -> Row[Any] | None:
    """Return a message of the caller's that is to be sent later, or was to be and was cancelled."""
    statement = _as_message.where(_s.id == message_id, owned(_s.session_id, caller))
    return (await db.execute(statement)).first()


async def list_scheduled(
    db: ReadDb,
    caller: Caller,
    wanted: ScheduledFilter,
    *,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Row[Any]]:
    """Return up to `limit` messages that are to be sent later, behind `after`, those due first first."""
    statement = _as_message.where(_s.status == MessageStatus.SCHEDULED.value, owned(_s.session_id, caller))
    if wanted.session_id is not None:
        statement = statement.where(_s.session_id == wanted.session_id)
    if wanted.conversation_id is not None:
        statement = statement.where(_s.conversation_id == wanted.conversation_id)
    if after is not None:
        statement = statement.where(tuple_(_s.send_at, _s.id) > tuple_(*after))
    return list(await db.execute(statement.order_by(_s.send_at, _s.id).limit(limit)))


async def scheduled_places(db: ReadDb, conversation_id: uuid.UUID) -> list[str]:
    """Return where the files of a conversation's messages are that are to be sent later."""
    rows = await db.execute(select(_s.media).where(_s.conversation_id == conversation_id, _s.media.is_not(None)))
    return [media["path"] for media in rows.scalars() if media.get("path")]
