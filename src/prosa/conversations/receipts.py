"""Receipts: what the other side has, and what was read on another device of ours. A status never goes back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, update

from prosa.conversations.facts import conversation_payload
from prosa.conversations.held import save
from prosa.conversations.hot import MESSAGES
from prosa.conversations.identity import Address
from prosa.conversations.models import MessageStatus
from prosa.conversations.opening import open_existing
from prosa.conversations.unread import count, mark_read
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared
from prosa.events.types import ConversationUpdatedPayload, MessageStatusPayload
from prosa.whatsapp.engine import ReceiptType

_m = MESSAGES.c

_ORDER = [
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    # A message given up or cancelled after a try without an answer did arrive after all when a receipt comes.
    MessageStatus.FAILED,
    MessageStatus.CANCELLED,
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
    MessageStatus.PLAYED,
]
_MEANING = {
    ReceiptType.DELIVERED: MessageStatus.DELIVERED,
    ReceiptType.READ: MessageStatus.READ,
    ReceiptType.PLAYED: MessageStatus.PLAYED,
}


def _statement(status: MessageStatus) -> Prepared:
    at = bindparam("at", type_=_m.sent_at.type)
    values: dict[str, Any] = {"status": status.value, "error": None, "due_at": None}
    for name in (
        ("sent_at", "delivered_at") if status is MessageStatus.DELIVERED else ("sent_at", "delivered_at", "read_at")
    ):
        values[name] = func.coalesce(_m[name], at)
    below: list[ColumnElement[str]] = [
        literal_column(f"'{earlier.value}'") for earlier in _ORDER[: _ORDER.index(status)]
    ]
    mine = (_m.session_id == bindparam("session_id"), _m.wa_id == bindparam("wa_id"), _m.from_me)
    changed = update(MESSAGES).where(*mine, _m.status.in_(below)).values(values)
    returned = changed.returning(_m.id, _m.conversation_id, _m.wa_id, _m.seq)
    return Prepared(returned, bulk=True, each=("wa_id", "wa_id"))


_advance = {status: _statement(status) for status in _MEANING.values()}


def meaning(receipt: ReceiptType) -> MessageStatus | None:
    """Return the status that a receipt of others gives our messages; None where it says nothing of the kind."""
    return _MEANING.get(receipt)


async def advance(
    db: WriteDb, session_id: str, wa_ids: Sequence[str], status: MessageStatus, at: datetime
) -> list[MessageStatusPayload]:
    """Move our messages forward to `status`; those that are there or further stay. Return what changed."""
    rows = []
    for wa_id in wa_ids:
        values = {"session_id": session_id, "wa_id": wa_id, "at": at}
        rows += await db.fetch(_advance[status], values, about=())  # they were stored in earlier transactions
    return [
        MessageStatusPayload(id=row.id, conversation_id=row.conversation_id, wa_id=row.wa_id, status=status.value)
        for row in sorted(rows, key=lambda row: row.seq)
    ]


async def read_elsewhere(
    db: WriteDb, session_id: str, address: Address, wa_ids: Sequence[str]
) -> ConversationUpdatedPayload | None:
    """Take over that messages of others were read on another device; None where that is nothing new."""
    opened = await open_existing(db, session_id, address)
    if opened is None:
        return None
    held = opened.conversation
    newest = (
        await db.execute(
            select(func.max(_m.seq)).where(_m.conversation_id == held.id, _m.wa_id.in_(wa_ids), ~_m.from_me)
        )
    ).scalar_one()
    changed = newest is not None and mark_read(held, until=newest, unread=await count(db, held.id, after=newest))
    await save(db, held)
    return conversation_payload(held, merged_id=opened.merged) if changed or opened.merged else None
