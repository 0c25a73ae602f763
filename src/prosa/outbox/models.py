"""The outbox's own tables; messages themselves are in `prosa.conversations.models`."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from prosa.database.base import Base


class SendingPause(Base):
    """A number that WhatsApp told to send slower; removed once a message went through again."""

    __tablename__ = "sending_pauses"

    session_id: Mapped[str] = mapped_column(
        String(64),
        ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
    )
    until: Mapped[datetime]
    strikes: Mapped[int]
    """How often in a row."""
