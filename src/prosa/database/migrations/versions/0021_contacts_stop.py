"""A contact's stop beside a person's pause: what contacts asked for so far moves there."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns, and move what contacts asked for."""
    op.add_column("conversations", sa.Column("ai_stopped_until", UtcDateTime()))
    op.add_column("conversations", sa.Column("ai_stopped_at", UtcDateTime()))
    op.execute(
        "UPDATE conversations SET ai_stopped_until = ai_paused_until, ai_stopped_at = ai_paused_at,"
        " ai_paused_until = NULL, ai_paused_by = NULL, ai_paused_reason = NULL, ai_paused_at = NULL"
        " WHERE ai_paused_by = 'contact'"
    )
