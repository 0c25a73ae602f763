"""The table of people's keys of model providers."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey


class ProviderKey(Base):
    """A key of one provider: a person's, or the installation's, which all use who have none of their own."""

    __tablename__ = "provider_keys"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), default=None)
    """None: the installation's."""
    provider: Mapped[str] = mapped_column(String(40))
    sealed: Mapped[str] = mapped_column(Text)
    """The key, sealed by `prosa.auth.vault` for `provider_key:<id>`."""
    hint: Mapped[str] = mapped_column(String(8))
    """What may be shown of it."""
    base_url: Mapped[str | None] = mapped_column(String(500), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (Index("ix_provider_keys_user_id_provider", "user_id", "provider"),)
