"""The steps by which a phone links this device: codes shown, the passkey, and the device's new name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, TypeAlias

from prosa.sessions.alarm import Alarm, OneTask
from prosa.sessions.changes import Change, Shown
from prosa.sessions.line import Line
from prosa.sessions.linking import Linking
from prosa.sessions.reconnect import Verdict, judge_pairing, passkey_expired
from prosa.sessions.record import SessionRecord
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import (
    EngineError,
    EngineErrorCode,
    Paired,
    PasskeyConfirmation,
    PasskeyFailed,
    PasskeyRequested,
    QrCode,
    QrExhausted,
)

_CODES_SHOWN = {SessionStatus.QR, SessionStatus.PAIRING, SessionStatus.PASSKEY}


@dataclass(frozen=True, slots=True)
class PairingCode:
    """WhatsApp gave a pairing code."""

    code: str
    expires_in: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class PairingRefused:
    """WhatsApp gave no pairing code."""

    error: EngineError


LinkingItem: TypeAlias = (
    QrCode | QrExhausted | PasskeyRequested | PasskeyConfirmation | Paired | PairingCode | PairingRefused
)
LINKING_ITEMS = (QrCode, QrExhausted, PasskeyRequested, PasskeyConfirmation, Paired, PairingCode, PairingRefused)


class Next(Enum):
    """What the worker does after a step."""

    WAIT = auto()
    DIAL_ANEW = auto()
    """Another round of codes, on a new connection."""


class Linker:
    """Takes the steps of one number. `write` writes a change and returns the row, `post` puts an item to the worker."""

    def __init__(
        self,
        session_id: str,
        line: Line,
        *,
        write: Callable[[Change], Awaitable[SessionRecord]],
        post: Callable[[LinkingItem | EngineError | PasskeyFailed], None],
        alarm: Alarm,
        now: Callable[[], datetime],
        login_seconds: float,
    ) -> None:
        self._line = line
        self._write = write
        self._post = post
        self._alarm = alarm
        self._now = now
        self._login_seconds = login_seconds
        self._linking: Linking | None = None
        self._call = OneTask(f"session-linking-{session_id}")

    @property
    def active(self) -> bool:
        """Whether the number is being linked."""
        return self._linking is not None

    def begin(self, method: str, phone: str | None) -> None:
        """Begin to link, unless that is under way."""
        if self._linking is None:
            self._linking = Linking(method, phone)

    def end(self) -> None:
        """Linking is over, or given up."""
        self._linking = None
        self._call.clear()

    def let_go(self) -> None:
        """The connection ended; a new one may go on."""
        self._call.clear()
        if self._linking is not None:
            self._linking.code_asked = False

    def interrupted(self, status: SessionStatus) -> Verdict | None:
        """Count a connection that ended while codes were shown; return how linking ends if that was the last."""
        return self._linking.used_up() if self._linking is not None and status in _CODES_SHOWN else None

    async def take(self, item: LinkingItem, status: SessionStatus) -> Verdict | Next:
        """Take a step.

        Args:
            item: What was reported.
            status: The number's present status.

        Returns:
            How linking ended where it failed, else what follows.
        """
        linking = self._linking
        in_passkey = status is SessionStatus.PASSKEY
        match item:
            case Paired():
                await self._paired(item)
            case _ if linking is None:
                pass  # it came too late
            case PairingRefused(error=error):
                return judge_pairing(error)
            case QrExhausted():
                return passkey_expired() if in_passkey else linking.used_up() or Next.DIAL_ANEW
            case PasskeyRequested(options=options):
                await self._show_passkey({"stage": "assertion", "options": options})
            case PasskeyConfirmation(skip_comparison=True):
                self._call.run(self._confirm_passkey())
            case PasskeyConfirmation(code=code):
                await self._show_passkey({"stage": "confirmation", "code": code})
            case QrCode() if not in_passkey:
                await self._qr(linking, item)
            case PairingCode() if not in_passkey:
                await self._pairing_code(item)
        return Next.WAIT

    async def _qr(self, linking: Linking, code: QrCode) -> None:
        # A pairing code can be asked for once the first QR code is there (whatsmeow pair-code.go, PairPhone).
        phone = linking.code_due()
        if phone is not None:
            self._call.run(self._ask_pairing_code(phone))
        elif linking.shows_qr:
            await self._write(
                Change(
                    status=SessionStatus.QR,
                    detail="Scan the QR code: on the phone, Settings › Linked devices › Link a device.",
                    qr=Shown(code.code, self._now() + timedelta(seconds=code.expires_in)),
                )
            )

    async def _ask_pairing_code(self, phone: str) -> None:
        connection = self._line.connection
        if connection is None:
            return
        try:
            code, expires_in = await connection.pair_with_code(phone)
        except EngineError as error:
            self._post(PairingRefused(error))
        else:
            self._post(PairingCode(code, expires_in))

    async def _pairing_code(self, code: PairingCode) -> None:
        self._alarm.set(code.expires_in, lambda: self._post(QrExhausted()))
        await self._write(
            Change(
                status=SessionStatus.PAIRING,
                detail="Type the code on the phone: Settings › Linked devices › Link with phone number instead.",
                pairing_code=Shown(code.code, self._now() + timedelta(seconds=code.expires_in)),
            )
        )

    async def _show_passkey(self, passkey: dict[str, Any]) -> None:
        self._alarm.clear()
        await self._write(
            Change(
                status=SessionStatus.PASSKEY,
                detail="WhatsApp asks for the account's passkey; GET /sessions/{session_id}/passkey tells the steps.",
                passkey=passkey,
            )
        )

    async def _confirm_passkey(self) -> None:
        connection = self._line.connection
        if connection is None:
            return
        try:
            await connection.confirm_passkey()
        except EngineError as error:
            self._post(PasskeyFailed(error.message))

    async def _paired(self, paired: Paired) -> None:
        # A login that never follows is tried again: nothing else would tell that the phone went away at this moment.
        no_login = EngineError(EngineErrorCode.TIMEOUT, "no login followed")
        self._alarm.set(self._login_seconds, lambda: self._post(no_login))
        self.end()
        facts = {"jid": paired.jid} | ({"lid": paired.lid} if paired.lid else {})
        await self._write(Change(status=SessionStatus.CONNECTING, detail="Linked; logging in.", also=facts))
