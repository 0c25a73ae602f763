"""The statements on API keys. A revoked one is gone for its owner, and kept for a while to tell its users."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, Table, delete, func, insert, or_, select, update

from prosa.auth.models import ApiKey
from prosa.database import ReadDb, WriteDb
from prosa.users.models import User

KEYS: Final = cast("Table", ApiKey.__table__)
_c = KEYS.c
_shown = [one for one in _c if one.name != "hash"]


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
    statement = select(*_shown).where(_own(user_id)).order_by(_c.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(_c.id < after)
    return (await db.execute(statement)).all()


async def add(db: WriteDb, values: dict[str, Any]) -> Row[Any]:
    """Store a key."""
    return (await db.execute(insert(KEYS).values(values).returning(*_shown))).one()


async def rename(db: WriteDb, user_id: uuid.UUID, key_id: uuid.UUID, name: str) -> Row[Any] | None:
    """Give a key another name; None where it is not the person's, or was revoked."""
    statement = update(KEYS).where(_own(user_id), _c.id == key_id).values(name=name).returning(*_shown)
    return (await db.execute(statement)).one_or_none()


async def revoke(db: WriteDb, user_id: uuid.UUID, key_id: uuid.UUID, *, now: datetime) -> bool:
    """End a key; false where it is not the person's, or was revoked before."""
    statement = update(KEYS).where(_own(user_id), _c.id == key_id).values(revoked_at=now)
    return (await db.execute(statement)).rowcount > 0


async def by_prefix(db: ReadDb, prefix: str) -> Sequence[Row[Any]]:
    """Return the keys of anybody, not revoked, of which this is shown."""
    return (await db.execute(select(*_shown).where(_c.prefix == prefix, _c.revoked_at.is_(None)))).all()


async def forget_revoked(db: WriteDb, user_id: uuid.UUID, *, before: datetime) -> None:
    """Delete a person's keys that were revoked long ago."""
    await db.execute(delete(KEYS).where(_c.user_id == user_id, _c.revoked_at < before))
