"""The table of linked numbers."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, Leased, UuidKey
from prosa.sessions.state import SessionStatus


class WhatsAppSession(Leased, Base):
    """A linked WhatsApp account. The lease says which process holds its socket.

    `wanted` and `due_at` are what people ask for: a gateway claims rows that are wanted and due. Every request sets
    `due_at` anew (`None` while the number is stopped), so a gateway that ends its work on a row sees in that
    transaction whether somebody asked for something else meanwhile.
    """

    __tablename__ = "whatsapp_sessions"

    id: Mapped[UuidKey]
    session_id: Mapped[str] = mapped_column(String(64), unique=True)
    """The public name, chosen by the person or made for them; unique in the installation."""
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str | None] = mapped_column(String(100), default=None)
    """What people call this number ("Shop, sales"); shown instead of the public name."""
    status: Mapped[str] = mapped_column(String(12), default=SessionStatus.CONNECTING)
    status_reason: Mapped[str | None] = mapped_column(String(60), default=None)
    """Stable code of why the status is what it is, such as `device_removed`."""
    status_detail: Mapped[str | None] = mapped_column(String(500), default=None)
    """The same for a person, with what to do."""
    wanted: Mapped[bool] = mapped_column(default=False)
    """Whether a person wants this number online; it then comes back by itself."""
    link_method: Mapped[str] = mapped_column(String(8), default="qr")
    """`qr` or `code`."""
    link_phone: Mapped[str | None] = mapped_column(String(20), default=None)
    """Digits of the number that a pairing code is for."""
    qr: Mapped[str | None] = mapped_column(default=None)
    qr_expires_at: Mapped[datetime | None] = mapped_column(default=None)
    pairing_code: Mapped[str | None] = mapped_column(String(9), default=None)
    pairing_code_expires_at: Mapped[datetime | None] = mapped_column(default=None)
    passkey: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """During the passkey step: the WebAuthn options, or the code to compare."""
    jid: Mapped[str | None] = mapped_column(String(80), default=None)
    """The linked device's JID, with its device part."""
    lid: Mapped[str | None] = mapped_column(String(80), default=None)
    push_name: Mapped[str | None] = mapped_column(String(200), default=None)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """AI and sending: `prosa.sessions.settings.SessionSettings` in JSON."""
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The person's own free-form metadata."""
    answers_version: Mapped[int] = mapped_column(default=0, server_default="0")
    """Rises when its frequent answers change, so that what is kept of them can be checked; 0: it never had any."""
    knowledge_version: Mapped[int] = mapped_column(default=0, server_default="0")
    """Rises when its documents change."""
    last_connected_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (Index(None, "wanted", "lease_until"),)


class GatewayProcess(Leased, Base):
    """A process that can hold numbers: it lives while its lease lasts, and is there since `due_at`."""

    __tablename__ = "gateways"

    id: Mapped[UuidKey]
