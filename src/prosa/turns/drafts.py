"""What a person wants to send, and to whom."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from prosa.conversations import identity
from prosa.conversations.identity import Address
from prosa.conversations.models import ConversationKind
from prosa.errors import FieldError, InvalidInputError
from prosa.outbox.schedule import check_send_at
from prosa.sessions.phone import digits_of_phone
from prosa.whatsapp import jid
from prosa.whatsapp.engine import MediaInfo, MessageType

_CHAT = re.compile(r"[0-9]+(-[0-9]+)?@[a-z.]+")
"""Contacts and groups are numbers; old groups are their founder's number and a time (whatsmeow types/jid.go)."""


@dataclass(frozen=True, slots=True)
class ToConversation:
    """Into a conversation that is there."""

    conversation_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ToContact:
    """From a number to a contact or group: a phone number or a WhatsApp address, as the person gave it."""

    session_id: str
    to: str


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file that a person sends, complete on disk.

    Attributes:
        path: Where it lies; it is moved from there.
        sha256: Hex digest of it.
        type: What it is shown as.
        info: What is said of it.
    """

    path: Path
    sha256: str
    type: MessageType
    info: MediaInfo


@dataclass(frozen=True, slots=True)
class Draft:
    """What to send: a text, or a file whose caption the text is.

    Attributes:
        text: The text or caption.
        file: The file.
        quoted_message_id: The message it answers to.
        idempotency_key: The same request under the same key is one message.
        pauses_ai: Whether it is a person's, who takes over from the AI; otherwise a program's, beside which the AI goes
            on. One to be sent later never takes over.
        send_at: When to send it; at once where left out.
    """

    text: str = ""
    file: IncomingFile | None = None
    quoted_message_id: uuid.UUID | None = None
    idempotency_key: str | None = None
    pauses_ai: bool = True
    send_at: datetime | None = None

    def fingerprint(self, target: ToConversation | ToContact) -> str:
        """Return what tells this request from another one."""
        where = str(target.conversation_id) if isinstance(target, ToConversation) else f"to {target.to.strip()}"
        file = [self.file.sha256, self.file.type.value, self.file.info.voice] if self.file else None
        parts = [where, self.text, file, str(self.quoted_message_id)]
        if self.send_at is not None:
            parts.append(str(self.send_at.timestamp()))
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()

    def later(self, now: datetime) -> datetime | None:
        """Return when to send it, where that is later; None: at once.

        Raises:
            InvalidInputError: It should have been sent before, or is further away than a year.
        """
        return check_send_at(self.send_at, now) if self.send_at is not None else None


def recipient(to: str) -> tuple[Address, str | None]:
    """Return the address a person means, and the phone number ("+5511…") to ask WhatsApp about.

    Raises:
        InvalidInputError: It is neither a phone number nor a WhatsApp address that can be written to.
    """
    if "@" not in to:
        digits = digits_of_phone(to, field="body.to")
        return identity.address(jid.from_phone(digits)), f"+{digits}"
    try:
        address = identity.address(to.strip())
    except ValueError:
        raise _not_writable() from None
    check_writable(address.kind, address.jid)
    return address, None


def check_writable(kind: ConversationKind, address: str) -> None:
    """Make sure that a chat can be written to.

    Raises:
        InvalidInputError: It cannot.
    """
    if kind not in {ConversationKind.CONTACT, ConversationKind.GROUP} or not _CHAT.fullmatch(address):
        raise _not_writable()


def _not_writable() -> InvalidInputError:
    return InvalidInputError(
        "This is nobody who can be written to.",
        fields=[
            FieldError(
                "body.to", "must be a phone number (+5511999990001) or the address of a contact or group", "contact"
            )
        ],
    )
