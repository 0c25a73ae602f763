"""From an access token or an API key to a caller. REST and WebSocket both enter here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Uuid, column, select, table

from prosa.auth.api_keys import ApiKeyEndedError, ApiKeyError, fingerprint, is_key
from prosa.auth.caller import Access, Caller
from prosa.auth.key_uses import KeyUses
from prosa.auth.models import ApiKey, ApiKeyNumber, RefreshToken
from prosa.auth.tokens import AccessTokens
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.errors import NotAuthenticatedError

# `users` is a layer above; these two columns are all that a caller needs of it
_users = table("users", column("id", Uuid), column("role"))


class Authenticator:
    """Checks access tokens and API keys against what stands in the database at this moment."""

    def __init__(self, database: Database, tokens: AccessTokens, clock: Clock = utc_now) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self.key_uses = KeyUses(database, clock)
        """To be stopped before the database is closed."""

    async def authenticate(self, token: str) -> Caller:
        """Return who an access token or an API key stands for, with the role that person has now.

        One indexed query makes sure that the person and the sign-in or the key are still there, so a token stops at
        once when the person is deleted or signs out, and a key when it is revoked.

        Raises:
            NotAuthenticatedError: It is not valid, has run out or was revoked, or its sign-in has ended.
        """
        return await (self._by_key(token) if is_key(token) else self._by_token(token))

    async def _by_token(self, token: str) -> Caller:
        claims = self._tokens.read(token)
        statement = (
            select(_users.c.role)
            .join_from(RefreshToken, _users, RefreshToken.user_id == _users.c.id)
            .where(
                RefreshToken.family_id == claims.sign_in_id,
                RefreshToken.user_id == claims.user_id,
                RefreshToken.revoked_at.is_(None),
            )
            .limit(1)
        )
        async with self._database.read() as db:
            role: str | None = (await db.execute(statement)).scalar_one_or_none()
        if role is None:
            raise NotAuthenticatedError("This sign-in has ended.", remedy="Sign in again at POST /auth/login.")
        return Caller(claims.user_id, role, claims.sign_in_id)

    async def _by_key(self, key: str) -> Caller:
        # Guesses are not slowed down as those of passwords are: of 2**256 keys none is ever hit, and a wrong one costs
        # no more than the one query that any request costs, not the 50 ms of a password's hash.
        statement = (
            select(
                ApiKey.id, ApiKey.user_id, ApiKey.access, ApiKey.expires_at, ApiKey.last_used_at, ApiKey.revoked_at,
                ApiKey.limited, ApiKeyNumber.session_id, _users.c.role,
            )
            .join_from(ApiKey, _users, ApiKey.user_id == _users.c.id)
            .outerjoin(ApiKeyNumber, ApiKeyNumber.key_id == ApiKey.id)
            .where(ApiKey.hash == fingerprint(key))
        )  # fmt: skip
        async with self._database.read() as db:
            rows: Sequence[Row[Any]] = (await db.execute(statement)).all()
        if not rows:
            raise ApiKeyError
        row = rows[0]  # one for each number that the key is limited to
        if row.revoked_at is not None:
            raise ApiKeyEndedError("This API key was revoked.")
        if row.expires_at is not None and row.expires_at <= self._clock():
            raise ApiKeyEndedError("This API key has run out.")
        self.key_uses.used(row.id, row.last_used_at)
        numbers = frozenset(one.session_id for one in rows if one.session_id is not None) if row.limited else None
        return Caller(row.user_id, row.role, key=Access(row.access), key_id=row.id, numbers=numbers)
