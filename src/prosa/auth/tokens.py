"""Tokens: short-lived signed access tokens, and refresh tokens that are replaced at each use.

A refresh token's successor is derived from it (HMAC), not drawn. So a client that lost the answer and asks again gets
the same successor: one sign-in never forks into two chains, and the use of an old token stays a sign of theft.
"""

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import timedelta

import jwt

from prosa.clock import Clock, utc_now
from prosa.errors import NotAuthenticatedError

ALGORITHM = "HS256"
ISSUER = "prosa"
TYPE = "access"
MAX_TOKEN_CHARACTERS = 2048
"""Ours are under 400; nothing longer is worth parsing."""

_REQUIRED = ["sub", "sid", "iat", "exp", "iss", "typ"]


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says.

    Attributes:
        user_id: Whose it is.
        sign_in_id: The family of refresh tokens it came from.
    """

    user_id: uuid.UUID
    sign_in_id: uuid.UUID


class AccessTokens:
    """Makes and reads access tokens (RFC 7519)."""

    def __init__(self, key: str, lifetime: timedelta, clock: Clock = utc_now) -> None:
        """Keep the key.

        Args:
            key: At least 32 characters (RFC 7518 §3.2 asks for 256 bits).
            lifetime: How long a token is good for.
            clock: Tells the time.
        """
        self._key = derive_key(key, "access-token")
        self.lifetime = lifetime
        self._clock = clock

    def make(self, user_id: uuid.UUID, sign_in_id: uuid.UUID, role: str) -> str:
        """Return a new token. The role is for clients to read: rights are looked up at each request."""
        now = self._clock()
        claims = {
            "iss": ISSUER,
            "typ": TYPE,
            "sub": str(user_id),
            "sid": str(sign_in_id),
            "role": role,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
        }
        return jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str) -> AccessClaims:
        """Return what a token says.

        Raises:
            NotAuthenticatedError: It is not one of ours, was changed, or has run out.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise NotAuthenticatedError("The access token is not valid.")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],  # never what the token's own header asks for (RFC 8725 §3.1)
                issuer=ISSUER,
                # the library's check reads the system's clock; ours is below
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
            )
            expires = float(claims["exp"])
            result = AccessClaims(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise NotAuthenticatedError("The access token is not valid.") from error
        if claims["typ"] != TYPE:
            raise NotAuthenticatedError("The access token is not valid.")
        if self._clock().timestamp() >= expires:
            raise NotAuthenticatedError(
                "The access token has run out.", remedy="Get a new one at POST /auth/refresh, or sign in again."
            )
        return result


class RefreshTokens:
    """Derives refresh tokens from one another, and hashes them for storage."""

    def __init__(self, key: str) -> None:
        self._key = derive_key(key, "refresh-token")

    def successor(self, token: str) -> str:
        """Return the token that replaces `token`: always the same one, and only we can tell which."""
        digest = hmac.digest(self._key, token.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @staticmethod
    def fingerprint(token: str) -> str:
        """Return what is stored of a token. It holds 256 random bits, so a plain hash cannot be guessed back."""
        return hashlib.sha256(token.encode()).hexdigest()


def derive_key(key: str, purpose: str) -> bytes:
    """Return a key for one purpose, so that what one signs never passes for another's (HKDF-Expand, RFC 5869 §2.3)."""
    return hmac.digest(key.encode(), f"prosa:{purpose}\x01".encode(), "sha256")
