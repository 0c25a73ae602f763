"""Which messages the AI left unanswered on purpose, and why, as people see it at each message."""

import uuid

from sqlalchemy import func, or_, select, update

from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author
from prosa.database.engine import WriteDb
from prosa.whatsapp.engine import MessageType

_m = MESSAGES.c
_SILENT = [kind.value for kind in (MessageType.REACTION, MessageType.SYSTEM, MessageType.UNKNOWN)]
"""Kinds of messages that want no answer."""
PEOPLE = (Author.PERSON.value, Author.PHONE.value)
"""Authors who answer instead of the AI."""


async def mark_skipped(db: WriteDb, conversation_id: uuid.UUID, reason: str, *, after: int, until: int) -> int:
    """Mark the contact's messages between two places that no person has answered; return how many there are.

    Args:
        db: The transaction, which holds the conversation.
        conversation_id: Which.
        reason: Why they are not answered.
        after: Behind this `seq`.
        until: Up to this `seq`.
    """
    spoke = await last_spoken(db, conversation_id, after=after)
    result = await db.execute(
        update(MESSAGES)
        .where(
            _m.conversation_id == conversation_id,
            _m.seq > max(after, spoke),
            _m.seq <= until,
            _m.author == Author.CONTACT.value,
            _m.type.not_in(_SILENT),
            _m.revoked_at.is_(None),
        )
        .values(skip_reason=reason)
    )
    return result.rowcount


async def unmark(db: WriteDb, conversation_id: uuid.UUID, *, after: int, until: int) -> None:
    """Take the marks back of messages that were answered after all."""
    where = [_m.conversation_id == conversation_id, _m.seq > after, _m.seq <= until, _m.skip_reason.is_not(None)]
    await db.execute(update(MESSAGES).where(*where).values(skip_reason=None))


async def last_reason(db: WriteDb, conversation_id: uuid.UUID, *, after: int) -> str | None:
    """Return why the newest message behind `seq` `after` that is marked was not answered; None where none is."""
    where = [_m.conversation_id == conversation_id, _m.seq > after, _m.skip_reason.is_not(None)]
    statement = select(_m.skip_reason).where(*where).order_by(_m.seq.desc()).limit(1)
    return (await db.execute(statement)).scalar_one_or_none()


async def last_spoken(db: WriteDb, conversation_id: uuid.UUID, *, after: int) -> int:
    """Return the place of a person's last message behind `seq` `after`; 0 where there is none."""
    where = [_m.conversation_id == conversation_id, _m.seq > after, _m.author.in_(PEOPLE), _m.type != "reaction"]
    return int((await db.execute(select(func.coalesce(func.max(_m.seq), 0)).where(*where))).scalar_one())


async def any_waiting(db: WriteDb, conversation_id: uuid.UUID, *, after: int) -> bool:
    """Return whether the contact wrote something behind `seq` `after` that can be answered and nobody has."""
    spoke = await last_spoken(db, conversation_id, after=after)
    statement = (
        select(_m.id)
        .where(
            _m.conversation_id == conversation_id,
            _m.seq > max(after, spoke),
            _m.author == Author.CONTACT.value,
            _m.type.not_in(_SILENT),
            or_(_m.body != "", _m.media.is_not(None)),
            _m.revoked_at.is_(None),
        )
        .limit(1)
    )
    return (await db.execute(statement)).first() is not None
