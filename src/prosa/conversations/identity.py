"""Which conversation a chat address stands for.

WhatsApp addresses one contact by a phone number (`…@s.whatsapp.net`) or by a LID (`…@lid`) that hides it; both are the
same conversation. Which two belong together is told by message envelopes (whatsmeow types/message.go, SenderAlt and
RecipientAlt), by the LID store, and by asking for a phone number.
"""

from dataclasses import dataclass
from functools import lru_cache

from prosa.conversations.models import ConversationKind
from prosa.whatsapp import jid
from prosa.whatsapp.jid import JidKind

MAX_JID = 80
"""Longest address kept; real ones are under 40 characters."""
_REMEMBERED = 4096
"""Chats whose address is remembered, about: each of their messages asks for it."""

_KINDS = {
    JidKind.USER: ConversationKind.CONTACT,
    JidKind.LID: ConversationKind.CONTACT,
    JidKind.GROUP: ConversationKind.GROUP,
    JidKind.STATUS: ConversationKind.STATUS,
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a conversation is, by every address known.

    Attributes:
        jid: What messages are sent to: the phone number's JID where known, else the LID, or the group's.
        lid: The contact's LID, where known.
        kind: Who is there.
    """

    jid: str
    lid: str | None
    kind: ConversationKind

    @property
    def phone(self) -> str | None:
        """Digits of the phone number that WhatsApp knows the contact by, where known."""
        return jid.phone(self.jid)


@lru_cache(maxsize=_REMEMBERED)
def address(chat: str, chat_alt: str | None = None) -> Address:
    """Return the address of a chat that goes by `chat`, and by `chat_alt` where that is known.

    Raises:
        ValueError: `chat` is no WhatsApp address.
    """
    parsed = jid.Jid.parse(chat)
    first = str(parsed.bare)
    if not parsed.user or len(first) > MAX_JID or "\0" in first:
        raise ValueError("not the address of a chat")
    what = parsed.kind
    if not what.is_person:
        return Address(first, None, _KINDS.get(what, ConversationKind.CHANNEL))
    other = jid.bare(chat_alt) if chat_alt else ""
    if not jid.kind(other).is_person or jid.kind(other) is what or len(other) > MAX_JID:
        other = ""
    if what is JidKind.LID:
        return Address(other or first, first, ConversationKind.CONTACT)
    return Address(first, other or None, ConversationKind.CONTACT)
