"""What the API asks of the gateway directly, because only a live connection can do it."""

from collections.abc import Mapping
from typing import Any, Protocol

from prosa.sessions.changes import Change


class SessionControl(Protocol):
    """Implemented by `prosa.sessions.gateway.Gateway`. What else people ask goes through the table."""

    def unwritten(self, session_id: str) -> Change | None:
        """Return what the row of a number held in this process is about to say, if there is anything."""

    async def logout(self, session_id: str) -> None:
        """Unlink a number; returns when that is written.

        Raises:
            UnavailableError: It cannot be done now.
        """

    async def answer_passkey(self, session_id: str, assertion: Mapping[str, Any]) -> None:
        """Hand in a WebAuthn assertion.

        Raises:
            ConflictError: WhatsApp did not take it, or the number is not being linked.
            UnavailableError: It cannot be done now.
        """

    async def confirm_passkey(self, session_id: str) -> None:
        """Say that the code equals the phone's.

        Raises:
            ConflictError: WhatsApp did not take it, or the number is not being linked.
            UnavailableError: It cannot be done now.
        """
