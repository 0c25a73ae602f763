"""Messages that change other messages: edits, deletions for everyone, reactions."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, literal_column, select, update

from prosa.conversations.facts import preview, shown_status
from prosa.conversations.held import HeldConversation
from prosa.conversations.hot import MESSAGES, find_message, forget_words, index_message, update_message
from prosa.conversations.models import ConversationKind
from prosa.conversations.unread import UNCOUNTED
from prosa.database.engine import WriteDb
from prosa.events.types import MessageStatusPayload
from prosa.whatsapp.engine import InboundMessage, MessageType

_m = MESSAGES.c

UNDECRYPTABLE = "undecryptable"
"""Begins the `error` of a placeholder: the message itself may still follow."""


def is_placeholder(row: Row[Any]) -> bool:
    """Whether a message stands for one that could not be read yet."""
    return bool(row.error) and row.error.startswith(UNDECRYPTABLE) and row.revoked_at is None


async def edit(
    db: WriteDb, held: HeldConversation, inbound: InboundMessage, target: Row[Any]
) -> MessageStatusPayload | None:
    """Give a message its new text; None where that is nothing new, or not the author's to do."""
    newer = target.edited_at is None or inbound.timestamp > target.edited_at
    if target.revoked_at is not None or not newer or not _same_author(held, inbound, target):
        return None
    await update_message(db, target.id, body=inbound.body, edited_at=inbound.timestamp)
    await forget_words(db, target.id)
    name = (target.media or {}).get("file_name")
    await index_message(db, target.id, target.type, inbound.body, name)
    held.version += 1
    if target.seq == held.last_seq:
        held.last_message_preview = preview(target.type, inbound.body, name)
    return _changed(held, target, body=inbound.body, edited_at=inbound.timestamp)


async def revoke(
    db: WriteDb, held: HeldConversation, inbound: InboundMessage, target: Row[Any]
) -> MessageStatusPayload | None:
    """Blank a message that was deleted for everyone; None where that is done, or not the author's to do.

    Its file, named in the target's `media`, is the caller's to remove once this is committed.
    """
    # In groups an admin may delete what others wrote; WhatsApp's server has checked that.
    if target.revoked_at is not None or not (
        held.kind != ConversationKind.CONTACT or target.from_me == inbound.from_me
    ):
        return None
    await update_message(db, target.id, body="", media=None, payload=None, revoked_at=inbound.timestamp, due_at=None)
    await forget_words(db, target.id)
    held.version += 1
    if not target.from_me and target.seq > held.read_until and target.type not in UNCOUNTED:
        held.unread_count = max(0, held.unread_count - 1)
    if target.seq == held.last_seq:
        held.last_message_preview = None
    return _changed(held, target, body="", revoked_at=inbound.timestamp)


async def find_reaction(db: WriteDb, held: HeldConversation, inbound: InboundMessage) -> Row[Any] | None:
    """Return the reaction that the sender already has on the same message."""
    sender = [_m.from_me == inbound.from_me]
    if held.kind != ConversationKind.CONTACT and not inbound.from_me:
        sender.append(_m.sender_jid.in_([inbound.sender, inbound.sender_alt or inbound.sender]))
    statement = select(MESSAGES).where(
        _m.conversation_id == held.id,
        # Written out, so that the databases see that the index over reactions fits.
        _m.type == literal_column(f"'{MessageType.REACTION.value}'"),
        _m.quoted_wa_id == inbound.reacts_to,
        *sender,
    )
    return (await db.execute(statement.limit(1))).first()


async def change_reaction(
    db: WriteDb, held: HeldConversation, inbound: InboundMessage, old: Row[Any]
) -> MessageStatusPayload | None:
    """Replace a reaction by a newer one, or take it back; None where it is not newer."""
    if inbound.wa_id == old.wa_id or inbound.timestamp < (old.edited_at or old.created_at):
        return None
    revoked = None if inbound.body else inbound.timestamp
    if await find_message(db, held.id, inbound.wa_id) is not None:
        return None
    await db.execute(
        update(MESSAGES)
        .where(_m.id == old.id)
        .values(wa_id=inbound.wa_id, body=inbound.body, edited_at=inbound.timestamp, revoked_at=revoked)
    )
    held.version += 1
    return _changed(held, old, body=inbound.body, edited_at=inbound.timestamp, revoked_at=revoked)


def _same_author(held: HeldConversation, inbound: InboundMessage, target: Row[Any]) -> bool:
    if target.from_me != inbound.from_me:
        return False
    if held.kind == ConversationKind.CONTACT or inbound.from_me:
        return True
    return target.sender_jid in {inbound.sender, inbound.sender_alt}


def _changed(
    held: HeldConversation,
    target: Row[Any],
    *,
    body: str,
    edited_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> MessageStatusPayload:
    return MessageStatusPayload(
        id=target.id,
        conversation_id=held.id,
        wa_id=target.wa_id,
        status=shown_status(target.status, from_me=target.from_me, seq=target.seq, read_until=held.read_until),
        body=body,
        edited_at=edited_at,
        revoked_at=revoked_at,
    )
