"""The decisions themselves: what an arrived message means, whether to ask the model, whether to send its answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from prosa.conversations.models import ConversationKind
from prosa.conversations.pauses import Silences, silent
from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings.understanding import UnderstandingSettings
from prosa.sessions.state import SessionStatus
from prosa.turns.policy.age import too_old
from prosa.turns.policy.audience import is_ignored
from prosa.turns.policy.files import understood
from prosa.turns.policy.hours import is_open
from prosa.turns.policy.reasons import SkipReason
from prosa.whatsapp.engine import InboundMessage, MessageType

_NEVER = {ConversationKind.STATUS: SkipReason.STATUS, ConversationKind.CHANNEL: SkipReason.CHANNEL}

_SILENT = frozenset({MessageType.REACTION, MessageType.SYSTEM, MessageType.UNKNOWN})
"""Nothing that wants an answer: not even worth saying that there is none."""


class AiSwitches(Silences, Protocol):
    """What a conversation says about its answers."""

    @property
    def kind(self) -> str:
        """A `ConversationKind`."""

    @property
    def contact_jid(self) -> str:
        """The address that messages go to."""

    @property
    def contact_lid(self) -> str | None:
        """The contact's other address."""

    @property
    def ai_enabled(self) -> bool:
        """Whether the AI answers here."""


class Waiting(AiSwitches, Protocol):
    """What a conversation says about the messages that wait in it."""

    @property
    def last_inbound_at(self) -> datetime | None:
        """WhatsApp's time of the newest message of the other side."""

    @property
    def waiting_since(self) -> datetime | None:
        """When the first of those messages arrived; None where their turn has been tried before."""

    @property
    def due_at(self) -> datetime | None:
        """When their turn was to be made."""

    @property
    def ai_forced(self) -> bool:
        """Whether a person asked for this answer, at whatever hour and however late."""


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
    """Return whether a contact's message says something: words, or a file or place that may say something by itself."""
    return type_ not in _SILENT and (type_ not in {MessageType.STICKER, MessageType.TEXT} or bool(body.strip()))


def decide_on_arrival(
    session: SessionFacts,
    message: InboundMessage,
    conversation: AiSwitches,
    *,
    now: datetime,
    unready: str | None = None,
    addressed: bool = True,
) -> Arrival:
    """Decide what a message that has just been stored means for the next turn.

    Args:
        session: The number it came to.
        message: The message, as delivered.
        conversation: Where it was stored.
        now: The present moment.
        unready: `AnswerService.unready` of the session's model: why no model can answer.
        addressed: In a group: it mentions the number, or quotes a message of it.
    """
    if message.from_me or message.edits or message.revokes or message.reacts_to or message.type in _SILENT:
        return Arrival()
    skip = decide_before_sending(session, conversation, now=now, unready=unready)
    if conversation.kind == ConversationKind.GROUP and skip is not SkipReason.GROUP:
        if session.settings.audience.groups == "mentioned" and not addressed:
            return Arrival()  # people who talk with each other
        if is_ignored(session.settings.audience.ignored, (message.sender, message.sender_alt)):
            skip = SkipReason.IGNORED
    if skip is None and closed(session, now=now):
        skip = SkipReason.OUT_OF_HOURS
    if skip is not None:
        return Arrival(skip=skip)
    if not wants_answer(message.type, message.body) or not _answerable(session.settings.understanding, message):
        return Arrival(skip=SkipReason.MEDIA_ONLY)
    return Arrival(due_in=session.settings.debounce_seconds)


def decide_before_asking(
    session: SessionFacts, conversation: Waiting, *, now: datetime, unready: str | None = None
) -> SkipReason | None:
    """Decide when a turn begins, before the model is asked: None to go on, else why not."""
    skip = decide_before_sending(session, conversation, now=now, unready=unready)
    if skip is not None or conversation.ai_forced:
        return skip
    arrived_at, due_at = conversation.waiting_since, conversation.due_at
    if too_old(session.settings.turns, conversation.last_inbound_at, now=now, arrived_at=arrived_at, due_at=due_at):
        return SkipReason.TOO_OLD
    return SkipReason.OUT_OF_HOURS if closed(session, now=now) else None


def decide_before_sending(
    session: SessionFacts, conversation: AiSwitches, *, now: datetime, unready: str | None = None
) -> SkipReason | None:
    """Decide again, just before an answer is sent: None to go on, else why not.

    Hours and age count no more: what was begun in time may end a little late.
    """
    kind, settings = ConversationKind(conversation.kind), session.settings
    if kind in _NEVER:
        return _NEVER[kind]
    if kind is ConversationKind.GROUP and settings.audience.groups == "off":
        return SkipReason.GROUP
    if is_ignored(settings.audience.ignored, (conversation.contact_jid, conversation.contact_lid)):
        return SkipReason.IGNORED
    if not settings.ai_enabled:
        return SkipReason.AI_OFF
    if not conversation.ai_enabled:
        return SkipReason.CONVERSATION_OFF
    if silent(conversation, now):
        return SkipReason.PAUSED
    if session.status is SessionStatus.LOGGED_OUT:
        return SkipReason.LOGGED_OUT
    if unready is not None:
        return SkipReason(unready)
    return None


def _answerable(settings: UnderstandingSettings, message: InboundMessage) -> bool:
    """Whether there is anything to say to a message: words, a file that the model takes, or that it does not."""
    if message.body.strip() or settings.otherwise != "silence":
        return True
    file = message.media
    return (
        file is not None
        and understood(settings, message.type, mime_type=file.mime_type, size=file.size, seconds=file.seconds)
        is not None
    )


def closed(session: SessionFacts, *, now: datetime) -> bool:
    """Return whether the AI is silent now because business hours are over."""
    hours = session.settings.hours
    return hours.enabled and hours.outside == "silence" and not is_open(hours, now)
