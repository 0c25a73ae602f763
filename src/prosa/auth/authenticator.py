"""From an access token to a caller. REST and WebSocket both enter here."""

from sqlalchemy import Uuid, column, select, table

from prosa.auth.caller import Caller
from prosa.auth.models import RefreshToken
from prosa.auth.tokens import AccessTokens
from prosa.database import Database
from prosa.errors import NotAuthenticatedError

# `users` is a layer above; these two columns are all that a caller needs of it
_users = table("users", column("id", Uuid), column("role"))


class Authenticator:
    """Checks access tokens against what stands in the database at this moment."""

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self._database = database
        self._tokens = tokens

    async def authenticate(self, token: str) -> Caller:
        """Return who an access token stands for, with the role that person has now.

        One indexed query makes sure that the person and the sign-in are still there, so a token stops at once when the
        person is deleted or signs out.

        Raises:
            NotAuthenticatedError: The token is not valid, has run out, or its sign-in has ended.
        """
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
