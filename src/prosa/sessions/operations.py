"""Bringing numbers online and offline: what people ask is written into the row, where a gateway finds it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from prosa.clock import Clock
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from prosa.events.bus import Bus
from prosa.events.log import TOPIC as EVENTS
from prosa.sessions import repository
from prosa.sessions.changes import Change, apply, stopped
from prosa.sessions.control import SessionControl
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.phone import digits_of_phone
from prosa.sessions.record import SessionRecord
from prosa.sessions.schemas import PasskeyAssertion, SessionConnect
from prosa.sessions.state import SessionStatus

TOPIC = "sessions"
"""Wakes gateways: somebody asked something of a number."""
STOP_WAIT_SECONDS = 3.0
_LOOK_SECONDS = 0.5
_LOOK_PAUSE = 0.03
"""Between looks even when events of other numbers come thick and fast."""


class Operations:
    """Works on numbers whose owner was checked."""

    def __init__(
        self, database: Database, directory: SessionDirectory, control: SessionControl, bus: Bus, *, clock: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._control = control
        self._bus = bus
        self._clock = clock

    async def connect(self, record: SessionRecord, body: SessionConnect, *, wait_seconds: float) -> SessionRecord:
        """Ask for a number to be online; asking again while that is under way changes nothing.

        Raises:
            InvalidInputError: A pairing code is wanted, without a phone number or with one that is none.
        """
        phone = _link_phone(body)

        async def ask(db: WriteDb, held: SessionRecord) -> SessionRecord:
            if _under_way(held, body.method, phone, now=self._clock()):
                return held
            return await self._ask(db, held, link_method=body.method, link_phone=phone)

        asked = await self._change(record, ask)
        return await self._wait(asked, _something_to_show, wait_seconds)

    async def restart(self, record: SessionRecord) -> SessionRecord:
        """Ask for a new connection."""
        return await self._change(record, self._ask)

    async def stop(self, record: SessionRecord) -> SessionRecord:
        """Ask for a number to be offline, and wait a little until it is."""

        async def ask(db: WriteDb, held: SessionRecord) -> SessionRecord:
            unwanted = {"wanted": False, "due_at": None}
            if held.status is SessionStatus.LOGGED_OUT:
                return await repository.change(db, held.id, unwanted)
            return await apply(db, held, stopped(also=unwanted), now=self._clock())

        asked = await self._change(record, ask)
        return await self._wait(asked, lambda now: now.wanted or now.lease_owner is None, STOP_WAIT_SECONDS)

    async def unlink(self, record: SessionRecord) -> None:
        """Unlink a number at WhatsApp, if it is linked or being linked.

        Raises:
            UnavailableError: It cannot be done now.
        """
        async with self._database.read() as db:
            now = await repository.find(db, record.session_id)
        if now is not None and (now.linked or now.wanted or now.lease_owner is not None):
            await self._control.logout(record.session_id)

    async def answer_passkey(self, record: SessionRecord, assertion: PasskeyAssertion) -> None:
        """Hand in a WebAuthn assertion.

        Raises:
            ConflictError: WhatsApp asks for none, or did not take it.
            UnavailableError: WhatsApp cannot be asked now.
        """
        _require_stage(record, "assertion")
        await self._control.answer_passkey(record.session_id, assertion.model_dump(mode="json", exclude_none=True))

    async def confirm_passkey(self, record: SessionRecord) -> None:
        """Say that the code equals the phone's.

        Raises:
            ConflictError: There is no code to confirm, or WhatsApp did not take it.
            UnavailableError: WhatsApp cannot be asked now.
        """
        _require_stage(record, "confirmation")
        await self._control.confirm_passkey(record.session_id)

    async def _ask(self, db: WriteDb, held: SessionRecord, **also: Any) -> SessionRecord:
        due_at = self._clock()
        if due_at == held.due_at:  # a request must differ from the one before, or no gateway notices it
            due_at += timedelta(microseconds=1)
        change = Change(status=SessionStatus.CONNECTING, also={"wanted": True, "due_at": due_at, **also})
        return await apply(db, held, change, now=self._clock())

    async def _change(self, record: SessionRecord, ask: Callable[[WriteDb, SessionRecord], Any]) -> SessionRecord:
        async with self._database.write() as db:
            held = await repository.find(db, record.session_id, lock=True)
            if held is None or held.id != record.id:
                raise NotFoundError(f"There is no number “{record.session_id}” here any more.")
            asked: SessionRecord = await ask(db, held)
            db.wake(TOPIC)
        await self._directory.forget(record.session_id)
        return asked

    async def _wait(
        self, record: SessionRecord, enough: Callable[[SessionRecord], bool], seconds: float
    ) -> SessionRecord:
        """Return the row once `enough` is true of it, or as it is when the time is up."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        async with self._bus.listen(EVENTS) as signal:
            while not enough(record) and (left := end - loop.time()) > 0:
                await signal.wait(min(left, _LOOK_SECONDS))
                now = await self._directory.record(record.session_id)
                if now is None:
                    return record
                record = now
                await asyncio.sleep(_LOOK_PAUSE)
        return record


def _link_phone(body: SessionConnect) -> str | None:
    if body.method != "code":
        return None
    if body.phone is None:
        raise InvalidInputError(
            "A pairing code is made for one phone number.",
            remedy="Send `phone` too, with + and country code, or link by method qr.",
            fields=[FieldError("body.phone", "is needed with method code")],
        )
    return digits_of_phone(body.phone)


def _under_way(record: SessionRecord, method: str, phone: str | None, *, now: datetime) -> bool:
    """Return whether what is asked is what is happening already."""
    if not record.wanted:
        return False
    asked_like_this = record.linked or (record.link_method == method and record.link_phone == phone)
    match record.status:
        case SessionStatus.OPEN | SessionStatus.PASSKEY:
            return True
        case SessionStatus.CONNECTING:
            return asked_like_this
        case SessionStatus.QR:
            return asked_like_this and _ahead(record.qr_expires_at, now)
        case SessionStatus.PAIRING:
            return asked_like_this and _ahead(record.pairing_code_expires_at, now)
        case _:
            return False


def _ahead(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now


def _something_to_show(record: SessionRecord) -> bool:
    if record.status is SessionStatus.CLOSED:
        return not record.wanted  # else it is being tried again
    return record.status is not SessionStatus.CONNECTING


def _require_stage(record: SessionRecord, stage: str) -> None:
    if record.passkey is None or record.passkey.get("stage") != stage:
        what = "answer" if stage == "assertion" else "code to confirm"
        raise ConflictError(
            f"WhatsApp waits for no passkey {what} now: the number is {record.status.value}.",
            remedy=f"Read GET /sessions/{record.session_id}/passkey to see where the step stands.",
        )
