"""Whose a conversation is: the owner of the number it belongs to."""

import uuid

from sqlalchemy import ColumnElement, String, Uuid, bindparam, column, select, table

from prosa.auth.caller import Caller
from prosa.database.engine import ReadDb
from prosa.database.prepared import Prepared
from prosa.errors import NotFoundError

# Numbers are another domain's, which this one does not import; this is all that is needed of their table.
_sessions = table("whatsapp_sessions", column("session_id", String()), column("user_id", Uuid()))
_owner = Prepared(select(_sessions.c.user_id).where(_sessions.c.session_id == bindparam("session_id")))


def owned(session_id: ColumnElement[str], user_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that the number in the column `session_id` is the owner's."""
    return session_id.in_(select(_sessions.c.session_id).where(_sessions.c.user_id == user_id))


async def owner_of(db: ReadDb, session_id: str) -> uuid.UUID:
    """Return the owner of a number.

    Raises:
        NotFoundError: There is no such number.
    """
    rows = await db.fetch(_owner, {"session_id": session_id}, about=())
    if not rows:
        raise NotFoundError("There is no such number.")
    owner: uuid.UUID = rows[0].user_id
    return owner


async def check_session(db: ReadDb, caller: Caller, session_id: str) -> None:
    """Make sure that a number is the caller's.

    Raises:
        NotFoundError: There is no such number, or it is not the caller's.
    """
    statement = select(_sessions.c.session_id).where(
        _sessions.c.session_id == session_id, _sessions.c.user_id == caller.user_id
    )
    if (await db.execute(statement)).first() is None:
        raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")
