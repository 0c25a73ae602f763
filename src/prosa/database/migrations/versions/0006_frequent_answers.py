"""Frequent answers, their phrasings, what is asked and what is asked often; versions that say when they change."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, and the numbers' versions."""
    op.create_table(
        "frequent_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_frequent_answers_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_frequent_answers_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_frequent_answers"),
    )
    op.create_index("ix_frequent_answers_session_id", "frequent_answers", ["session_id"], unique=False)
    op.create_index("ix_frequent_answers_user_id_id", "frequent_answers", ["user_id", "id"], unique=False)
    op.create_table(
        "frequent_phrasings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["frequent_answers.id"],
            name="fk_frequent_phrasings_answer_id_frequent_answers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_frequent_phrasings"),
    )
    op.create_index("uq_frequent_phrasings_answer_id_key", "frequent_phrasings", ["answer_id", "key"], unique=True)
    op.create_table(
        "frequent_suggestions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["frequent_answers.id"],
            name="fk_frequent_suggestions_answer_id_frequent_answers",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_frequent_suggestions_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_frequent_suggestions_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_frequent_suggestions"),
    )
    op.create_index("ix_frequent_suggestions_answer_id", "frequent_suggestions", ["answer_id"], unique=False)
    op.create_index(
        "ix_frequent_suggestions_session_id_status", "frequent_suggestions", ["session_id", "status"], unique=False
    )
    op.create_index("ix_frequent_suggestions_user_id_id", "frequent_suggestions", ["user_id", "id"], unique=False)
    op.create_table(
        "frequent_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.String(length=10), nullable=False),
        sa.Column("cost_microusd", sa.BigInteger(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("answer_id", sa.Uuid(), nullable=True),
        sa.Column("passed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("differs", sa.String(length=20), nullable=True),
        sa.Column("likeness", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=8), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["frequent_answers.id"],
            name="fk_frequent_questions_answer_id_frequent_answers",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_frequent_questions_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_frequent_questions_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"],
            ["frequent_suggestions.id"],
            name="fk_frequent_questions_suggestion_id_frequent_suggestions",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_frequent_questions_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_frequent_questions"),
    )
    op.create_index("ix_frequent_questions_answer_id", "frequent_questions", ["answer_id"], unique=False)
    op.create_index("ix_frequent_questions_conversation_id", "frequent_questions", ["conversation_id"], unique=False)
    op.create_index(
        "ix_frequent_questions_session_id_created_at", "frequent_questions", ["session_id", "created_at"], unique=False
    )
    op.create_index("ix_frequent_questions_suggestion_id", "frequent_questions", ["suggestion_id"], unique=False)
    op.create_index("ix_frequent_questions_user_id_id", "frequent_questions", ["user_id", "id"], unique=False)
    op.add_column("whatsapp_sessions", sa.Column("answers_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("whatsapp_sessions", sa.Column("knowledge_version", sa.Integer(), server_default="0", nullable=False))
