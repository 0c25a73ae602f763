"""The table of model calls."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, String, Uuid
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


class OwnerBudget(Base):
    """What an owner may spend in a month, over all numbers."""

    __tablename__ = "owner_budgets"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    tokens: Mapped[int | None] = mapped_column(BigInteger, default=None)
    usd: Mapped[float | None] = mapped_column(Float, default=None)
    alert_share: Mapped[float] = mapped_column(Float, default=0.8)


class BudgetMark(Base):
    """What was told about a budget in a month, so that it is told once."""

    __tablename__ = "budget_marks"

    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    scope: Mapped[str] = mapped_column(String(100), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    """alert, stopped or message"""
