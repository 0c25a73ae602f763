"""Full-text search over messages.

The words are folded and split by `prosa.words`, so both databases find the same: SQLite by an FTS5 index
over the table (external content, kept by triggers; the `ascii` tokenizer leaves every other letter as it is),
PostgreSQL by a GIN index over the words as lexemes, without its parser.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_FTS5 = (
    """
    CREATE VIRTUAL TABLE message_search_fts USING fts5(
        words, content='message_search', content_rowid='id', tokenize='ascii', detail='none', columnsize=0
    )
    """,
    """
    CREATE TRIGGER message_search_added AFTER INSERT ON message_search BEGIN
        INSERT INTO message_search_fts(rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER message_search_removed AFTER DELETE ON message_search BEGIN
        INSERT INTO message_search_fts(message_search_fts, rowid, words) VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER message_search_changed AFTER UPDATE OF words ON message_search BEGIN
        INSERT INTO message_search_fts(message_search_fts, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO message_search_fts(rowid, words) VALUES (new.id, new.words);
    END
    """,
)


def upgrade() -> None:
    """Make the table of words and each database's index over it."""
    op.create_table(
        "message_search",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_message_search_message_id_messages", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_message_search"),
        sa.UniqueConstraint("message_id", name="uq_message_search_message_id"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in _FTS5:
            op.execute(statement)
    else:
        op.execute(
            "CREATE INDEX ix_message_search_words ON message_search "
            "USING gin (array_to_tsvector(string_to_array(words, ' ')))"
        )
