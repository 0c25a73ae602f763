"""WhatsApp addresses (JIDs): parse, format, classify, and decide which chat a message belongs to.

The text form is whatsmeow's (types/jid.go): `user@server`, with a device `user:device@server`, with an agent
`user.agent:device@server`. Servers and their meaning are whatsmeow's constants of the same file.

A phone number is never derived from a JID by adding or removing digits, nor the other way round: the JIDs of some
Brazilian mobile numbers lack the ninth digit that the number is dialled with, and only WhatsApp knows which
(`Connection.resolve`).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

USER_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
GROUP_SERVER = "g.us"
BROADCAST_SERVER = "broadcast"
NEWSLETTER_SERVER = "newsletter"
STATUS_JID = "status@broadcast"

# The same people under other names: c.us is WhatsApp Web's old name of the user server (types/jid.go,
# LegacyUserServer); hosted and hosted.lid are numbers hosted by Meta, which whatsmeow reports under the plain servers
# (message.go, parseMessageSource).
_SERVER_ALIASES = {"c.us": USER_SERVER, "hosted": USER_SERVER, "hosted.lid": LID_SERVER}


_REMEMBERED: Final = 4096
"""Addresses whose parts are kept: a message asks for those of its few addresses some ten times."""


class JidKind(StrEnum):
    """What an address stands for."""

    USER = "user"
    """A person, by phone number."""
    LID = "lid"
    """A person, by the number that hides the phone number."""
    GROUP = "group"
    STATUS = "status"
    """Where status updates ("stories") are posted; not a chat."""
    BROADCAST = "broadcast"
    """A broadcast list."""
    NEWSLETTER = "newsletter"
    OTHER = "other"

    @property
    def is_person(self) -> bool:
        """Whether it is one person's chat."""
        return self in {JidKind.USER, JidKind.LID}


_KINDS = {
    USER_SERVER: JidKind.USER,
    LID_SERVER: JidKind.LID,
    GROUP_SERVER: JidKind.GROUP,
    BROADCAST_SERVER: JidKind.BROADCAST,
    NEWSLETTER_SERVER: JidKind.NEWSLETTER,
}


@dataclass(frozen=True, slots=True)
class Jid:
    """A parsed address.

    Attributes:
        user: Phone number digits, LID digits, group id, "status"…; empty for a server's own address.
        server: The part after "@".
        device: Number of the linked device; 0 is the phone, and also "no device named".
        agent: Domain of the device form; 0 in everything WhatsApp sends today.
    """

    user: str
    server: str
    device: int = 0
    agent: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            ValueError: It is not a JID.
        """
        user, at, server = text.partition("@")
        if not at:
            user, server = "", text
        if not server or "@" in server:
            raise ValueError(f"not a WhatsApp address: {text!r}")
        user, colon, device = user.partition(":")
        user, dot, agent = user.partition(".")
        return cls(user, server, _part(device, text, 0xFFFF) if colon else 0, _part(agent, text, 0xFF) if dot else 0)

    @property
    def kind(self) -> JidKind:
        """What it stands for."""
        if self.user == "status" and self.server == BROADCAST_SERVER:
            return JidKind.STATUS
        return _KINDS.get(_SERVER_ALIASES.get(self.server, self.server), JidKind.OTHER)

    @property
    def bare(self) -> Self:
        """The address without device and agent, on the server it is known by."""
        return replace(self, server=_SERVER_ALIASES.get(self.server, self.server), device=0, agent=0)

    @property
    def phone(self) -> str | None:
        """The digits of the phone number that WhatsApp knows the person by, where the address tells them."""
        return self.user if self.kind is JidKind.USER and self.user.isascii() and self.user.isdigit() else None

    def __str__(self) -> str:
        if self.agent:
            return f"{self.user}.{self.agent}:{self.device}@{self.server}"
        if self.device:
            return f"{self.user}:{self.device}@{self.server}"
        return f"{self.user}@{self.server}" if self.user else self.server


@lru_cache(maxsize=_REMEMBERED)
def bare(text: str) -> str:
    """Return the address without its device part; text that is no address comes back as it is."""
    try:
        return str(Jid.parse(text).bare)
    except ValueError:
        return text


@lru_cache(maxsize=_REMEMBERED)
def kind(text: str) -> JidKind:
    """Return what the address stands for; `OTHER` also for text that is no address."""
    try:
        return Jid.parse(text).kind
    except ValueError:
        return JidKind.OTHER


def phone(text: str) -> str | None:
    """Return the phone number's digits in the address, or None where it has none."""
    try:
        return Jid.parse(text).phone
    except ValueError:
        return None


@lru_cache(maxsize=_REMEMBERED)
def device(text: str) -> int:
    """Return the device number in the address; 0 for the phone itself or where none is named."""
    try:
        return Jid.parse(text).device
    except ValueError:
        return 0


def from_phone(number: str) -> str:
    """Return the JID that spells `number` ("+55 11 98888-7777"), digit by digit.

    It is the right one only where WhatsApp confirms it: ask `Connection.resolve` before sending to a number that never
    wrote.

    Raises:
        ValueError: `number` does not have 7 to 15 digits (ITU-T E.164 §6: at most 15), or holds other characters.
    """
    digits = "".join(c for c in number if c not in " +-().\u00a0\u2011")
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        raise ValueError("a phone number has 7 to 15 digits, with the country code first")
    return f"{digits}@{USER_SERVER}"


def same_person(one: str, other: str) -> bool:
    """Whether two addresses, device part aside, are the same one (a LID and a phone number never are)."""
    return bare(one) == bare(other)


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """Which chat a message belongs to.

    Attributes:
        chat: Bare JID of the contact or group.
        chat_alt: The contact's other form (LID or phone number) where the message tells it.
    """

    chat: str
    chat_alt: str | None


def chat_of(
    chat: str, sender: str, *, from_me: bool, sender_alt: str = "", recipient_alt: str = "", destination: str = ""
) -> ChatFacts:
    """Decide which chat a message belongs to from what WhatsApp's envelope says.

    - Our own message, a copy from the phone or another device: the chat it went to. Where the envelope names only our
      own account, that is `destination` (whatsmeow message.go, parseMessageSource and DeviceSentMeta).
    - A contact's message by a broadcast list is shown in that contact's chat, as phones do.
    - Status updates, groups and newsletters are their own chats.
    """
    where = bare(chat)
    what = kind(where)
    if from_me:
        goal = bare(destination) if destination else ""
        if goal and same_person(where, sender) and not same_person(goal, sender):
            return ChatFacts(goal, _other(goal, recipient_alt))
        return ChatFacts(where, _other(where, recipient_alt, goal))
    if what is JidKind.BROADCAST:
        where = bare(sender)
    return ChatFacts(where, _other(where, sender_alt))


def _other(chat: str, *candidates: str) -> str | None:
    """Return the first candidate that is the other form of a person's chat."""
    if not kind(chat).is_person:
        return None
    for candidate in candidates:
        if candidate and kind(candidate).is_person and kind(candidate) is not kind(chat):
            return bare(candidate)
    return None


def _part(digits: str, text: str, limit: int) -> int:
    if not (digits.isascii() and digits.isdigit()) or int(digits[:6]) > limit:
        raise ValueError(f"not a WhatsApp address: {text!r}")
    return int(digits)
