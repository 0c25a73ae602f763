"""A message on its way, and room to send one as soon as it is stored.

An answer that is due at once is taken to be sent in the transaction that stores it, where its number is online here and
nothing else of the conversation waits: the sender lends a slot before; the row is stored with the lease that taking it
would have given it a transaction later, and goes as soon as all of it is committed. Without a slot, it is taken later.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from sqlalchemy import ColumnElement, bindparam, literal_column, select

from prosa.clock import Clock
from prosa.conversations.held import HeldConversation
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author, MessageStatus
from prosa.conversations.pauses import paused, stopped
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared
from prosa.outbox.content import Instructions
from prosa.sessions.facts import SessionFacts

_m = MESSAGES.c


def unsent(status: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a message is not sent yet.

    Written out, not as parameters: only so do both databases see that the index `ix_messages_unsent` holds these rows.
    """
    return status.in_(
        [literal_column(f"'{MessageStatus.QUEUED.value}'"), literal_column(f"'{MessageStatus.SENDING.value}'")]
    )


_waiting = Prepared(
    select(_m.id).where(_m.conversation_id == bindparam("conversation_id"), unsent(_m.status)).limit(1), bulk=True
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A message taken to be sent, and what matters of its conversation; `followed`: more of the conversation waits."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    session_id: str
    wa_id: str
    type: str
    body: str
    media: dict[str, Any] | None
    instructions: Instructions
    stored_at: datetime
    attempts: int
    error: str | None
    author: str
    expires_at: datetime | None
    ai_enabled: bool
    ai_paused_until: datetime | None
    ai_paused_by: str | None
    ai_stopped_until: datetime | None
    contact_jid: str
    contact_lid: str | None
    contact_phone: str | None
    contact_name: str | None
    followed: bool
    user_id: uuid.UUID

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer of the AI, which nobody wants once the AI is switched off."""
        return self.author == Author.AI

    def expired(self, now: datetime) -> bool:
        """Whether it has waited for too long."""
        return self.expires_at is not None and self.expires_at <= now

    def unwanted(self, now: datetime) -> bool:
        """Whether the AI was switched off, paused or stopped in the conversation since it answered.

        A reminder is something that was promised: only the contact's own stop takes it back.
        """
        if self.instructions.reminder:
            return stopped(self, now)
        # An answer that hands the conversation over pauses the AI itself, and is to be heard.
        by_others = paused(self, now) and self.ai_paused_by != "ai"
        return self.is_answer and (by_others or stopped(self, now) or not self.ai_enabled)


@dataclass(slots=True)
class SendSlot:
    """Room for one message.

    Attributes:
        owner: Who takes it.
        lease: For how long.
        clock: The time.
        send: Begins to send.
        taken: The message that was taken with it, which is so once its transaction is committed.
        handed: It is being sent.
    """

    owner: str
    lease: timedelta
    clock: Clock
    send: Callable[[Sending], None]
    taken: uuid.UUID | None = None
    handed: bool = False

    async def fits(self, db: WriteDb, held: HeldConversation, due_at: datetime) -> bool:
        """Return whether the answer to what a held conversation's contact wrote may go at once."""
        if due_at > self.clock():
            return False
        return not await db.fetch(_waiting, {"conversation_id": held.id}, about=(held.id,))

    def take(self, values: dict[str, Any]) -> None:
        """Change a row that is about to be stored into one that is being sent."""
        self.taken = values["id"]
        values["status"] = MessageStatus.SENDING.value
        values["lease_owner"], values["lease_until"] = self.owner, self.clock() + self.lease

    def hand_over(self, db: WriteDb, message: Sending) -> None:
        """Send a message that was taken, once its transaction is committed."""
        db.then(partial(self._go, message))

    def _go(self, message: Sending) -> None:
        self.handed = True
        self.send(message)


class SendSlots(Protocol):
    """Lends slots."""

    def lend(self, session: SessionFacts) -> SendSlot | None:
        """Return a slot for a message of a number, to be taken back; None where it cannot go, or others wait."""

    def take_back(self, slot: SendSlot) -> None:
        """Take a slot back, whatever became of its transaction."""
