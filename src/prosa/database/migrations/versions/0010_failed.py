"""Conversations in which the AI gave up are found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the index."""
    where = sa.text("ai_failed_at IS NOT NULL")
    columns = ["session_id", "last_message_at", "id"]
    op.create_index("ix_conversations_failed", "conversations", columns, sqlite_where=where, postgresql_where=where)
