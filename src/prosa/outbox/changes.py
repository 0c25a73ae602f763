"""Changes of messages that WhatsApp has: reactions, new texts, deletions for everyone.

What can be asked for, and the rows of what was.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Table, exists, insert, select

from prosa import leases
from prosa.clock import utc_now
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import MessageStatus
from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.ids import new_id, new_message_id
from prosa.outbox.errors import TooLateError
from prosa.outbox.models import ChangeKind, ChangeStatus, MessageChange
from prosa.whatsapp.engine import Content, EditContent, MessageType, ReactionContent, RevokeContent

TOPIC = "changes"
"""Wakes whoever sends changes."""

EDITABLE = timedelta(minutes=15)
"""How long after it was sent a message may be edited (WhatsApp's apps; whatsmeow's EditWindow allows 20 minutes)."""
REVOCABLE = timedelta(hours=60)
"""How long after it was sent a message may be deleted for everyone: 2 days and 12 hours, as in WhatsApp's apps."""
LASTING = timedelta(hours=24)
"""How long a reaction may wait for the number to come online."""

TABLE: Final[Table] = Base.metadata.tables[MessageChange.__tablename__]
_h, _m = TABLE.c, MESSAGES.c
_earlier = TABLE.alias("earlier")
_AT_WHATSAPP = frozenset(
    {MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED, MessageStatus.RECEIVED}
)
_NO_TARGET = frozenset({MessageType.REACTION, MessageType.SYSTEM})


@dataclass(frozen=True, slots=True)
class Change:
    """A change to be sent, with what it changes.

    Attributes:
        id: The row's.
        message_id: Of the message that changes.
        conversation_id: Of its conversation.
        session_id: The number.
        kind: A `ChangeKind`.
        body: The emoji or text.
        wa_id: The change's own WhatsApp id.
        attempts: Tries that failed.
        target: The changed message's WhatsApp id.
        target_from_me: Whether that is one of ours.
        target_sender: Who sent it.
    """

    id: uuid.UUID
    message_id: uuid.UUID
    conversation_id: uuid.UUID
    session_id: str
    kind: str
    body: str
    wa_id: str
    attempts: int
    expires_at: datetime
    target: str
    target_from_me: bool
    target_sender: str

    def content(self) -> Content:
        """Return it in the engine's form."""
        if self.kind == ChangeKind.REACT:
            return ReactionContent(
                self.target, target_from_me=self.target_from_me, sender=self.target_sender, emoji=self.body
            )
        return EditContent(self.target, self.body) if self.kind == ChangeKind.EDIT else RevokeContent(self.target)


def check(message: Row[Any], kind: ChangeKind, now: datetime) -> datetime:
    """Make sure that a message can be changed so; return until when WhatsApp takes it.

    Raises:
        TooLateError: It cannot.
    """
    if message.revoked_at is not None:
        raise TooLateError("The message was deleted for everyone.")
    if message.type in _NO_TARGET or not message.wa_id:
        raise TooLateError("This is no message that could be changed or reacted to.")
    if message.status not in _AT_WHATSAPP:
        raise TooLateError(f"WhatsApp does not have the message: it is {message.status}.")
    if kind is ChangeKind.REACT:
        return now + LASTING
    if not message.from_me:
        raise TooLateError("The message is somebody else's: only its author can do that.")
    if kind is ChangeKind.EDIT and message.type != MessageType.TEXT:
        raise TooLateError("Only texts can be edited once they are sent.")
    until: datetime = message.created_at + (EDITABLE if kind is ChangeKind.EDIT else REVOCABLE)
    if until <= now:
        what = "edited within 15 minutes" if kind is ChangeKind.EDIT else "deleted for everyone within about 60 hours"
        raise TooLateError(f"WhatsApp lets a message be {what} after it was sent.")
    return until


async def add(db: WriteDb, message: Row[Any], kind: ChangeKind, body: str, expires_at: datetime) -> None:
    """Put a change into the outbox."""
    now = utc_now()
    values = {
        "id": new_id(),
        "message_id": message.id,
        "session_id": message.session_id,
        "kind": kind.value,
        "body": body,
        "wa_id": new_message_id(),
        "status": ChangeStatus.QUEUED.value,
        "expires_at": expires_at,
        "created_at": now,
        "due_at": now,
    }
    await db.execute(insert(TABLE), values)
    db.wake(TOPIC)


async def newest(db: ReadDb, message_id: uuid.UUID, *, limit: int) -> list[Row[Any]]:
    """Return a message's changes that were asked for through Prosa, the newest first."""
    statement = select(TABLE).where(_h.message_id == message_id).order_by(_h.id.desc()).limit(limit)
    return list(await db.execute(statement))


async def take(
    db: WriteDb, sessions: Collection[str], *, owner: str, now: datetime, lease: timedelta, limit: int
) -> list[Change]:
    """Take changes that are due, each the first of its message."""
    before = exists().where(
        _earlier.c.message_id == _h.message_id, _earlier.c.id < _h.id, _earlier.c.status == ChangeStatus.QUEUED.value
    )
    taken = await leases.claim(
        db, TABLE, owner=owner, now=now, lease=lease, limit=limit,
        where=_h.session_id.in_(sessions) & ~before.correlate(TABLE), returning=[_h.id],
    )  # fmt: skip
    if not taken:
        return []
    statement = (
        select(
            _h.id, _h.message_id, _m.conversation_id, _h.session_id, _h.kind, _h.body, _h.wa_id, _h.attempts,
            _h.expires_at, _m.wa_id.label("target"), _m.from_me.label("target_from_me"),
            _m.sender_jid.label("target_sender"),
        )
        .join(MESSAGES, _m.id == _h.message_id)
        .where(_h.id.in_([row.id for row in taken]))
        .order_by(_h.id)
    )  # fmt: skip
    return [Change(**row._mapping) for row in await db.execute(statement)]  # noqa: SLF001
