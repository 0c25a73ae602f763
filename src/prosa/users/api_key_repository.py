"""The statements on API keys. A revoked one is gone for its owner, and kept for a while to tell its users."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    Uuid,
    column,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    update,
)

from prosa.auth.models import ApiKey, ApiKeyNumber
from prosa.database import ReadDb, WriteDb
from prosa.users.models import User

KEYS: Final = cast("Table", ApiKey.__table__)
NUMBERS: Final = cast("Table", ApiKeyNumber.__table__)
_c, _n = KEYS.c, NUMBERS.c
_numbers = (
    select(func.aggregate_strings(_n.session_id, ","))
    .where(_n.key_id == _c.id)
    .correlate(KEYS)
    .scalar_subquery()
    .label("numbers")
)
"""Those that a key is limited to, in any order; names of numbers have no comma. NULL: none."""
_shown = [*(one for one in _c if one.name != "hash"), _numbers]

# Other domains' tables, which this one does not import; this is all that is needed of them.
_sessions = table("whatsapp_sessions", column("session_id", String()), column("user_id", Uuid()))
_webhooks = table("webhooks", column("user_id", Uuid()), column("api_key_id", Uuid()))


def numbers_of(row: Row[Any]) -> list[str] | None:
    """Return the numbers that a key is limited to, as far as they are still there; None: it is not limited."""
    if not row.limited:
        return None
    return sorted(row.numbers.split(",")) if row.numbers else []


def _select() -> Select[Any]:
    return select(*_shown).select_from(KEYS)


def _own(user_id: uuid.UUID) -> ColumnElement[bool]:
    return (_c.user_id == user_id) & _c.revoked_at.is_(None)


async def hold_owner(db: WriteDb, user_id: uuid.UUID) -> bool:
    """Let only one transaction at a time make keys for a person; false where they are no longer there."""
    statement = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    return (await db.execute(statement)).first() is not None


async def count_live(db: ReadDb, user_id: uuid.UUID, *, now: datetime) -> int:
    """Return how many keys of a person are good."""
    good = or_(_c.expires_at.is_(None), _c.expires_at > now)
    return int((await db.execute(select(func.count()).select_from(KEYS).where(_own(user_id), good))).scalar_one())


async def page(db: ReadDb, user_id: uuid.UUID, *, limit: int, after: uuid.UUID | None = None) -> Sequence[Row[Any]]:
    """Return up to `limit` keys of a person that were not revoked, the newest first."""
    statement = _select().where(_own(user_id)).order_by(_c.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(_c.id < after)
    return (await db.execute(statement)).all()


async def find(db: ReadDb, user_id: uuid.UUID, key_id: uuid.UUID) -> Row[Any] | None:
    """Return a key of a person that was not revoked."""
    return (await db.execute(_select().where(_own(user_id), _c.id == key_id))).one_or_none()


async def add(db: WriteDb, values: dict[str, Any]) -> None:
    """Store a key."""
    await db.execute(insert(KEYS).values(values))


async def limit(db: WriteDb, user_id: uuid.UUID, key_id: uuid.UUID, names: Collection[str]) -> set[str]:
    """Limit a key to those of these numbers that are its owner's; return them."""
    mine = (
        select(literal(key_id, Uuid()), _sessions.c.session_id)
        .where(_sessions.c.user_id == user_id, _sessions.c.session_id.in_(names))
        .with_for_update(read=True, key_share=True)  # so that none is deleted meanwhile
    )
    statement = insert(NUMBERS).from_select(["key_id", "session_id"], mine).returning(_n.session_id)
    return set((await db.execute(statement)).scalars())


async def count_webhooks(db: ReadDb, user_id: uuid.UUID, key_id: uuid.UUID) -> int:
    """Return how many webhooks of a person have their address from a key."""
    mine = (_webhooks.c.user_id == user_id) & (_webhooks.c.api_key_id == key_id)
    return int((await db.execute(select(func.count()).select_from(_webhooks).where(mine))).scalar_one())


async def change(db: WriteDb, user_id: uuid.UUID, key_id: uuid.UUID, values: dict[str, Any]) -> bool:
    """Change a key, and hold it; false where it is not the person's, or was revoked."""
    statement = update(KEYS).where(_own(user_id), _c.id == key_id)
    return (await db.execute(statement.values(values or {"id": key_id}))).rowcount > 0


async def unlimit(db: WriteDb, key_id: uuid.UUID) -> None:
    """Forget which numbers a key is limited to."""
    await db.execute(delete(NUMBERS).where(_n.key_id == key_id))


async def revoke(db: WriteDb, user_id: uuid.UUID, key_id: uuid.UUID, *, now: datetime) -> bool:
    """End a key; false where it is not the person's, or was revoked before."""
    statement = update(KEYS).where(_own(user_id), _c.id == key_id).values(revoked_at=now)
    return (await db.execute(statement)).rowcount > 0


async def by_prefix(db: ReadDb, prefix: str) -> Sequence[Row[Any]]:
    """Return the keys of anybody, not revoked, of which this is shown."""
    return (await db.execute(_select().where(_c.prefix == prefix, _c.revoked_at.is_(None)))).all()


async def forget_revoked(db: WriteDb, user_id: uuid.UUID, *, before: datetime) -> None:
    """Delete a person's keys that were revoked long ago."""
    await db.execute(delete(KEYS).where(_c.user_id == user_id, _c.revoked_at < before))
