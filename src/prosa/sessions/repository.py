"""The SQL of linked numbers."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from prosa.database import ReadDb, WriteDb
from prosa.errors import ConflictError, FieldError
from prosa.sessions.models import WhatsAppSession
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.jid import Jid

TABLE = cast("Table", WhatsAppSession.__table__)
_c = TABLE.c


@dataclass(frozen=True, slots=True)
class Asked:
    """What people ask of a number, as far as a gateway must notice it changing."""

    wanted: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A number to create."""

    session_id: str
    user_id: uuid.UUID
    name: str | None
    settings: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)


async def add(db: WriteDb, new: NewSession, *, now: datetime) -> SessionRecord:
    """Create a number, not linked yet and not wanted.

    Raises:
        ConflictError: The name is taken. The transaction is then of no more use.
    """
    values = {
        "session_id": new.session_id,
        "user_id": new.user_id,
        "name": new.name,
        "settings": new.settings,
        "extra": new.extra,
        "status": SessionStatus.CLOSED,
        "status_reason": StatusReason.NOT_LINKED,
        "status_detail": "Not linked yet: connect it and scan the QR code, or type a pairing code.",
        "created_at": now,
        "updated_at": now,
    }
    try:
        row = (await db.execute(insert(WhatsAppSession).values(values).returning(*_c))).one()
    except IntegrityError as error:
        raise ConflictError(
            f"The name “{new.session_id}” is taken.",
            remedy="Choose another session_id, or leave it out to get one made.",
            fields=[FieldError("body.session_id", "is taken", "taken")],
        ) from error
    return SessionRecord.of(row)


async def find(db: ReadDb, session_id: str, *, lock: bool = False) -> SessionRecord | None:
    """Return a number by its public name, whoever's it is; `lock` keeps others from changing it meanwhile."""
    statement = select(*_c).where(_c.session_id == session_id)
    if lock and db.dialect == "postgresql":
        statement = statement.with_for_update(key_share=True)  # new conversations of it need not wait
    row = (await db.execute(statement)).first()
    return SessionRecord.of(row) if row is not None else None


async def find_held(db: WriteDb, row_id: uuid.UUID, *, owner: str, now: datetime) -> SessionRecord | None:
    """Return the row, locked, if `owner` holds its lease; else None."""
    statement = select(*_c).where(_c.id == row_id, _c.lease_owner == owner, _c.lease_until > now)
    if db.dialect == "postgresql":
        statement = statement.with_for_update()
    row = (await db.execute(statement)).first()
    return SessionRecord.of(row) if row is not None else None


async def lost_holders(db: ReadDb, *, now: datetime) -> list[str]:
    """Return the holders all of whose leases on numbers have run out."""
    statement = select(_c.lease_owner).where(_c.lease_owner.is_not(None)).group_by(_c.lease_owner)
    return list((await db.execute(statement.having(func.max(_c.lease_until) <= now))).scalars())


async def page(
    db: ReadDb,
    user_id: uuid.UUID,
    *,
    after: uuid.UUID | None,
    status: SessionStatus | None,
    limit: int,
    only: Collection[str] | None = None,
) -> list[SessionRecord]:
    """Return a person's numbers in the order they were made; where `only` is given, none but those of these names."""
    statement = select(*_c).where(_c.user_id == user_id).order_by(_c.id).limit(limit)
    if after is not None:
        statement = statement.where(_c.id > after)
    if status is not None:
        statement = statement.where(_c.status == status)
    if only is not None:
        statement = statement.where(_c.session_id.in_(only))
    return [SessionRecord.of(row) for row in await db.execute(statement)]


async def change(db: WriteDb, row_id: uuid.UUID, values: dict[str, Any]) -> SessionRecord:
    """Write columns of a row that this transaction has locked; return the row."""
    return SessionRecord.of(
        (await db.execute(update(TABLE).where(_c.id == row_id).values(values).returning(*_c))).one()
    )


async def remove(db: WriteDb, row_id: uuid.UUID) -> None:
    """Delete a number with everything that belongs to it."""
    await db.execute(delete(TABLE).where(_c.id == row_id))


async def anything_of(db: ReadDb, session_id: str) -> bool:
    """Return whether anything belongs to a number, of whatever domain: all of it goes when the number is deleted."""
    theirs = [
        key.parent
        for table in TABLE.metadata.tables.values()
        for key in table.foreign_keys
        if key.column is _c.session_id
    ]
    found = [exists().where(column == session_id) for column in theirs]
    return bool((await db.execute(select(or_(false(), *found)))).scalar_one())


async def linked_alike(db: ReadDb, user_id: uuid.UUID, jid: str | None, *, but: uuid.UUID) -> Sequence[str]:
    """Return the public names of a person's other numbers that are linked to the same WhatsApp account.

    Args:
        db: The transaction.
        user_id: The person.
        jid: A linked device of the account.
        but: The row not to count.
    """
    if jid is None:
        return []
    try:
        bare_user = Jid.parse(jid).user
    except ValueError:
        bare_user = jid
    statement = (
        select(_c.session_id)
        .where(
            _c.user_id == user_id,
            _c.id != but,
            or_(_c.jid.startswith(f"{bare_user}:", autoescape=True), _c.jid.startswith(f"{bare_user}@")),
        )
        .order_by(_c.id)
    )
    return list((await db.execute(statement)).scalars())


async def any_claimable(db: ReadDb, *, now: datetime) -> bool:
    """Return whether a wanted number waits for a gateway; cheaper than trying to claim."""
    statement = select(_c.id).where(_c.wanted.is_(True), left_lying(now)).limit(1)
    return (await db.execute(statement)).first() is not None


async def count_wanted(db: ReadDb, *, now: datetime) -> int:
    """Return how many numbers some process holds or should hold now."""
    statement = select(func.count()).where(_c.wanted.is_(True), _c.due_at <= now)
    return int((await db.execute(statement)).scalar_one())


def left_lying(since: datetime) -> ColumnElement[bool]:
    """Tell of a number that is wanted whether nobody took it, though it has been free since some moment."""
    return and_(_c.due_at <= since, or_(_c.lease_until.is_(None), _c.lease_until <= since))


async def asked_of_held(db: ReadDb, *, owner: str) -> dict[uuid.UUID, Asked]:
    """Return what people ask of the numbers that `owner` holds."""
    statement = select(_c.id, _c.wanted, _c.due_at).where(_c.lease_owner == owner)
    return {row.id: Asked(row.wanted, row.due_at) for row in await db.execute(statement)}


async def make_due(db: WriteDb, session_id: str, *, now: datetime) -> None:
    """Let a gateway claim a number that is not wanted, for one piece of work; no effect while somebody holds it."""
    free = or_(_c.lease_until.is_(None), _c.lease_until <= now)
    await db.execute(update(TABLE).where(_c.session_id == session_id, free).values(due_at=now))


async def make_due_again(db: WriteDb, reasons: Collection[str], *, now: datetime) -> None:
    """Make wanted numbers due now that were put off for one of `reasons`."""
    await db.execute(
        update(TABLE).where(_c.wanted.is_(True), _c.due_at > now, _c.status_reason.in_(reasons)).values(due_at=now)
    )


async def held(db: ReadDb, *, owner: str, lock: bool = False) -> list[SessionRecord]:
    """Return everything that `owner` holds."""
    statement = select(*_c).where(_c.lease_owner == owner).order_by(_c.id)
    if lock and db.dialect == "postgresql":
        statement = statement.with_for_update()
    return [SessionRecord.of(row) for row in await db.execute(statement)]


async def pass_on(db: WriteDb, row_id: uuid.UUID, *, owner: str, now: datetime) -> None:
    """Give a row back that `owner` holds, free from now on: whoever is to take it gets the time to."""
    statement = update(TABLE).where(_c.id == row_id, _c.lease_owner == owner)
    due = case((_c.due_at.is_not(None), now))
    await db.execute(statement.values(lease_owner=None, lease_until=None, due_at=due))


async def release(db: WriteDb, ids: Collection[uuid.UUID]) -> None:
    """Give rows back as they are."""
    await db.execute(update(TABLE).where(_c.id.in_(ids)).values(lease_owner=None, lease_until=None))
