"""The tables of documents and their pieces."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey


class SourceKind(StrEnum):
    """What a document was."""

    TEXT = "text"
    MARKDOWN = "markdown"
    PDF = "pdf"
    PAGE = "page"
    """Text of a web page that a person pasted; Prosa does not fetch it."""


class SourceStatus(StrEnum):
    """Where the indexing of a document stands."""

    INDEXING = "indexing"
    """Found by its words already; its meanings are being worked out."""
    READY = "ready"
    FAILED = "failed"
    """Found by its words only; `error` says why its meanings could not be worked out."""


class KnowledgeSource(Base):
    """A document of a number's owner."""

    __tablename__ = "knowledge_sources"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(10))
    url: Mapped[str | None] = mapped_column(String(2000), default=None)
    """Where it is from, for people."""
    status: Mapped[str] = mapped_column(String(10))
    error: Mapped[str | None] = mapped_column(String(300), default=None)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of its text: the same document is not added twice."""
    content: Mapped[str] = mapped_column(Text)
    """All of its text."""
    tokens: Mapped[int] = mapped_column(Integer)
    """About how many tokens that is."""
    pieces: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("uq_knowledge_sources_session_id_digest", "session_id", "digest", unique=True),
        Index("ix_knowledge_sources_user_id", "user_id"),
    )


class KnowledgePiece(Base):
    """A piece of a document, as it is found and given to the model.

    Numbered, because SQLite's FTS5 needs integer keys that never change.
    """

    __tablename__ = "knowledge_pieces"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    source_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("knowledge_sources.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64))
    """The source's, repeated for the search."""
    position: Mapped[int] = mapped_column(Integer)
    place: Mapped[str] = mapped_column(String(200))
    """Where in the document: headings, or a page."""
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[int] = mapped_column(Integer)
    words: Mapped[str] = mapped_column(Text)
    """Its stems, in order (`prosa.knowledge.stems`): what the full-text index holds."""
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    model: Mapped[str | None] = mapped_column(String(60), default=None)

    __table_args__ = (
        Index("uq_knowledge_pieces_source_id_position", "source_id", "position", unique=True),
        Index("ix_knowledge_pieces_session_id", "session_id"),
    )
