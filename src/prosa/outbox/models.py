"""The outbox's own tables; messages themselves are in `prosa.conversations.models`."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, Leased, UuidKey


class SendingPause(Base):
    """A number that WhatsApp told to send slower; removed once a message went through again."""

    __tablename__ = "sending_pauses"

    session_id: Mapped[str] = mapped_column(
        String(64),
        ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
    )
    until: Mapped[datetime]
    strikes: Mapped[int]
    """How often in a row."""


class ChangeKind(StrEnum):
    """What is done to a message that WhatsApp has."""

    REACT = "react"
    EDIT = "edit"
    REVOKE = "revoke"
    """Deleted for everyone."""


class ChangeStatus(StrEnum):
    """Where a change stands."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class MessageChange(Leased, Base):
    """A change of a message on its way to WhatsApp; the stored message changes once WhatsApp has it.

    Its WhatsApp id is made before the first try, like a message's. The lease says who is sending it.
    """

    __tablename__ = "message_changes"

    id: Mapped[UuidKey]
    message_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("messages.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64))
    """The message's number, repeated so that a gateway finds what it has to send without a join."""
    kind: Mapped[str] = mapped_column(String(8))
    body: Mapped[str] = mapped_column(Text, default="")
    """The emoji (empty: taken back), or the new text."""
    wa_id: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(8))
    error: Mapped[str | None] = mapped_column(String(500), default=None)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_message_changes_message_id", "message_id", "id"),
        Index(
            "ix_message_changes_due",
            "session_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
