"""The tables of tools and of their calls."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey


class Tool(Base):
    """A service that the model may call on one number."""

    __tablename__ = "tools"

    id: Mapped[UuidKey]
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]]
    """JSON schema of the arguments."""
    method: Mapped[str] = mapped_column(String(4))
    url: Mapped[str] = mapped_column(String(2000))
    header_name: Mapped[str | None] = mapped_column(String(100), default=None)
    header_sealed: Mapped[str | None] = mapped_column(Text, default=None)
    """The secret header's value, sealed by `prosa.auth.vault` for `tool:<id>`."""
    header_hint: Mapped[str | None] = mapped_column(String(8), default=None)
    timeout_seconds: Mapped[int] = mapped_column(Integer, default=10)
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (Index("uq_tools_session_id_name", "session_id", "name", unique=True),)


class ToolCall(Base):
    """One call of a tool, kept so that people can see what the model did."""

    __tablename__ = "tool_calls"

    id: Mapped[UuidKey]
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("conversations.id", ondelete="CASCADE"), default=None
    )
    """None: a person tried it."""
    name: Mapped[str] = mapped_column(String(64))
    arguments: Mapped[dict[str, Any]]
    ok: Mapped[bool]
    status: Mapped[int | None] = mapped_column(Integer, default=None)
    """HTTP status; None where there was no answer."""
    result: Mapped[str] = mapped_column(Text, default="")
    """The beginning of what came back, or what went wrong."""
    latency_ms: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_tool_calls_session_id_id", "session_id", "id"),
        Index("ix_tool_calls_conversation_id", "conversation_id"),
    )
