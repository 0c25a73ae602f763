"""What an engine reports: events of one session, which reach its handler one after another."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from prosa.whatsapp.message import InboundMessage, Json, ReceiptType


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code waits to be scanned; the next one comes by itself when it ends."""

    code: str
    expires_in: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class QrExhausted:
    """All QR codes of this connection were shown; `connect` gives new ones."""


@dataclass(frozen=True, slots=True)
class PasskeyRequested:
    """WhatsApp asks for a passkey before it links; options for `navigator.credentials.get`."""

    options: Json


@dataclass(frozen=True, slots=True)
class PasskeyConfirmation:
    """The passkey was accepted; the code must equal the phone's, or need not be compared with `skip_comparison`.

    `confirm_passkey` is due in either case.
    """

    code: str
    skip_comparison: bool


@dataclass(frozen=True, slots=True)
class PasskeyFailed:
    """The passkey step failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Paired:
    """The phone linked this device. `Opened` follows by itself."""

    jid: str
    lid: str | None
    platform: str | None = None
    business_name: str | None = None


@dataclass(frozen=True, slots=True)
class PairFailed:
    """Linking failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Logged in and ready to send. `jid` has the device part."""

    jid: str
    lid: str | None
    push_name: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection ended; the device is still linked. The engine does not reconnect by itself.

    After a handler raised on an event that must be stored, the engine ends the connection itself with the reason
    "not_stored": WhatsApp delivers that event, and all after it, on the next connect.
    """

    reason: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The device is no longer linked; its credentials are gone."""

    reason: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class StreamReplaced:
    """Another process opened a connection for the same device."""


@dataclass(frozen=True, slots=True)
class Banned:
    """WhatsApp banned the account for a time."""

    reason: str
    expires_in: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """WhatsApp refused the login."""

    code: int
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outdated:
    """WhatsApp no longer accepts this version of the engine."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message arrived. Acknowledged when the handler returns."""

    message: InboundMessage


@dataclass(frozen=True, slots=True)
class Undecryptable:
    """A message arrived that could not be decrypted yet; `message` is a placeholder.

    Acknowledged when the handler returns.
    """

    message: InboundMessage
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiptUpdate:
    """Messages were delivered, read or played. Acknowledged when the handler returns."""

    type: ReceiptType
    chat: str
    wa_ids: tuple[str, ...]
    timestamp: datetime
    sender: str
    from_me: bool
    is_group: bool
    chat_alt: str | None = None


@dataclass(frozen=True, slots=True)
class ContactTyping:
    """A contact started or stopped typing (or recording)."""

    chat: str
    sender: str
    typing: bool
    recording: bool = False


@dataclass(frozen=True, slots=True)
class ContactNamed:
    """A contact's self-chosen name, or a group's, became known or changed."""

    jid: str
    jid_alt: str | None
    name: str


@dataclass(frozen=True, slots=True)
class LidMapped:
    """A phone-number JID and a LID were learned to be the same contact."""

    lid: str
    phone_jid: str


@dataclass(frozen=True, slots=True)
class OfflineSynced:
    """Everything that waited while this device was away has been delivered."""

    count: int


@dataclass(frozen=True, slots=True)
class EngineDown:
    """The engine's process ended; it is being restarted and the session must be opened again."""

    detail: str


EngineEvent: TypeAlias = (
    QrCode
    | QrExhausted
    | PasskeyRequested
    | PasskeyConfirmation
    | PasskeyFailed
    | Paired
    | PairFailed
    | Opened
    | Closed
    | LoggedOut
    | StreamReplaced
    | Banned
    | ConnectFailed
    | Outdated
    | Inbound
    | Undecryptable
    | ReceiptUpdate
    | ContactTyping
    | ContactNamed
    | LidMapped
    | OfflineSynced
    | EngineDown
)

EventHandler: TypeAlias = Callable[[EngineEvent], Awaitable[None]]
