"""The owners' documents, in pieces, and each database's full-text index over the pieces.

As in the search over messages, words are folded and cut before they get here (`prosa.knowledge.stems`), so both
databases find the same; here with how often each comes, which ranks.
"""

import sqlalchemy as sa
from alembic import op

from prosa.database.base import UtcDateTime

revision = "0012"
down_revision = "0011"

_FTS5 = (
    """
    CREATE VIRTUAL TABLE knowledge_pieces_fts USING fts5(
        words, content='knowledge_pieces', content_rowid='id', tokenize='ascii'
    )
    """,
    """
    CREATE TRIGGER knowledge_pieces_added AFTER INSERT ON knowledge_pieces BEGIN
        INSERT INTO knowledge_pieces_fts(rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER knowledge_pieces_removed AFTER DELETE ON knowledge_pieces BEGIN
        INSERT INTO knowledge_pieces_fts(knowledge_pieces_fts, rowid, words) VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER knowledge_pieces_changed AFTER UPDATE OF words ON knowledge_pieces BEGIN
        INSERT INTO knowledge_pieces_fts(knowledge_pieces_fts, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO knowledge_pieces_fts(rowid, words) VALUES (new.id, new.words);
    END
    """,
)


def upgrade() -> None:
    """Make the tables and each database's index."""
    op.create_table(
        "knowledge_sources",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["whatsapp_sessions.session_id"],
            name="fk_knowledge_sources_session_id_whatsapp_sessions",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_knowledge_sources_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_knowledge_sources"),
    )
    op.create_index("ix_knowledge_sources_user_id", "knowledge_sources", ["user_id"], unique=False)
    op.create_index(
        "uq_knowledge_sources_session_id_digest", "knowledge_sources", ["session_id", "digest"], unique=True
    )
    op.create_table(
        "knowledge_pieces",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["knowledge_sources.id"],
            name="fk_knowledge_pieces_source_id_knowledge_sources",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_knowledge_pieces"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_knowledge_pieces_session_id", "knowledge_pieces", ["session_id"], unique=False)
    op.create_index(
        "uq_knowledge_pieces_source_id_position", "knowledge_pieces", ["source_id", "position"], unique=True
    )

    if op.get_bind().dialect.name == "sqlite":
        for statement in _FTS5:
            op.execute(statement)
    else:
        op.execute(
            "CREATE INDEX ix_knowledge_pieces_words ON knowledge_pieces USING gin (to_tsvector('simple', words))"
        )
