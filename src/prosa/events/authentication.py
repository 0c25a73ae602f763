"""What the WebSocket asks of whoever knows people: is this token good, and whose is it?"""

from typing import Protocol

from prosa.auth.caller import Caller


class Authenticator(Protocol):
    """Knows access tokens."""

    async def authenticate(self, token: str) -> Caller:
        """Return whose access token this is.

        Raises:
            NotAuthenticatedError: It is not good (any more).
        """
