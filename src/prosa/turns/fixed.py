"""Fixed texts that Prosa sends by itself: the owner's words, not the model's."""

from datetime import datetime

from prosa.conversations.held import HeldConversation
from prosa.conversations.models import Author, ConversationKind
from prosa.database.engine import WriteDb
from prosa.outbox import queue
from prosa.outbox.content import OutboundText
from prosa.sessions.facts import SessionFacts
from prosa.turns.policy.age import too_old
from prosa.turns.policy.hours import closed_since


async def say(db: WriteDb, held: HeldConversation, session: SessionFacts, text: str) -> None:
    """Put a fixed text into the outbox; the held conversation is saved with it."""
    await queue.enqueue(
        db,
        held,
        author=Author.AUTOMATIC,
        content=OutboundText(text),
        user_id=session.user_id,
        sender_jid=session.jid or "",
    )


def closed_notice(
    session: SessionFacts,
    held: HeldConversation,
    *,
    written_at: datetime | None,
    arrived_at: datetime | None,
    now: datetime,
    due_at: datetime | None = None,
) -> str | None:
    """Return what a contact is to hear because business hours are over, and note that it does.

    None where nothing is to be said: it is open, no text is set, the contact has heard it since it closed, the message
    is too old to react to, or it is a group's.

    Args:
        session: The number.
        held: The conversation; the caller saves it.
        written_at: WhatsApp's time of the message.
        arrived_at: As in `too_old`.
        now: The present moment.
        due_at: As in `too_old`.
    """
    text = session.settings.hours.message
    if text is None or held.kind != ConversationKind.CONTACT:
        return None
    since = closed_since(session.settings.hours, now)
    heard = since is not None and held.closed_notice_at is not None and held.closed_notice_at >= since
    if since is None or heard:
        return None
    if too_old(session.settings.turns, written_at, now=now, arrived_at=arrived_at, due_at=due_at):
        return None
    held.closed_notice_at = now
    return text
