"""Fewer indexes to keep: a message is found by its WhatsApp id through one, events are forgotten in their order."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the one that replaces two, and drop those that nothing needs."""
    op.create_index("uq_messages_wa_id_conversation_id", "messages", ["wa_id", "conversation_id"], unique=True)
    op.drop_index("uq_messages_conversation_id_wa_id", "messages")
    op.drop_index("ix_messages_session_id_wa_id", "messages")
    op.drop_index("ix_events_created_at", "events")
    if op.get_bind().dialect.name == "sqlite":  # where `txid` is 0 and `id` alone orders
        op.drop_index("ix_events_txid_id", "events")
