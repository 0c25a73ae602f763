"""The statements about frequent answers and their phrasings, scoped to their owner."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, Select, Table, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from prosa.answers.models import FrequentAnswer, FrequentPhrasing
from prosa.answers.text import digest, normalised
from prosa.auth.caller import Caller
from prosa.auth.numbers import mine, within
from prosa.database.engine import ReadDb, WriteDb
from prosa.ids import new_id

ANSWERS: Final = cast("Table", FrequentAnswer.__table__)
PHRASINGS: Final = cast("Table", FrequentPhrasing.__table__)
_a, _p = ANSWERS.c, PHRASINGS.c

MOST_PHRASINGS = 200
"""Of one answer: more teach nothing new, and each is compared with every question."""
MOST_IN_ALL = 20_000
"""Phrasings of an owner."""


def key_of(text: str) -> str:
    """Return by what a question is the same as another."""
    return digest(normalised(text))


def given_by(caller: Caller) -> ColumnElement[bool]:
    """Return the condition that a number of the caller's may give an answer: its own, or one of all numbers."""
    return or_(_a.session_id.is_(None), within(_a.session_id, caller))


def _counted(caller: Caller) -> Select[Any]:
    count = select(func.count()).where(_p.answer_id == _a.id).scalar_subquery()
    return select(*_a, count.label("phrasings")).where(mine(_a, caller))


async def page(
    db: ReadDb,
    caller: Caller,
    *,
    session_id: str | None,
    query: str | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[Row[Any]]:
    """Return up to `limit` answers, the newest first.

    Args:
        db: The view.
        caller: Whose.
        session_id: Only those that this number may give: its own, and those of all numbers.
        query: Words of the title or the answer.
        after: The last one seen.
        limit: At most so many.
    """
    statement = _counted(caller).order_by(_a.id.desc()).limit(limit)
    if session_id is not None:
        statement = statement.where(or_(_a.session_id == session_id, _a.session_id.is_(None)))
    if query:
        for column_words in query.split()[:16]:
            statement = statement.where(
                or_(
                    _a.title.icontains(column_words, autoescape=True),
                    _a.answer.icontains(column_words, autoescape=True),
                )
            )
    if after is not None:
        statement = statement.where(_a.id < after)
    return list(await db.execute(statement))


async def find(db: ReadDb, caller: Caller, answer_id: uuid.UUID) -> Row[Any] | None:
    """Return an answer of the caller's."""
    return (await db.execute(_counted(caller).where(_a.id == answer_id))).first()


async def add(db: WriteDb, values: dict[str, Any]) -> uuid.UUID:
    """Add an answer; return its id."""
    answer_id = new_id()
    await db.execute(insert(ANSWERS).values(id=answer_id, **values))
    return answer_id


async def change(db: WriteDb, answer_id: uuid.UUID, values: dict[str, Any]) -> None:
    """Write columns of an answer."""
    await db.execute(update(ANSWERS).where(_a.id == answer_id).values(values))


async def remove(db: WriteDb, answer_id: uuid.UUID) -> None:
    """Delete an answer with its phrasings."""
    await db.execute(delete(ANSWERS).where(_a.id == answer_id))


async def add_phrasings(db: WriteDb, answer_id: uuid.UUID, texts: Sequence[str], *, now: datetime) -> int:
    """Add ways to ask; those that are there already are left out. Return how many were new."""
    values = [
        {"id": new_id(), "answer_id": answer_id, "text": text, "key": key_of(text), "created_at": now} for text in texts
    ]
    if not values:
        return 0
    dialect = postgresql if db.dialect == "postgresql" else sqlite
    added = 0
    for begin in range(0, len(values), 500):  # SQLite's limit of parameters
        statement = dialect.insert(PHRASINGS).values(values[begin : begin + 500]).on_conflict_do_nothing()
        added += len(list(await db.execute(statement.returning(_p.id))))
    return added


async def count_phrasings(db: ReadDb, user_id: uuid.UUID, answer_id: uuid.UUID | None = None) -> int:
    """Return how many phrasings an answer has, or all of an owner's."""
    statement = select(func.count()).select_from(PHRASINGS.join(ANSWERS)).where(_a.user_id == user_id)
    if answer_id is not None:
        statement = statement.where(_p.answer_id == answer_id)
    return int((await db.execute(statement)).scalar_one())


async def phrasings(db: ReadDb, answer_id: uuid.UUID, *, after: uuid.UUID | None = None, limit: int) -> list[Row[Any]]:
    """Return up to `limit` phrasings of an answer in the order they were added."""
    statement = select(_p.id, _p.text, _p.created_at).where(_p.answer_id == answer_id).order_by(_p.id).limit(limit)
    if after is not None:
        statement = statement.where(_p.id > after)
    return list(await db.execute(statement))


async def remove_phrasing(db: WriteDb, answer_id: uuid.UUID, phrasing_id: uuid.UUID) -> bool:
    """Delete a phrasing; return whether there was one."""
    statement = delete(PHRASINGS).where(_p.answer_id == answer_id, _p.id == phrasing_id).returning(_p.id)
    return (await db.execute(statement)).first() is not None


async def everything(db: ReadDb, caller: Caller, session_id: str | None) -> list[Row[Any]]:
    """Return all phrasings with their answers, for an export; those of one answer stand together, its title first."""
    statement = (
        select(_a.id, _a.title, _a.answer, _a.session_id, _a.language, _a.enabled, _p.text)
        .join(PHRASINGS, _p.answer_id == _a.id)
        .where(mine(_a, caller))
        .order_by(_a.id, _p.id)
    )
    if session_id is not None:
        statement = statement.where(or_(_a.session_id == session_id, _a.session_id.is_(None)))
    return list(await db.execute(statement))


async def same_title(db: ReadDb, user_id: uuid.UUID, session_id: str | None, title: str) -> uuid.UUID | None:
    """Return the answer of a number, or of all, whose title asks the same in the same words."""
    of_number = _a.session_id == session_id if session_id is not None else _a.session_id.is_(None)
    statement = (
        select(_a.id)
        .where(_a.user_id == user_id, of_number)
        .where(exists().where(_p.answer_id == _a.id, _p.key == key_of(title)))
        .order_by(_a.id)
        .limit(1)
    )
    found: uuid.UUID | None = (await db.execute(statement)).scalar_one_or_none()
    return found


async def to_compare(db: ReadDb, user_id: uuid.UUID, session_id: str) -> list[Row[Any]]:
    """Return the phrasings of all answers that a number may give, with their embeddings."""
    statement = (
        select(_p.id, _p.answer_id, _p.text, _p.vector, _p.model)
        .join(ANSWERS, _p.answer_id == _a.id)
        .where(_a.user_id == user_id, _a.enabled, or_(_a.session_id == session_id, _a.session_id.is_(None)))
        .order_by(_p.id)
        .limit(MOST_IN_ALL)
    )
    return list(await db.execute(statement))


async def texts_of(db: ReadDb, answer_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    """Return title and answer of enabled answers by id."""
    statement = select(_a.id, _a.title, _a.answer).where(_a.id.in_(answer_ids), _a.enabled)
    return {row.id: (row.title, row.answer) for row in await db.execute(statement)}


async def keep_vectors(db: WriteDb, vectors: dict[uuid.UUID, bytes], model: str) -> None:
    """Keep the embeddings of phrasings; of those that are gone, nothing."""
    for phrasing_id, vector in vectors.items():
        await db.execute(update(PHRASINGS).where(_p.id == phrasing_id).values(vector=vector, model=model))
