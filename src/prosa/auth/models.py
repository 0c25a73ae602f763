"""The tables of what lets somebody in: sign-ins that can be refreshed, and API keys."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Uuid, false
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey


class RefreshToken(Base):
    """One refresh token; a rotation makes a new row of the same family. Using a used one revokes the family."""

    __tablename__ = "refresh_tokens"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[uuid.UUID] = mapped_column(Uuid, index=True)
    """All tokens that came from one sign-in."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256, hex: the token itself is never stored."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class ApiKey(Base):
    """A key with which programs call as a person, until it runs out or is revoked."""

    __tablename__ = "api_keys"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(12))
    """What is shown of it; see `prosa.auth.api_keys`."""
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256, hex: the key itself is never stored."""
    access: Mapped[str] = mapped_column(String(10))
    """See `prosa.auth.caller.Access`."""
    limited: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Only to the numbers in `ApiKeyNumber`: to none, once these are deleted."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    """Written at most once a minute."""
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class ApiKeyNumber(Base):
    """A number that a limited key may reach. It goes with the number, so another one of its name is not meant."""

    __tablename__ = "api_key_numbers"

    key_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    session_id: Mapped[str] = mapped_column(
        String(64),
        ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
        index=True,
    )
