"""Taking back messages that wait to be sent: those not on their way at this moment."""

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select, update

from prosa.clock import utc_now
from prosa.conversations.facts import conversation_payload, preview
from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author, MessageStatus
from prosa.conversations.scope import owner_of
from prosa.database.engine import WriteDb
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.leases import LeaseLostError
from prosa.outbox.queue import status_payload
from prosa.outbox.sending import Sending, unsent
from prosa.whatsapp.engine import EngineErrorCode, MessageType

TAKEN_OVER = "taken_over: a person wrote in the conversation before this was sent"
BY_PERSON = "cancelled: a person took it back before it was sent"
SWITCHED_OFF = "ai_off: the AI was switched off, paused or stopped before this was sent"
CONTACT_STOPPED = "contact_stopped: the contact stopped the AI, which had set this reminder"
INCOMPLETE = "answer_incomplete: an earlier message of the same answer was not sent"
PERHAPS = " (a try had no answer from WhatsApp, so it may have arrived)"

_m = MESSAGES.c
tried_in_vain = or_(
    _m.status == MessageStatus.SENDING.value,
    *(
        func.coalesce(_m.error, "").startswith(f"{code.value}:")
        for code in (EngineErrorCode.TIMEOUT, EngineErrorCode.INTERNAL)
    ),
)
"""A try was made whose end nobody knows: its sender died, or WhatsApp did not answer."""


async def cancel_unsent(
    db: WriteDb,
    conversation: HeldConversation | uuid.UUID,
    *,
    author: Author | None = Author.AI,
    reason: str = TAKEN_OVER,
    only: ColumnElement[bool] | None = None,
    user_id: uuid.UUID | None = None,
) -> list[uuid.UUID]:
    """Cancel what waits to be sent in a conversation; what is being sent at this moment goes on its way.

    A held conversation is saved, with whatever else the caller changed on it, where something was cancelled.

    Args:
        db: The transaction.
        conversation: Held by this transaction, or its id.
        author: Of this author's messages; None: of all.
        reason: A stable code, a colon, and words for a person.
        only: What else must be true of a message.
        user_id: The number's owner, where known.

    Returns:
        The messages cancelled, in order.
    """
    now = utc_now()
    key = conversation.id if isinstance(conversation, HeldConversation) else conversation
    free = or_(_m.lease_until.is_(None), _m.lease_until <= now)
    statement = update(MESSAGES).where(_m.conversation_id == key, unsent(_m.status), free)
    if author is not None:
        statement = statement.where(_m.author == author.value)
    if only is not None:
        statement = statement.where(only)
    values = {
        "status": MessageStatus.CANCELLED.value,
        "error": case((tried_in_vain, reason + PERHAPS), else_=reason),
        "due_at": None,
        "lease_owner": None,
        "lease_until": None,
    }
    held = conversation if isinstance(conversation, HeldConversation) else await hold(db, key)
    if held is None:
        return []
    columns = [_m.id, _m.conversation_id, _m.wa_id, _m.seq, _m.status, _m.error]
    rows = sorted(await db.execute(statement.values(values).returning(*columns)), key=lambda row: row.seq)
    if not rows:
        return []
    held.version += 1  # what was never said is no part of a prompt
    owner = user_id or await owner_of(db, held.session_id)
    told = [NewEvent(owner, held.session_id, status_payload(row)) for row in rows]
    if rows[-1].seq == held.last_seq:
        held.last_message_preview = await _last_preview(db, held.id)
        told.append(NewEvent(owner, held.session_id, conversation_payload(held)))
    await save(db, held)
    await log.append(db, *told)
    return [row.id for row in rows]


async def withdraw(db: WriteDb, message: Sending, *, owner: str, now: datetime) -> list[uuid.UUID]:
    """Cancel a message that was taken and is not wanted any more; with an answer, all that the AI has not said yet.

    Raises:
        LeaseLostError: It is another's by now.
    """
    held = await hold(db, message.conversation_id)
    mine = (_m.id == message.id) & (_m.lease_owner == owner) & (_m.lease_until > now)
    free = {"status": MessageStatus.QUEUED.value, "lease_owner": None, "lease_until": None}
    freed = await db.execute(update(MESSAGES).where(mine).values(free).returning(_m.id))
    if held is None or freed.first() is None:
        raise LeaseLostError(f"message {message.id} is no longer held by {owner}")
    if message.is_answer:
        return await cancel_unsent(db, held, reason=SWITCHED_OFF, user_id=message.user_id)
    only = _m.id == message.id
    return await cancel_unsent(db, held, author=None, reason=CONTACT_STOPPED, only=only, user_id=message.user_id)


async def cancel_following(db: WriteDb, message: Sending) -> list[uuid.UUID]:
    """Cancel what belongs to the same answer as a message that will not be sent."""
    first = message.instructions.after or str(message.id)
    same = _m.payload["after"].as_string() == first
    return await cancel_unsent(db, message.conversation_id, reason=INCOMPLETE, only=same, user_id=message.user_id)


async def _last_preview(db: WriteDb, conversation_id: uuid.UUID) -> str | None:
    statement = (
        select(_m.type, _m.body, _m.media)
        .where(
            _m.conversation_id == conversation_id,
            _m.status != MessageStatus.CANCELLED.value,
            _m.type != MessageType.REACTION.value,
            _m.revoked_at.is_(None),
        )
        .order_by(_m.seq.desc())
        .limit(1)
    )
    row = (await db.execute(statement)).first()
    return preview(row.type, row.body, (row.media or {}).get("file_name")) if row else None
