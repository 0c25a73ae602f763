"""Messages to be sent later."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import JsonColumn, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table; keep with a message when it was asked to be sent."""
    op.add_column("messages", sa.Column("scheduled_for", UtcDateTime(), nullable=True))
    op.create_table(
        "scheduled_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=10), nullable=False),
        sa.Column("type", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("media", JsonColumn, nullable=True),
        sa.Column("payload", JsonColumn, nullable=True),
        sa.Column("quoted_wa_id", sa.String(length=128), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("send_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_scheduled_messages_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scheduled_messages"),
    )
    waiting = sa.text("status = 'scheduled'")
    op.create_index(
        "ix_scheduled_messages_due",
        "scheduled_messages",
        ["send_at", "id"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_scheduled_messages_conversation_id",
        "scheduled_messages",
        ["conversation_id", "send_at", "id"],
        unique=False,
    )
    keyed = sa.text("idempotency_key IS NOT NULL")
    op.create_index(
        "uq_scheduled_messages_session_id_idempotency_key",
        "scheduled_messages",
        ["session_id", "idempotency_key"],
        unique=True,
        sqlite_where=keyed,
        postgresql_where=keyed,
    )
