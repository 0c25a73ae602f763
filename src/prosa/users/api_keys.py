"""Use cases of API keys. Only the one that makes a key ever returns it."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from prosa.auth.api_keys import TOPIC, fingerprint, new_key, shown
from prosa.auth.caller import Access, Caller
from prosa.auth.numbers import check_known, numbers_wrong
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError, NotAuthenticatedError, NotFoundError
from prosa.ids import new_id
from prosa.users import api_key_repository as repository

logger = structlog.get_logger("prosa.users")

MOST_KEYS = 50
"""Good ones of one person."""
MOST_NUMBERS = 200
"""That one key is limited to."""
KEPT_REVOKED = timedelta(days=90)


class TooManyApiKeysError(ConflictError):
    """A person has as many keys as they may."""

    code = "too_many_api_keys"
    title = "There are too many API keys"
    remedy = "Revoke one that no program uses: GET /api-keys says when each was last used."


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key, and what is shown of it from now on."""

    secret: str = field(repr=False)
    row: Row[Any]


@dataclass(frozen=True, slots=True)
class ApiKeyChanges:
    """What is to change of a key.

    Attributes:
        name: Its new name; None: it keeps the one it has.
        renumber: Whether `session_ids` is meant: None there is all numbers.
        session_ids: The numbers that it is limited to from now on.
    """

    name: str | None = None
    renumber: bool = False
    session_ids: Collection[str] | None = None


class ApiKeyService:
    """Makes, lists, changes and revokes the caller's keys."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def page(self, caller: Caller, *, limit: int, after: uuid.UUID | None = None) -> Sequence[Row[Any]]:
        """Return up to `limit` keys of the caller, the newest first, without those that were revoked."""
        async with self._database.read() as db:
            return await repository.page(db, caller.user_id, limit=limit, after=after)

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        access: Access,
        days: int | None,
        session_ids: Collection[str] | None = None,
    ) -> MadeKey:
        """Make a key.

        Args:
            caller: Whose it will be.
            name: What its owner knows it by.
            access: What it may do.
            days: After how many it runs out; None: never.
            session_ids: The numbers that it is limited to; None: all, also those to come.

        Raises:
            TooManyApiKeysError: The caller has too many.
            InvalidInputError: A number is not the caller's, or none is named.
            NotAuthenticatedError: The caller was deleted this very moment.
        """
        _check_any(session_ids)
        secret, key_id = new_key(), new_id()
        now = self._clock()
        async with self._database.write() as db:
            if not await repository.hold_owner(db, caller.user_id):
                raise NotAuthenticatedError
            await repository.forget_revoked(db, caller.user_id, before=now - KEPT_REVOKED)
            if await repository.count_live(db, caller.user_id, now=now) >= MOST_KEYS:
                raise TooManyApiKeysError(f"A person has at most {MOST_KEYS} API keys.")
            await repository.add(
                db,
                {
                    "id": key_id, "user_id": caller.user_id, "name": name, "prefix": shown(secret),
                    "hash": fingerprint(secret), "access": access, "limited": session_ids is not None,
                    "created_at": now, "expires_at": None if days is None else now + timedelta(days=days),
                },
            )  # fmt: skip
            if session_ids is not None:
                await _limit(db, caller, key_id, session_ids)
            row = await repository.find(db, caller.user_id, key_id)
            if row is None:
                raise NotAuthenticatedError
        logger.info("api_key_made", user=str(caller.user_id), key=str(key_id), access=access, numbers=row.numbers)
        return MadeKey(secret, row)

    async def update(self, caller: Caller, key_id: uuid.UUID, changes: ApiKeyChanges) -> Row[Any]:
        """Give a key another name, or other numbers: from this moment on, also for those who listen with it.

        Raises:
            NotFoundError: There is none, or it is not the caller's.
            InvalidInputError: A number is not the caller's, or none is named.
        """
        values: dict[str, Any] = {} if changes.name is None else {"name": changes.name}
        if changes.renumber:
            _check_any(changes.session_ids)
            values["limited"] = changes.session_ids is not None
        async with self._database.write() as db:
            if not await repository.change(db, caller.user_id, key_id, values):
                raise _missing()
            if changes.renumber:
                await repository.unlimit(db, key_id)
                if changes.session_ids is not None:
                    await _limit(db, caller, key_id, changes.session_ids)
                db.wake(TOPIC)
            row = await repository.find(db, caller.user_id, key_id)
            if row is None:
                raise _missing()
        if changes.renumber:
            logger.info("api_key_limited", user=str(caller.user_id), key=str(key_id), numbers=row.numbers)
        return row

    async def revoke(self, caller: Caller, key_id: uuid.UUID) -> None:
        """End a key, at once.

        Raises:
            NotFoundError: There is none, or it is not the caller's.
        """
        async with self._database.write() as db:
            revoked = await repository.revoke(db, caller.user_id, key_id, now=self._clock())
            db.wake(TOPIC)
        if not revoked:
            raise _missing()
        logger.info("api_key_revoked", user=str(caller.user_id), key=str(key_id))

    async def revoke_by_prefix(self, prefix: str) -> tuple[Row[Any], int]:
        """End a key of anybody, by what is shown of it; for the command line.

        Returns:
            The key, and how many webhooks have their address from it: they stay.

        Raises:
            NotFoundError: There is none.
            ConflictError: There are several.
        """
        async with self._database.write() as db:
            found = await repository.by_prefix(db, prefix)
            if not found:
                raise NotFoundError("There is no such API key.", remedy="'prosa key list E-MAIL' shows a person's.")
            if len(found) > 1:
                raise ConflictError("Several API keys begin so.", remedy="Revoke it in the console of its owner.")
            await repository.revoke(db, found[0].user_id, found[0].id, now=self._clock())
            webhooks = await repository.count_webhooks(db, found[0].user_id, found[0].id)
        logger.info("api_key_revoked", user=str(found[0].user_id), key=str(found[0].id))
        return found[0], webhooks


def _check_any(session_ids: Collection[str] | None) -> None:
    if session_ids is not None and not session_ids:
        words = "name at least one number; null means all of them"
        raise numbers_wrong(words, code="too_short", title="No number is named.")


async def _limit(db: WriteDb, caller: Caller, key_id: uuid.UUID, session_ids: Collection[str]) -> None:
    check_known(session_ids, await repository.limit(db, caller.user_id, key_id, set(session_ids)))


def _missing() -> NotFoundError:
    return NotFoundError("There is no such API key.", remedy="GET /api-keys lists yours.")
