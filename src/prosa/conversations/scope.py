"""Whose a conversation is: the owner of the number it belongs to; conditions on numbers are in `prosa.auth.numbers`."""

import uuid

from sqlalchemy import String, Uuid, bindparam, column, select, table

from prosa.database.engine import ReadDb
from prosa.database.prepared import Prepared
from prosa.errors import NotFoundError

# Numbers are another domain's, which this one does not import; this is all that is needed of their table.
_sessions = table("whatsapp_sessions", column("session_id", String()), column("user_id", Uuid()))
_owner = Prepared(select(_sessions.c.user_id).where(_sessions.c.session_id == bindparam("session_id")))


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
