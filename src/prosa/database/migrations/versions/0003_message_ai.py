"""How the AI's answers came about, with each of its messages."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import JsonColumn

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("messages", sa.Column("ai", JsonColumn, nullable=True))
