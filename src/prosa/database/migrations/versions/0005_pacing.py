"""What sending at a human pace needs to know: who ever wrote, whom we approached, when a message expires."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, and fill in who ever wrote."""
    op.add_column("messages", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.add_column("conversations", sa.Column("approached_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_conversations_approached",
        "conversations",
        ["session_id", "approached_at"],
        unique=False,
        sqlite_where=sa.text("approached_at IS NOT NULL"),
        postgresql_where=sa.text("approached_at IS NOT NULL"),
    )
    op.execute(
        "UPDATE conversations SET last_inbound_at = (SELECT max(messages.created_at) FROM messages"
        " WHERE messages.conversation_id = conversations.id AND NOT messages.from_me) WHERE last_inbound_at IS NULL"
    )
    unsent = "due_at IS NOT NULL AND status IN ('queued', 'sending')"
    day = "stored_at + INTERVAL '24 hours'"
    if op.get_bind().dialect.name == "sqlite":
        day = "strftime('%Y-%m-%d %H:%M:%f000', stored_at, '+24 hours')"
    op.execute(f"UPDATE messages SET expires_at = {day} WHERE {unsent}")  # noqa: S608 - nothing from outside
