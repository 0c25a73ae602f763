"""The tables of conversations and messages."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, Leased, UuidKey


class ConversationKind(StrEnum):
    """Who is on the other side."""

    CONTACT = "contact"
    GROUP = "group"
    STATUS = "status"
    """Status broadcasts: stored, never answered."""
    CHANNEL = "channel"
    """Newsletters and everything else that is not a person: stored, never answered."""


class Author(StrEnum):
    """Who wrote a message."""

    CONTACT = "contact"
    AI = "ai"
    PERSON = "person"
    """A person through Prosa (console or API)."""
    PROGRAM = "program"
    """A program through the API, that lets the AI go on: a notification, which takes no part in who is talking."""
    PHONE = "phone"
    """A person on the linked phone or another of its devices."""
    AUTOMATIC = "automatic"
    """A fixed text, sent by Prosa (business hours, keywords, failures) or by the phone's WhatsApp Business app."""
    SCHEDULED = "scheduled"
    """A person, earlier: sent at the time that they set, so it takes no part in who is talking now."""


class MessageStatus(StrEnum):
    """Where a message stands. Inbound ones are `received`, then `read`; outbound ones go the rest of the way.

    queued → sending → sent → delivered → read (→ played), or failed, or cancelled; `scheduled` before its time comes.
    """

    RECEIVED = "received"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Taken back before it was sent; `error` says why."""


class AiState(StrEnum):
    """What the AI does in a conversation; `ai_reason` says why."""

    IDLE = "idle"
    WAITING = "waiting"
    """A turn is due."""
    ANSWERING = "answering"
    SKIPPED = "skipped"
    """The last inbound messages were not answered, on purpose."""
    FAILED = "failed"
    """The model gave no answer; a person should look."""


class Conversation(Leased, Base):
    """A session and one contact (or group). The lease says who is making the next answer."""

    __tablename__ = "conversations"

    id: Mapped[UuidKey]
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    contact_jid: Mapped[str] = mapped_column(String(80))
    """The JID messages are sent to: the phone number's where known, else the LID, or the group's."""
    contact_lid: Mapped[str | None] = mapped_column(String(80), default=None)
    contact_phone: Mapped[str | None] = mapped_column(String(20), default=None)
    """Digits with country code, where known."""
    contact_name: Mapped[str | None] = mapped_column(String(200), default=None)
    contact_name_set: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """A person chose the name; what the contact calls itself no longer replaces it."""
    search_name: Mapped[str] = mapped_column(String(400), default="", server_default="")
    """Name and number as searched for: see `prosa.words`."""
    kind: Mapped[str] = mapped_column(String(10), default=ConversationKind.CONTACT)
    last_seq: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """`seq` of the newest message."""
    version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Rises with every change of what a prompt would contain, so that a cached context can be checked."""
    last_message_at: Mapped[datetime | None] = mapped_column(default=None)
    last_message_preview: Mapped[str | None] = mapped_column(String(200), default=None)
    unread_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    read_until: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """`seq` up to which inbound messages were read by a person or the AI."""
    answered_until: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """`seq` up to which inbound messages were answered, or skipped on purpose."""
    notes: Mapped[str | None] = mapped_column(Text, default=None)
    """People's own; no prompt has them."""
    summary: Mapped[str | None] = mapped_column(Text, default=None)
    summarised_until: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """`seq` up to which the summary tells, or messages are left out of prompts; 0: none."""
    summarised_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """About how many tokens those messages were."""
    ai_enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    ai_paused_until: Mapped[datetime | None] = mapped_column(default=None)
    """`prosa.conversations.pauses.FOREVER`: until somebody resumes it."""
    ai_paused_by: Mapped[str | None] = mapped_column(String(10), default=None)
    """Who made the last pause: a `PausedBy`, not the contact. This and the next three are kept when it
    is over."""
    ai_paused_user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, default=None)
    ai_paused_reason: Mapped[str | None] = mapped_column(String(200), default=None)
    """A `PauseReason`, with a person's own words behind a colon where there are any."""
    ai_paused_at: Mapped[datetime | None] = mapped_column(default=None)
    ai_stopped_until: Mapped[datetime | None] = mapped_column(default=None)
    """Until when the contact wants no AI, as it said by a keyword; apart from the pause, so that neither ends the
    other."""
    ai_stopped_at: Mapped[datetime | None] = mapped_column(default=None)
    """When it said so; kept as long as the pause's facts are."""
    ai_state: Mapped[str] = mapped_column(String(10), default=AiState.IDLE, server_default=AiState.IDLE.value)
    ai_reason: Mapped[str | None] = mapped_column(String(200), default=None)
    waiting_since: Mapped[datetime | None] = mapped_column(default=None)
    """While a turn is due: when the first of its messages arrived."""
    last_inbound_at: Mapped[datetime | None] = mapped_column(default=None)
    """WhatsApp's time of the newest message of the other side."""
    skipped_from: Mapped[int | None] = mapped_column(Integer, default=None)
    """What `answered_until` was before messages were skipped that nobody has answered since."""
    ai_forced: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """A person asked for the turn that is due: hours and age do not matter."""
    ai_overtaken: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Answers in a row that were dropped because the contact had written again."""
    ai_failed_at: Mapped[datetime | None] = mapped_column(default=None)
    """When a turn was given up, until an answer succeeds or a person takes care."""
    asked_wa_id: Mapped[str | None] = mapped_column(String(128), default=None)
    """In a group: the message that the next answer quotes."""
    closed_notice_at: Mapped[datetime | None] = mapped_column(default=None)
    """When the contact was last told that business hours are over."""
    approached_at: Mapped[datetime | None] = mapped_column(default=None)
    """When we last wrote to a contact who had never written to this number."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index(
            "ix_conversations_approached",
            "session_id",
            "approached_at",
            sqlite_where=text("approached_at IS NOT NULL"),
            postgresql_where=text("approached_at IS NOT NULL"),
        ),
        Index("uq_conversations_session_id_contact_jid", "session_id", "contact_jid", unique=True),
        Index("uq_conversations_session_id_contact_lid", "session_id", "contact_lid", unique=True),
        Index("ix_conversations_session_id_last_message_at", "session_id", "last_message_at", "id"),
        Index(
            "ix_conversations_failed",
            "session_id",
            "last_message_at",
            "id",
            sqlite_where=text("ai_failed_at IS NOT NULL"),
            postgresql_where=text("ai_failed_at IS NOT NULL"),
        ),
        Index(
            "ix_conversations_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )


class Message(Leased, Base):
    """One WhatsApp message, in or out.

    The lease says who is sending it (`queued`, `sending`), or who is downloading its file (every other status).
    """

    __tablename__ = "messages"

    id: Mapped[UuidKey]
    conversation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("conversations.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64))
    """The conversation's, repeated so that a gateway finds what it has to send without a join."""
    seq: Mapped[int] = mapped_column(Integer)
    """Place in the conversation: rises by one with each message stored; negative for imported history."""
    wa_id: Mapped[str] = mapped_column(String(128))
    from_me: Mapped[bool]
    author: Mapped[str] = mapped_column(String(10))
    sender_jid: Mapped[str] = mapped_column(String(80))
    sender_name: Mapped[str | None] = mapped_column(String(200), default=None)
    type: Mapped[str] = mapped_column(String(12))
    body: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    """WhatsApp's timestamp; for our own, when it was stored, until WhatsApp says its own."""
    stored_at: Mapped[datetime] = mapped_column(default=utc_now)
    quoted_wa_id: Mapped[str | None] = mapped_column(String(128), default=None)
    media: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """`prosa.conversations.media.MediaFacts` in JSON: type, size, name, and the file's path once it is here."""
    payload: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Inbound media: the waE2E.Message that downloads need. Outbound: the content to send."""
    idempotency_key: Mapped[str | None] = mapped_column(String(128), default=None)
    edited_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(String(500), default=None)
    """Why it failed, waits or was cancelled: a stable code, a colon, and words for a person."""
    scheduled_for: Mapped[datetime | None] = mapped_column(default=None)
    """When it was asked to be sent, where that was later than it was written."""
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    """Of our own: when it fails as expired, if it is not sent by then."""
    ai: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Of the AI's messages, how the answer came about: `prosa.ai.answer.Answer.facts`."""
    skip_reason: Mapped[str | None] = mapped_column(String(20), default=None)
    """Why the AI did not answer it, on purpose; none once it was answered after all."""

    __table_args__ = (
        # by the id first: few messages share one, so it also finds those of a number
        Index("uq_messages_wa_id_conversation_id", "wa_id", "conversation_id", unique=True),
        Index("uq_messages_conversation_id_seq", "conversation_id", "seq", unique=True),
        Index(
            "uq_messages_session_id_idempotency_key",
            "session_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "ix_messages_due",
            "session_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(  # what usage counts, by day
            "ix_messages_session_id_stored_at",
            "session_id",
            "stored_at",
            "author",
            sqlite_where=text("seq > 0 AND type <> 'reaction'"),
            postgresql_where=text("seq > 0 AND type <> 'reaction'"),
        ),
        Index(
            "ix_messages_unsent",
            "conversation_id",
            "seq",
            sqlite_where=text("status IN ('queued', 'sending')"),
            postgresql_where=text("status IN ('queued', 'sending')"),
        ),
        Index(
            "ix_messages_reactions",
            "conversation_id",
            "quoted_wa_id",
            sqlite_where=text("type = 'reaction'"),
            postgresql_where=text("type = 'reaction'"),
        ),
    )


class ScheduledMessage(Base):
    """A message to be sent later.

    It becomes a message of its conversation, under the same id, when its time comes: until then it has no place there,
    and is not part of what the AI sees. Columns mean what they mean in `Message`.
    """

    __tablename__ = "scheduled_messages"

    id: Mapped[UuidKey]
    conversation_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("conversations.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(10))
    type: Mapped[str] = mapped_column(String(12))
    body: Mapped[str] = mapped_column(Text, default="")
    media: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    payload: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    quoted_wa_id: Mapped[str | None] = mapped_column(String(128), default=None)
    idempotency_key: Mapped[str | None] = mapped_column(String(128), default=None)
    send_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10))
    """`scheduled`, or `cancelled`."""
    error: Mapped[str | None] = mapped_column(String(500), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index(
            "ix_scheduled_messages_due",
            "send_at",
            "id",
            sqlite_where=text("status = 'scheduled'"),
            postgresql_where=text("status = 'scheduled'"),
        ),
        Index("ix_scheduled_messages_conversation_id", "conversation_id", "send_at", "id"),
        Index(
            "uq_scheduled_messages_session_id_idempotency_key",
            "session_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )


class MessageSearch(Base):
    """What full-text search knows of a message: its words, folded (see `prosa.words`).

    A table of its own because SQLite's FTS5 needs integer keys that never change. Numbers rise as messages are stored.
    """

    __tablename__ = "message_search"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    message_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    words: Mapped[str] = mapped_column(Text)
