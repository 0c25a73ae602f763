"""The statements on sign-ins and their refresh tokens."""

import uuid
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from prosa.auth.models import RefreshToken
from prosa.database import ReadDb, WriteDb
from prosa.ids import new_id


async def add_token(
    db: WriteDb, *, user_id: uuid.UUID, family_id: uuid.UUID, token_hash: str, now: datetime, expires_at: datetime
) -> None:
    """Store a new refresh token of a sign-in."""
    await db.execute(
        insert(RefreshToken).values(
            id=new_id(),
            user_id=user_id,
            family_id=family_id,
            token_hash=token_hash,
            created_at=now,
            expires_at=expires_at,
        )
    )


async def use_token(db: WriteDb, token_hash: str, *, now: datetime) -> RefreshToken | None:
    """Mark a token as used; None if it was used before, is revoked, has run out or does not exist.

    Of several at once only one succeeds: the others wait for its transaction, and then find the token used.
    """
    statement = (
        update(RefreshToken)
        .where(
            RefreshToken.token_hash == token_hash,
            RefreshToken.used_at.is_(None),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > now,
        )
        .values(used_at=now)
        .returning(RefreshToken)
    )
    return (await db.orm.execute(statement)).scalar_one_or_none()


async def find_token(db: ReadDb, token_hash: str) -> RefreshToken | None:
    """Return a token in whatever state it is."""
    return (
        await db.orm.execute(select(RefreshToken).where(RefreshToken.token_hash == token_hash))
    ).scalar_one_or_none()


async def revoke_family(db: WriteDb, family_id: uuid.UUID, *, now: datetime) -> None:
    """End one sign-in."""
    await db.execute(
        update(RefreshToken)
        .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def revoke_all(db: WriteDb, user_id: uuid.UUID, *, now: datetime, except_family: uuid.UUID | None = None) -> None:
    """End all sign-ins of a person, or all but one."""
    statement = update(RefreshToken).where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
    if except_family is not None:
        statement = statement.where(RefreshToken.family_id != except_family)
    await db.execute(statement.values(revoked_at=now))


async def forget_expired(db: WriteDb, user_id: uuid.UUID, *, now: datetime) -> None:
    """Delete a person's tokens that have run out: they can no longer be used, nor tell of theft."""
    await db.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id, RefreshToken.expires_at <= now))
