"""Takeover: what becomes of the AI when a person writes, and when the contact asks for a person.

Everything here runs inside the transaction that stores the message and holds its conversation. A turn that ends later
sees the pause when it takes the conversation to end (`outcome`); what it had put into the outbox before and is not yet
on its way is cancelled here. So the AI speaks before the person or not at all.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import AiState, Author, ConversationKind, MessageStatus
from prosa.conversations.pauses import FOREVER, PausedBy, PauseReason, pause, stop, stopped, take_back_stop
from prosa.database.engine import ReadDb, WriteDb
from prosa.events.types import Payload
from prosa.outbox.cancel import SWITCHED_OFF, TAKEN_OVER, cancel_unsent
from prosa.outbox.schedule import cancel_reminders
from prosa.outbox.sending import unsent
from prosa.sessions.facts import SessionFacts
from prosa.turns.policy import SkipReason, decide_before_sending
from prosa.turns.policy.keywords import Keyword, is_autoreply, keyword
from prosa.turns.policy.phone import looks_like_greeting
from prosa.whatsapp.engine import InboundMessage, MessageType

_m = MESSAGES.c
_UNSAID = (Author.AI.value, Author.AUTOMATIC.value)
_OURS = tuple(author.value for author in (Author.AI, Author.PERSON, Author.PROGRAM, Author.AUTOMATIC, Author.SCHEDULED))
_LAST = 10
"""Messages looked at to recognise a greeting: a chat's first seconds hold fewer."""


async def person_wrote(
    db: WriteDb,
    held: HeldConversation,
    session: SessionFacts,
    *,
    by: PausedBy,
    written_at: datetime,
    now: datetime,
    user_id: uuid.UUID | None = None,
) -> Sequence[Payload]:
    """Let a person speak: pause the AI for a time, take back what it has not said, clear what a person had to see to.

    Args:
        db: The transaction.
        held: The conversation; the caller saves it.
        session: The number.
        by: Who wrote.
        written_at: When. The pause counts from there: a message that the phone sent hours ago pauses nothing now.
        now: The present moment.
        user_id: The person, where known.

    Returns:
        Events to append.
    """
    await silence(db, held, session.user_id, reason=TAKEN_OVER)
    held.skipped_from = None
    held.ai_failed_at = None
    if held.due_at is None and held.ai_state in {AiState.FAILED, AiState.SKIPPED}:
        held.ai_state, held.ai_reason = AiState.IDLE.value, None
    minutes = session.settings.takeover.pause_minutes_after_person
    if not minutes:
        return []
    until = written_at + timedelta(minutes=minutes)
    event = pause(held, until=until, by=by, reason=PauseReason.MESSAGE, now=now, user_id=user_id)
    return [event] if event else []


async def silence(db: WriteDb, held: HeldConversation, owner: uuid.UUID, *, reason: str = SWITCHED_OFF) -> None:
    """Take back what the AI, and Prosa by itself, have in the outbox and is not on its way.

    What those messages answered is unanswered again, and can be asked for.

    Args:
        db: The transaction.
        held: The conversation; the caller saves it.
        owner: The number's owner.
        reason: What the messages say then: a stable code, a colon, and words.
    """
    only = _m.author.in_(_UNSAID)
    unsaid = await cancel_unsent(db, held, author=None, reason=reason, only=only, user_id=owner)
    if not unsaid:
        return
    said = select(func.coalesce(func.max(_m.seq), 0)).where(
        _m.conversation_id == held.id, _m.from_me, _m.seq > 0, _m.status != MessageStatus.CANCELLED.value
    )
    last = int((await db.execute(said)).scalar_one())
    if last > held.answered_until and await _any_answer(db, unsaid):
        # The contact wrote again before what was said last: that was an answer to the message before.
        last = max(0, held.answered_until - 1)
    held.skipped_from = last if held.skipped_from is None else min(last, held.skipped_from)


async def _any_answer(db: WriteDb, ids: Sequence[uuid.UUID]) -> bool:
    """Return whether one of some messages begins an answer: then nothing of that answer was said."""
    return (await db.execute(select(_m.id).where(_m.id.in_(ids), _m.ai.is_not(None)).limit(1))).first() is not None


async def silence_number(db: WriteDb, session_id: str, owner: uuid.UUID) -> None:
    """Take back what the AI has not said yet in all conversations of a number; part of switching it off."""
    mine = (_m.session_id == session_id, _m.author.in_(_UNSAID), unsent(_m.status))
    waiting = select(_m.conversation_id).where(*mine).distinct().order_by(_m.conversation_id)
    for conversation_id in (await db.execute(waiting)).scalars().all():
        held = await hold(db, conversation_id)
        if held is not None:
            await silence(db, held, owner)
            await save(db, held)


async def is_our_own(db: ReadDb, session_id: str, wa_id: str) -> bool:
    """Return whether a message from the number's own account is one that Prosa sent, wherever it was stored.

    Most such copies are one row with ours (same conversation, same id); this finds those that come under another
    address of the contact, before the two addresses are known to be one.
    """
    statement = select(_m.id).where(
        _m.session_id == session_id,
        _m.wa_id == wa_id,
        _m.from_me,
        _m.author.in_(_OURS),
    )
    return (await db.execute(statement.limit(1))).first() is not None


async def phone_author(db: ReadDb, held: HeldConversation, session: SessionFacts, message: InboundMessage) -> Author:
    """Return who wrote a message that came from the phone: a person, or its WhatsApp Business app by itself."""
    settings = session.settings.takeover
    if message.type is MessageType.TEXT and is_autoreply(settings, message.body):
        return Author.AUTOMATIC
    if (
        not settings.detect_phone_greeting
        or message.type is not MessageType.TEXT
        or message.sender_device != 0
        or held.kind != ConversationKind.CONTACT
    ):
        return Author.PHONE
    statement = (
        select(_m.created_at)
        .where(_m.conversation_id == held.id, _m.type != MessageType.REACTION.value)
        .order_by(_m.seq.desc())
        .limit(_LAST)
    )
    times = list((await db.execute(statement)).scalars())
    return Author.AUTOMATIC if looks_like_greeting(message.body, message.timestamp, times) else Author.PHONE


@dataclass(frozen=True, slots=True)
class Asked:
    """A contact's keyword was heeded.

    Attributes:
        events: To append.
        skip: Why the message itself is not answered; None: it is a message like any other from here on.
        says: Fixed text to send.
    """

    events: Sequence[Payload] = ()
    skip: SkipReason | None = None
    says: str | None = None


async def contact_asked(
    db: WriteDb, held: HeldConversation, session: SessionFacts, message: InboundMessage, *, now: datetime
) -> Asked | None:
    """Heed a keyword of a contact; None where the message is none, or there is nothing to stop or resume.

    A stop takes the AI's reminders back in any case: they were set while it spoke, and would come although it is off.
    """
    settings = session.settings.takeover
    if held.kind != ConversationKind.CONTACT or message.type is not MessageType.TEXT:
        return None
    said = keyword(settings, message.body)
    if said is Keyword.STOP:
        await cancel_reminders(db, held, session.user_id)
    if said is None or decide_before_sending(session, held, now=now) not in {None, SkipReason.PAUSED}:
        return None
    if said is Keyword.STOP:
        minutes = settings.stop_minutes
        until = FOREVER if minutes is None else now + timedelta(minutes=minutes)
        told = stop(held, until=until, now=now)
        if told is None:
            return Asked(skip=SkipReason.STOP_KEYWORD)
        await silence(db, held, session.user_id)
        return Asked([told], SkipReason.STOP_KEYWORD, settings.stop_reply)
    if not stopped(held, now):
        return None
    resumed = take_back_stop(held, now=now)
    skip = SkipReason.RESUME_KEYWORD if settings.resume_reply else None
    # A person may have paused the AI: then it is not back, whatever the contact took back.
    return Asked([resumed], skip, settings.resume_reply) if resumed else Asked(skip=skip)
