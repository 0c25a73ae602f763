"""An index by which messages are counted, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the index."""
    counted = sa.text("seq > 0 AND type <> 'reaction'")
    op.create_index(
        "ix_messages_session_id_stored_at",
        "messages",
        ["session_id", "stored_at", "author"],
        sqlite_where=counted,
        postgresql_where=counted,
    )
