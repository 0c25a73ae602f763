"""How far the linking of a number has come, and what to do when codes run out. Pure: no clock, no engine."""

from dataclasses import dataclass

from prosa.sessions.reasons import StatusReason
from prosa.sessions.reconnect import Verdict
from prosa.sessions.state import SessionStatus

MAX_ROUNDS = 3
"""Connections that may show codes before linking ends.

WhatsApp closes a login connection after 160 s of codes (whatsmeow pair-code.go, PairPhone), so that is about 8 minutes:
long enough for a person, and an end for numbers that nobody links.
"""


@dataclass(slots=True)
class Linking:
    """One attempt of a person to link a number.

    Attributes:
        method: `qr` or `code`.
        phone: Digits of the number that a pairing code is for; only with `code`.
        rounds: Connections whose codes were used up.
        code_asked: Whether this connection was asked for a pairing code.
    """

    method: str
    phone: str | None
    rounds: int = 0
    code_asked: bool = False

    def code_due(self) -> str | None:
        """Return the phone to ask a pairing code for, once a connection; None where QR codes are to be shown."""
        if self.method != "code" or self.phone is None or self.code_asked:
            return None
        self.code_asked = True
        return self.phone

    @property
    def shows_qr(self) -> bool:
        """Whether QR codes are shown to the person."""
        return self.method != "code" or self.phone is None

    def used_up(self) -> Verdict | None:
        """Take note that a connection's codes have run out.

        Returns:
            How linking ends, or None where another round is to begin.
        """
        self.rounds += 1
        self.code_asked = False
        if self.rounds < MAX_ROUNDS:
            return None
        if self.shows_qr:
            return Verdict(
                SessionStatus.CLOSED,
                StatusReason.QR_EXPIRED,
                "Nobody scanned the QR code. Connect again to get new ones.",
                final=True,
                reopen=True,
            )
        return Verdict(
            SessionStatus.CLOSED,
            StatusReason.PAIRING_EXPIRED,
            "Nobody typed the pairing code. Connect again to get a new one.",
            final=True,
            reopen=True,
        )
