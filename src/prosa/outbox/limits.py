"""What limits a number beyond its connection: its rate, new contacts, and pauses after WhatsApp said "slower".

The statements that only numbers with such limits cost; see `prosa.outbox.pace` for what is kept in memory.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, bindparam, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from prosa import leases
from prosa.clock import utc_now
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author, ConversationKind, MessageStatus
from prosa.conversations.scope import owner_of
from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import SendingPausedPayload
from prosa.outbox.models import SendingPause
from prosa.outbox.queue import TOPIC
from prosa.outbox.sending import unsent
from prosa.sessions.models import WhatsAppSession

DAY = timedelta(hours=24)
RECENT = timedelta(hours=24)
"""Whoever wrote within this time is being answered: messages to them go first."""
NEW_CONTACTS = "new_contacts"
"""Begins the `error` of a message that is held back."""
LOOK_AGAIN = timedelta(minutes=10)
"""Messages over the limit of new contacts are not looked at more often: there may be thousands of them."""

_m, _c = MESSAGES.c, CONVERSATIONS.c
_SESSIONS: Final[Table] = Base.metadata.tables[WhatsAppSession.__tablename__]
_PAUSES: Final[Table] = Base.metadata.tables[SendingPause.__tablename__]
_held_back = unsent(_m.status) & _m.error.startswith(f"{NEW_CONTACTS}:")


def urgency(now: datetime) -> ColumnElement[int]:
    """Return in which order messages of a number with a limited rate go: replies first, new contacts last."""
    since = now - RECENT
    contact = (
        select(case((_c.last_inbound_at > since, 0), (_c.last_inbound_at.is_not(None), 1), else_=2))
        .where(_c.id == _m.conversation_id)
        .correlate(MESSAGES)
        .scalar_subquery()
    )
    return case((_m.author == Author.AI.value, 0), else_=contact)


async def with_work(db: ReadDb, sessions: Collection[str], *, now: datetime, wanted: ColumnElement[bool]) -> list[str]:
    """Return those of some numbers that have messages due."""
    free = or_(_m.lease_until.is_(None), _m.lease_until <= now)
    name = _SESSIONS.c.session_id
    waiting = select(_m.id).where(_m.session_id == name, _m.due_at <= now, free, wanted).correlate(_SESSIONS)
    statement = select(name).where(name.in_(sessions), waiting.exists())
    return list((await db.execute(statement)).scalars())


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A message to one new contact too many: when it is looked at again, when it expires, and why it waits."""

    message_id: uuid.UUID
    due_at: datetime
    expires_at: datetime | None
    error: str


async def new_contacts(
    db: WriteDb, rows: Sequence[Row[Any]], cap_of: Callable[[str], int | None], *, now: datetime
) -> list[HeldBack]:
    """Count the new contacts that messages go to, and return the messages that are too many.

    A contact counts once within 24 hours. The conversations of those that go are marked in this transaction.

    Args:
        db: The transaction that takes the messages.
        rows: With `id`, `session_id`, `conversation_id`, `kind`, `last_inbound_at`, `approached_at` and `expires_at`;
            of a conversation at most one.
        cap_of: Says how many new contacts a number writes to within 24 hours; None: any number.
        now: The present moment.
    """
    since, held = now - DAY, list[HeldBack]()
    fresh: list[uuid.UUID] = []
    counts: dict[str, int] = {}
    for row in rows:
        if row.last_inbound_at is not None or row.kind != ConversationKind.CONTACT:
            continue
        cap = cap_of(row.session_id)
        if cap is None:
            continue
        if row.approached_at is not None and row.approached_at > since:
            continue
        if row.session_id not in counts:
            counts[row.session_id] = await _approached(db, row.session_id, since)
        if counts[row.session_id] < cap:
            counts[row.session_id] += 1
            fresh.append(row.conversation_id)
        else:
            held.append(await _hold_back(db, row, cap, now=now))
    if fresh:
        await db.execute(update(CONVERSATIONS).where(_c.id.in_(fresh)).values(approached_at=now))
    return held


async def _approached(db: WriteDb, session_id: str, since: datetime) -> int:
    statement = select(func.count()).where(_c.session_id == session_id, _c.approached_at > since)
    return int((await db.execute(statement)).scalar_one())


async def _hold_back(db: WriteDb, row: Row[Any], cap: int, *, now: datetime) -> HeldBack:
    oldest = select(func.min(_c.approached_at)).where(_c.session_id == row.session_id, _c.approached_at > now - DAY)
    first: datetime | None = (await db.execute(oldest)).scalar_one()
    due_at = max(now + LOOK_AGAIN, (first or now) + DAY)
    # The time for which Prosa itself holds a message back does not count.
    expires_at = row.expires_at + (due_at - now) if row.expires_at is not None else None
    error = (
        f"{NEW_CONTACTS}: the number has written to {cap} new contacts within 24 hours, so this waits "
        "(settings.sending.new_contacts_per_day)"
    )
    return HeldBack(row.id, due_at, expires_at, error)


async def put_off(db: WriteDb, held: Sequence[HeldBack]) -> list[Row[Any]]:
    """Write down that messages are held back; return them for the events that say so."""
    columns = [_m.id, _m.conversation_id, _m.session_id, _m.wa_id, _m.status, _m.error]
    rows: list[Row[Any]] = []
    for back in held:
        values = leases.released(back.due_at) | {"error": back.error, "expires_at": back.expires_at}
        values["status"] = MessageStatus.QUEUED.value
        statement = update(MESSAGES).where(_m.id == back.message_id).values(values)
        rows += (await db.execute(statement.returning(*columns))).all()
    return rows


async def let_go(db: WriteDb, conversation_id: uuid.UUID) -> None:
    """Have messages that were held back sent at once, because their contact has written: nobody new any more."""
    await db.execute(
        update(MESSAGES).where(_m.conversation_id == conversation_id, _held_back).values(due_at=utc_now(), error=None)
    )
    db.wake(TOPIC)


async def holding_back(db: ReadDb, sessions: Collection[str]) -> set[str]:
    """Return those of some numbers that hold messages to new contacts back."""
    statement = select(_m.session_id).where(_m.session_id.in_(sessions), _held_back).distinct()
    return set((await db.execute(statement)).scalars())


async def look_again(db: WriteDb, session_id: str, *, now: datetime) -> None:
    """Have a number's messages that were held back looked at now: it may write to more new contacts by now."""
    free = or_(_m.lease_until.is_(None), _m.lease_until <= now)
    columns = [_m.id, _m.stored_at, _m.due_at, _m.expires_at]
    mine = select(*columns).where(_m.session_id == session_id, _held_back, _m.due_at > now, free)
    given = [
        {
            "row": row.id,
            "due": min(row.stored_at, now),  # they go in the order in which they came
            # What it was given for a wait that is not to be is taken back.
            "until": row.expires_at - (row.due_at - now) if row.expires_at is not None else None,
        }
        for row in await db.execute(mine)
    ]
    if given:
        due, until = (bindparam(name, type_=_m.due_at.type) for name in ("due", "until"))
        await db.execute(update(MESSAGES).where(_m.id == bindparam("row")).values(due_at=due, expires_at=until), given)


@dataclass(frozen=True, slots=True)
class Pause:
    """A number sends nothing until then, because WhatsApp said so for the `strikes`-th time in a row."""

    until: datetime
    strikes: int


async def read_pauses(db: ReadDb, sessions: Collection[str]) -> dict[str, Pause]:
    """Return the pauses of some numbers, past ones too."""
    p = _PAUSES.c
    rows = await db.execute(select(p.session_id, p.until, p.strikes).where(p.session_id.in_(sessions)))
    return {row.session_id: Pause(row.until, row.strikes) for row in rows}


async def write_pause(db: WriteDb, session_id: str, pause: Pause) -> None:
    """Keep a pause, so that a restart does not end it, and tell of it."""
    insert = postgres_insert if db.dialect == "postgresql" else sqlite_insert
    values = {"until": pause.until, "strikes": pause.strikes}
    statement = insert(_PAUSES).values(session_id=session_id, **values)
    await db.execute(statement.on_conflict_do_update(index_elements=["session_id"], set_=values))
    told = SendingPausedPayload(reason="rate_limited", strikes=pause.strikes, until=pause.until)
    await log.append(db, NewEvent(await owner_of(db, session_id), session_id, told))


async def forget_pause(db: WriteDb, session_id: str) -> None:
    """Forget a pause, because sending works again."""
    await db.execute(delete(_PAUSES).where(_PAUSES.c.session_id == session_id))
