"""A conversation as one transaction holds it: locked, changed in memory, written back once.

On PostgreSQL the row is locked (`FOR UPDATE`); SQLite has one writer. So sequence numbers and counters need no other
care: whoever changes a conversation or adds a message to it holds it first.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import String, Table, bindparam, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from prosa import words
from prosa.clock import utc_now
from prosa.conversations.identity import Address
from prosa.conversations.models import AiState, Conversation, ConversationKind
from prosa.database.base import Base
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared
from prosa.ids import new_id

TABLE: Final[Table] = Base.metadata.tables[Conversation.__tablename__]
_c = TABLE.c


@dataclass(slots=True)
class HeldConversation:
    """A locked row; attributes as in `prosa.conversations.models.Conversation`. `save` writes what was changed."""

    id: uuid.UUID
    session_id: str
    contact_jid: str
    contact_lid: str | None
    contact_phone: str | None
    contact_name: str | None
    contact_name_set: bool
    kind: str
    summarised_until: int
    ai_enabled: bool
    ai_paused_until: datetime | None
    ai_paused_by: str | None
    ai_paused_user_id: uuid.UUID | None
    ai_paused_reason: str | None
    ai_paused_at: datetime | None
    ai_stopped_until: datetime | None
    ai_stopped_at: datetime | None
    closed_notice_at: datetime | None
    # What messages and answers change begins here; the rest changes when a person does something, or once.
    last_seq: int
    version: int
    last_message_at: datetime | None
    last_message_preview: str | None
    unread_count: int
    read_until: int
    answered_until: int
    ai_state: str
    ai_reason: str | None
    waiting_since: datetime | None
    last_inbound_at: datetime | None
    skipped_from: int | None
    ai_forced: bool
    ai_overtaken: int
    ai_failed_at: datetime | None
    asked_wa_id: str | None
    due_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    attempts: int
    _stored: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    def leased(self, now: datetime) -> bool:
        """Whether somebody is making an answer at this moment."""
        return self.lease_until is not None and self.lease_until > now

    def changed(self) -> dict[str, Any]:
        """Return what differs from the stored row, as it is now."""
        both = zip(_NAMES, _values(self), self._stored, strict=True)
        return {name: new for name, new, old in both if new != old}


_NAMES = tuple(name for name in HeldConversation.__dataclass_fields__ if not name.startswith("_"))
_COLUMNS = [_c[name] for name in _NAMES]
_values: Callable[[HeldConversation], tuple[Any, ...]] = attrgetter(*_NAMES)

_one = bindparam("one", type_=String())
_other = bindparam("other", type_=String())
_in_session = _c.session_id == bindparam("session_id", type_=String())
_jids, _lids = _c.contact_jid.in_([_one, _other]), _c.contact_lid.in_([_one, _other])
# Each database is asked in the way in which it uses both unique indexes, whatever its statistics say.
_by_address = Prepared(
    select(*_COLUMNS).where(
        _c.id.in_(union_all(select(_c.id).where(_in_session, _jids), select(_c.id).where(_in_session, _lids)))
    ),
    postgresql=select(*_COLUMNS).where(_in_session, or_(_jids, _lids)).order_by(_c.id).with_for_update(),
    bulk=True,
)
_is_it = _c.id == bindparam("id")
_by_id = Prepared(
    select(*_COLUMNS).where(_is_it), postgresql=select(*_COLUMNS).where(_is_it).with_for_update(), bulk=True
)

_SELDOM = _NAMES.index("last_seq")
"""So many columns come before those that messages and answers change, which are written all at once."""
_save = Prepared(update(TABLE).where(_c.id == bindparam("row_id")), sets_given=True, bulk=True, each=("row_id", "id"))


def _held(row: Any) -> HeldConversation:
    held = HeldConversation(*row)
    held._stored = tuple(row)  # noqa: SLF001 - its own module
    return held


async def hold(db: WriteDb, conversation_id: uuid.UUID) -> HeldConversation | None:
    """Lock a conversation; None where there is none."""
    await db.mine(conversation_id)
    rows = await db.fetch(_by_id, {"id": conversation_id}, about=(conversation_id,))
    return _held(rows[0]) if rows else None


async def hold_all(db: WriteDb, session_id: str, address: Address) -> list[HeldConversation]:
    """Lock every conversation that goes by one of the addresses: two, where they were not known to be one contact."""
    values = {"session_id": session_id, "one": address.jid, "other": address.lid or address.jid}
    while True:
        rows = await db.fetch(_by_address, values, about=())  # addresses are never put off
        ids = [row.id for row in rows]
        changed_hands = await db.mine(*ids)
        if not (await db.caught_up(*ids) or changed_hands):
            return [_held(row) for row in rows]


async def create(
    db: WriteDb, session_id: str, address: Address, *, at: datetime, name: str | None
) -> HeldConversation | None:
    """Make a conversation; None where another transaction just made one for an address of the contact."""
    now = utc_now()
    held = HeldConversation(
        id=new_id(),
        session_id=session_id,
        contact_jid=address.jid,
        contact_lid=address.lid,
        contact_phone=address.phone,
        contact_name=name,
        contact_name_set=False,
        kind=address.kind.value,
        last_seq=0,
        version=0,
        last_message_at=at,
        last_message_preview=None,
        unread_count=0,
        read_until=0,
        answered_until=0,
        summarised_until=0,
        ai_enabled=True,
        ai_paused_until=None,
        ai_paused_by=None,
        ai_paused_user_id=None,
        ai_paused_reason=None,
        ai_paused_at=None,
        ai_stopped_until=None,
        ai_stopped_at=None,
        ai_state=AiState.IDLE.value,
        ai_reason=None,
        waiting_since=None,
        last_inbound_at=None,
        skipped_from=None,
        ai_forced=False,
        ai_overtaken=0,
        ai_failed_at=None,
        asked_wa_id=None,
        closed_notice_at=None,
        due_at=None,
        lease_owner=None,
        lease_until=None,
        attempts=0,
    )
    held._stored = _values(held)  # noqa: SLF001 - its own module
    values = dict(zip(_NAMES, held._stored, strict=True))  # noqa: SLF001 - as above
    values |= {"search_name": search_name(held), "created_at": now, "updated_at": now}
    insert = postgres_insert if db.dialect == "postgresql" else sqlite_insert
    statement = insert(TABLE).on_conflict_do_nothing().returning(_c.id)
    if not (await db.execute(statement, values)).first():
        return None
    await db.mine(held.id)
    return held


async def save(db: WriteDb, held: HeldConversation) -> None:
    """Write what was changed."""
    now, stored = _values(held), held._stored  # noqa: SLF001 - its own module
    if now == stored:
        return
    if now[:_SELDOM] == stored[:_SELDOM]:
        values = dict(zip(_NAMES[_SELDOM:], now[_SELDOM:], strict=True))
        values["row_id"], values["updated_at"] = held.id, utc_now()
        db.later(_save, values, about=held.id)
    else:
        changed = held.changed()
        if changed.keys() & {"contact_name", "contact_jid", "contact_phone"}:
            changed["search_name"] = search_name(held)
        await db.execute(update(TABLE).where(_c.id == held.id).values(**changed, updated_at=utc_now()))
    held._stored = now  # noqa: SLF001 - its own module


def search_name(held: HeldConversation) -> str:
    """Return what a search for conversations looks through: the name as a person reads it, folded, and the number."""
    number = held.contact_phone or (held.contact_jid.partition("@")[0] if held.kind != ConversationKind.CONTACT else "")
    return f"{' '.join(words.split(held.contact_name or ''))} {number}".strip()[:400]
