"""The tables of webhooks and of what became of their deliveries."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, Leased, UuidKey


class DisabledReason(StrEnum):
    """Why Prosa itself switched a webhook off."""

    GONE = "gone"
    """Its receiver answered 410."""
    FAILING = "failing"
    """Nothing could be delivered for days."""


class DeliveryState(StrEnum):
    """What became of an event."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    """Put aside after some tries, while others got through; tried again by itself."""
    FAILED = "failed"
    """Given up; a person may try it again."""


class Webhook(Leased, Base):
    """A durable reader of the log of events, whose events go to an address.

    `due_at` says when it is to be worked on, and is None only where it is switched off; `attempts` are the looks at the
    log in a row after which it could not go on.
    """

    __tablename__ = "webhooks"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str | None] = mapped_column(String(100), default=None)
    url: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str] = mapped_column(Text)
    """Signs the deliveries; sealed, as all secrets here, by `prosa.auth.vault` (see `prosa.webhooks.sealing`)."""
    old_secret: Mapped[str | None] = mapped_column(Text, default=None)
    old_secret_until: Mapped[datetime | None] = mapped_column(default=None)
    """Until when deliveries are signed with the old secret too."""
    headers: Mapped[str | None] = mapped_column(Text, default=None)
    """More headers, as JSON; sealed."""
    header_names: Mapped[list[str]]
    events: Mapped[list[str]]
    """Types of events that are wanted; empty: all."""
    session_ids: Mapped[list[str]]
    """Numbers whose events are wanted; empty: all, or none where it is `limited`."""
    limited: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether an API key of some numbers added it: it is told only of events of its numbers, for good, and its
    deliveries are of these only; see `prosa.webhooks.reach`."""
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, default=None)
    """The API key that gave it its address; None: a person did. The key may be gone by now."""
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    disabled_reason: Mapped[str | None] = mapped_column(String(20), default=None)
    position_txid: Mapped[int] = mapped_column(BigInteger)
    position_id: Mapped[int] = mapped_column(BigInteger)
    """The place in the log up to which everything is delivered, or put aside."""
    failing_since: Mapped[datetime | None] = mapped_column(default=None)
    """Since when nothing was accepted, where it was tried."""
    last_success_at: Mapped[datetime | None] = mapped_column(default=None)
    last_error: Mapped[str | None] = mapped_column(Text, default=None)
    last_error_at: Mapped[datetime | None] = mapped_column(default=None)
    gap_from: Mapped[datetime | None] = mapped_column(default=None)
    gap_until: Mapped[datetime | None] = mapped_column(default=None)
    gap_events: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Events that the log forgot before they were delivered: how many, the first and the last one's time."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (Index("ix_webhooks_user_id_id", "user_id", "id"),)


class WebhookDelivery(Base):
    """An event that was sent to a webhook, kept for a while so that people can see what became of it."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[UuidKey]
    webhook_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(String(50))
    event: Mapped[str] = mapped_column(String(40))
    session: Mapped[str | None] = mapped_column(String(64), default=None)
    envelope: Mapped[dict[str, Any] | None]
    """What was sent, where it was not accepted; the log forgets it."""
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer, default=None)
    """HTTP status of the last try; None where there was no answer."""
    error: Mapped[str | None] = mapped_column(Text, default=None)
    response: Mapped[str | None] = mapped_column(Text, default=None)
    """The beginning of what was answered."""
    duration_ms: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    """When it is tried again, while it is `retrying`."""
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)

    __table_args__ = (
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_webhook_id_due_at", "webhook_id", "due_at"),
    )
