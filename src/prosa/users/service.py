"""The people of an installation, as owners and admins manage them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from prosa.auth import repository as sign_ins
from prosa.auth.caller import Caller
from prosa.auth.passwords import Passwords
from prosa.clock import Clock, utc_now
from prosa.database import Database, ReadDb, WriteDb
from prosa.errors import FieldError, NotFoundError
from prosa.events import log as events
from prosa.ids import new_id
from prosa.users import repository
from prosa.users.models import Role, User
from prosa.users.rules import (
    EmailTakenError,
    LastOwnerError,
    require_another,
    require_manager,
    require_may_manage,
)

logger = structlog.get_logger("prosa.users")

COMMAND_LINE: Final = Caller(uuid.UUID(int=0), Role.OWNER)
"""Whoever can run `prosa` on the machine can do everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanges:
    """What to change about a person; None leaves it, but for the name, which `rename` says is meant."""

    email: str | None = None
    password: str | None = None
    role: Role | None = None
    rename: bool = False
    name: str | None = None


class Belongings(Protocol):
    """What a person has outside the database; `prosa.sessions.departures.Departures`."""

    async def let_go(self, user_id: uuid.UUID) -> list[str]:
        """Unlink every number of a person at WhatsApp; returns their names.

        Raises:
            UnavailableError: Some cannot be unlinked now.
        """
        ...

    async def clear_away(self, session_ids: Sequence[str]) -> None:
        """Remove what is left of numbers that were deleted."""


class UserService:
    """Adds, changes and deletes people. Addresses are taken case-folded (`prosa.users.emails.parse_email`)."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        clock: Clock = utc_now,
        *,
        belongings: Belongings | None = None,
    ) -> None:
        """Make the service.

        Args:
            database: Where people are.
            passwords: Hashes them.
            clock: The time.
            belongings: Told before and after a person is deleted; left out where nobody is (`prosa user`).
        """
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._belongings = belongings

    async def page(self, caller: Caller, *, limit: int, after: uuid.UUID | None = None) -> Sequence[User]:
        """Return up to `limit` people in the order they were added, after one of them.

        Raises:
            ForbiddenError: The caller does not manage people.
        """
        require_manager(caller)
        async with self._database.read() as db:
            return await repository.page(db, limit=limit, after=after)

    async def get(self, caller: Caller, user_id: uuid.UUID) -> User:
        """Return one person; an agent finds only themselves.

        Raises:
            NotFoundError: There is no such person.
        """
        async with self._database.read() as db:
            return await _visible(db, caller, user_id)

    async def find(self, caller: Caller, email: str) -> User:
        """Return the person with this address.

        Raises:
            NotFoundError: There is none.
            ForbiddenError: The caller does not manage people.
        """
        require_manager(caller)
        async with self._database.read() as db:
            user = await repository.find_by_email(db, email)
        if user is None:
            raise NotFoundError(f"Nobody here has the address {email}.")
        return user

    async def create(
        self, caller: Caller, *, email: str, password: str, name: str | None = None, role: Role | None = None
    ) -> User:
        """Add a person; without a role, an owner if there is none yet, else an agent.

        Raises:
            ForbiddenError: The caller may not add people of this role.
            EmailTakenError: Somebody has this address.
        """
        require_may_manage(caller, role or Role.AGENT)
        hashed = await self._passwords.hash(password)
        async with self._database.write() as db:
            await repository.serialise(db)
            if role is None:
                is_first = caller is COMMAND_LINE and not await repository.owner_exists(db)
                role = Role.OWNER if is_first else Role.AGENT
            user = await add_user(db, self._clock, email=email, hashed=hashed, name=name, role=role)
        logger.info("user_added", user=str(user.id), role=role, by=str(caller.user_id))
        return user

    async def update(self, caller: Caller, user_id: uuid.UUID, changes: UserChanges) -> User:
        """Change a person. A new password ends all their sign-ins.

        Raises:
            NotFoundError: There is no such person.
            ForbiddenError: The caller may not change this person, or not so.
            LastOwnerError: There would be no owner any more.
            EmailTakenError: Somebody else has the address.
        """
        require_manager(caller)
        hashed = await self._passwords.hash(changes.password) if changes.password is not None else None
        async with self._database.write() as db:
            await repository.serialise(db)
            user = await _visible(db, caller, user_id)
            require_may_manage(caller, user.role)
            if changes.role is not None and changes.role != user.role:
                require_may_manage(caller, changes.role)
                await _keep_an_owner(db, user)
                user.role = changes.role
            if changes.email is not None and changes.email != user.email:
                await _require_free(db, changes.email)
                user.email = changes.email
            if hashed is not None:
                require_another(caller, user)
                user.password = hashed
                await sign_ins.revoke_all(db, user.id, now=self._clock())
            if changes.rename:
                user.name = changes.name
            user.updated_at = self._clock()
            await db.flush()
        logger.info("user_changed", user=str(user.id), by=str(caller.user_id), password=hashed is not None)
        return user

    async def delete(self, caller: Caller, user_id: uuid.UUID) -> None:
        """Delete a person, their sign-ins and everything that is theirs; their numbers are unlinked at WhatsApp.

        Raises:
            NotFoundError: There is no such person.
            ForbiddenError: The caller may not delete this person.
            LastOwnerError: There would be no owner any more.
            UnavailableError: A number of theirs cannot be unlinked now; nothing was deleted.
        """
        require_manager(caller)
        numbers: list[str] = []
        if self._belongings is not None:
            async with self._database.read() as reading:
                await _require_may_go(reading, caller, user_id)
            numbers = await self._belongings.let_go(user_id)
        async with self._database.write() as db:
            await repository.serialise(db)
            await _require_may_go(db, caller, user_id)
            await repository.remove(db, user_id)
            await events.forget_all(db, user_id)
            # whoever holds one of their numbers sees that it is gone
            db.wake("sessions")
        if self._belongings is not None:
            await self._belongings.clear_away(numbers)
        logger.info("user_deleted", user=str(user_id), by=str(caller.user_id))


async def add_user(db: WriteDb, clock: Clock, *, email: str, hashed: str, name: str | None, role: Role) -> User:
    """Add a person in this transaction.

    Raises:
        EmailTakenError: Somebody has this address.
    """
    await _require_free(db, email)
    now = clock()
    user = User(id=new_id(), email=email, name=name, password=hashed, role=role, created_at=now, updated_at=now)
    await repository.add(db, user)
    return user


async def _require_free(db: WriteDb, email: str) -> None:
    if await repository.find_by_email(db, email) is not None:
        raise EmailTakenError(fields=[FieldError("body.email", "is already in use", "taken")])


async def _visible(db: ReadDb, caller: Caller, user_id: uuid.UUID) -> User:
    manages = caller.role in {Role.OWNER, Role.ADMIN}
    user = await repository.get(db, user_id) if manages or caller.user_id == user_id else None
    if user is None:
        raise NotFoundError("There is no such person here.")
    return user


async def _require_may_go(db: ReadDb, caller: Caller, user_id: uuid.UUID) -> None:
    user = await _visible(db, caller, user_id)
    require_may_manage(caller, user.role)
    await _keep_an_owner(db, user)


async def _keep_an_owner(db: ReadDb, user: User) -> None:
    """Make sure there is another owner before this one goes, if they are one."""
    if user.role == Role.OWNER and await repository.count_owners(db) <= 1:
        raise LastOwnerError(f"{user.email} is the only owner.")
