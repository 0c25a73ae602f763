"""The few statements that every message costs: put it in its place, and make it findable."""

import uuid
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, delete, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from prosa import words
from prosa.conversations.models import Message, MessageSearch
from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.database.prepared import Prepared
from prosa.whatsapp.engine import MessageType

MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
SEARCH: Final[Table] = Base.metadata.tables[MessageSearch.__tablename__]
_m = MESSAGES.c

_SILENT = frozenset({MessageType.REACTION, MessageType.SYSTEM})

_same = [_m.conversation_id, _m.wa_id]
_insert_once = Prepared(
    sqlite_insert(MESSAGES).on_conflict_do_nothing(index_elements=_same).returning(_m.id),
    postgresql=postgres_insert(MESSAGES).on_conflict_do_nothing(index_elements=_same).returning(_m.id),
    bulk=True,
    each=("id", "id"),
)
_insert = Prepared(plain_insert(MESSAGES), bulk=True)
_by_wa_id = Prepared(
    select(MESSAGES).where(_m.conversation_id == bindparam("conversation_id"), _m.wa_id == bindparam("wa_id"))
)
_words = Prepared(plain_insert(SEARCH), bulk=True)


async def insert_message(db: WriteDb, values: dict[str, Any]) -> bool:
    """Put a message into its conversation, which the transaction holds; false where it is there already."""
    return bool(await db.fetch(_insert_once, values, about=(values["conversation_id"],)))


async def insert_own(db: WriteDb, values: dict[str, Any]) -> None:
    """Put a message of ours into its conversation, which the transaction holds.

    Raises:
        IntegrityError: The idempotency key is taken.
    """
    if values["idempotency_key"] is None:
        db.later(_insert, values, about=values["conversation_id"])
    else:
        await db.fetch(_insert_once, values)


async def find_message(db: ReadDb, conversation_id: uuid.UUID, wa_id: str) -> Row[Any] | None:
    """Return the message with a WhatsApp id in a conversation."""
    values = {"conversation_id": conversation_id, "wa_id": wa_id}
    rows = await db.fetch(_by_wa_id, values, about=(conversation_id,))
    return rows[0] if rows else None


async def update_message(db: WriteDb, message_id: uuid.UUID, **values: Any) -> None:
    """Change columns of a message."""
    await db.execute(update(MESSAGES).where(_m.id == message_id).values(**values))


async def index_message(db: WriteDb, message_id: uuid.UUID, type_: str, body: str, file_name: str | None) -> None:
    """Make a new message findable by its words."""
    found = "" if type_ in _SILENT else words.indexed(body, file_name)
    if found:
        db.later(_words, {"message_id": message_id, "words": found})


async def forget_words(db: WriteDb, message_id: uuid.UUID) -> None:
    """Make a message unfindable, before it is indexed anew or for good."""
    await db.execute(delete(SEARCH).where(SEARCH.c.message_id == message_id))


def message_values(
    *,
    id_: uuid.UUID,
    conversation_id: uuid.UUID,
    session_id: str,
    seq: int,
    wa_id: str,
    from_me: bool,
    author: str,
    sender_jid: str,
    sender_name: str | None,
    type_: str,
    body: str,
    status: str,
    created_at: Any,
    stored_at: Any,
    quoted_wa_id: str | None = None,
    media: dict[str, Any] | None = None,
    payload: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    edited_at: Any = None,
    error: str | None = None,
    due_at: Any = None,
    expires_at: Any = None,
    scheduled_for: Any = None,
    ai: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a whole row: always the same columns, so that the statement is compiled once."""
    return {
        "id": id_,
        "conversation_id": conversation_id,
        "session_id": session_id,
        "seq": seq,
        "wa_id": wa_id,
        "from_me": from_me,
        "author": author,
        "sender_jid": sender_jid,
        "sender_name": sender_name,
        "type": type_,
        "body": body,
        "status": status,
        "created_at": created_at,
        "stored_at": stored_at,
        "quoted_wa_id": quoted_wa_id,
        "media": media,
        "payload": payload,
        "idempotency_key": idempotency_key,
        "edited_at": edited_at,
        "error": error,
        "due_at": due_at,
        "attempts": 0,
        "lease_owner": None,
        "lease_until": None,
        "expires_at": expires_at,
        "scheduled_for": scheduled_for,
        "ai": ai,
    }
