"""What counts as unread, in one place."""

import uuid
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, false, func, select

from prosa.conversations.held import HeldConversation
from prosa.conversations.models import Message
from prosa.database.base import Base
from prosa.database.engine import ReadDb
from prosa.whatsapp.engine import MessageType

MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = MESSAGES.c

UNCOUNTED = frozenset({MessageType.REACTION, MessageType.SYSTEM})
"""Phones do not count these as unread."""

COUNTED: ColumnElement[bool] = and_(_m.from_me == false(), _m.type.not_in(sorted(UNCOUNTED)), _m.revoked_at.is_(None))
"""The messages of others that a person can have unread."""


async def count(db: ReadDb, conversation_id: uuid.UUID, *, after: int) -> int:
    """Return how many messages of others lie behind sequence number `after`."""
    statement = select(func.count()).where(_m.conversation_id == conversation_id, _m.seq > after, COUNTED)
    return int((await db.execute(statement)).scalar_one())


def mark_read(held: HeldConversation, *, until: int | None = None, unread: int = 0) -> bool:
    """Mark a held conversation as read up to a message; return whether that changed it. The caller saves it.

    Args:
        held: The conversation.
        until: `seq` of the last message that was read; the newest where left out.
        unread: How many messages of others lie behind it.
    """
    goal = held.last_seq if until is None else min(until, held.last_seq)
    if goal <= held.read_until and held.unread_count <= unread:
        return False
    held.read_until = max(goal, held.read_until)
    held.unread_count = unread
    return True
