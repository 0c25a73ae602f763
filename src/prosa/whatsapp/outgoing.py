"""What an engine is asked to send, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from prosa.whatsapp.message import Location, MediaInfo, MessageType


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
