"""Reading conversations and messages, scoped to the caller, in pages that neither skip nor repeat rows."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, literal_column, or_, select, text, tuple_, update

from prosa import words
from prosa.auth.caller import Caller
from prosa.auth.numbers import owned
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.hot import MESSAGES, SEARCH
from prosa.conversations.identity import Address
from prosa.database.engine import ReadDb, WriteDb
from prosa.whatsapp.engine import MessageType

_c, _m = CONVERSATIONS.c, MESSAGES.c

Direction = Literal["older", "newer"]


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations are wanted; everything left out does not matter."""

    session_id: str | None = None
    kind: str | None = None
    unread: bool | None = None
    failed: bool | None = None
    query: str | None = None


async def list_conversations(
    db: ReadDb, caller: Caller, wanted: ConversationFilter, *, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[Row[Any]]:
    """Return up to `limit` conversations behind `after`, those with the newest message first."""
    statement = select(CONVERSATIONS).where(owned(_c.session_id, caller))
    if wanted.session_id is not None:
        statement = statement.where(_c.session_id == wanted.session_id)
    if wanted.kind is not None:
        statement = statement.where(_c.kind == wanted.kind)
    if wanted.unread is not None:
        statement = statement.where(_c.unread_count > 0 if wanted.unread else _c.unread_count == 0)
    if wanted.failed is not None:
        statement = statement.where(_c.ai_failed_at.is_not(None) if wanted.failed else _c.ai_failed_at.is_(None))
    if wanted.query is not None:
        # Letters and digits only, so nothing in it means anything to LIKE.
        for word in words.terms(wanted.query):
            statement = statement.where(_c.search_name.like(f"%{word}%"))
    if after is not None:
        statement = statement.where(tuple_(_c.last_message_at, _c.id) < tuple_(*after))
    statement = statement.order_by(_c.last_message_at.desc(), _c.id.desc()).limit(limit)
    return list(await db.execute(statement))


async def write_notes(db: WriteDb, conversation_id: uuid.UUID, notes: str | None) -> None:
    """Replace people's notes on a contact."""
    await db.execute(update(CONVERSATIONS).where(_c.id == conversation_id).values(notes=notes))


async def find_conversation(db: ReadDb, caller: Caller, conversation_id: uuid.UUID) -> Row[Any] | None:
    """Return a conversation of the caller's."""
    statement = select(CONVERSATIONS).where(_c.id == conversation_id, owned(_c.session_id, caller))
    return (await db.execute(statement)).first()


async def find_by_address(db: ReadDb, session_id: str, address: Address) -> uuid.UUID | None:
    """Return the conversation of a number that goes by an address."""
    forms = [address.jid, address.lid or address.jid]
    statement = select(_c.id).where(
        _c.session_id == session_id, or_(_c.contact_jid.in_(forms), _c.contact_lid.in_(forms))
    )
    found: uuid.UUID | None = (await db.execute(statement.limit(1))).scalar_one_or_none()
    return found


async def list_messages(
    db: ReadDb,
    caller: Caller,
    conversation_id: uuid.UUID,
    *,
    direction: Direction,
    after: int | None,
    limit: int,
    wa_id: str | None = None,
) -> list[Row[Any]]:
    """Return up to `limit` messages of a conversation from `seq` `after` on, newest (or with `newer` oldest) first."""
    statement = _messages(caller).where(_m.conversation_id == conversation_id)
    if wa_id is not None:
        statement = statement.where(_m.wa_id == wa_id)
    if after is not None:
        statement = statement.where(_m.seq > after if direction == "newer" else _m.seq < after)
    statement = statement.order_by(_m.seq if direction == "newer" else _m.seq.desc()).limit(limit)
    return list(await db.execute(statement))


async def find_message(db: ReadDb, caller: Caller, message_id: uuid.UUID) -> Row[Any] | None:
    """Return a message of the caller's."""
    return (await db.execute(_messages(caller).where(_m.id == message_id))).first()


async def reactions_to(
    db: ReadDb, caller: Caller, messages: Sequence[Row[Any]]
) -> dict[tuple[uuid.UUID, str], list[Row[Any]]]:
    """Return the reactions that stand, by the conversation and WhatsApp id of the message; one statement for all."""
    wanted = [(row.conversation_id, row.wa_id) for row in messages if row.wa_id]
    found: dict[tuple[uuid.UUID, str], list[Row[Any]]] = {}
    if not wanted:
        return found
    statement = select(
        _m.id, _m.conversation_id, _m.quoted_wa_id, _m.from_me, _m.sender_jid, _m.sender_name, _m.body, _m.seq
    ).where(
        _m.conversation_id.in_({conversation for conversation, _ in wanted}),
        _m.quoted_wa_id.in_({wa_id for _, wa_id in wanted}),
        # Written out, so that the databases see that the index over reactions fits.
        _m.type == literal_column(f"'{MessageType.REACTION.value}'"),
        _m.revoked_at.is_(None),
        owned(_m.session_id, caller),
    )
    # Sorted here: asked to, SQLite walks through the whole conversation in its order.
    for row in sorted(await db.execute(statement), key=lambda row: int(row.seq)):
        found.setdefault((row.conversation_id, row.quoted_wa_id), []).append(row)
    return found


async def search_messages(
    db: ReadDb,
    caller: Caller,
    terms: list[str],
    *,
    session_id: str | None,
    conversation_id: uuid.UUID | None,
    after: int | None,
    limit: int,
) -> list[Row[Any]]:
    """Return up to `limit` messages that have all the words, those stored last first; `place` is the cursor.

    Args:
        db: The view.
        caller: Whose messages.
        terms: Words as `prosa.words.terms` gives them, at least one; the last one may be the beginning.
        session_id: Of this number only.
        conversation_id: Of this conversation only.
        after: `place` of the last hit seen.
        limit: At most so many.
    """
    statement = (
        _messages(caller)
        .add_columns(SEARCH.c.id.label("place"), _c.contact_jid, _c.contact_phone, _c.contact_name, _c.kind)
        .join(SEARCH, SEARCH.c.message_id == _m.id)
        .where(_match(db, terms))
    )
    if session_id is not None:
        statement = statement.where(_m.session_id == session_id)
    if conversation_id is not None:
        statement = statement.where(_m.conversation_id == conversation_id)
    if after is not None:
        statement = statement.where(SEARCH.c.id < after)
    return list(await db.execute(statement.order_by(SEARCH.c.id.desc()).limit(limit)))


async def unread_messages(db: ReadDb, conversation_id: uuid.UUID, *, after: int, limit: int) -> list[Row[Any]]:
    """Return others' messages behind `seq` `after`, the newest first: WhatsApp id and author."""
    statement = (
        select(_m.wa_id, _m.sender_jid)
        .where(_m.conversation_id == conversation_id, _m.seq > after, ~_m.from_me)
        .order_by(_m.seq.desc())
        .limit(limit)
    )
    return list(await db.execute(statement))


async def media_places(db: ReadDb, conversation_id: uuid.UUID) -> list[str]:
    """Return where the files of a conversation are."""
    rows = await db.execute(select(_m.media).where(_m.conversation_id == conversation_id, _m.media.is_not(None)))
    return [media["path"] for media in rows.scalars() if media.get("path")]


def _messages(caller: Caller) -> Select[Any]:
    return (
        select(*_m, _c.read_until).join(CONVERSATIONS, _c.id == _m.conversation_id).where(owned(_m.session_id, caller))
    )


def _match(db: ReadDb, terms: list[str]) -> ColumnElement[bool]:
    # Terms are letters and digits only (`words.split`), so quotes around them are safe in both query languages.
    *whole, last = terms
    if db.dialect == "postgresql":
        query = " & ".join([*(f"'{term}'" for term in whole), f"'{last}':*"])
        condition = text("array_to_tsvector(string_to_array(message_search.words, ' ')) @@ CAST(:query AS tsquery)")
    else:
        query = " AND ".join([*(f'"{term}"' for term in whole), f'"{last}" *'])
        condition = text(
            "message_search.id IN (SELECT rowid FROM message_search_fts WHERE message_search_fts MATCH :query)"
        )
    return and_(literal_column("1") == 1, condition.bindparams(query=query))
