"""The states of a linked number and the moves between them.

```
connecting ──► qr ──────► passkey ──► open ◄──► closed ──► logged_out
     │          │  ▲         ▲          ▲          │            │
     │          ▼  │         │          │          ▼            ▼
     ├───────► pairing ──────┘          │      connecting ◄── connecting
     └──────────────────────────────────┘
```
Any state may fall to `closed` (the connection ended, or a person stopped it) or `logged_out` (the phone removed this
device). Repeats of the same state with the same facts are dropped by the writer.
"""

from enum import StrEnum


class SessionStatus(StrEnum):
    """Where a linked number stands."""

    CONNECTING = "connecting"
    """The socket is being opened, for the first time or again."""
    QR = "qr"
    """A QR code waits to be scanned."""
    PAIRING = "pairing"
    """A pairing code waits to be typed."""
    PASSKEY = "passkey"
    """WhatsApp asks for the account's passkey before it links."""
    OPEN = "open"
    """Linked and online."""
    CLOSED = "closed"
    """Offline: reconnecting, or stopped."""
    LOGGED_OUT = "logged_out"
    """Not linked any more; connect links anew."""


_ANYWHERE = frozenset({SessionStatus.CONNECTING, SessionStatus.CLOSED, SessionStatus.LOGGED_OUT})

MOVES: dict[SessionStatus, frozenset[SessionStatus]] = {
    SessionStatus.CONNECTING: _ANYWHERE
    | {SessionStatus.QR, SessionStatus.PAIRING, SessionStatus.PASSKEY, SessionStatus.OPEN},
    SessionStatus.QR: _ANYWHERE | {SessionStatus.QR, SessionStatus.PAIRING, SessionStatus.PASSKEY, SessionStatus.OPEN},
    SessionStatus.PAIRING: _ANYWHERE | {SessionStatus.PAIRING, SessionStatus.PASSKEY, SessionStatus.OPEN},
    SessionStatus.PASSKEY: _ANYWHERE | {SessionStatus.PASSKEY, SessionStatus.OPEN},
    SessionStatus.OPEN: _ANYWHERE | {SessionStatus.OPEN},
    SessionStatus.CLOSED: _ANYWHERE | {SessionStatus.OPEN},
    SessionStatus.LOGGED_OUT: _ANYWHERE | {SessionStatus.QR, SessionStatus.PAIRING},
}
"""From each state, those that may follow."""


def may_move(old: SessionStatus, new: SessionStatus) -> bool:
    """Return whether a number may go from `old` to `new`."""
    return new in MOVES[old]
