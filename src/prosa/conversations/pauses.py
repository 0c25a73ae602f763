"""Pauses of the AI in a conversation: who made it, why, until when. The caller holds and saves the conversation."""

import uuid
from datetime import UTC, datetime
from enum import StrEnum

from prosa.conversations.held import HeldConversation
from prosa.events.types import ConversationPausedPayload, ConversationResumedPayload

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a pause that lasts until somebody resumes."""


class PausedBy(StrEnum):
    """Who pauses or resumes the AI."""

    PERSON = "person"
    """A person through Prosa: the console or the API."""
    PHONE = "phone"
    """A person on the linked phone or another of its devices."""
    CONTACT = "contact"
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


def paused(held: HeldConversation, now: datetime) -> bool:
    """Return whether the AI is paused."""
    return held.ai_paused_until is not None and held.ai_paused_until > now


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
        by: Who pauses.
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


def resume(
    held: HeldConversation, *, by: PausedBy, reason: PauseReason, now: datetime, user_id: uuid.UUID | None = None
) -> ConversationResumedPayload | None:
    """End the pause. Who made it stays on record.

    Returns:
        The event to append; None where the AI was not paused.
    """
    was = paused(held, now)
    held.ai_paused_until = None
    if not was:
        return None
    return ConversationResumedPayload(
        id=held.id, contact_jid=held.contact_jid, by=by.value, user_id=user_id, reason=reason.value
    )
