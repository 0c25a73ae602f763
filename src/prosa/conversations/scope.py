"""Whose a conversation is: the owner of the number it belongs to."""

import uuid

from sqlalchemy import ColumnElement, Uuid, column, select, table

# Numbers are another domain's, which this one does not import; this is all that is needed of their table.
_sessions = table("whatsapp_sessions", column("session_id"), column("user_id", Uuid()))


def owned(session_id: ColumnElement[str], user_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that the number in the column `session_id` is the owner's."""
    return session_id.in_(select(_sessions.c.session_id).where(_sessions.c.user_id == user_id))
