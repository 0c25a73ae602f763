"""The first tables."""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import JsonColumn, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of people, numbers, conversations, messages, usage and events."""
    postgres = op.get_bind().dialect.name == "postgresql"
    # On PostgreSQL an event carries its transaction's number: see prosa.events.models.EventRow.
    txid = sa.text("(pg_current_xact_id()::text::bigint)") if postgres else sa.text("0")
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("txid", sa.BigInteger(), server_default=txid, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("payload", JsonColumn, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_events_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_created_at", "events", ["created_at"], unique=False)
    op.create_index("ix_events_txid_id", "events", ["txid", "id"], unique=False)
    op.create_index("ix_events_user_id_txid_id", "events", ["user_id", "txid", "id"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_refresh_tokens_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_refresh_tokens_token_hash"),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"], unique=False)
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"], unique=False)
    op.create_table(
        "usage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_microusd", sa.BigInteger(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )
    op.create_index("ix_usage_conversation_id", "usage", ["conversation_id"], unique=False)
    op.create_index("ix_usage_user_id_created_at", "usage", ["user_id", "created_at"], unique=False)
    op.create_table(
        "whatsapp_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("status_reason", sa.String(length=60), nullable=True),
        sa.Column("status_detail", sa.String(length=500), nullable=True),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("link_method", sa.String(length=8), nullable=False),
        sa.Column("link_phone", sa.String(length=20), nullable=True),
        sa.Column("qr", sa.String(), nullable=True),
        sa.Column("qr_expires_at", UtcDateTime(), nullable=True),
        sa.Column("pairing_code", sa.String(length=9), nullable=True),
        sa.Column("pairing_code_expires_at", UtcDateTime(), nullable=True),
        sa.Column("passkey", JsonColumn, nullable=True),
        sa.Column("jid", sa.String(length=80), nullable=True),
        sa.Column("lid", sa.String(length=80), nullable=True),
        sa.Column("push_name", sa.String(length=200), nullable=True),
        sa.Column("settings", JsonColumn, nullable=False),
        sa.Column("extra", JsonColumn, nullable=False),
        sa.Column("last_connected_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_whatsapp_sessions_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_whatsapp_sessions"),
        sa.UniqueConstraint("session_id", name="uq_whatsapp_sessions_session_id"),
    )
    op.create_index("ix_whatsapp_sessions_user_id", "whatsapp_sessions", ["user_id"], unique=False)
    op.create_index(
        "ix_whatsapp_sessions_wanted_lease_until", "whatsapp_sessions", ["wanted", "lease_until"], unique=False
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("contact_jid", sa.String(length=80), nullable=False),
        sa.Column("contact_lid", sa.String(length=80), nullable=True),
        sa.Column("contact_phone", sa.String(length=20), nullable=True),
        sa.Column("contact_name", sa.String(length=200), nullable=True),
        sa.Column("contact_name_set", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("search_name", sa.String(length=400), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_message_at", UtcDateTime(), nullable=True),
        sa.Column("last_message_preview", sa.String(length=200), nullable=True),
        sa.Column("unread_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("read_until", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answered_until", sa.Integer(), server_default="0", nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("summarised_until", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ai_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("ai_paused_until", UtcDateTime(), nullable=True),
        sa.Column("ai_state", sa.String(length=10), server_default="idle", nullable=False),
        sa.Column("ai_reason", sa.String(length=200), nullable=True),
        sa.Column("waiting_since", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_conversations_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index(
        "ix_conversations_due",
        "conversations",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_conversations_session_id_last_message_at",
        "conversations",
        ["session_id", "last_message_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_conversations_session_id_contact_jid", "conversations", ["session_id", "contact_jid"], unique=True
    )
    op.create_index(
        "uq_conversations_session_id_contact_lid", "conversations", ["session_id", "contact_lid"], unique=True
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("wa_id", sa.String(length=128), nullable=False),
        sa.Column("from_me", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=10), nullable=False),
        sa.Column("sender_jid", sa.String(length=80), nullable=False),
        sa.Column("sender_name", sa.String(length=200), nullable=True),
        sa.Column("type", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.Column("quoted_wa_id", sa.String(length=128), nullable=True),
        sa.Column("media", JsonColumn, nullable=True),
        sa.Column("payload", JsonColumn, nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("edited_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_messages_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index(
        "ix_messages_due",
        "messages",
        ["session_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    unsent = sa.text("status IN ('queued', 'sending')")
    op.create_index(
        "ix_messages_unsent",
        "messages",
        ["conversation_id", "seq"],
        unique=False,
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    reactions = sa.text("type = 'reaction'")
    op.create_index(
        "ix_messages_reactions",
        "messages",
        ["conversation_id", "quoted_wa_id"],
        unique=False,
        sqlite_where=reactions,
        postgresql_where=reactions,
    )
    op.create_index("ix_messages_session_id_wa_id", "messages", ["session_id", "wa_id"], unique=False)
    op.create_index(
        "uq_messages_session_id_idempotency_key",
        "messages",
        ["session_id", "idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index("uq_messages_conversation_id_seq", "messages", ["conversation_id", "seq"], unique=True)
    op.create_index("uq_messages_conversation_id_wa_id", "messages", ["conversation_id", "wa_id"], unique=True)
