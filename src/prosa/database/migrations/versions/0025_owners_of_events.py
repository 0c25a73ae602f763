"""PostgreSQL no longer looks up and locks the owner of each event; see prosa.events.models.EventRow."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

NAME = "fk_events_user_id_users"


def upgrade() -> None:
    """Drop the foreign key; on SQLite, where its check costs next to nothing, it stays."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(NAME, "events", type_="foreignkey")


def downgrade() -> None:
    """Make it again, without the events of people who are gone."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DELETE FROM events WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = events.user_id)"))
        op.create_foreign_key(NAME, "events", "users", ["user_id"], ["id"], ondelete="CASCADE")
