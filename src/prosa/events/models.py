"""The table of events."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, FetchedValue, ForeignKeyConstraint, Index, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base


class EventRow(Base):
    """Something that happened, appended in the transaction that caused it.

    Numbers of concurrent transactions may commit out of order. On PostgreSQL a row therefore also carries its
    transaction's number, readers order by (txid, id) and stop below the oldest transaction still open; so nothing can
    appear behind a place that was already read. SQLite has one writer: there `txid` is 0 and `id` alone orders.

    Only SQLite checks that the owner exists: PostgreSQL would look it up and lock it for each event, and all who write
    would lock the same row. Whoever deletes a person therefore forgets their events too (`log.forget_all`). One that a
    transaction still open then adds is nobody's: no reader finds it, and it is forgotten once it is old.
    """

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    txid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    session_id: Mapped[str | None] = mapped_column(String(64), default=None)
    type: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE").ddl_if(dialect="sqlite"),
        Index("ix_events_user_id_txid_id", "user_id", "txid", "id"),
        Index("ix_events_txid_id", "txid", "id").ddl_if(dialect="postgresql"),
        # without it SQLite would give the numbers of forgotten events out again
        {"sqlite_autoincrement": True},
    )
