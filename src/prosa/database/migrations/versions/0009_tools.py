"""Tools that the model may call, and their calls."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import JsonColumn, UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "tools",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parameters", JsonColumn, nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("header_name", sa.String(length=100), nullable=True),
        sa.Column("header_sealed", sa.Text(), nullable=True),
        sa.Column("header_hint", sa.String(length=8), nullable=True),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_tools_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tools"),
    )
    op.create_index("uq_tools_session_id_name", "tools", ["session_id", "name"], unique=True)
    op.create_table(
        "tool_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("arguments", JsonColumn, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_tool_calls_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_tool_calls_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tool_calls"),
    )
    op.create_index("ix_tool_calls_conversation_id", "tool_calls", ["conversation_id"], unique=False)
    op.create_index("ix_tool_calls_session_id_id", "tool_calls", ["session_id", "id"], unique=False)
