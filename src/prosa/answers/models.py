"""The tables of frequent answers, of what is asked, and of what is asked often."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Float, ForeignKey, Index, LargeBinary, String, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from prosa.answers.text import LONGEST_QUESTION
from prosa.clock import utc_now
from prosa.database.base import Base, UuidKey

MODEL_NAME = 60
"""Characters of an embedding model's name."""


class FrequentAnswer(Base):
    """An answer that its owner approved for a question that comes again."""

    __tablename__ = "frequent_answers"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[str | None] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE"), default=None
    )
    """Of one number only; None: of all of the owner's."""
    title: Mapped[str] = mapped_column(String(LONGEST_QUESTION))
    """The question as the owner would put it."""
    answer: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(String(16), default=None)
    """What language it is in (BCP 47); for people, matching does not need it."""
    enabled: Mapped[bool] = mapped_column(default=True, server_default=sql("true"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_frequent_answers_user_id_id", "user_id", "id"),
        Index("ix_frequent_answers_session_id", "session_id"),
    )


class FrequentPhrasing(Base):
    """One way to ask for a frequent answer; its title is one too."""

    __tablename__ = "frequent_phrasings"

    id: Mapped[UuidKey]
    answer_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("frequent_answers.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(LONGEST_QUESTION))
    key: Mapped[str] = mapped_column(String(40))
    """Digest of the normalised text: the same question is one phrasing."""
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    """Its embedding (`prosa.embeddings`); None: not made yet."""
    model: Mapped[str | None] = mapped_column(String(MODEL_NAME), default=None)
    """What made the embedding."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (Index("uq_frequent_phrasings_answer_id_key", "answer_id", "key", unique=True),)


class SuggestionStatus(StrEnum):
    """What became of a suggestion."""

    OPEN = "open"
    APPROVED = "approved"
    DISMISSED = "dismissed"
    """No frequent answer is wanted; like questions are no longer suggested, and no answer is given to them."""


class FrequentSuggestion(Base):
    """Like questions that no frequent answer is for. Its texts are those of its questions, and go with them."""

    __tablename__ = "frequent_suggestions"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    status: Mapped[str] = mapped_column(String(10), default=SuggestionStatus.OPEN)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """Embedding of its first question."""
    model: Mapped[str] = mapped_column(String(MODEL_NAME))
    answer_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("frequent_answers.id", ondelete="SET NULL"), default=None
    )
    """The frequent answer that was made of it."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_frequent_suggestions_session_id_status", "session_id", "status"),
        Index("ix_frequent_suggestions_user_id_id", "user_id", "id"),
        Index("ix_frequent_suggestions_answer_id", "answer_id"),
    )


class AnsweredBy(StrEnum):
    """Who answered a question."""

    MODEL = "model"
    APPROVED = "approved"
    EXACT = "exact"
    PERSON = "person"


class Verdict(StrEnum):
    """What a person says of a frequent answer to a question."""

    RIGHT = "right"
    WRONG = "wrong"


class FrequentQuestion(Base):
    """A question that stood alone and was answered, and what the frequent answers had for it."""

    __tablename__ = "frequent_questions"

    id: Mapped[UuidKey]
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(
        String(64), ForeignKey("whatsapp_sessions.session_id", ondelete="CASCADE", onupdate="CASCADE")
    )
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("conversations.id", ondelete="CASCADE"), default=None
    )
    """Erased with it."""
    text: Mapped[str] = mapped_column(String(LONGEST_QUESTION))
    key: Mapped[str] = mapped_column(String(40))
    reply: Mapped[str] = mapped_column(Text)
    """What was answered."""
    answered_by: Mapped[str] = mapped_column(String(10))
    cost_microusd: Mapped[int | None] = mapped_column(BigInteger, default=None)
    """Of the model's answer; None where no model was asked, or the price is not known."""
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    model: Mapped[str | None] = mapped_column(String(MODEL_NAME), default=None)
    suggestion_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("frequent_suggestions.id", ondelete="SET NULL"), default=None
    )
    answer_id: Mapped[uuid.UUID | None] = mapped_column(
        Uuid, ForeignKey("frequent_answers.id", ondelete="SET NULL"), default=None
    )
    """The best frequent answer for it."""
    passed: Mapped[bool] = mapped_column(default=False, server_default=sql("false"))
    """That answer would have been given, or was."""
    score: Mapped[float | None] = mapped_column(Float, default=None)
    margin: Mapped[float | None] = mapped_column(Float, default=None)
    differs: Mapped[str | None] = mapped_column(String(20), default=None)
    likeness: Mapped[float | None] = mapped_column(Float, default=None)
    """Of the reply and the frequent answer, 1 at most."""
    verdict: Mapped[str | None] = mapped_column(String(8), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        Index("ix_frequent_questions_user_id_id", "user_id", "id"),
        Index("ix_frequent_questions_session_id_created_at", "session_id", "created_at"),
        Index("ix_frequent_questions_conversation_id", "conversation_id"),
        Index("ix_frequent_questions_suggestion_id", "suggestion_id"),
        Index("ix_frequent_questions_answer_id", "answer_id"),
    )
