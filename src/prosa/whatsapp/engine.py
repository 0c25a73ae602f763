"""The boundary to WhatsApp: what Prosa asks of an engine, and what an engine reports, in our own types.

An engine hosts many sessions. Events of one session reach its handler one after another, in WhatsApp's order.
An event that must be stored (`Inbound`, `Undecryptable`, `ReceiptUpdate`) is acknowledged to WhatsApp when the handler
returns; a handler that raises says "not stored", and WhatsApp delivers it again on the next connect.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]


class MessageType(StrEnum):
    """What a message is, as stored and shown."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    REACTION = "reaction"
    POLL = "poll"
    SYSTEM = "system"
    UNKNOWN = "unknown"


MEDIA_TYPES = frozenset(
    {MessageType.IMAGE, MessageType.AUDIO, MessageType.VIDEO, MessageType.DOCUMENT, MessageType.STICKER}
)


class EngineErrorCode(StrEnum):
    """Why an engine call failed; docs/bridge-protocol.md explains each."""

    BAD_REQUEST = "bad_request"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_SESSION = "unknown_session"
    ALREADY_OPEN = "already_open"
    DEVICE_NOT_FOUND = "device_not_found"
    NOT_CONNECTED = "not_connected"
    NOT_LINKED = "not_linked"
    ALREADY_LINKED = "already_linked"
    NOT_READY = "not_ready"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    MEDIA_GONE = "media_gone"
    MEDIA_INVALID = "media_invalid"
    MEDIA_PATH = "media_path"
    PAIRING_REFUSED = "pairing_refused"
    PASSKEY_FAILED = "passkey_failed"
    STORE = "store"
    INTERNAL = "internal"
    ENGINE_DOWN = "engine_down"
    """The engine's process is away; it is restarted by itself."""

    @property
    def temporary(self) -> bool:
        """Whether the same call may succeed later without anybody doing anything."""
        return self in {
            EngineErrorCode.NOT_CONNECTED,
            EngineErrorCode.NOT_READY,
            EngineErrorCode.TIMEOUT,
            EngineErrorCode.RATE_LIMITED,
            EngineErrorCode.UNKNOWN_SESSION,
            EngineErrorCode.STORE,
            EngineErrorCode.INTERNAL,
            EngineErrorCode.ENGINE_DOWN,
        }


class EngineError(Exception):
    """An engine call failed.

    Attributes:
        code: Why, for programs.
        message: Why, for a person; never holds message bodies or keys.
    """

    def __init__(self, code: EngineErrorCode, message: str) -> None:
        super().__init__(f"{code.value}: {message}")
        self.code = code
        self.message = message


# --- What comes in -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a media message says of its file. Sizes in bytes, lengths in seconds, dimensions in pixels."""

    mime_type: str
    size: int | None = None
    file_name: str | None = None
    sha256: str | None = None
    seconds: int | None = None
    width: int | None = None
    height: int | None = None
    voice: bool = False
    animated: bool = False
    thumbnail: str | None = None
    """Small JPEG preview, base64."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place; degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message as WhatsApp delivered it: from a contact, a group, or the linked phone itself.

    JIDs are bare (no device part) except in `sender_device`. `chat` is the JID WhatsApp addressed the chat by;
    `chat_alt` the same chat's other form (LID or phone number), where known.
    """

    wa_id: str
    chat: str
    sender: str
    from_me: bool
    is_group: bool
    timestamp: datetime
    type: MessageType
    body: str
    chat_alt: str | None = None
    sender_alt: str | None = None
    sender_device: int = 0
    push_name: str | None = None
    quoted_wa_id: str | None = None
    quoted_text: str | None = None
    quoted_sender: str | None = None
    """Whose message is quoted, as the sender says."""
    mentions: tuple[str, ...] = ()
    media: MediaInfo | None = None
    location: Location | None = None
    edits: str | None = None
    """The wa_id of the message whose text this one replaces; `body` is the new text."""
    revokes: str | None = None
    """The wa_id of the message that this one deletes for everyone."""
    reacts_to: str | None = None
    """The wa_id of the message reacted to; `body` is the emoji, empty when the reaction is taken back."""
    view_once: bool = False
    ephemeral: bool = False
    retry_count: int = 0
    payload: Json = field(default_factory=dict)
    """The whole waE2E.Message as protobuf JSON: needed to download media later."""


class ReceiptType(StrEnum):
    """What a receipt says."""

    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    READ_SELF = "read_self"
    """Read on another device of our own account."""
    SENDER = "sender"
    SERVER_ERROR = "server_error"
    OTHER = "other"


# --- Events --------------------------------------------------------------------------------------------------------


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


# --- What goes out -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that an outbound one answers to."""

    wa_id: str
    sender: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class TextContent:
    """A text to send."""

    text: str
    quote: Quote | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What WhatsApp's media server answered to an upload; bytes as base64."""

    url: str
    direct_path: str
    media_key: str
    file_enc_sha256: str
    file_sha256: str
    file_length: int


@dataclass(frozen=True, slots=True)
class MediaContent:
    """An uploaded file to send."""

    type: MessageType
    uploaded: Uploaded
    info: MediaInfo
    caption: str = ""
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class LocationContent:
    """A place to send."""

    location: Location
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class ReactionContent:
    """An emoji on a message; empty takes the reaction back. `sender` is the author of the target message."""

    target_wa_id: str
    target_from_me: bool
    sender: str
    emoji: str


@dataclass(frozen=True, slots=True)
class EditContent:
    """A new text for one of our own messages."""

    target_wa_id: str
    text: str


@dataclass(frozen=True, slots=True)
class RevokeContent:
    """Deletes one of our own messages for everyone."""

    target_wa_id: str


Content: TypeAlias = TextContent | MediaContent | LocationContent | ReactionContent | EditContent | RevokeContent


@dataclass(frozen=True, slots=True)
class SendResult:
    """WhatsApp's server has the message.

    Attributes:
        timestamp: The server's time of it, UTC.
        sender: Our own JID that the message was sent from.
    """

    timestamp: datetime
    sender: str


@dataclass(frozen=True, slots=True)
class ResolvedUser:
    """Whether a phone number is on WhatsApp, and under which JIDs."""

    phone: str
    on_whatsapp: bool
    jid: str | None
    lid: str | None


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What the engine knows of a session's device when it is opened."""

    linked: bool
    jid: str | None
    lid: str | None
    push_name: str | None


class Connection(Protocol):
    """One session inside an engine. Every method raises `EngineError`."""

    @property
    def session_id(self) -> str:
        """Prosa's name of the session."""

    @property
    def state(self) -> DeviceState:
        """The device as it was when opened."""

    async def connect(self) -> None:
        """Open the socket. An unlinked device then reports `QrCode` events; a linked one `Opened` or why not."""

    async def pair_with_code(self, phone: str) -> tuple[str, float]:
        """Ask for a pairing code for `phone` (digits, with country code).

        Returns:
            The code as `ABCD-1234` and the seconds it is good for.
        """

    async def answer_passkey(self, assertion: Mapping[str, Any]) -> None:
        """Hand in the WebAuthn assertion that the person's browser made."""

    async def confirm_passkey(self) -> None:
        """Say that the code equals the phone's."""

    async def disconnect(self) -> None:
        """Close the socket; the device stays linked."""

    async def logout(self) -> None:
        """Unlink the device at WhatsApp and forget its credentials."""

    async def close(self) -> None:
        """Disconnect and forget the session in the engine; its credentials stay."""

    async def send(self, to: str, wa_id: str, content: Content) -> SendResult:
        """Send `content` under our own message id; returns when WhatsApp's server has it.

        The same id again is the same message to the recipient.
        """

    async def send_typing(self, to: str, *, typing: bool, recording: bool = False) -> None:
        """Show or hide "typing…" at the contact."""

    async def set_presence(self, *, available: bool) -> None:
        """Show the number as online or not."""

    async def mark_read(
        self, chat: str, wa_ids: Sequence[str], timestamp: datetime, *, sender: str | None = None
    ) -> None:
        """Send read receipts; in groups `sender` is the author of the messages."""

    async def upload(self, path: Path, media_type: MessageType) -> Uploaded:
        """Encrypt and upload a file of the media directory."""

    async def download(self, payload: Mapping[str, Any], path: Path) -> int:
        """Download and decrypt the media of a message's payload to `path` in the media directory.

        Returns:
            The number of bytes written.
        """

    async def resolve(self, phones: Sequence[str]) -> list[ResolvedUser]:
        """Ask which phone numbers ("+5511…") are on WhatsApp."""

    async def alternate(self, jid: str) -> str | None:
        """Return the other form (LID or phone number) of a contact's JID where known, without asking the network."""


class WhatsAppEngine(Protocol):
    """Hosts sessions."""

    @property
    def media_dir(self) -> Path:
        """The private directory for media that `upload` and `download` may use."""

    async def start(self) -> None:
        """Start the engine."""

    async def stop(self) -> None:
        """Disconnect every session and stop."""

    async def open(
        self, session_id: str, handler: EventHandler, *, device_jid: str | None, device_name: str = "Prosa"
    ) -> Connection:
        """Open a session without connecting it.

        Args:
            session_id: Prosa's name of it.
            handler: Gets the session's events, one after another.
            device_jid: The linked device (with its device part), or None for a new one to link.
            device_name: What the phone lists the device as.

        Raises:
            EngineError: `device_not_found` where the credentials of `device_jid` are gone.
        """
