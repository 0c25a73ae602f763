"""One inbound message in one transaction: its conversation, its row, what it changes, when the AI should look at it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from prosa.conversations import amend, clean, media
from prosa.conversations.facts import conversation_payload, preview, received_payload
from prosa.conversations.fetch import TOPIC as MEDIA_TOPIC
from prosa.conversations.held import HeldConversation, save
from prosa.conversations.hot import (
    find_message,
    forget_words,
    index_message,
    insert_message,
    message_values,
    update_message,
)
from prosa.conversations.models import Author, ConversationKind, MessageStatus
from prosa.conversations.opening import Opened, open_existing, open_or_create
from prosa.conversations.unread import UNCOUNTED, mark_read
from prosa.database.engine import WriteDb
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import AiSkippedPayload
from prosa.ids import new_id
from prosa.outbox import limits
from prosa.turns import fixed, takeover
from prosa.turns.arrival import TURNS_TOPIC, Outcome, Storing, decide
from prosa.turns.compaction import unsay
from prosa.whatsapp.convert_out import downloadable
from prosa.whatsapp.engine import MEDIA_TYPES, MessageType


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of it.

    Attributes:
        conversation_id: Where it was stored.
        version: The conversation's, after it.
        message: The row that was added at the conversation's end; None where an earlier one was changed, or nothing.
        files: Places of files to remove, because their message was deleted for everyone.
        skipped: Why it will not be answered, where that was decided on purpose.
    """

    conversation_id: uuid.UUID | None = None
    version: int = 0
    message: dict[str, Any] | None = None
    files: tuple[str, ...] = ()
    skipped: str | None = None


async def store(storing: Storing, db: WriteDb) -> Arrived:
    """Store a message, or apply what it changes on an earlier one. Storing it again changes nothing."""
    message = storing.message
    amends = message.edits or message.revokes or (message.reacts_to and not message.body)
    opened: Opened | None
    if amends:
        opened = await open_existing(db, storing.session.session_id, storing.address)
        if opened is None and message.edits is None:
            return Arrived()
    elif message.from_me and await takeover.is_our_own(db, storing.session.session_id, message.wa_id):
        return Arrived()
    else:
        opened = None
    if opened is None:
        opened = await open_or_create(
            db, storing.session.session_id, storing.address, at=message.timestamp, name=_contact_name(storing)
        )
    held = opened.conversation
    if message.revokes:
        outcome = await _revoke(storing, db, held)
    elif message.reacts_to:
        outcome = await _react(storing, db, held)
    elif message.edits:
        outcome = await _edit(storing, db, held)
    else:
        outcome = await _add(storing, db, held, wa_id=message.wa_id)
    await _have_it_begun(storing, db, held, outcome)
    await save(db, held)
    if outcome.changed or opened.merged:
        outcome.payloads.append(conversation_payload(held, merged_id=opened.merged))
    owner, number = storing.session.user_id, storing.session.session_id
    await log.append(db, *(NewEvent(owner, number, payload) for payload in outcome.payloads))
    for text in outcome.says:
        await fixed.say(db, held, storing.session, text)
    skipped = next((payload.reason for payload in outcome.payloads if isinstance(payload, AiSkippedPayload)), None)
    return Arrived(held.id, held.version, outcome.added, outcome.files, skipped)


async def _have_it_begun(storing: Storing, db: WriteDb, held: HeldConversation, outcome: Outcome) -> None:
    """Claim the conversation for the turn that is due, where there is room; otherwise wake who claims it later."""
    if not outcome.due:
        return
    slot = storing.slot if not outcome.says else None  # what is said changes the conversation once more
    if slot is None or not await slot.claim(db, held):
        db.wake(TURNS_TOPIC)


async def _revoke(storing: Storing, db: WriteDb, held: HeldConversation) -> Outcome:
    target = await find_message(db, held.id, storing.message.revokes or "")
    if target is None:
        return Outcome()
    payload = await amend.revoke(db, held, storing.message, target)
    if payload is None:
        return Outcome()
    await unsay(db, held, target.seq, target.body)
    place = (target.media or {}).get("path")
    return Outcome([payload], files=(place,) if place else (), changed=True)


async def _edit(storing: Storing, db: WriteDb, held: HeldConversation) -> Outcome:
    wa_id = storing.message.edits or ""
    target = await find_message(db, held.id, wa_id)
    if target is None or amend.is_placeholder(target):
        # The message itself never came, or could not be read: its newest text is what there is of it.
        return await _add(storing, db, held, wa_id=wa_id, edited_at=storing.message.timestamp, known=target)
    payload = await amend.edit(db, held, storing.message, target)
    if payload is None:
        return Outcome()
    await unsay(db, held, target.seq, target.body)
    return Outcome([payload], changed=True)


async def _react(storing: Storing, db: WriteDb, held: HeldConversation) -> Outcome:
    old = await amend.find_reaction(db, held, storing.message)
    if old is not None:
        payload = await amend.change_reaction(db, held, storing.message, old)
        return Outcome([payload]) if payload else Outcome()
    if not storing.message.body:
        return Outcome()
    return await _add(storing, db, held, wa_id=storing.message.wa_id)


async def _add(
    storing: Storing,
    db: WriteDb,
    held: HeldConversation,
    *,
    wa_id: str,
    edited_at: datetime | None = None,
    known: Row[Any] | None = None,
) -> Outcome:
    values = _row(storing, held, wa_id=wa_id, edited_at=edited_at)
    if storing.message.from_me:
        values["author"] = (await takeover.phone_author(db, held, storing.session, storing.message)).value
    if known is None and not await insert_message(db, values):
        known = await find_message(db, held.id, wa_id)
        if known is None or not amend.is_placeholder(known) or storing.undecryptable:
            return Outcome()
    if known is not None:
        return await _replace(storing, db, held, values, known)
    held.last_seq = values["seq"]
    await _show(storing, db, held, values, counts=True)
    outcome = Outcome([received_payload(values, held)], added=values, changed=True)
    await decide(storing, db, held, values, outcome)
    return outcome


async def _replace(
    storing: Storing, db: WriteDb, held: HeldConversation, values: dict[str, Any], placeholder: Row[Any]
) -> Outcome:
    """Put a message that can now be read in its placeholder's place.

    Where the conversation went on and was answered or summarised meanwhile, or is being answered at this moment, it
    moves to the end, so as not to be passed over.
    """
    passed = held.leased(storing.now) or placeholder.seq <= max(held.answered_until, held.summarised_until)
    seq = held.last_seq + 1 if passed else placeholder.seq
    kept = {"id": placeholder.id, "seq": seq, "stored_at": placeholder.stored_at}
    values |= kept
    await update_message(db, placeholder.id, **{name: value for name, value in values.items() if name != "id"})
    was_unread = placeholder.seq > held.read_until
    held.last_seq = max(held.last_seq, seq)
    await _show(storing, db, held, values, counts=passed and not was_unread)
    outcome = Outcome([received_payload(values, held)], changed=True)
    await decide(storing, db, held, values, outcome)
    return outcome


async def _show(storing: Storing, db: WriteDb, held: HeldConversation, values: dict[str, Any], *, counts: bool) -> None:
    """Bring the conversation up to date with a message that was just put into it."""
    message = storing.message
    file_name = message.media.file_name if message.media else None
    if values["edited_at"] is not None:
        await forget_words(db, values["id"])
    await index_message(db, values["id"], values["type"], values["body"], file_name)
    if values["due_at"] is not None:
        db.wake(MEDIA_TOPIC)
    held.version += 1
    name = _contact_name(storing)
    if name is not None and not held.contact_name_set:
        held.contact_name = name
    if message.from_me:
        if values["author"] == Author.PHONE:
            # Whoever answers on the phone has read what is there.
            mark_read(held)
    elif counts and message.type not in UNCOUNTED:
        held.unread_count += 1
    if message.type is not MessageType.REACTION:
        if not message.from_me:
            if held.last_inbound_at is None and values["seq"] > 1:
                await limits.let_go(db, held.id)
            held.last_inbound_at = max(held.last_inbound_at or message.timestamp, message.timestamp)
        held.last_message_at = max(held.last_message_at or message.timestamp, message.timestamp)
        held.last_message_preview = preview(values["type"], values["body"], file_name)


def _contact_name(storing: Storing) -> str | None:
    if storing.message.from_me or storing.address.kind is not ConversationKind.CONTACT:
        return None
    return storing.message.push_name


def _row(storing: Storing, held: HeldConversation, *, wa_id: str, edited_at: datetime | None) -> dict[str, Any]:
    message = storing.message
    has_file = message.media is not None and message.type in MEDIA_TYPES
    facts = media.from_info(message.media) if message.media is not None and has_file else None
    small = facts is not None and facts.size is not None and facts.size <= storing.auto_download_bytes
    chat = storing.address.kind in {ConversationKind.CONTACT, ConversationKind.GROUP}
    payload = clean.json(downloadable(message.payload)) if has_file and message.payload else None
    return message_values(
        id_=new_id(),
        conversation_id=held.id,
        session_id=held.session_id,
        seq=held.last_seq + 1,
        wa_id=wa_id,
        from_me=message.from_me,
        author=(Author.PHONE if message.from_me else Author.CONTACT).value,
        sender_jid=message.sender,
        sender_name=None if message.from_me else message.push_name,
        type_=(MessageType.UNKNOWN if storing.undecryptable else message.type).value,
        body="" if storing.undecryptable else message.body,
        status=(MessageStatus.SENT if message.from_me else MessageStatus.RECEIVED).value,
        created_at=message.timestamp,
        stored_at=storing.now,
        quoted_wa_id=message.reacts_to or message.quoted_wa_id,
        media=facts.stored() if facts else None,
        payload=payload,
        edited_at=edited_at,
        error=f"{amend.UNDECRYPTABLE}: {storing.undecryptable}" if storing.undecryptable else None,
        due_at=storing.now if payload and small and chat else None,
    )
