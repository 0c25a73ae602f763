"""Signing in and out: the first owner, passwords, refresh tokens and their reuse."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from prosa.auth import repository as tokens
from prosa.auth.caller import Caller
from prosa.auth.passwords import Passwords
from prosa.auth.throttle import LoginThrottle
from prosa.auth.tokens import AccessTokens, RefreshTokens
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotAuthenticatedError
from prosa.ids import new_id, new_token
from prosa.users import repository
from prosa.users.models import Role, User
from prosa.users.service import add_user

logger = structlog.get_logger("prosa.users")

RETRY_GRACE = timedelta(seconds=10)
"""How long a used refresh token may be shown again by a client that lost the answer, or did not hear of others'."""
MOST_AT_ONCE = 100
"""So many refreshes of one sign-in within that time are the tabs of a browser that starts; more are no person's."""


class AlreadySetUpError(ConflictError):
    """Registering is for the first person only."""

    code = "already_set_up"
    title = "This installation already has an owner"
    remedy = "Sign in, or ask an owner to add you."


class WrongCredentialsError(NotAuthenticatedError):
    """The address or the password is wrong; which of them is not told."""

    code = "wrong_credentials"
    title = "The e-mail address or the password is wrong"
    remedy = "Try again; an owner, or 'prosa user password' on the server, can set a new password."


class SignInEndedError(NotAuthenticatedError):
    """The refresh token is not good (any more)."""

    code = "sign_in_ended"
    title = "This sign-in has ended"
    remedy = "Sign in again at POST /auth/login."


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a client gets: tokens, how long they are good for, and whose they are."""

    access_token: str
    access_lifetime: timedelta
    refresh_token: str
    refresh_lifetime: timedelta
    user: User


class _Reuse(enum.Enum):
    """A token was used a second time, too late for a retry."""

    FOUND = enum.auto()


class SignInService:
    """Lets people in, keeps them in, and shows them out."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        access_tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        throttle: LoginThrottle,
        *,
        refresh_lifetime: timedelta,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._refresh_tokens = refresh_tokens
        self._throttle = throttle
        self._refresh_lifetime = refresh_lifetime
        self._clock = clock

    async def owner_exists(self) -> bool:
        """Say whether the installation is set up."""
        async with self._database.read() as db:
            return await repository.owner_exists(db)

    async def register(self, *, email: str, password: str, name: str | None = None) -> SignIn:
        """Make the first owner and sign them in. Of several at once only one becomes it.

        Args:
            email: Case-folded.
            password: Of an acceptable length.
            name: What to call them.

        Raises:
            AlreadySetUpError: There is an owner.
            EmailTakenError: The address is that of somebody whom the command line added.
        """
        if await self.owner_exists():  # before any effort is spent on the password
            raise AlreadySetUpError
        hashed = await self._passwords.hash(password)
        async with self._database.write() as db:
            await repository.serialise(db)
            if await repository.owner_exists(db):
                raise AlreadySetUpError
            user = await add_user(db, self._clock, email=email, hashed=hashed, name=name, role=Role.OWNER)
            sign_in = await self._begin(db, user)
        logger.info("owner_registered", user=str(user.id))
        return sign_in

    async def login(self, *, email: str, password: str, address: str | None) -> SignIn:
        """Sign a person in.

        Args:
            email: Case-folded.
            password: What they typed.
            address: The client's IP address, where known.

        Raises:
            WrongCredentialsError: It is not them.
            TooManyRequestsError: There were too many tries.
        """
        await self._throttle.attempt(email, address)
        async with self._database.read() as db:
            user = await repository.find_by_email(db, email)
        stored = user.password if user is not None else None
        right, rehashed = await self._passwords.verify(password, stored)
        if user is None or not right:
            logger.info("login_refused", address=address)
            raise WrongCredentialsError
        await self._throttle.succeeded(email, address)
        async with self._database.write() as db:
            user = await repository.get(db, user.id)
            if user is None or user.password != stored:  # deleted, or given another password, this very moment
                raise WrongCredentialsError
            if rehashed is not None:
                user.password = rehashed
            await tokens.forget_expired(db, user.id, now=self._clock())
            return await self._begin(db, user)

    async def refresh(self, token: str) -> SignIn:
        """Continue a sign-in: a used token is replaced by its successor.

        A token shown again within `RETRY_GRACE` gets the newest successor: the client lost the answer, or several tabs
        asked at once, one of them late, since a page that is left asks no less. Later, two parties hold the token: the
        sign-in ends for both.

        Raises:
            SignInEndedError: The token is not good, or was used before.
        """
        fingerprint = self._refresh_tokens.fingerprint(token)
        async with self._database.write() as db:
            result = await self._continue(db, token, fingerprint)
        if result is _Reuse.FOUND:
            logger.warning("refresh_token_reused")
            raise SignInEndedError(
                "This refresh token was used before, so the sign-in was ended: somebody else may have it."
            )
        if not isinstance(result, SignIn):
            raise SignInEndedError
        return result

    async def logout(self, caller: Caller, *, everywhere: bool = False) -> None:
        """End the caller's sign-in, or all of theirs; access tokens stop at once."""
        async with self._database.write() as db:
            if everywhere:
                await tokens.revoke_all(db, caller.user_id, now=self._clock())
            elif caller.sign_in_id is not None:
                await tokens.revoke_family(db, caller.sign_in_id, now=self._clock())

    async def me(self, caller: Caller) -> User:
        """Return the caller.

        Raises:
            NotAuthenticatedError: They were deleted this very moment.
        """
        async with self._database.read() as db:
            user = await repository.get(db, caller.user_id)
        if user is None:
            raise NotAuthenticatedError
        return user

    async def rename(self, caller: Caller, name: str | None) -> User:
        """Change the caller's name."""
        async with self._database.write() as db:
            user = await self._own(db, caller)
            user.name = name
            user.updated_at = self._clock()
            await db.flush()
        return user

    async def change_password(self, caller: Caller, *, current: str, new: str) -> User:
        """Change the caller's password, and end their other sign-ins.

        Raises:
            InvalidInputError: The current password is wrong.
            TooManyRequestsError: There were too many tries.
        """
        before = await self.me(caller)
        await self._throttle.attempt(before.email, None)
        right, _ = await self._passwords.verify(current, before.password)
        if not right:
            raise InvalidInputError(
                "The current password is wrong.",
                fields=[FieldError("body.current_password", "is wrong", "wrong_password")],
            )
        await self._throttle.succeeded(before.email, None)
        hashed = await self._passwords.hash(new)
        async with self._database.write() as db:
            user = await self._own(db, caller)
            if user.password != before.password:
                raise ConflictError("The password was changed by somebody else at the same moment.")
            user.password = hashed
            user.updated_at = self._clock()
            await tokens.revoke_all(db, user.id, now=self._clock(), except_family=caller.sign_in_id)
        logger.info("password_changed", user=str(user.id))
        return user

    async def _own(self, db: WriteDb, caller: Caller) -> User:
        user = await repository.get(db, caller.user_id)
        if user is None:
            raise NotAuthenticatedError
        return user

    async def _begin(self, db: WriteDb, user: User) -> SignIn:
        return await self._hand_out(db, user, new_id(), new_token())

    async def _hand_out(self, db: WriteDb, user: User, family_id: uuid.UUID, token: str) -> SignIn:
        now = self._clock()
        await tokens.add_token(
            db,
            user_id=user.id,
            family_id=family_id,
            token_hash=self._refresh_tokens.fingerprint(token),
            now=now,
            expires_at=now + self._refresh_lifetime,
        )
        return self._sign_in(user, family_id, token, self._refresh_lifetime)

    def _sign_in(self, user: User, family_id: uuid.UUID, token: str, lifetime: timedelta) -> SignIn:
        access_token = self._access_tokens.make(user.id, family_id, user.role)
        return SignIn(access_token, self._access_tokens.lifetime, token, lifetime, user)

    async def _continue(self, db: WriteDb, token: str, fingerprint: str) -> SignIn | _Reuse | None:
        now = self._clock()
        used = await tokens.use_token(db, fingerprint, now=now)
        if used is not None:
            user = await repository.get(db, used.user_id)
            if user is None:
                return None
            return await self._hand_out(db, user, used.family_id, self._refresh_tokens.successor(token))
        row = await tokens.find_token(db, fingerprint)
        if row is None or row.used_at is None or row.revoked_at is not None or row.expires_at <= now:
            return None
        repeated = await self._repeat(db, token, row.user_id, used_at=row.used_at, now=now)
        if repeated is not None:
            return repeated
        await tokens.revoke_family(db, row.family_id, now=now)
        return _Reuse.FOUND

    async def _repeat(
        self, db: WriteDb, token: str, user_id: uuid.UUID, *, used_at: datetime, now: datetime
    ) -> SignIn | None:
        """Return the answer that was lost, or where the sign-in is by now; None where this cannot be a retry."""
        user = await repository.get(db, user_id)
        if user is None or now - used_at > RETRY_GRACE:
            return None
        for _ in range(MOST_AT_ONCE):
            token = self._refresh_tokens.successor(token)
            row = await tokens.find_token(db, self._refresh_tokens.fingerprint(token))
            if row is None or row.revoked_at is not None:
                return None
            if row.used_at is None:
                return self._sign_in(user, row.family_id, token, row.expires_at - now)
        return None
