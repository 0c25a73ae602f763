"""The table of people."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey
from prosa.users.role import Role

__all__ = ["Role", "User"]


class User(Base):
    """A person who signs in."""

    __tablename__ = "users"

    id: Mapped[UuidKey]
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """Case-folded."""
    name: Mapped[str | None] = mapped_column(String(200), default=None)
    password: Mapped[str | None] = mapped_column(String(200), default=None)
    """Argon2id hash."""
    role: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
