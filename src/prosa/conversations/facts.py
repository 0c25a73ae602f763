"""Conversations and messages as events and the API show them."""

from collections.abc import Mapping
from typing import Any, Protocol

from prosa.conversations.held import HeldConversation
from prosa.conversations.models import MessageStatus
from prosa.events.types import ConversationUpdatedPayload, MessageReceivedPayload, MessageSentPayload

_PRIVATE_MEDIA = frozenset({"path", "thumbnail"})

PREVIEW_LENGTH = 200


class Contact(Protocol):
    """Who is on the other side; as in `prosa.conversations.models.Conversation`."""

    @property
    def contact_jid(self) -> str:
        """What messages are sent to."""

    @property
    def contact_lid(self) -> str | None:
        """The hidden address."""

    @property
    def contact_phone(self) -> str | None:
        """Digits."""

    @property
    def contact_name(self) -> str | None:
        """What the contact is called."""


def conversation_payload(held: HeldConversation, *, merged_id: Any = None) -> ConversationUpdatedPayload:
    """Return the event that shows a conversation as it is now."""
    return ConversationUpdatedPayload(
        id=held.id,
        contact_jid=held.contact_jid,
        contact_lid=held.contact_lid,
        contact_phone=held.contact_phone,
        contact_name=held.contact_name,
        kind=held.kind,
        unread_count=held.unread_count,
        last_message_at=held.last_message_at,
        last_message_preview=held.last_message_preview,
        ai_enabled=held.ai_enabled,
        ai_state=held.ai_state,
        ai_reason=held.ai_reason,
        ai_paused_until=held.ai_paused_until,
        ai_paused_by=held.ai_paused_by,
        ai_paused_reason=held.ai_paused_reason,
        ai_stopped_until=held.ai_stopped_until,
        ai_failed_at=held.ai_failed_at,
        merged_id=merged_id,
    )


def received_payload(message: Mapping[str, Any], held: HeldConversation) -> MessageReceivedPayload:
    """Return the event of a message that came in. `message` has the names of the messages' columns."""
    return MessageReceivedPayload(**_message(message, held))


def sent_payload(message: Mapping[str, Any], contact: Contact) -> MessageSentPayload:
    """Return the event of a message of ours that WhatsApp's server has. `message` is as in `received_payload`."""
    return MessageSentPayload(**_message(message, contact))


def shown_status(status: str, *, from_me: bool, seq: int, read_until: int) -> str:
    """Return a message's status for people: an inbound one is `read` once the conversation was read up to it."""
    return MessageStatus.READ.value if not from_me and 0 < seq <= read_until else status


def public_media(media: Mapping[str, Any] | None, *, thumbnail: bool) -> dict[str, Any] | None:
    """Return what may be said of a file: everything but where it is kept."""
    if media is None:
        return None
    hidden = _PRIVATE_MEDIA - {"thumbnail"} if thumbnail else _PRIVATE_MEDIA
    return {name: value for name, value in media.items() if name not in hidden}


_PREVIEWS = {
    "image": "📷",
    "audio": "🎤",
    "video": "🎥",
    "document": "📄",
    "sticker": "💟",
    "location": "📍",
    "contact": "👤",
    "poll": "📊",
}


def preview(type_: str, body: str, file_name: str | None = None) -> str:
    """Return a message as one short line, with a picture of its kind where it is not a text."""
    text = " ".join((body or (file_name if type_ == "document" else "") or "").split())
    mark = _PREVIEWS.get(type_, "")
    return f"{mark} {text}".strip()[:PREVIEW_LENGTH]


_FACTS = (
    "id", "conversation_id", "seq", "wa_id", "from_me", "author", "sender_jid", "sender_name", "type", "body", "status",
    "created_at", "quoted_wa_id", "ai",
)  # fmt: skip
MESSAGE_COLUMNS = (*_FACTS, "media")
"""What `received_payload` and `sent_payload` need of a message."""
_CONTACT = ("contact_jid", "contact_lid", "contact_phone", "contact_name")


def _message(message: Mapping[str, Any], contact: Contact) -> dict[str, Any]:
    facts = {name: message[name] for name in _FACTS}
    facts["media"] = public_media(message["media"], thumbnail=False)
    for name in _CONTACT:
        facts[name] = getattr(contact, name)
    return facts
