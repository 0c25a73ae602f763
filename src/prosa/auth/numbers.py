"""What other domains need to know of linked numbers, which they do not import.

Whose they are, and which version of their answers and knowledge holds.
"""

import uuid
from collections.abc import Collection
from typing import Final, Literal

from sqlalchemy import ColumnElement, Integer, Uuid, column, select, table, update

from prosa.auth.caller import Caller
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import NotFoundError

_sessions = table(
    "whatsapp_sessions",
    column("session_id"),
    column("user_id", Uuid()),
    column("answers_version", Integer()),
    column("knowledge_version", Integer()),
)

Versioned = Literal["answers_version", "knowledge_version"]
VERSIONED: Final = ("answers_version", "knowledge_version")


def owned(session_id: ColumnElement[str], user_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that the number in the column `session_id` is the owner's."""
    return session_id.in_(select(_sessions.c.session_id).where(_sessions.c.user_id == user_id))


async def check_number(db: ReadDb, caller: Caller, session_id: str) -> None:
    """Make sure that a number is the caller's.

    Raises:
        NotFoundError: There is no such number, or it is not the caller's.
    """
    statement = select(_sessions.c.session_id).where(
        _sessions.c.session_id == session_id, _sessions.c.user_id == caller.user_id
    )
    if (await db.execute(statement)).first() is None:
        raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")


async def unknown_numbers(db: ReadDb, user_id: uuid.UUID, names: Collection[str]) -> set[str]:
    """Return those names that are no numbers of a person's."""
    if not names:
        return set()
    statement = select(_sessions.c.session_id).where(
        _sessions.c.user_id == user_id, _sessions.c.session_id.in_(list(names))
    )
    return set(names) - set((await db.execute(statement)).scalars())


async def raise_version(db: WriteDb, user_id: uuid.UUID, session_id: str | None, which: Versioned) -> list[str]:
    """Say that something changed that answers are made of, for one number or for all of its owner's.

    Returns:
        The numbers; whoever caches them must be told after the commit.
    """
    of = _sessions.c[which]
    statement = update(_sessions).where(_sessions.c.user_id == user_id).values({of: of + 1})
    if session_id is not None:
        statement = statement.where(_sessions.c.session_id == session_id)
    return list((await db.execute(statement.returning(_sessions.c.session_id))).scalars())
