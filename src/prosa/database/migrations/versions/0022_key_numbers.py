"""API keys may be limited to some numbers, and webhooks know the key that they were given their address with."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the columns, and the table of a key's numbers."""
    op.add_column("api_keys", sa.Column("limited", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "api_key_numbers",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_api_key_numbers_key_id_api_keys", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_api_key_numbers_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key_id", "session_id", name="pk_api_key_numbers"),
    )
    op.create_index("ix_api_key_numbers_session_id", "api_key_numbers", ["session_id"])
    op.add_column("webhooks", sa.Column("api_key_id", sa.Uuid(), nullable=True))
