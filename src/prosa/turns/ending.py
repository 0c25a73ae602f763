"""What every end of a turn does: hold the conversation, give it back, write down what it cost, tell of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from prosa import leases
from prosa.ai.context import PromptMessage
from prosa.ai.usage import CallUsage, Purpose
from prosa.clock import Clock
from prosa.conversations.held import HeldConversation, hold
from prosa.conversations.models import AiState
from prosa.database.engine import WriteDb
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import Payload
from prosa.sessions.facts import SessionFacts
from prosa.turns.claimed import ClaimedConversation
from prosa.turns.tools import TurnTools
from prosa.usage import repository as usage_repository
from prosa.usage.repository import NewUsage


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that is about to end.

    Attributes:
        claimed: Its conversation.
        session: The number, as it is now.
        owner: Who holds the lease.
        clock: The time.
        waiting: The contact's messages that it is about.
        unready: Why no model can answer now; None where one can.
        saved_tokens: What the prompt is shorter by than with all messages since the beginning, about.
    """

    claimed: ClaimedConversation
    session: SessionFacts
    owner: str
    clock: Clock
    waiting: Sequence[PromptMessage] = ()
    unready: str | None = None
    saved_tokens: int = 0
    tools: TurnTools | None = None

    @property
    def answered_until(self) -> int:
        """`seq` of the newest of its messages."""
        return max((message.seq for message in self.waiting), default=self.claimed.answered_until)


async def take_hold(turn: Turn, db: WriteDb) -> HeldConversation:
    """Lock the conversation and make sure that the lease is still ours; then nobody can take it before the commit.

    Raises:
        LeaseLostError: Somebody else has the conversation now.
    """
    held = await hold(db, turn.claimed.id)
    if turn.claimed.over or held is None or held.lease_owner != turn.owner or not held.leased(turn.clock()):
        raise leases.LeaseLostError(f"conversation {turn.claimed.id} is no longer held by {turn.owner}")
    return held


def newer(turn: Turn, held: HeldConversation) -> datetime | None:
    """Return when what came since the turn began is due; None where nothing did."""
    return held.due_at if held.due_at != turn.claimed.due_at else None


def release(turn: Turn, held: HeldConversation, state: AiState, reason: str | None = None) -> None:
    """Give the conversation back; due again where something arrived while it was held."""
    held.lease_owner = held.lease_until = None
    held.attempts = 0
    held.ai_forced = False
    if newer(turn, held) is not None:
        held.ai_state, held.ai_reason = AiState.WAITING.value, None
        return
    held.due_at = held.waiting_since = None
    held.ai_state, held.ai_reason = state.value, reason


async def record(
    turn: Turn, calls: Sequence[tuple[Purpose, CallUsage]], message_id: uuid.UUID | None, db: WriteDb
) -> None:
    """Write down what model calls cost, for a message or for none."""
    made = [
        NewUsage(
            user_id=turn.session.user_id,
            session_id=turn.session.session_id,
            conversation_id=turn.claimed.id,
            message_id=message_id,
            purpose=purpose.value,
            provider=used.provider,
            model=used.model,
            input_tokens=used.input_tokens,
            cached_tokens=used.cached_tokens,
            output_tokens=used.output_tokens,
            cost_microusd=used.cost_microusd,
            latency_ms=used.latency_ms,
            saved_tokens=turn.saved_tokens if purpose is Purpose.REPLY else 0,
            created_at=turn.clock(),
        )
        for purpose, used in calls
    ]
    await usage_repository.add(db, *made)


async def announce(turn: Turn, db: WriteDb, *payloads: Payload) -> None:
    """Tell what changed, as events of the number's owner."""
    session = turn.session
    await log.append(db, *(NewEvent(session.user_id, session.session_id, payload) for payload in payloads))
