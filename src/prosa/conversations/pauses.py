"""Why the AI is silent in a conversation: a pause, of people or the AI itself, and beside it the contact's own stop.

The AI speaks only where neither holds, and neither ends the other: a contact takes back its own stop and no more, and a
pause that is over leaves a stop as it was. A person who resumes ends both. The caller holds and saves the conversation.
"""

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from prosa.conversations.held import HeldConversation
from prosa.events.types import ConversationPausedPayload, ConversationResumedPayload

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a pause or stop that lasts until somebody resumes."""


class PausedBy(StrEnum):
    """Who pauses or resumes the AI."""

    PERSON = "person"
    """A person through Prosa: the console or the API."""
    PHONE = "phone"
    """A person on the linked phone or another of its devices."""
    CONTACT = "contact"
    """The contact, by a keyword: in events only, since its stop is no pause."""
    AI = "ai"
    """The AI itself, because a person is needed."""


class PauseReason(StrEnum):
    """Why the AI is paused or resumed."""

    ASKED = "asked"
    """Somebody asked for just that."""
    MESSAGE = "message"
    """A person wrote in the conversation."""
    KEYWORD = "keyword"
    """The contact sent a keyword."""
    HANDED_OVER = "handed_over"
    """The AI handed the conversation to a person."""


class Silences(Protocol):
    """What a conversation says about its silence, wherever it was read."""

    @property
    def ai_paused_until(self) -> datetime | None:
        """Until when the AI is paused."""

    @property
    def ai_stopped_until(self) -> datetime | None:
        """Until when the contact wants no AI."""


def paused(held: Silences, now: datetime) -> bool:
    """Return whether the AI is paused, whatever the contact said."""
    return held.ai_paused_until is not None and held.ai_paused_until > now


def stopped(held: Silences, now: datetime) -> bool:
    """Return whether the contact has stopped the AI, whatever people said."""
    return held.ai_stopped_until is not None and held.ai_stopped_until > now


def silent(held: Silences, now: datetime) -> bool:
    """Return whether the AI is paused or stopped."""
    return paused(held, now) or stopped(held, now)


def pause(
    held: HeldConversation,
    *,
    until: datetime,
    by: PausedBy,
    reason: PauseReason,
    now: datetime,
    user_id: uuid.UUID | None = None,
    note: str | None = None,
) -> ConversationPausedPayload | None:
    """Pause the AI.

    Only a pause that was asked for can end earlier than the present one; every other one prolongs it or does nothing.

    Args:
        held: The conversation.
        until: When it ends; `FOREVER`: when somebody resumes.
        by: Who pauses; not the contact, which stops (`stop`).
        reason: Why.
        now: The present moment.
        user_id: The person, where known.
        note: A person's own words.

    Returns:
        The event to append; None where nothing changed.
    """
    if until <= now:
        return None
    asked = reason is PauseReason.ASKED
    if not asked and paused(held, now) and held.ai_paused_until is not None and until <= held.ai_paused_until:
        return None
    why = f"{reason.value}: {' '.join(note.split())}"[:200] if note and note.strip() else reason.value
    if asked and paused(held, now) and (held.ai_paused_until, held.ai_paused_reason) == (until, why):
        return None
    held.ai_paused_until = until
    held.ai_paused_by = by.value
    held.ai_paused_user_id = user_id
    held.ai_paused_reason = why
    held.ai_paused_at = now
    return ConversationPausedPayload(
        id=held.id, contact_jid=held.contact_jid, by=by.value, user_id=user_id, reason=why, until=until
    )


def stop(held: HeldConversation, *, until: datetime, now: datetime) -> ConversationPausedPayload | None:
    """Stop the AI because the contact wants none; a stop that lasts longer already stays as it is.

    Args:
        held: The conversation.
        until: When it ends; `FOREVER`: when the contact takes it back, or somebody resumes.
        now: The present moment.

    Returns:
        The event to append; None where nothing changed.
    """
    if until <= now or (held.ai_stopped_until is not None and until <= held.ai_stopped_until):
        return None
    held.ai_stopped_until, held.ai_stopped_at = until, now
    by, why = PausedBy.CONTACT.value, PauseReason.KEYWORD.value
    return ConversationPausedPayload(id=held.id, contact_jid=held.contact_jid, by=by, reason=why, until=until)


def take_back_stop(held: HeldConversation, *, now: datetime) -> ConversationResumedPayload | None:
    """End the contact's stop, because the contact says so.

    Returns:
        The event to append; None where the AI was not stopped, or is paused all the same.
    """
    was = stopped(held, now)
    held.ai_stopped_until = None
    return _resumed(held, PausedBy.CONTACT, PauseReason.KEYWORD) if was and not paused(held, now) else None


def end_pause(held: HeldConversation, *, now: datetime, user_id: uuid.UUID) -> ConversationResumedPayload | None:
    """End the pause, and only that, because a person says so. Who made it stays on record.

    Returns:
        The event to append; None where the AI was not paused, or is stopped all the same.
    """
    was = paused(held, now)
    held.ai_paused_until = None
    return _resumed(held, PausedBy.PERSON, PauseReason.ASKED, user_id) if was and not stopped(held, now) else None


def resume(held: HeldConversation, *, now: datetime, user_id: uuid.UUID) -> ConversationResumedPayload | None:
    """End the pause and the contact's stop, because a person says so. Who made the pause stays on record.

    Returns:
        The event to append; None where the AI was neither paused nor stopped.
    """
    was = silent(held, now)
    held.ai_paused_until = held.ai_stopped_until = None
    return _resumed(held, PausedBy.PERSON, PauseReason.ASKED, user_id) if was else None


def _resumed(
    held: HeldConversation, by: PausedBy, reason: PauseReason, user_id: uuid.UUID | None = None
) -> ConversationResumedPayload:
    return ConversationResumedPayload(
        id=held.id, contact_jid=held.contact_jid, by=by.value, user_id=user_id, reason=reason.value
    )
