"""The statements on people."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, exists, func, select, text

from prosa.database import ReadDb, WriteDb
from prosa.users.models import Role, User


async def serialise(db: WriteDb) -> None:
    """Let only one transaction at a time change who there is.

    The rules "one first owner" and "never without an owner" look at many rows. SQLite has one writer anyway; on
    PostgreSQL other writers of the table wait, readers and rows that refer to a person do not.
    """
    if db.dialect == "postgresql":
        await db.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


async def owner_exists(db: ReadDb) -> bool:
    """Say whether the installation has an owner."""
    return bool((await db.execute(select(exists().where(User.role == Role.OWNER)))).scalar_one())


async def count_owners(db: ReadDb) -> int:
    """Return how many owners there are."""
    return int((await db.execute(select(func.count()).where(User.role == Role.OWNER))).scalar_one())


async def get(db: ReadDb, user_id: uuid.UUID) -> User | None:
    """Return a person."""
    return await db.orm.get(User, user_id)


async def find_by_email(db: ReadDb, email: str) -> User | None:
    """Return the person with this address (case-folded)."""
    return (await db.orm.execute(select(User).where(User.email == email))).scalar_one_or_none()


async def page(db: ReadDb, *, limit: int, after: uuid.UUID | None) -> Sequence[User]:
    """Return up to `limit` people in the order they were added, which is that of their ids."""
    statement = select(User).order_by(User.id).limit(limit)
    if after is not None:
        statement = statement.where(User.id > after)
    return (await db.orm.execute(statement)).scalars().all()


async def add(db: WriteDb, user: User) -> None:
    """Add a person."""
    db.orm.add(user)
    await db.flush()


async def remove(db: WriteDb, user_id: uuid.UUID) -> None:
    """Delete a person, with everything that is theirs but their events (`prosa.events.log.forget_all`)."""
    await db.execute(delete(User).where(User.id == user_id))
