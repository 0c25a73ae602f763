"""Putting messages into the outbox: a message is stored, with its WhatsApp id, before anything tries to send it."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Row, select

from prosa.clock import utc_now
from prosa.conversations.facts import conversation_payload, preview
from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.hot import MESSAGES, find_message, index_message, insert_own, message_values
from prosa.conversations.models import Author, MessageStatus
from prosa.conversations.scope import owner_of
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import NotFoundError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import MessageStatusPayload, Payload
from prosa.ids import new_id, new_message_id
from prosa.outbox.content import QUOTE_LENGTH, Instructions, Outbound, OutboundText
from prosa.outbox.sending import Sending, SendSlot
from prosa.whatsapp.engine import Quote

TOPIC = "outbox"
"""Wakes the sender."""
LASTING = timedelta(hours=24)
"""How long a message waits to be sent where nothing else is said; see `expire_hours` of a number's settings."""


@dataclass(frozen=True, slots=True)
class EnqueuedMessage:
    """A message in the outbox. Its body and the rest are as the caller gave them."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    seq: int
    wa_id: str


_OF_MESSAGE = (
    "id", "conversation_id", "session_id", "wa_id", "type", "body", "media", "stored_at", "attempts", "error", "author",
    "expires_at",
)  # fmt: skip
_OF_CONVERSATION = (
    "ai_enabled", "ai_paused_until", "ai_paused_by", "ai_stopped_until", "contact_jid", "contact_lid", "contact_phone",
    "contact_name",
)  # fmt: skip

Tell: TypeAlias = Callable[[Sequence[EnqueuedMessage]], Payload]
"""Makes an event about messages in the outbox."""


async def enqueue(
    db: WriteDb,
    conversation: HeldConversation | uuid.UUID,
    *,
    author: Author,
    content: Outbound,
    quoted_wa_id: str | None = None,
    idempotency_key: str | None = None,
    instructions: Instructions | None = None,
    message_id: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
    sender_jid: str = "",
    ai: dict[str, Any] | None = None,
    due_at: datetime | None = None,
    scheduled_for: datetime | None = None,
    lasting: timedelta | None = LASTING,
) -> EnqueuedMessage:
    """Store a message to send, at the end of its conversation, and wake the sender once it is committed.

    A held conversation is saved, with whatever else the caller changed on it.

    Args:
        db: The transaction.
        conversation: Held by this transaction, or its id.
        author: Who wrote it: the AI or a person.
        content: What to send.
        quoted_wa_id: The message of this conversation that it answers to.
        idempotency_key: Names the request; unique in the number.
        instructions: What else the sender must know.
        message_id: The row's id, where the caller made it (a file is kept under it).
        user_id: The number's owner, where known; looked up where left out.
        sender_jid: The number's own JID, where known; WhatsApp tells it when the message is sent.
        ai: Of an answer of the AI: how it came about (`prosa.ai.answer.Answer.facts`).
        due_at: Not to be sent before; at once where left out.
        scheduled_for: When it was asked to be sent, where that was later than it was written.
        lasting: How long it may wait until it fails as expired; None: for ever.

    Raises:
        NotFoundError: There is no such conversation, or no such message to answer to.
        IntegrityError: The idempotency key is taken.
    """
    held = conversation if isinstance(conversation, HeldConversation) else await hold(db, conversation)
    if held is None:
        raise NotFoundError("There is no such conversation.")
    details = instructions or Instructions()
    if quoted_wa_id is not None:
        details = replace(details, quote=await _quote(db, held.id, quoted_wa_id))
    message = _Message(
        content, due_at, details, message_id or new_id(), idempotency_key, quoted_wa_id, ai, scheduled_for
    )
    [enqueued] = await _put(db, held, [message], author=author, user_id=user_id, sender_jid=sender_jid, lasting=lasting)
    return enqueued


async def enqueue_answer(
    db: WriteDb,
    held: HeldConversation,
    texts: Sequence[str],
    *,
    due: Sequence[datetime],
    quoted_wa_id: str | None = None,
    user_id: uuid.UUID,
    sender_jid: str = "",
    ai: dict[str, Any] | None = None,
    lasting: timedelta | None = LASTING,
    tell: Tell | None = None,
    slot: SendSlot | None = None,
) -> list[EnqueuedMessage]:
    """Store an answer of the AI that is one or more messages, each due at its time; otherwise as `enqueue`.

    If one of them fails, those behind it are cancelled. The first one quotes, and keeps what `ai` tells. `tell` makes
    one more event, which is appended together with the others. With a `slot`, the first one goes at once where it may.
    """
    first = new_id()
    quote = await _quote(db, held.id, quoted_wa_id) if quoted_wa_id is not None else None
    whole = Instructions(quote=quote)
    messages = [_Message(OutboundText(texts[0]), due[0], whole, first, quoted_wa_id=quoted_wa_id, ai=ai)]
    if len(texts) > 1:
        later, rest = Instructions(after=str(first)), zip(texts[1:], due[1:], strict=True)
        messages += [_Message(OutboundText(text), at, later, new_id()) for text, at in rest]
    who = Author.AI
    return await _put(
        db, held, messages, author=who, user_id=user_id, sender_jid=sender_jid, lasting=lasting, tell=tell, slot=slot
    )


@dataclass(frozen=True, slots=True)
class _Message:
    """One message to store."""

    content: Outbound
    due_at: datetime | None
    instructions: Instructions
    id: uuid.UUID
    idempotency_key: str | None = None
    quoted_wa_id: str | None = None
    ai: dict[str, Any] | None = None
    scheduled_for: datetime | None = None


async def _put(
    db: WriteDb,
    held: HeldConversation,
    messages: Sequence[_Message],
    *,
    author: Author,
    user_id: uuid.UUID | None,
    sender_jid: str,
    lasting: timedelta | None,
    tell: Tell | None = None,
    slot: SendSlot | None = None,
) -> list[EnqueuedMessage]:
    now = utc_now()
    if slot is not None and not await slot.fits(db, held, messages[0].due_at or now):
        slot = None
    enqueued: list[EnqueuedMessage] = []
    rows: list[dict[str, Any]] = []
    for message in messages:
        held.last_seq += 1
        held.version += 1
        media = message.content.media
        due_at = message.due_at or now
        values = message_values(
            id_=message.id,
            conversation_id=held.id,
            session_id=held.session_id,
            seq=held.last_seq,
            wa_id=new_message_id(),
            from_me=True,
            author=author.value,
            sender_jid=sender_jid,
            sender_name=None,
            type_=message.content.type.value,
            body=message.content.body,
            status=MessageStatus.QUEUED.value,
            created_at=now,
            stored_at=now,
            quoted_wa_id=message.quoted_wa_id,
            media=media.stored() if media else None,
            payload=message.instructions.stored(),
            idempotency_key=message.idempotency_key,
            due_at=due_at,
            expires_at=due_at + lasting if lasting is not None else None,
            scheduled_for=message.scheduled_for,
            ai=message.ai,
        )
        rows.append(values)
        if slot is not None and len(rows) == 1:
            values = values.copy()  # events tell that it was queued, as of any other
            slot.take(values)
        await insert_own(db, values)
        file_name = media.file_name if media else None
        await index_message(db, values["id"], values["type"], values["body"], file_name)
        held.last_message_at = now
        held.last_message_preview = preview(values["type"], values["body"], file_name)
        enqueued.append(EnqueuedMessage(message.id, held.id, held.last_seq, values["wa_id"]))
    await save(db, held)
    owner = user_id or await owner_of(db, held.session_id)
    await log.append(
        db,
        *(NewEvent(owner, held.session_id, status_payload(values)) for values in rows),
        NewEvent(owner, held.session_id, conversation_payload(held)),
        *([NewEvent(owner, held.session_id, tell(enqueued))] if tell else []),
    )
    if slot is not None:
        slot.hand_over(db, _sending(rows[0], held, messages[0].instructions, owner, followed=len(rows) > 1))
    if slot is None or len(rows) > 1:
        db.wake(TOPIC)
    return enqueued


def _sending(
    values: dict[str, Any], held: HeldConversation, instructions: Instructions, user_id: uuid.UUID, *, followed: bool
) -> Sending:
    """Return a message that is taken as it is stored; as the sender's own claim would read it."""
    return Sending(
        **{name: values[name] for name in _OF_MESSAGE},
        **{name: getattr(held, name) for name in _OF_CONVERSATION},
        instructions=instructions,
        user_id=user_id,
        followed=followed,
    )


async def find_by_key(db: ReadDb, session_id: str, idempotency_key: str) -> Row[Any] | None:
    """Return the message that a request with this key made on a number."""
    c = MESSAGES.c
    statement = select(MESSAGES).where(c.session_id == session_id, c.idempotency_key == idempotency_key)
    return (await db.execute(statement)).first()


def status_payload(message: dict[str, Any] | Any) -> MessageStatusPayload:
    """Return the event that says where a message stands."""
    values = message if isinstance(message, dict) else message._mapping  # noqa: SLF001 - SQLAlchemy's public name
    return MessageStatusPayload(
        id=values["id"],
        conversation_id=values["conversation_id"],
        wa_id=values["wa_id"],
        status=values["status"],
        error=values.get("error"),
    )


async def _quote(db: ReadDb, conversation_id: uuid.UUID, wa_id: str) -> Quote:
    quoted = await find_message(db, conversation_id, wa_id)
    if quoted is None:
        raise NotFoundError("The message to answer to is not in this conversation.")
    return Quote(wa_id=wa_id, sender=quoted.sender_jid, text=quoted.body[:QUOTE_LENGTH])
