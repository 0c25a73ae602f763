"""The sender's statements: taking messages to send, and writing down what came of each.

Within a conversation only the first message not yet sent can be taken; so a later one is never sent before it. Whoever
writes an outcome must still hold the lease, in the same statement.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    true,
    update,
)

from prosa import leases
from prosa.conversations.facts import MESSAGE_COLUMNS, sent_payload
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import MessageStatus
from prosa.conversations.scope import owner_of
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared, among
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.leases import LeaseLostError
from prosa.outbox import limits
from prosa.outbox.content import Instructions
from prosa.outbox.queue import status_payload
from prosa.outbox.sending import Sending, unsent
from prosa.sessions.models import WhatsAppSession
from prosa.whatsapp.engine import SendResult, Uploaded
from prosa.whatsapp.jid import bare

_m, _c, _numbers = MESSAGES.c, CONVERSATIONS.c, WhatsAppSession.__table__.c
_neighbour = MESSAGES.alias("neighbour")


first_in_line: ColumnElement[bool] = ~(
    exists()
    .where(_neighbour.c.conversation_id == _m.conversation_id, _neighbour.c.seq < _m.seq, unsent(_neighbour.c.status))
    .correlate(MESSAGES)
)
_followed = (
    exists()
    .where(_neighbour.c.conversation_id == _m.conversation_id, _neighbour.c.seq > _m.seq, unsent(_neighbour.c.status))
    .correlate(MESSAGES)
    .label("followed")
)


_held = (
    _m.id == bindparam("row_id"),
    _m.lease_owner == bindparam("owner"),
    _m.lease_until > bindparam("now", type_=_m.lease_until.type),
)
_at = bindparam("at", type_=_m.sent_at.type)
_sent = Prepared(
    update(MESSAGES)
    .where(*_held)
    .values(
        leases.released(None)
        | {
            # A receipt may have come first.
            "status": case((unsent(_m.status), MessageStatus.SENT.value), else_=_m.status),
            "sent_at": _at,
            "created_at": _at,
            "sender_jid": bindparam("sender", type_=_m.sender_jid.type),
            "error": None,
        }
    )
    .returning(*(_m[name] for name in MESSAGE_COLUMNS)),
    bulk=True,
    each=("row_id", "id"),
)
_contact = Prepared(
    select(_c.contact_jid, _c.contact_lid, _c.contact_phone, _c.contact_name).where(_c.id == bindparam("id"))
)


_columns = [
    _m.id, _m.conversation_id, _m.session_id, _m.wa_id, _m.type, _m.body, _m.media, _m.payload, _m.stored_at,
    _m.attempts, _m.error, _m.author, _m.expires_at, _c.ai_paused_until, _c.ai_paused_by, _c.ai_stopped_until, _c.kind,
    _c.last_inbound_at, _c.approached_at, _c.contact_jid, _c.contact_lid, _c.contact_phone, _c.contact_name, _followed,
    _numbers.user_id,
]  # fmt: skip


def _looking(dialect: str) -> Select[Any]:
    found = among(_m.id, "ids", dialect)
    # Who switches a number's AI off takes back what waits; what a turn stores at that very moment is seen here.
    number = _numbers.settings["ai_enabled"].as_boolean()
    if dialect == "sqlite":
        number = func.json_extract(_numbers.settings, literal_column("'$.ai_enabled'"), type_=Boolean())
    allowed = and_(_c.ai_enabled, func.coalesce(number, true())).label("ai_enabled")
    whose = select(*_columns, allowed).join(CONVERSATIONS, _c.id == _m.conversation_id)
    return whose.join(WhatsAppSession.__table__, _numbers.session_id == _m.session_id).where(found)


_taken = Prepared(_looking("sqlite"), postgresql=_looking("postgresql"))
_take = leases.Claim(
    MESSAGES,
    where=lambda dialect: among(_m.session_id, "sessions", dialect) & unsent(_m.status) & first_in_line,
    returning=[_m.id, _m.session_id],
    values={"status": MessageStatus.SENDING.value},
)
_ONLY_LIMITS = frozenset({"kind", "last_inbound_at", "approached_at"})


@dataclass(frozen=True, slots=True)
class Taking:
    """What may be taken now.

    Attributes:
        sessions: Numbers without a limited rate.
        slow: Numbers with one whose next message may go: one message of each.
        cap: Says how many new contacts a number writes to within 24 hours; None: any number.
        limit: Messages at most.
        room: How many messages of one number are taken at a time; one that has as many on their way waits.
        on_way: Messages on their way by number.
    """

    sessions: Collection[str]
    slow: Collection[str] = ()
    cap: Callable[[str], int | None] = lambda _: None
    limit: int = 1
    room: int = 8
    on_way: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken.

    Attributes:
        messages: The messages.
        full: Numbers of which messages to new contacts too many were held back.
        crowded: Numbers of which more may be due: no more of them are taken now, or they would be in others' way.
    """

    messages: list[Sending]
    full: frozenset[str] = frozenset()
    crowded: frozenset[str] = frozenset()


async def take(db: WriteDb, what: Taking, *, owner: str, now: datetime, lease: timedelta) -> Taken:
    """Take messages that are due, each the first of its conversation; hold back those to new contacts too many."""
    ids, crowded = await _take_quick(db, what, owner=owner, now=now, lease=lease)
    if what.slow:
        slow = await _take_slow(db, what.slow, owner=owner, now=now, lease=lease, limit=what.limit - len(ids))
        if slow:
            await db.execute(update(MESSAGES).where(_m.id.in_(slow)).values(status=MessageStatus.SENDING.value))
        ids += slow
    if not ids:
        return Taken([], crowded=crowded)
    found = {row.id: row for row in await db.fetch(_taken, {"ids": ids})}
    held = await limits.new_contacts(db, [found[key] for key in ids], what.cap, now=now)
    if held:
        owners = {row.session_id: row.user_id for row in found.values()}
        # Looked at again and held back again is nothing new.
        late = [row for row in await limits.put_off(db, held) if row.error != found[row.id].error]
        await log.append(db, *(NewEvent(owners[row.session_id], row.session_id, status_payload(row)) for row in late))
    put_off = {back.message_id for back in held}
    result = []
    for key in ids:
        if key in put_off:
            continue
        row = found[key]
        values = {name: value for name, value in row._asdict().items() if name not in _ONLY_LIMITS}
        instructions = Instructions.read(values.pop("payload"))
        result.append(Sending(**values, instructions=instructions))
    return Taken(result, frozenset(found[key].session_id for key in put_off), crowded)


async def _take_quick(
    db: WriteDb, what: Taking, *, owner: str, now: datetime, lease: timedelta
) -> tuple[list[uuid.UUID], frozenset[str]]:
    """Take messages of numbers without a limited rate, so that one with much to send leaves room for the others."""
    ids: list[uuid.UUID] = []
    on_way = Counter(what.on_way)
    crowded = {name for name in what.sessions if on_way[name] >= what.room}
    names = [name for name in what.sessions if name not in crowded]
    while names and (limit := min(what.room, what.limit - len(ids))) > 0:
        taken = await _take(db, owner=owner, now=now, lease=lease, limit=limit, sessions=names)
        ids += [row.id for row in taken]
        if len(taken) < limit:
            break
        on_way.update(row.session_id for row in taken)
        crowded |= {name for name in names if on_way[name] >= what.room}
        names = [name for name in names if name not in crowded]
    return ids, frozenset(crowded)


async def _take_slow(
    db: WriteDb,
    sessions: Collection[str],
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
) -> list[uuid.UUID]:
    """Take one message of each number whose rate is limited, the most urgent one."""
    ids: list[uuid.UUID] = []
    ready = unsent(_m.status) & first_in_line
    for name in (await limits.with_work(db, sessions, now=now, wanted=unsent(_m.status)))[: max(0, limit)]:
        taken = await leases.claim(
            db, MESSAGES, owner=owner, now=now, lease=lease, limit=1, where=(_m.session_id == name) & ready,
            returning=[_m.id], before=[limits.urgency(now)],
        )  # fmt: skip
        ids += [row.id for row in taken]
    return ids


async def write_sent(db: WriteDb, message: Sending, result: SendResult, *, owner: str, now: datetime) -> None:
    """Write down that WhatsApp's server has a message.

    Raises:
        LeaseLostError: It is another's by now.
    """
    values = {
        "row_id": message.id, "owner": owner, "now": now, "at": result.timestamp, "sender": bare(result.sender),
    }  # fmt: skip
    rows = await db.fetch(_sent, values, about=())  # it was stored in an earlier transaction
    if not rows:
        raise LeaseLostError(f"message {message.id} is no longer held by {owner}")
    contact: Any = message
    if message.instructions.resolve is not None:  # its conversation got its address on the way
        contact = (await db.fetch(_contact, {"id": rows[0].conversation_id}))[0]
    payload = sent_payload(rows[0]._asdict(), contact)
    await log.append(db, NewEvent(message.user_id, message.session_id, payload))


async def write_failed(db: WriteDb, message: Sending, error: str, *, owner: str, now: datetime) -> None:
    """Write down that a message will not be sent.

    Raises:
        LeaseLostError: It is another's by now.
    """
    values = leases.released(None, attempts=message.attempts + 1)
    values |= {"status": MessageStatus.FAILED.value, "error": error[:500]}
    row = await _write(db, message, values, owner=owner, now=now)
    await log.append(db, NewEvent(message.user_id, message.session_id, status_payload(row)))


async def write_retry(
    db: WriteDb, message: Sending, *, due_at: datetime, attempts: int, error: str | None, owner: str, now: datetime
) -> None:
    """Give a message back to be sent later, under the same WhatsApp id.

    Raises:
        LeaseLostError: It is another's by now.
    """
    values = leases.released(due_at, attempts=attempts)
    values |= {"status": MessageStatus.QUEUED.value, "error": error[:500] if error else None}
    if message.instructions.uploaded is not None:
        values["payload"] = message.instructions.stored()
    row = await _write(db, message, values, owner=owner, now=now)
    if error and error[:500] != message.error:
        await log.append(db, NewEvent(message.user_id, message.session_id, status_payload(row)))


async def give_back(db: WriteDb, ids: Collection[uuid.UUID], *, owner: str) -> None:
    """Give messages back as they are, to be sent."""
    free = {"lease_owner": None, "lease_until": None}
    await db.execute(update(MESSAGES).where(_m.id.in_(ids), _m.lease_owner == owner, unsent(_m.status)).values(free))


async def expire(db: WriteDb, *, now: datetime, error: str) -> int:
    """Give up messages that have waited for too long, also those of numbers that are offline."""
    free = _m.lease_until.is_(None) | (_m.lease_until <= now)
    rows = (
        await db.execute(
            update(MESSAGES)
            .where(_m.due_at.is_not(None), unsent(_m.status), _m.expires_at <= now, free)
            .values(leases.released(None) | {"status": MessageStatus.FAILED.value, "error": error})
            .returning(_m.id, _m.conversation_id, _m.session_id, _m.wa_id, _m.status, _m.error)
        )
    ).all()
    owners = {row.session_id: await owner_of(db, row.session_id) for row in rows}
    await log.append(
        db,
        *(NewEvent(owners[row.session_id], row.session_id, status_payload(dict(row._mapping))) for row in rows),  # noqa: SLF001
    )
    return len(rows)


def uploaded(message: Sending, upload: Uploaded) -> Sending:
    """Return the message with what its upload answered."""
    return replace(message, instructions=replace(message.instructions, uploaded=upload))


async def _write(db: WriteDb, message: Sending, values: dict[str, Any], *, owner: str, now: datetime) -> Row[Any]:
    held = (_m.id == message.id) & (_m.lease_owner == owner) & (_m.lease_until > now)
    row = (await db.execute(update(MESSAGES).where(held).values(values).returning(*_m))).first()
    if row is None:
        raise LeaseLostError(f"message {message.id} is no longer held by {owner}")
    return row
