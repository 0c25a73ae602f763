"""Turns that are claimed in the transaction that stores their message, where nothing is to be waited for.

The runner lends a slot before the message is stored; the row then gets the lease that a claim would have given it a
transaction later, and the turn begins as soon as all of it is committed. Without a slot, the next claim finds the row.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import bindparam, select

from prosa.clock import Clock
from prosa.conversations.held import TABLE, HeldConversation
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared
from prosa.sessions.facts import SessionFacts
from prosa.turns.claimed import ClaimedConversation

_c = TABLE.c
_summary = Prepared(select(_c.summary, _c.summarised_tokens).where(_c.id == bindparam("id")), bulk=True)


@dataclass(slots=True)
class TurnSlot:
    """Room for one turn.

    Attributes:
        owner: Who claims.
        lease: For how long.
        clock: The time.
        is_running: Says whether this holder makes an answer in a conversation.
        begin: Begins a turn.
        claimed: The conversation that was claimed with it, which is so once its transaction is committed.
        begun: Its turn has begun.
        back: Set once it was taken back: what is to be done before the turn is done.
    """

    owner: str
    lease: timedelta
    clock: Clock
    is_running: Callable[[uuid.UUID], bool]
    begin: Callable[[ClaimedConversation, asyncio.Event], None]
    claimed: uuid.UUID | None = None
    begun: bool = False
    back: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim(self, db: WriteDb, held: HeldConversation) -> bool:
        """Claim a held conversation, which the caller saves and changes no more; false where it cannot be.

        Its turn begins once the transaction is committed.
        """
        now = self.clock()
        if held.due_at is None or held.due_at > now or held.leased(now) or self.is_running(held.id):
            return False
        summary, tokens = None, 0
        if held.summarised_until:
            [(summary, tokens)] = await db.fetch(_summary, {"id": held.id}, about=())  # written at once, never put off
        held.lease_owner, held.lease_until = self.owner, now + self.lease
        self.claimed = held.id
        db.then(partial(self._go, ClaimedConversation.of(held, summary=summary, summarised_tokens=tokens)))
        return True

    def _go(self, claimed: ClaimedConversation) -> None:
        self.begun = True
        self.begin(claimed, self.back)


class TurnSlots(Protocol):
    """Lends slots."""

    def lend(self, session: SessionFacts) -> TurnSlot | None:
        """Return a slot for a turn of a number, to be taken back; None where there is no room, or others wait."""

    def take_back(self, session: SessionFacts, slot: TurnSlot) -> None:
        """Take a slot back, whatever became of its transaction."""
