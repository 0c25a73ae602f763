"""A change of a number's status: checked, written, and told as events in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from prosa.database import WriteDb
from prosa.events import log as events
from prosa.events.log import NewEvent
from prosa.events.types import (
    Payload,
    SessionPairingCodePayload,
    SessionPasskeyPayload,
    SessionQrPayload,
    SessionStatusPayload,
)
from prosa.sessions import repository
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.state import SessionStatus, may_move

_log = structlog.get_logger("prosa.sessions")


@dataclass(frozen=True, slots=True)
class Shown:
    """Something to show to a person for a time: a QR code's text, or a pairing code."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A status and all that goes with it. What is not given is cleared, so that nothing outlives its state.

    Attributes:
        status: The new status.
        reason: Stable code of why.
        detail: The same for a person, with what to do.
        qr: The QR code that waits.
        pairing_code: The pairing code that waits.
        passkey: `{"stage": "assertion", "options": …}` or `{"stage": "confirmation", "code": …}`.
        also: Other columns to write.
    """

    status: SessionStatus
    reason: StatusReason | None = None
    detail: str | None = None
    qr: Shown | None = None
    pairing_code: Shown | None = None
    passkey: dict[str, Any] | None = None
    also: Mapping[str, Any] = field(default_factory=dict)


async def apply(db: WriteDb, old: SessionRecord, change: Change, *, now: datetime) -> SessionRecord:
    """Write a change to a row that this transaction has locked, and append its events.

    A move that `prosa.sessions.state` does not know is logged and dropped, `also` excepted; a repeat writes nothing.

    Returns:
        The row as it is now.
    """
    values: dict[str, Any] = dict(change.also)
    if may_move(old.status, change.status):
        values |= _status_columns(change)
    else:
        _log.warning("illegal_move", session=old.session_id, old=old.status.value, new=change.status.value)
    values = {name: value for name, value in values.items() if getattr(old, name) != value}
    if not values:
        return old
    new = await repository.change(db, old.id, values | {"updated_at": now})
    await events.append(db, *(NewEvent(new.user_id, new.session_id, payload) for payload in _payloads(old, new)))
    return new


def stopped(*, also: Mapping[str, Any] | None = None) -> Change:
    """Return the change that says that a person stopped the number."""
    return Change(
        status=SessionStatus.CLOSED,
        reason=StatusReason.STOPPED,
        detail="Stopped; connect brings it back.",
        also=also or {},
    )


def status_payload(record: SessionRecord) -> SessionStatusPayload:
    """Return the event that tells a number's status."""
    return SessionStatusPayload(
        status=record.status.value,
        reason=record.status_reason,
        detail=record.status_detail,
        jid=record.jid,
        lid=record.lid,
        push_name=record.push_name,
    )


def _status_columns(change: Change) -> dict[str, Any]:
    return {
        "status": change.status,
        "status_reason": change.reason,
        "status_detail": change.detail[:500] if change.detail else None,
        "qr": change.qr.text if change.qr else None,
        "qr_expires_at": change.qr.expires_at if change.qr else None,
        "pairing_code": change.pairing_code.text if change.pairing_code else None,
        "pairing_code_expires_at": change.pairing_code.expires_at if change.pairing_code else None,
        "passkey": change.passkey,
    }


_TOLD_BY_STATUS = ("status", "status_reason", "status_detail", "jid", "lid", "push_name")


def _payloads(old: SessionRecord, new: SessionRecord) -> list[Payload]:
    payloads: list[Payload] = []
    if any(getattr(old, name) != getattr(new, name) for name in _TOLD_BY_STATUS):
        payloads.append(status_payload(new))
    if new.qr and new.qr_expires_at and new.qr != old.qr:
        payloads.append(SessionQrPayload(qr=new.qr, expires_at=new.qr_expires_at))
    if new.pairing_code and new.pairing_code_expires_at and new.pairing_code != old.pairing_code:
        payloads.append(
            SessionPairingCodePayload(pairing_code=new.pairing_code, expires_at=new.pairing_code_expires_at)
        )
    if new.passkey and new.passkey != old.passkey:
        payloads.append(
            SessionPasskeyPayload(
                stage=new.passkey["stage"], options=new.passkey.get("options"), code=new.passkey.get("code")
            )
        )
    return payloads
