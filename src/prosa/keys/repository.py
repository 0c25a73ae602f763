"""The statements about providers' keys."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, delete, insert, or_, select

from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.keys.models import ProviderKey

TABLE: Final[Table] = Base.metadata.tables[ProviderKey.__tablename__]
_c = TABLE.c


def _whose(user_id: uuid.UUID | None) -> ColumnElement[bool]:
    return _c.user_id.is_(None) if user_id is None else _c.user_id == user_id


async def every(db: ReadDb) -> Sequence[Row[Any]]:
    """Return all keys, sealed, the newest last."""
    return (await db.execute(select(TABLE).order_by(_c.id))).all()


async def of(db: ReadDb, user_id: uuid.UUID) -> Sequence[Row[Any]]:
    """Return a person's keys and the installation's, sealed."""
    statement = select(TABLE).where(or_(_c.user_id == user_id, _c.user_id.is_(None)))
    return (await db.execute(statement.order_by(_c.provider, _c.id))).all()


async def remove(db: WriteDb, user_id: uuid.UUID | None, provider: str) -> bool:
    """Remove a provider's key; false where there was none."""
    return (await db.execute(delete(TABLE).where(_whose(user_id), _c.provider == provider))).rowcount > 0


async def add(db: WriteDb, values: dict[str, Any]) -> None:
    """Store a key."""
    await db.execute(insert(TABLE), values)
