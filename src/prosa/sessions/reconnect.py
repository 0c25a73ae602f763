"""When to try again: how a connection's end is judged, and how long to wait. Pure: no clock, no sleep."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from prosa.sessions.reasons import StatusReason
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    EngineDown,
    EngineError,
    EngineErrorCode,
    LoggedOut,
    Outdated,
    PairFailed,
    PasskeyFailed,
    StreamReplaced,
)

EndEvent = (
    Closed
    | LoggedOut
    | StreamReplaced
    | Banned
    | ConnectFailed
    | Outdated
    | EngineDown
    | PairFailed
    | PasskeyFailed
    | EngineError
)
"""Everything after which a number is no longer online."""

STEADY_SECONDS = 30.0
"""A connection that lasted this long was a good one: the waits begin anew."""
LONGEST_WAIT = 60.0
LONGEST_WAIT_REFUSED = 600.0
"""For logins that WhatsApp refuses: asking more often helps nobody, and looks like an attack."""
REPLACED_WAIT = 60.0
"""How long to leave the connection to the other program before the one try to get it back."""
REPLACED_MEMORY = 600.0
"""A connection that lasted this long shows that the other program has gone."""
OUTDATED_WAIT = 6 * 3600.0
BAN_MARGIN = 30.0
BAN_UNKNOWN_WAIT = 3600.0
"""For a ban that does not say when it ends."""

# whatsmeow types/events/events.go, ConnectFailureReason
_LOGGED_OUT_CODES = {
    401: StatusReason.DEVICE_REMOVED,
    403: StatusReason.ACCOUNT_LOCKED,
    406: StatusReason.ACCOUNT_BANNED,
}
_OUTDATED_CODE = 405

_LINK_AGAIN = "Connect the number again to link it anew."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the end of a connection.

    Attributes:
        status: `closed` or `logged_out`.
        reason: Stable code.
        detail: For a person, with what to do.
        retry_after: Seconds until the next try; None: the backoff decides; irrelevant where `final`.
        final: Nobody tries again until a person asks for it.
        forget_device: The link is gone: the next connect links anew.
        reopen: The session must be opened in the engine anew.
        ceiling: Longest wait that the backoff may choose, in seconds.
    """

    status: SessionStatus
    reason: StatusReason
    detail: str
    retry_after: float | None = None
    final: bool = False
    forget_device: bool = False
    reopen: bool = False
    ceiling: float = LONGEST_WAIT


def judge(end: EndEvent, *, replaced_before: bool = False) -> Verdict:  # noqa: C901 - one line for each end
    """Return what follows from the end of a connection.

    Args:
        end: How it ended.
        replaced_before: Whether another program took this connection shortly before as well.
    """
    match end:
        case Closed(reason=reason):
            return _lost(reason, end.detail)
        case LoggedOut():
            # its reason is a text of the library's; the code says which it is
            return _logged_out(_LOGGED_OUT_CODES.get(end.code or 0, StatusReason.DEVICE_REMOVED), end.code)
        case StreamReplaced():
            return _replaced(again=replaced_before)
        case Banned():
            return _banned(end)
        case Outdated():
            return _outdated()
        case ConnectFailed():
            return _refused(end)
        case EngineDown():
            return _engine_down()
        case PairFailed(message=message):
            return _link_failed(
                StatusReason.PAIRING_FAILED, f"WhatsApp did not link this device ({message}). {_LINK_AGAIN}"
            )
        case PasskeyFailed(message=message):
            return _link_failed(StatusReason.PASSKEY_FAILED, f"The passkey step failed ({message}). {_LINK_AGAIN}")
        case EngineError():
            return _call_failed(end)


def _closed(reason: StatusReason, detail: str, **more: object) -> Verdict:
    return Verdict(SessionStatus.CLOSED, reason, detail, **more)  # type: ignore[arg-type] # its own fields


def _lost(reason: str, detail: str | None) -> Verdict:
    if reason == StatusReason.NOT_STORED:
        return _closed(
            StatusReason.NOT_STORED, "A message could not be stored; connecting again so that WhatsApp resends it."
        )
    more = f" ({detail or reason})" if detail or reason not in {"", "closed"} else ""
    return _closed(StatusReason.DISCONNECTED, f"The connection to WhatsApp was lost{more}; it comes back by itself.")


def _logged_out(reason: StatusReason, code: int | None) -> Verdict:
    why = {
        StatusReason.ACCOUNT_LOCKED: "WhatsApp says that the account moved to another phone or is locked.",
        StatusReason.ACCOUNT_BANNED: "WhatsApp says that the account is banned or was logged out.",
    }.get(reason, "The device was removed from the account, most likely on the phone under Linked devices.")
    suffix = f" (code {code})" if code else ""
    return Verdict(
        SessionStatus.LOGGED_OUT, reason, f"{why}{suffix} {_LINK_AGAIN}",
        final=True, forget_device=True, reopen=True,
    )  # fmt: skip


def _replaced(*, again: bool) -> Verdict:
    if again:
        return _closed(
            StatusReason.STREAM_REPLACED,
            "Another program uses this link's credentials, and took the connection twice. Stop that program, then "
            "connect again.",
            final=True,
        )
    return _closed(
        StatusReason.STREAM_REPLACED,
        "Another program opened a connection with this link's credentials. One more try follows in a minute.",
        retry_after=REPLACED_WAIT,
    )


def _banned(end: Banned) -> Verdict:
    wait = end.expires_in + BAN_MARGIN if end.expires_in > 0 else BAN_UNKNOWN_WAIT
    return _closed(
        StatusReason.BANNED,
        f"WhatsApp banned the account for a time ({end.reason or 'no reason given'}). It is tried again when the ban "
        "ends; send less, and only to people who wrote to you.",
        retry_after=wait,
    )


def _outdated() -> Verdict:
    return _closed(
        StatusReason.OUTDATED,
        "WhatsApp no longer accepts this version of Prosa. Upgrade Prosa; the number then comes back by itself.",
        retry_after=OUTDATED_WAIT,
        reopen=True,
    )


def _refused(end: ConnectFailed) -> Verdict:
    if end.code in _LOGGED_OUT_CODES:
        return _logged_out(_LOGGED_OUT_CODES[end.code], end.code)
    if end.code == _OUTDATED_CODE:
        return _outdated()
    said = ", ".join(part for part in (end.reason, end.message) if part) or "no reason given"
    return _closed(
        StatusReason.LOGIN_REFUSED,
        f"WhatsApp refused the login (code {end.code}: {said}); it is tried again.",
        ceiling=LONGEST_WAIT if 500 <= end.code < 600 else LONGEST_WAIT_REFUSED,
    )


def _engine_down() -> Verdict:
    return _closed(
        StatusReason.ENGINE_DOWN,
        "The WhatsApp bridge is being restarted; the number comes back by itself.",
        reopen=True,
        ceiling=5.0,
    )


def _link_failed(reason: StatusReason, detail: str) -> Verdict:
    return _closed(reason, detail, final=True, reopen=True)


def _call_failed(error: EngineError) -> Verdict:
    match error.code:
        case EngineErrorCode.DEVICE_NOT_FOUND:
            return Verdict(
                SessionStatus.LOGGED_OUT,
                StatusReason.CREDENTIALS_MISSING,
                f"The credentials of this link are gone from Prosa's store. {_LINK_AGAIN} Remove the old entry on the "
                "phone under Linked devices.",
                final=True,
                forget_device=True,
                reopen=True,
            )
        case EngineErrorCode.ENGINE_DOWN | EngineErrorCode.UNKNOWN_SESSION:
            return _engine_down()
        case _:
            return _closed(
                StatusReason.CONNECT_FAILED,
                f"WhatsApp could not be reached ({error.message}); it is tried again.",
                reopen=True,
            )


def judge_pairing(error: EngineError) -> Verdict:
    """Return what follows when WhatsApp gave no pairing code."""
    match error.code:
        case EngineErrorCode.PAIRING_REFUSED | EngineErrorCode.BAD_REQUEST | EngineErrorCode.REJECTED:
            return _link_failed(
                StatusReason.PAIRING_REFUSED,
                f"WhatsApp gave no pairing code ({error.message}). Check the phone number, or link by QR code.",
            )
        case EngineErrorCode.RATE_LIMITED:
            return _link_failed(
                StatusReason.RATE_LIMITED,
                "WhatsApp gives no more codes for now. Wait some minutes, then connect again.",
            )
        case _:
            return _call_failed(error)


def passkey_expired() -> Verdict:
    """Return what follows when nobody finished the passkey step while WhatsApp waited for it."""
    return _link_failed(StatusReason.PASSKEY_EXPIRED, f"The passkey step was not finished in time. {_LINK_AGAIN}")


class Backoff:
    """Waits between tries: none before the first, then 1 s, 2 s, 4 s … up to a ceiling, each with jitter (50-100 %)."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failures = 0

    @property
    def failures(self) -> int:
        """Ends in a row of which none came after a steady connection."""
        return self._failures

    def after(self, open_seconds: float | None, *, ceiling: float = LONGEST_WAIT) -> float:
        """Return the seconds to wait after a connection that was open for `open_seconds` (None: never)."""
        if open_seconds is not None and open_seconds >= STEADY_SECONDS:
            self._failures = 0
        self._failures += 1
        if self._failures == 1:
            return 0.0
        wait = min(ceiling, 2.0 ** min(self._failures - 2, 20))
        return wait * self._uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew, because a person asked to connect now."""
        self._failures = 0
