"""How a turn ends: each end is one transaction, made only while the conversation is still ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Table, select

from prosa import leases
from prosa.ai.asking import Answer
from prosa.ai.failures import AnswerError
from prosa.conversations import skips
from prosa.conversations.facts import conversation_payload
from prosa.conversations.held import HeldConversation, save
from prosa.conversations.models import AiState, ConversationKind, Message
from prosa.conversations.pauses import PauseReason
from prosa.conversations.unread import count, mark_read
from prosa.database.base import Base
from prosa.database.engine import WriteDb
from prosa.events.types import AiFailedPayload, AiRepliedPayload, AiSkippedPayload
from prosa.outbox import bubbles, queue
from prosa.outbox.pacing import due_times
from prosa.outbox.queue import EnqueuedMessage
from prosa.outbox.sending import SendSlot
from prosa.turns import fixed
from prosa.turns.ending import Turn, announce, newer, record, release, take_hold
from prosa.turns.files import keep_notes
from prosa.turns.policy import SkipReason, decide_before_sending
from prosa.turns.tools import carry_out, note_calls
from prosa.usage import budgets as usage_budgets
from prosa.usage.budgets import Scope

MOST_RESTARTS = 3
"""Answers in a row that may be dropped because the contact had written again: who never stops gets one all the same."""
BACKOFF_SECONDS = 2.0
BACKOFF_CEILING_SECONDS = 120.0

_MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = _MESSAGES.c


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer is in the outbox.

    Attributes:
        messages: It, in order, with their texts.
        version: The conversation's, after them.
        waits: The first of them is not due yet.
    """

    messages: Sequence[tuple[EnqueuedMessage, str]]
    version: int
    waits: bool


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The contact wrote again while the answer was made, which is dropped: the next turn answers everything.

    Attributes:
        times: How many answers in a row were dropped so.
    """

    times: int


async def answered(
    turn: Turn, answer: Answer, spent: float, db: WriteDb, *, slot: SendSlot | None = None
) -> Answered | SkipReason | Overtaken:
    """Put an answer into the outbox, and mark what it answers; or drop it where it is no longer wanted.

    Args:
        turn: That ends.
        answer: What to say.
        spent: Seconds for which the contact saw "typing…".
        db: The transaction.
        slot: Room to send it as soon as it is stored.

    Raises:
        LeaseLostError: Somebody else has the conversation now; the answer is dropped.
    """
    held = await take_hold(turn, db)
    await note_calls(db, turn.session.session_id, held, turn.tools)
    skip = await _unwanted(turn, held, db)
    if skip is not None:
        await record(turn, answer.calls, None, db)
        await _skip(turn, skip, held, db)
        return skip
    if _overtaken(turn, held):
        return await _restart(turn, answer, held, db)
    if held.skipped_from is not None:
        await skips.unmark(db, held.id, after=turn.claimed.answered_until, until=turn.answered_until)
    # A group is for its people to read: most of it was not meant for us.
    if turn.session.settings.mark_read and held.kind == ConversationKind.CONTACT:
        unread = await count(db, held.id, after=turn.answered_until) if held.last_seq > turn.answered_until else 0
        mark_read(held, until=turn.answered_until, unread=unread)
    held.answered_until = max(held.answered_until, turn.answered_until)
    held.ai_failed_at, held.ai_overtaken = None, 0
    left_out = await _left_out(turn, held, db)
    held.skipped_from = held.answered_until if left_out else None
    release(turn, held, AiState.SKIPPED if left_out else AiState.IDLE, left_out)
    if answer.notes:
        held.version += 1  # earlier messages read differently now
    facts, now, sending = answer.facts(), turn.clock(), turn.session.settings.sending
    handed = await carry_out(db, held, turn.tools, user_id=turn.session.user_id, now=now)
    texts = [answer.text]
    if sending.split:
        texts = bubbles.split(answer.text, most_chars=sending.bubble_chars, most_bubbles=sending.most_bubbles)
    due = due_times(texts, sending, now=now, spent=spent)
    messages = await queue.enqueue_answer(
        db,
        held,
        texts,
        due=due,
        quoted_wa_id=turn.claimed.asked_wa_id if held.kind == ConversationKind.GROUP else None,
        user_id=turn.session.user_id,
        sender_jid=turn.session.jid or "",
        ai=facts,
        lasting=sending.lasting,
        slot=slot,
        tell=lambda sent: AiRepliedPayload(conversation_id=held.id, message_ids=[m.id for m in sent], **facts),
    )
    await record(turn, answer.calls, messages[0].id, db)
    noted = await keep_notes(db, held.id, answer.notes) if answer.notes else []
    if noted or handed:
        await announce(turn, db, *noted, *handed)
    return Answered(list(zip(messages, texts, strict=True)), held.version, waits=due[0] > now)


async def skipped(turn: Turn, reason: SkipReason, db: WriteDb) -> None:
    """End a turn without an answer, on purpose.

    Raises:
        LeaseLostError: Somebody else has the conversation now.
    """
    held = await take_hold(turn, db)
    if reason is SkipReason.BUDGET:  # a model may have been asked before, and a person have written meanwhile
        reason = await _unwanted(turn, held, db) or reason
    await _skip(turn, reason, held, db)


async def nothing_to_answer(turn: Turn, db: WriteDb) -> None:
    """End a turn that found nothing to answer: what was asked has been deleted, or answered already.

    Raises:
        LeaseLostError: Somebody else has the conversation now.
    """
    held = await take_hold(turn, db)
    release(turn, held, AiState.IDLE)
    held.answered_until = max(held.answered_until, turn.claimed.last_seq)
    await save(db, held)
    await announce(turn, db, conversation_payload(held))


async def failed(turn: Turn, error: AnswerError, db: WriteDb) -> None:
    """End a turn that got no answer: due again later, or given up with a reason that a person sees.

    Giving up tells the contact so, where the number's settings say how; once, until an answer succeeds or a person sees
    to it. Where a person has the conversation by now, nobody is told anything: it is theirs.

    Raises:
        LeaseLostError: Somebody else has the conversation now.
    """
    held = await take_hold(turn, db)
    await note_calls(db, turn.session.session_id, held, turn.tools)
    if error.paid:
        await record(turn, error.paid, None, db)
    settings = turn.session.settings.turns
    tries = turn.claimed.attempts + (1 if error.called else 0)
    last = not error.temporary or tries >= settings.most_tries
    unwanted = await _unwanted(replace(turn, unready=None), held, db) if last else None
    if unwanted is not None:
        await _skip(turn, unwanted, held, db)
        return
    says: str | None = None
    if last:
        says = _give_up(turn, error, held)
    else:
        _try_again(turn, error, held, tries)
    if error.notes:
        held.version += 1  # the next try reads what was heard, and does not pay for it again
    await save(db, held)
    if error.notes:
        await announce(turn, db, *await keep_notes(db, held.id, error.notes))
    if error.called or not error.temporary:
        will_retry = held.due_at is not None and error.temporary
        await announce(
            turn,
            db,
            AiFailedPayload(conversation_id=held.id, reason=error.code, will_retry=will_retry),
            conversation_payload(held),
        )
    if says is not None:
        await fixed.say(db, held, turn.session, says)


def _try_again(turn: Turn, error: AnswerError, held: HeldConversation, tries: int) -> None:
    again, later, forced = _again(turn, error, tries), newer(turn, held), held.ai_forced
    release(turn, held, AiState.WAITING, _reason(error))
    # A message that came meanwhile does not cut the wait short.
    held.due_at = again if later is None else max(again, later)
    held.attempts, held.ai_forced = tries, forced


def _give_up(turn: Turn, error: AnswerError, held: HeldConversation) -> str | None:
    """Mark the conversation as failed; return what to tell the contact."""
    later, first = newer(turn, held), _first_failure(held)
    release(turn, held, AiState.FAILED, _reason(error))
    if held.skipped_from is None:
        held.skipped_from = held.answered_until
    if not error.temporary:
        # Asking the same again would end the same way.
        held.answered_until = max(held.answered_until, turn.answered_until)
    elif later is not None:
        return None  # the turn that is due asks for these messages once more
    held.ai_failed_at = held.ai_failed_at or turn.clock()
    return turn.session.settings.turns.failure_message if first else None


def _reason(error: AnswerError) -> str:
    return f"{error.code}: {error.message}"[:200]


def _again(turn: Turn, error: AnswerError, tries: int) -> datetime:
    wait = leases.backoff(tries - 1, base=2 * BACKOFF_SECONDS, ceiling=BACKOFF_CEILING_SECONDS)
    if error.retry_after is not None:
        # A little later than asked, and not all at the same moment.
        wait = timedelta(seconds=error.retry_after) + leases.backoff(0, base=BACKOFF_SECONDS, ceiling=5)
    return turn.clock() + wait


def _first_failure(held: HeldConversation) -> bool:
    return held.ai_failed_at is None and not held.ai_forced and held.kind == ConversationKind.CONTACT


async def _unwanted(turn: Turn, held: HeldConversation, db: WriteDb) -> SkipReason | None:
    """Return why Prosa is to say nothing at the end of a turn that began while it might; None where it may."""
    skip = decide_before_sending(turn.session, held, now=turn.clock(), unready=turn.unready)
    if skip is None and await _person_wrote(turn, held, db):
        return SkipReason.ANSWERED_BY_PERSON
    return skip


async def _person_wrote(turn: Turn, held: HeldConversation, db: WriteDb) -> bool:
    """Whether a person wrote while the answer was made: then they are talking, and the AI keeps quiet."""
    if held.last_seq == turn.claimed.last_seq:
        return False
    statement = (
        select(_m.id)
        .where(
            _m.conversation_id == held.id,
            _m.seq > turn.claimed.last_seq,
            _m.author.in_(skips.PEOPLE),
            _m.type != "reaction",
        )
        .limit(1)
    )
    return (await db.execute(statement)).first() is not None


async def _skip(turn: Turn, reason: SkipReason, held: HeldConversation, db: WriteDb) -> None:
    before, until = held.answered_until, max(held.answered_until, turn.claimed.last_seq)
    if reason is not SkipReason.ANSWERED_BY_PERSON:
        skipped = await skips.mark_skipped(db, held.id, reason.value, after=before, until=until)
        if skipped and held.skipped_from is None:
            held.skipped_from = before
        if not skipped and reason is SkipReason.PAUSED and held.ai_paused_reason == PauseReason.MESSAGE:
            reason = SkipReason.ANSWERED_BY_PERSON  # whose message is what paused it
    says = None
    if reason is SkipReason.OUT_OF_HOURS:
        says = fixed.closed_notice(
            turn.session, held, written_at=held.last_inbound_at, arrived_at=turn.claimed.waiting_since,
            now=turn.clock(), due_at=turn.claimed.due_at,
        )  # fmt: skip
    if reason is SkipReason.BUDGET and held.kind == ConversationKind.CONTACT:
        says = turn.session.settings.budget.message
        scope, month = Scope(turn.session.user_id, turn.session.session_id, held.id), f"{turn.clock():%Y-%m}"
        says = says if says is not None and await usage_budgets.mark(db, scope, month, "message") else None
    held.ai_overtaken = 0
    release(turn, held, AiState.SKIPPED, reason.value)
    held.answered_until = until
    await save(db, held)
    event = AiSkippedPayload(conversation_id=held.id, reason=reason.value)
    await announce(turn, db, event, conversation_payload(held))
    if says is not None:
        await fixed.say(db, held, turn.session, says)


async def _left_out(turn: Turn, held: HeldConversation, db: WriteDb) -> str | None:
    """Return why the newest message was left unanswered that came while the answer was made; None where none was."""
    if held.skipped_from is None or held.last_seq == turn.claimed.last_seq:
        return None
    return await skips.last_reason(db, held.id, after=turn.claimed.last_seq)


def _overtaken(turn: Turn, held: HeldConversation) -> bool:
    """Whether something arrived that the answer does not cover, and the number wants one answer to all of it."""
    arrived = newer(turn, held) is not None
    wanted = turn.session.settings.turns.when_overtaken == "restart"
    return arrived and wanted and held.ai_overtaken < MOST_RESTARTS


async def _restart(turn: Turn, answer: Answer, held: HeldConversation, db: WriteDb) -> Overtaken:
    """Drop an answer, at its cost; the turn that is due covers its messages too."""
    await record(turn, answer.calls, None, db)
    forced = held.ai_forced
    release(turn, held, AiState.WAITING)
    held.ai_forced = forced
    held.ai_overtaken += 1
    await save(db, held)
    await announce(turn, db, conversation_payload(held))
    return Overtaken(held.ai_overtaken)
