"""Messages to be sent later: kept aside, changed, taken back, and put into their conversation when their time comes."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, literal_column, select, update

from prosa.clock import utc_now
from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.hot import MESSAGES, find_message
from prosa.conversations.models import Author, MessageStatus
from prosa.conversations.scheduled import TABLE
from prosa.conversations.scope import owner_of
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import FieldError, InvalidInputError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import MessageStatusPayload
from prosa.outbox.cancel import BY_PERSON, CONTACT_STOPPED, cancel_unsent
from prosa.outbox.content import Instructions, Outbound, StoredContent
from prosa.outbox.queue import enqueue, find_by_key

TOPIC = "schedule"
"""Wakes whoever waits for the next message's time."""

BROKEN = "internal: it could not be put into its conversation; the log says why"
GRACE = timedelta(minutes=1)
"""A time that is past by less is now: clocks differ, and requests take a while."""
FURTHEST = timedelta(days=366)

_s = TABLE.c
# Written out, so that both databases see that the partial index fits.
_waiting = _s.status == literal_column(f"'{MessageStatus.SCHEDULED.value}'")


def check_send_at(send_at: datetime, now: datetime) -> datetime | None:
    """Return when to send a message, where that is later; None: at once.

    Raises:
        InvalidInputError: That time is past, or further away than a year.
    """
    if send_at < now - GRACE:
        raise InvalidInputError(
            "The time to send the message is past.",
            fields=[FieldError("body.send_at", "must be a moment to come", "past")],
        )
    if send_at > now + FURTHEST:
        raise InvalidInputError(
            "The time to send the message is too far away.",
            fields=[FieldError("body.send_at", "must be within a year", "too_far")],
        )
    return send_at if send_at > now else None


async def add(
    db: WriteDb,
    held: HeldConversation,
    *,
    message_id: uuid.UUID,
    content: Outbound,
    send_at: datetime,
    instructions: Instructions,
    user_id: uuid.UUID,
    quoted_wa_id: str | None = None,
    idempotency_key: str | None = None,
) -> None:
    """Keep a message of a person, or a reminder of the AI's, until its time comes; the held conversation is saved.

    Raises:
        IntegrityError: The idempotency key is taken.
    """
    values = {
        "id": message_id,
        "conversation_id": held.id,
        "session_id": held.session_id,
        "author": Author.SCHEDULED.value,
        "type": content.type.value,
        "body": content.body,
        "media": content.media.stored() if content.media else None,
        "payload": instructions.stored(),
        "quoted_wa_id": quoted_wa_id,
        "idempotency_key": idempotency_key,
        "send_at": send_at,
        "status": MessageStatus.SCHEDULED.value,
        "created_at": utc_now(),
    }
    await save(db, held)
    await db.execute(insert(TABLE), values)
    await log.append(db, NewEvent(user_id, held.session_id, _payload(values)))
    db.wake(TOPIC)


async def find_key(db: ReadDb, session_id: str, idempotency_key: str) -> Row[Any] | None:
    """Return the message to be sent later that a request with this key made on a number."""
    statement = select(TABLE).where(_s.session_id == session_id, _s.idempotency_key == idempotency_key)
    return (await db.execute(statement)).first()


async def cancel(db: WriteDb, message_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Take back a message; false where it is no longer waiting for its time."""
    values = {"status": MessageStatus.CANCELLED.value, "error": BY_PERSON}
    return await _change(db, message_id, values, user_id)


async def cancel_reminders(db: WriteDb, held: HeldConversation, user_id: uuid.UUID) -> None:
    """Take back what the AI set to be sent later in a conversation, because the contact wants no more of it.

    Also what has come to its time and waits to be sent. What people set stays.
    """
    set_by_ai = (_s.conversation_id == held.id) & _s.payload["reminder"].as_boolean()
    values = {"status": MessageStatus.CANCELLED.value, "error": CONTACT_STOPPED}
    rows = list(await db.execute(update(TABLE).where(set_by_ai, _waiting).values(values).returning(TABLE)))
    told = (_payload(dict(row._mapping)) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name
    await log.append(db, *(NewEvent(user_id, held.session_id, payload) for payload in told))
    only = MESSAGES.c.payload["reminder"].as_boolean()
    await cancel_unsent(db, held, author=Author.SCHEDULED, reason=CONTACT_STOPPED, only=only, user_id=user_id)


async def give_up(db: WriteDb, message_id: uuid.UUID) -> None:
    """Cancel a message that cannot be put into its conversation."""
    values = {"status": MessageStatus.CANCELLED.value, "error": BROKEN}
    row = (await db.execute(update(TABLE).where(_s.id == message_id, _waiting).values(values).returning(TABLE))).first()
    if row is not None:
        told = _payload(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name
        await log.append(db, NewEvent(await owner_of(db, row.session_id), row.session_id, told))


async def change(
    db: WriteDb, message_id: uuid.UUID, user_id: uuid.UUID, *, body: str | None = None, send_at: datetime | None = None
) -> bool:
    """Give a message another text or time; false where it is no longer waiting for its time."""
    values: dict[str, Any] = {}
    if body is not None:
        values["body"] = body
    if send_at is not None:
        values["send_at"] = send_at
    return await _change(db, message_id, values, user_id)


async def due(db: ReadDb, now: datetime, limit: int) -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """Return messages whose time has come, in order: each with its conversation and its number."""
    statement = select(_s.id, _s.conversation_id, _s.session_id).where(_waiting, _s.send_at <= now)
    rows = await db.execute(statement.order_by(_s.send_at, _s.id).limit(limit))
    return [(row.id, row.conversation_id, row.session_id) for row in rows]


async def next_time(db: ReadDb) -> datetime | None:
    """Return when the next message's time comes; None where none waits."""
    statement = select(_s.send_at).where(_waiting).order_by(_s.send_at).limit(1)
    found: datetime | None = (await db.execute(statement)).scalar_one_or_none()
    return found


async def promote(
    db: WriteDb, message_id: uuid.UUID, conversation_id: uuid.UUID, *, now: datetime, lasting: timedelta | None
) -> bool:
    """Put a message whose time has come into its conversation and the outbox; false where somebody was quicker.

    It expires `lasting` after the time that it was scheduled for: one that is too late by then is put into its
    conversation all the same, and fails there, where a person sees it.
    """
    held = await hold(db, conversation_id)
    if held is None:
        return False
    mine = (_s.id == message_id) & _waiting & (_s.send_at <= now) & (_s.conversation_id == conversation_id)
    row = (await db.execute(delete(TABLE).where(mine).returning(TABLE))).first()
    if row is None:
        return False
    key = row.idempotency_key
    if key is not None and await find_by_key(db, held.session_id, key) is not None:
        key = None
    quoted = row.quoted_wa_id
    if quoted is not None and await find_message(db, held.id, quoted) is None:
        quoted = None
    await enqueue(
        db,
        held,
        author=Author(row.author),
        content=StoredContent(row.type, row.body, row.media),
        quoted_wa_id=quoted,
        idempotency_key=key,
        instructions=Instructions.read(row.payload),
        message_id=row.id,
        due_at=row.send_at,
        scheduled_for=row.send_at,
        lasting=lasting,
    )
    return True


async def _change(db: WriteDb, message_id: uuid.UUID, values: Mapping[str, Any], user_id: uuid.UUID) -> bool:
    statement = update(TABLE).where(_s.id == message_id, _waiting).values(values).returning(TABLE)
    row = (await db.execute(statement)).first()
    if row is None:
        return False
    await log.append(db, NewEvent(user_id, row.session_id, _payload(dict(row._mapping))))  # noqa: SLF001
    db.wake(TOPIC)
    return True


def _payload(row: Mapping[str, Any]) -> MessageStatusPayload:
    return MessageStatusPayload(
        id=row["id"],
        conversation_id=row["conversation_id"],
        wa_id="",
        status=row["status"],
        error=row.get("error"),
        body=row["body"],
        scheduled_for=row["send_at"],
    )
