"""What summaries tell and save; a number's window is set in tokens, no longer in messages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns, and drop the setting that is gone."""
    op.add_column("conversations", sa.Column("summarised_tokens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("usage", sa.Column("saved_tokens", sa.Integer(), server_default="0", nullable=False))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("UPDATE whatsapp_sessions SET settings = json_remove(settings, '$.context_messages')")
    else:
        op.execute("UPDATE whatsapp_sessions SET settings = settings - 'context_messages'")
