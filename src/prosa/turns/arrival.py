"""What an arrived message means for the AI: a turn is due, or the message is left unanswered, and why.

Runs inside the transaction that stores the message (`storing`).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from prosa.conversations.held import HeldConversation
from prosa.conversations.hot import find_message, update_message
from prosa.conversations.identity import Address
from prosa.conversations.models import AiState, Author, ConversationKind
from prosa.conversations.pauses import PausedBy
from prosa.conversations.unread import UNCOUNTED
from prosa.database.engine import WriteDb
from prosa.events.types import AiSkippedPayload, Payload
from prosa.sessions.facts import SessionFacts
from prosa.turns import fixed, takeover
from prosa.turns.policy import SkipReason, decide_on_arrival, due_at
from prosa.turns.policy.audience import speaks_to
from prosa.turns.slots import TurnSlot
from prosa.whatsapp.engine import InboundMessage

TURNS_TOPIC = "turns"
"""Wakes the runner of turns."""

_KEYWORDS = frozenset({SkipReason.STOP_KEYWORD, SkipReason.RESUME_KEYWORD})
_BY_KIND = frozenset({SkipReason.GROUP, SkipReason.STATUS, SkipReason.CHANNEL})
"""Said by the conversation's kind: not worth a mark at each message."""


@dataclass(frozen=True, slots=True)
class Storing:
    """A message to store, and what the decision about it needs.

    Attributes:
        session: The number it came to.
        message: Cleaned by `prosa.conversations.clean`.
        address: Its conversation's.
        now: The present moment.
        unready: Why no model can answer; None where one can.
        auto_download_bytes: Files up to this size are downloaded by themselves.
        undecryptable: Why it could not be read: then a placeholder is stored.
        slot: Room to make its turn at once.
    """

    session: SessionFacts
    message: InboundMessage
    address: Address
    now: datetime
    unready: str | None
    auto_download_bytes: int
    undecryptable: str | None = None
    slot: TurnSlot | None = None

    @property
    def plain(self) -> bool:
        """Whether it is a contact's own message, that changes none before it."""
        message = self.message
        return not (message.from_me or message.edits or message.revokes or message.reacts_to or self.undecryptable)


@dataclass(slots=True)
class Outcome:
    """What is to be told once everything is stored, and what to say then."""

    payloads: list[Payload] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    added: dict[str, Any] | None = None
    files: tuple[str, ...] = ()
    changed: bool = False
    due: bool = False
    """A turn is due, now or later: somebody is to begin it."""


async def decide(
    storing: Storing, db: WriteDb, held: HeldConversation, values: dict[str, Any], outcome: Outcome
) -> None:
    """Say when the AI should look at the message, or why it will not; let a person, or a keyword, stop or resume it."""
    session, now, message = storing.session, storing.now, storing.message
    if message.from_me:
        if values["author"] == Author.PHONE and message.type not in UNCOUNTED:
            outcome.payloads += await takeover.person_wrote(
                db, held, session, by=PausedBy.PHONE, written_at=message.timestamp, now=now
            )
        return
    if storing.undecryptable:
        return
    asked = await takeover.contact_asked(db, held, session, message, now=now)
    if asked is not None:
        outcome.payloads += asked.events
        outcome.says += [asked.says] if asked.says else []
        if asked.skip is not None:
            await _skip(db, held, values, outcome, asked.skip, answering=held.leased(now))
            return
    arrival = decide_on_arrival(
        session, replace(message, edits=None) if message.edits else message, held, now=now, unready=storing.unready,
        addressed=await _addressed(db, held, session, message),
    )  # fmt: skip
    if session.settings.hours.enabled and (arrival.due_in is not None or arrival.skip is SkipReason.OUT_OF_HOURS):
        notice = fixed.closed_notice(session, held, written_at=message.timestamp, arrived_at=now, now=now)
        outcome.says += [notice] if notice else []
    if arrival.due_in is None:
        await _skip(db, held, values, outcome, arrival.skip, answering=held.leased(now))
        return
    _make_due(held, session, now=now)
    if held.kind == ConversationKind.GROUP:
        held.asked_wa_id = values["wa_id"]
    outcome.due = True


def _make_due(held: HeldConversation, session: SessionFacts, *, now: datetime) -> None:
    answering = held.leased(now)
    waiting = held.waiting_since if held.due_at is not None and not answering else None
    due = due_at(session.settings, now=now, waiting_since=waiting)
    if held.attempts and held.due_at is not None and not answering:
        due = max(due, held.due_at)  # a provider that asked for time gets it
    held.due_at = due
    held.waiting_since = waiting or now
    if not answering:
        held.ai_state, held.ai_reason = AiState.WAITING.value, None


async def _skip(
    db: WriteDb,
    held: HeldConversation,
    values: dict[str, Any],
    outcome: Outcome,
    reason: SkipReason | None,
    *,
    answering: bool,
) -> None:
    """Leave a message unanswered; without a reason it is none that anybody would answer.

    While an answer is being made (`answering`) the mark is the message's alone: that turn does not see it, and its end
    says what becomes of the conversation.
    """
    waiting = held.due_at is not None and not answering
    if waiting and reason not in _KEYWORDS:
        return  # the turn that is coming sees this message too
    if not waiting and reason is not None and reason not in _KEYWORDS | _BY_KIND and held.skipped_from is None:
        held.skipped_from = held.answered_until
    alone = not (waiting or answering)
    if alone:
        held.answered_until = values["seq"]
    if reason is None:
        return
    if reason not in _BY_KIND:
        await update_message(db, values["id"], skip_reason=reason.value)
    if alone:
        held.ai_state, held.ai_reason = AiState.SKIPPED.value, reason.value
    outcome.payloads.append(AiSkippedPayload(conversation_id=held.id, reason=reason.value))


async def _addressed(db: WriteDb, held: HeldConversation, session: SessionFacts, message: InboundMessage) -> bool:
    """Return whether a group's message is meant for the number: it mentions it, or quotes one of its messages."""
    if held.kind != ConversationKind.GROUP or session.settings.audience.groups != "mentioned":
        return True
    if speaks_to(session, message):
        return True
    quoted = await find_message(db, held.id, message.quoted_wa_id) if message.quoted_wa_id else None
    return quoted is not None and quoted.from_me
