"""Webhooks that API keys of some numbers added, which are told of these numbers only."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the column."""
    op.add_column("webhooks", sa.Column("limited", sa.Boolean(), server_default=sa.text("false"), nullable=False))
