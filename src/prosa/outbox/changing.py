"""What becomes of a change that was tried: made in the stored message, put off, or given up; one transaction each."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from prosa import leases
from prosa.conversations import amend
from prosa.conversations.facts import conversation_payload, sent_payload
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.hot import MESSAGES, insert_message, message_values
from prosa.conversations.models import Author, ConversationKind, MessageStatus
from prosa.conversations.scope import owner_of
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import NotFoundError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import MessageChangeFailedPayload, Payload
from prosa.ids import new_id
from prosa.leases import LeaseLostError
from prosa.outbox.changes import TABLE, Change
from prosa.outbox.models import ChangeKind, ChangeStatus
from prosa.whatsapp.engine import InboundMessage, MessageType, SendResult
from prosa.whatsapp.jid import bare

_h, _m = TABLE.c, MESSAGES.c
_TICK = timedelta(milliseconds=1)


async def recipient(db: ReadDb, conversation_id: uuid.UUID) -> str:
    """Return the address of a conversation.

    Raises:
        NotFoundError: It was erased.
    """
    statement = select(CONVERSATIONS.c.contact_jid).where(CONVERSATIONS.c.id == conversation_id)
    found: str | None = (await db.execute(statement)).scalar_one_or_none()
    if found is None:
        raise NotFoundError("The conversation was erased.")
    return found


async def done(db: WriteDb, change: Change, result: SendResult, *, owner: str, now: datetime) -> str | None:
    """Make a change in the stored message, because WhatsApp has it; return the place of a file to remove.

    Raises:
        LeaseLostError: It is another's by now.
    """
    held = await hold(db, change.conversation_id)
    await _release(db, change, {"status": ChangeStatus.SENT.value, "error": None}, owner=owner, now=now)
    target = (await db.execute(select(MESSAGES).where(_m.id == change.message_id))).first()
    if held is None or target is None:
        return None
    at = result.timestamp
    if target.edited_at is not None and at <= target.edited_at:
        at = target.edited_at + _TICK  # WhatsApp's times are seconds; ours come in order
    told, place = await _apply(db, held, change, target, _as_inbound(held, change, bare(result.sender), at))
    if told is None:
        return None
    await save(db, held)
    owner_id = await owner_of(db, held.session_id)
    payloads: list[Payload] = [told]
    if target.seq == held.last_seq or change.kind == ChangeKind.REACT:
        payloads.append(conversation_payload(held))
    await log.append(db, *(NewEvent(owner_id, held.session_id, payload) for payload in payloads))
    return place


async def again(
    db: WriteDb, change: Change, *, due_at: datetime, attempts: int, owner: str, now: datetime
) -> str | None:
    """Give a change back, to be sent later under the same WhatsApp id.

    Raises:
        LeaseLostError: It is another's by now.
    """
    await _release(db, change, {"due_at": due_at, "attempts": attempts}, owner=owner, now=now)
    return None


async def fail(db: WriteDb, change: Change, error: str, *, owner: str, now: datetime) -> str | None:
    """Give a change up.

    Raises:
        LeaseLostError: It is another's by now.
    """
    values = {"status": ChangeStatus.FAILED.value, "error": error[:500]}
    await _release(db, change, values, owner=owner, now=now)
    told = MessageChangeFailedPayload(
        id=change.message_id, conversation_id=change.conversation_id, wa_id=change.target, change=change.kind,
        error=error[:500],
    )  # fmt: skip
    await log.append(db, NewEvent(await owner_of(db, change.session_id), change.session_id, told))
    return None


async def _release(db: WriteDb, change: Change, values: dict[str, Any], *, owner: str, now: datetime) -> None:
    held = (_h.id == change.id) & (_h.lease_owner == owner) & (_h.lease_until > now)
    statement = update(TABLE).where(held).values(leases.released(None) | values).returning(_h.id)
    if (await db.execute(statement)).first() is None:
        raise LeaseLostError(f"change {change.id} is no longer held by {owner}")


def _as_inbound(held: HeldConversation, change: Change, sender: str, at: datetime) -> InboundMessage:
    """Return a change as it would come from another of the number's devices, so that both are made the same way."""
    return InboundMessage(
        wa_id=change.wa_id,
        chat=held.contact_jid,
        sender=sender,
        from_me=True,
        is_group=held.kind == ConversationKind.GROUP,
        timestamp=at,
        type=MessageType.REACTION if change.kind == ChangeKind.REACT else MessageType.TEXT,
        body=change.body,
        edits=change.target if change.kind == ChangeKind.EDIT else None,
        revokes=change.target if change.kind == ChangeKind.REVOKE else None,
        reacts_to=change.target if change.kind == ChangeKind.REACT else None,
    )


async def _apply(
    db: WriteDb, held: HeldConversation, change: Change, target: Row[Any], inbound: InboundMessage
) -> tuple[Payload | None, str | None]:
    if change.kind == ChangeKind.EDIT:
        return await amend.edit(db, held, inbound, target), None
    if change.kind == ChangeKind.REVOKE:
        return await amend.revoke(db, held, inbound, target), (target.media or {}).get("path")
    old = await amend.find_reaction(db, held, inbound)
    if old is not None:
        return await amend.change_reaction(db, held, inbound, old), None
    return (await _add_reaction(db, held, inbound) if inbound.body else None), None


async def _add_reaction(db: WriteDb, held: HeldConversation, inbound: InboundMessage) -> Payload | None:
    values = message_values(
        id_=new_id(),
        conversation_id=held.id,
        session_id=held.session_id,
        seq=held.last_seq + 1,
        wa_id=inbound.wa_id,
        from_me=True,
        author=Author.PERSON.value,
        sender_jid=inbound.sender,
        sender_name=None,
        type_=MessageType.REACTION.value,
        body=inbound.body,
        status=MessageStatus.SENT.value,
        created_at=inbound.timestamp,
        stored_at=inbound.timestamp,
        quoted_wa_id=inbound.reacts_to,
    )
    if not await insert_message(db, values):
        return None
    held.last_seq += 1
    held.version += 1
    return sent_payload(values, held)
