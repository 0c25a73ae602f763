"""The statements about documents and their pieces, and the search in them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Row, Table, column, delete, func, insert, select, text, update

from prosa.auth.caller import Caller
from prosa.auth.numbers import mine
from prosa.database.engine import ReadDb, WriteDb
from prosa.ids import new_id
from prosa.knowledge.models import KnowledgePiece, KnowledgeSource, SourceStatus

SOURCES: Final = cast("Table", KnowledgeSource.__table__)
PIECES: Final = cast("Table", KnowledgePiece.__table__)
_s, _p = SOURCES.c, PIECES.c
_listed = [one for one in _s if one.name != "content"]

MOST_SOURCES = 500
MOST_PIECES = 10_000
"""Of one number; about two and a half million tokens."""


async def page(db: ReadDb, caller: Caller, session_id: str, *, after: uuid.UUID | None, limit: int) -> list[Row[Any]]:
    """Return up to `limit` documents of a number, the newest first, without their text."""
    statement = (
        select(*_listed).where(mine(_s, caller), _s.session_id == session_id).order_by(_s.id.desc()).limit(limit)
    )
    if after is not None:
        statement = statement.where(_s.id < after)
    return list(await db.execute(statement))


async def find(db: ReadDb, caller: Caller, session_id: str, source_id: uuid.UUID) -> Row[Any] | None:
    """Return a document of the caller's with its text."""
    statement = select(SOURCES).where(mine(_s, caller), _s.session_id == session_id, _s.id == source_id)
    return (await db.execute(statement)).first()


async def same(db: ReadDb, session_id: str, digest: str) -> uuid.UUID | None:
    """Return the document of a number that has this text."""
    statement = select(_s.id).where(_s.session_id == session_id, _s.digest == digest)
    found: uuid.UUID | None = (await db.execute(statement)).scalar_one_or_none()
    return found


async def totals(db: ReadDb, session_id: str) -> tuple[int, int, int]:
    """Return how many documents, pieces and tokens a number has."""
    statement = select(
        func.count(), func.coalesce(func.sum(_s.pieces), 0), func.coalesce(func.sum(_s.tokens), 0)
    ).where(_s.session_id == session_id)
    row: Any = (await db.execute(statement)).one()
    return int(row[0]), int(row[1]), int(row[2])


async def add(db: WriteDb, values: dict[str, Any], pieces: Sequence[dict[str, Any]]) -> uuid.UUID:
    """Add a document with its pieces; return its id."""
    source_id = new_id()
    await db.execute(insert(SOURCES).values(id=source_id, **values))
    for begin in range(0, len(pieces), 500):
        rows = [{"source_id": source_id, **piece} for piece in pieces[begin : begin + 500]]
        await db.execute(insert(PIECES), rows)
    return source_id


async def remove(db: WriteDb, source_id: uuid.UUID) -> None:
    """Delete a document with its pieces."""
    await db.execute(delete(SOURCES).where(_s.id == source_id))


async def wholes(db: ReadDb, session_id: str) -> list[Row[Any]]:
    """Return the number's documents with their text, the oldest first: an order that never changes."""
    statement = select(_s.id, _s.name, _s.content).where(_s.session_id == session_id).order_by(_s.id)
    return list(await db.execute(statement))


async def by_words(db: ReadDb, session_id: str, stems: Sequence[str], *, limit: int) -> list[int]:
    """Return up to `limit` pieces of a number that have one of the stems, by the database's own ranking, best first."""
    if not stems:
        return []
    # Stems are letters and digits only (`prosa.words.split`), so quotes around them are safe in both query languages.
    if db.dialect == "postgresql":
        query = " | ".join(f"'{stem}'" for stem in stems)
        statement = text(
            "SELECT id FROM knowledge_pieces WHERE session_id = :session_id"
            " AND to_tsvector('simple', words) @@ CAST(:query AS tsquery)"
            " ORDER BY ts_rank(to_tsvector('simple', words), CAST(:query AS tsquery), 1) DESC, id LIMIT :limit"
        )
    else:
        query = " OR ".join(f'"{stem}"' for stem in stems)
        statement = text(
            "SELECT p.id FROM knowledge_pieces_fts f JOIN knowledge_pieces p ON p.id = f.rowid"
            " WHERE knowledge_pieces_fts MATCH :query AND p.session_id = :session_id"
            " ORDER BY bm25(knowledge_pieces_fts), p.id LIMIT :limit"
        )
    found = statement.bindparams(session_id=session_id, query=query, limit=limit).columns(column("id"))
    return [int(row.id) for row in await db.execute(found)]


async def pieces(db: ReadDb, session_id: str, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Return pieces with the names of their documents, by id."""
    statement = (
        select(_p.id, _p.source_id, _p.place, _p.text, _p.tokens, _p.words, _s.name)
        .join(SOURCES, _s.id == _p.source_id)
        .where(_p.session_id == session_id, _p.id.in_(ids))
    )
    return {row.id: row for row in await db.execute(statement)}


async def vectors(db: ReadDb, session_id: str, model: str) -> list[Row[Any]]:
    """Return the embeddings of a number's pieces."""
    statement = select(_p.id, _p.vector).where(_p.session_id == session_id, _p.model == model).limit(MOST_PIECES)
    return list(await db.execute(statement))


async def without_vectors(db: ReadDb, session_id: str, model: str, *, limit: int) -> list[Row[Any]]:
    """Return pieces of a number that have no embedding by a model."""
    statement = (
        select(_p.id, _p.place, _p.text, _s.name)
        .join(SOURCES, _s.id == _p.source_id)
        .where(_p.session_id == session_id, func.coalesce(_p.model, "") != model)
        .order_by(_p.id)
        .limit(limit)
    )
    return list(await db.execute(statement))


async def keep_vectors(db: WriteDb, found: dict[int, bytes], model: str) -> None:
    """Keep embeddings of pieces."""
    for piece_id, vector in found.items():
        await db.execute(update(PIECES).where(_p.id == piece_id).values(vector=vector, model=model))


async def settle(
    db: WriteDb, session_id: str, status: SourceStatus, *, now: datetime, error: str | None = None
) -> None:
    """Say of all of a number's documents that are being indexed where that stands now."""
    await db.execute(
        update(SOURCES)
        .where(_s.session_id == session_id, _s.status != status.value)
        .values(status=status.value, error=error[:300] if error else None, updated_at=now)
    )
