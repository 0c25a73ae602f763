"""What a message is, as WhatsApp delivers it, and what receipts say."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

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
