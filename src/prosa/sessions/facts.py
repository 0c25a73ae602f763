"""What the hot path needs to know of a number, small enough to be cached."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import Connection, ContactNamed, ContactTyping, InboundMessage, LidMapped, ReceiptUpdate


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A number as the hot path sees it.

    Attributes:
        session_id: Its public name.
        user_id: Its owner.
        status: Where its connection stands.
        jid: The linked device.
        lid: The account's hidden number.
        settings: How it answers and sends.
        answers_version: Rises when its frequent answers change; 0: it never had any.
        knowledge_version: Rises when its documents change; 0: it never had any.
        ever_linked: It was linked at some time; what is to be sent from one that never was would wait for nothing.
    """

    session_id: str
    user_id: uuid.UUID
    status: SessionStatus
    jid: str | None
    lid: str | None
    settings: SessionSettings
    answers_version: int = 0
    knowledge_version: int = 0
    ever_linked: bool = True


class MessageEvents(Protocol):
    """What the gateway hands upwards. Each returns when it is stored; raising means "not stored, deliver again"."""

    async def message(self, session: SessionFacts, message: InboundMessage) -> None:
        """Store a message."""

    async def undecryptable(self, session: SessionFacts, message: InboundMessage, reason: str) -> None:
        """Store a placeholder; the message itself may follow under the same id."""

    async def receipt(self, session: SessionFacts, update: ReceiptUpdate) -> None:
        """Store that messages were delivered, read or played."""

    async def contact_named(self, session: SessionFacts, named: ContactNamed) -> None:
        """Store a contact's name."""

    async def lid_mapped(self, session: SessionFacts, mapped: LidMapped) -> None:
        """Store that two JIDs are one contact."""

    async def contact_typing(self, session: SessionFacts, typing: ContactTyping) -> None:
        """Take note that a contact types."""


class Connections(Protocol):
    """Where live connections are found."""

    def connection(self, session_id: str) -> Connection | None:
        """Return the connection of a number that is online in this process, or None."""


class Numbers(Protocol):
    """Where numbers are looked up; `prosa.sessions.directory.SessionDirectory`."""

    async def get(self, session_id: str) -> SessionFacts | None:
        """Return a number, or None where there is none of this name."""
