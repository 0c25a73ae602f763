"""Who paused the AI and why; what became of messages that were not answered."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    for column in (
        sa.Column("ai_paused_by", sa.String(10)),
        sa.Column("ai_paused_user_id", sa.Uuid()),
        sa.Column("ai_paused_reason", sa.String(200)),
        sa.Column("ai_paused_at", UtcDateTime()),
        sa.Column("last_inbound_at", UtcDateTime()),
        sa.Column("skipped_from", sa.Integer()),
        sa.Column("ai_forced", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("ai_overtaken", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("ai_failed_at", UtcDateTime()),
        sa.Column("asked_wa_id", sa.String(128)),
        sa.Column("closed_notice_at", UtcDateTime()),
    ):
        op.add_column("conversations", column)
    op.add_column("messages", sa.Column("skip_reason", sa.String(20)))
