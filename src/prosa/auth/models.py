"""The table of sign-ins that can be refreshed."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Uuid
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
