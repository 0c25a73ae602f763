"""The table of model calls."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey


class Usage(Base):
    """One model call: tokens, cost and time."""

    __tablename__ = "usage"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64))
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, default=None)
    message_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, default=None)
    """The first message of the answer that the call made."""
    purpose: Mapped[str] = mapped_column(String(16))
    """One of `prosa.ai.usage.Purpose`."""
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(120))
    input_tokens: Mapped[int] = mapped_column(Integer)
    """All of the prompt, cached tokens included."""
    cached_tokens: Mapped[int] = mapped_column(Integer, default=0)
    output_tokens: Mapped[int] = mapped_column(Integer)
    cost_microusd: Mapped[int | None] = mapped_column(BigInteger, default=None)
    """Millionths of a US dollar; None where the price is not known."""
    latency_ms: Mapped[int] = mapped_column(Integer)
    saved_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Of replies: about how many more tokens the prompt would have had with all messages since the beginning."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_usage_user_id_created_at", "user_id", "created_at"),
        Index("ix_usage_conversation_id", "conversation_id"),
    )
