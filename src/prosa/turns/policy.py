"""Whether and when the AI answers: pure decisions, made when a message arrives, when a turn begins and when it ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from prosa.conversations.models import ConversationKind
from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import InboundMessage, MessageType


class SkipReason(StrEnum):
    """Why inbound messages are not answered, on purpose; stable codes that people and programs see."""

    GROUP = "group"
    STATUS = "status"
    CHANNEL = "channel"
    AI_OFF = "ai_off"
    """Switched off for the number."""
    CONVERSATION_OFF = "conversation_off"
    """Switched off for this conversation."""
    PAUSED = "paused"
    """A person has the conversation, for a time."""
    NO_API_KEY = "no_api_key"
    MEDIA_ONLY = "media_only"
    """A file without words: only words are understood."""
    ANSWERED_BY_PERSON = "answered_by_person"
    """A person wrote in the conversation before the AI did."""
    LOGGED_OUT = "logged_out"
    """The number is no longer linked."""


_KIND_REASONS = {
    ConversationKind.GROUP: SkipReason.GROUP,
    ConversationKind.STATUS: SkipReason.STATUS,
    ConversationKind.CHANNEL: SkipReason.CHANNEL,
}

_SILENT = frozenset({MessageType.REACTION, MessageType.SYSTEM, MessageType.UNKNOWN})
"""Nothing that wants an answer: not even worth saying that there is none."""


class AiSwitches(Protocol):
    """What a conversation says about its answers."""

    @property
    def kind(self) -> str:
        """A `ConversationKind`."""

    @property
    def ai_enabled(self) -> bool:
        """Whether the AI answers here."""

    @property
    def ai_paused_until(self) -> datetime | None:
        """Until when it does not."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a stored message means for the next turn. Neither field is set where it means nothing at all.

    Attributes:
        due_in: Seconds until the turn, unless more messages arrive; see `due_at`.
        skip: The message wants an answer and gets none, for this reason.
    """

    due_in: float | None = None
    skip: SkipReason | None = None


def wants_answer(type_: str, body: str) -> bool:
    """Return whether a contact's message says something that can be understood: words, or a file with words."""
    return type_ not in _SILENT and bool(body.strip())


def decide_on_arrival(
    session: SessionFacts,
    message: InboundMessage,
    conversation: AiSwitches,
    *,
    now: datetime,
    unready: str | None = None,
) -> Arrival:
    """Decide what a message that has just been stored means for the next turn.

    Args:
        session: The number it came to.
        message: The message, as delivered.
        conversation: Where it was stored.
        now: The present moment.
        unready: `AnswerService.unready` of the session's model: why no model can answer.
    """
    if message.from_me or message.edits or message.revokes or message.reacts_to or message.type in _SILENT:
        return Arrival()
    if skip := decide_before_sending(session, conversation, now=now, unready=unready):
        return Arrival(skip=skip)
    if not wants_answer(message.type, message.body):
        return Arrival(skip=SkipReason.MEDIA_ONLY)
    return Arrival(due_in=session.settings.debounce_seconds)


def decide_before_sending(
    session: SessionFacts, conversation: AiSwitches, *, now: datetime, unready: str | None = None
) -> SkipReason | None:
    """Decide again, before the model is asked and before its answer is sent: None to go on, else why not."""
    kind = _KIND_REASONS.get(ConversationKind(conversation.kind))
    if kind is not None:
        return kind
    if not session.settings.ai_enabled:
        return SkipReason.AI_OFF
    if not conversation.ai_enabled:
        return SkipReason.CONVERSATION_OFF
    if conversation.ai_paused_until is not None and conversation.ai_paused_until > now:
        return SkipReason.PAUSED
    if session.status is SessionStatus.LOGGED_OUT:
        return SkipReason.LOGGED_OUT
    if unready is not None:
        return SkipReason(unready)
    return None


def due_at(settings: SessionSettings, *, now: datetime, waiting_since: datetime | None) -> datetime:
    """Return when the turn is due after a message arrived `now`.

    Each message starts the wait anew, so that quick ones in a row get one answer; but the first one never waits longer
    than `debounce_max_seconds`.

    Args:
        settings: The number's.
        now: When the newest message arrived.
        waiting_since: When the first message of the waiting turn arrived; None where none waits.
    """
    quiet = now + timedelta(seconds=settings.debounce_seconds)
    latest = (waiting_since or now) + timedelta(seconds=settings.debounce_max_seconds)
    return max(now, min(quiet, latest))
