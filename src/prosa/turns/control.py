"""What a person can do about the AI in a conversation: pause it, resume it, have it try again."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from prosa.auth.caller import Caller
from prosa.clock import Clock, utc_now
from prosa.conversations import queries, skips
from prosa.conversations.facts import conversation_payload
from prosa.conversations.held import HeldConversation, hold, save
from prosa.conversations.models import AiState
from prosa.conversations.pauses import FOREVER, PausedBy, PauseReason, pause, resume
from prosa.database.engine import Database, WriteDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import Payload
from prosa.sessions.facts import Numbers, SessionFacts
from prosa.turns.arrival import TURNS_TOPIC
from prosa.turns.policy import SkipReason, decide_before_sending
from prosa.turns.schemas import PauseRequest
from prosa.turns.takeover import silence

Unready = Callable[[SessionFacts], str | None]

_REMEDIES = {
    SkipReason.AI_OFF: "Switch it on: PATCH /sessions/{id} with settings.ai_enabled.",
    SkipReason.CONVERSATION_OFF: "Switch it on: PATCH /conversations/{id} with ai_enabled.",
    SkipReason.PAUSED: "End the pause or stop: POST /conversations/{id}/resume.",
    SkipReason.IGNORED: "Take the contact off the number's list: settings.audience.ignored.",
    SkipReason.GROUP: "Let the number answer groups: settings.audience.groups.",
    SkipReason.NO_API_KEY: "Add a key: PUT /provider-keys/google; or set PROSA_GEMINI_API_KEY and start Prosa again.",
    SkipReason.LOGGED_OUT: "Link the number again: POST /sessions/{id}/connect.",
}


class TurnControl:
    """Every method takes the caller first, and knows only the caller's conversations."""

    def __init__(
        self,
        database: Database,
        sessions: Numbers,
        *,
        unready: Unready = lambda _: None,
        clock: Clock = utc_now,
    ) -> None:
        """Make the service.

        Args:
            database: Where conversations are.
            sessions: Where numbers are looked up.
            unready: Why no model can answer for a number.
            clock: The time.
        """
        self._database = database
        self._sessions = sessions
        self._unready = unready
        self._clock = clock

    async def pause(self, caller: Caller, conversation_id: uuid.UUID, request: PauseRequest) -> Row[Any]:
        """Silence the AI in a conversation, take back what it has not said yet, and return the conversation.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
            InvalidInputError: The pause would be over already.
        """
        now = self._clock()
        until = _until(request, now)

        async def change(db: WriteDb, held: HeldConversation, session: SessionFacts) -> list[Payload]:
            await silence(db, held, session.user_id)
            event = pause(
                held, until=until, by=PausedBy.PERSON, reason=PauseReason.ASKED, now=now, user_id=caller.user_id,
                note=request.note,
            )  # fmt: skip
            return [event, conversation_payload(held)] if event else []

        return await self._change(caller, conversation_id, change)

    async def resume(self, caller: Caller, conversation_id: uuid.UUID, *, answer_waiting: bool) -> Row[Any]:
        """End a pause, and a stop of the contact's, and return the conversation.

        What came meanwhile stays unanswered, unless the person asks for an answer; either way the AI sees it as
        part of the conversation.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
        """
        now = self._clock()

        async def change(db: WriteDb, held: HeldConversation, session: SessionFacts) -> list[Payload]:
            event = resume(held, now=now, user_id=caller.user_id)
            asked = answer_waiting and self._why_not(session, held, now) is None
            due = asked and await _ask_again(db, held, now=now)
            if event is None and not due:
                return []
            if not due and held.due_at is None and held.ai_reason in {SkipReason.PAUSED, SkipReason.STOP_KEYWORD}:
                held.ai_state, held.ai_reason = AiState.IDLE.value, None
            return [*([event] if event else []), conversation_payload(held)]

        return await self._change(caller, conversation_id, change)

    async def retry(self, caller: Caller, conversation_id: uuid.UUID) -> Row[Any]:
        """Have the AI answer what nobody has answered, now: after it failed, or left messages out.

        Business hours and the messages' age do not matter, since a person asks. A turn that waits for its next try is
        made at once; one that is being made goes on.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
            ConflictError: The AI may not answer here, or there is nothing to answer.
        """
        now = self._clock()

        async def change(db: WriteDb, held: HeldConversation, session: SessionFacts) -> list[Payload]:
            reason = self._why_not(session, held, now)
            if reason is not None:
                raise ConflictError(
                    f"The AI does not answer here now: {reason.value}.",
                    remedy=_REMEDIES.get(reason, "Nothing can be answered here."),
                )
            if held.due_at is not None and held.leased(now):
                return []
            if not await _ask_again(db, held, now=now):
                raise ConflictError(
                    "There is nothing to answer here: the contact has written nothing that nobody answered.",
                    remedy="Write to the contact yourself, or wait for the next message.",
                )
            return [conversation_payload(held)]

        return await self._change(caller, conversation_id, change)

    def _why_not(self, session: SessionFacts, held: HeldConversation, now: datetime) -> SkipReason | None:
        return decide_before_sending(session, held, now=now, unready=self._unready(session))

    async def _change(
        self,
        caller: Caller,
        conversation_id: uuid.UUID,
        change: Callable[[WriteDb, HeldConversation, SessionFacts], Awaitable[list[Payload]]],
    ) -> Row[Any]:
        row = await self._find(caller, conversation_id)
        session = await self._sessions.get(row.session_id)
        if session is None:
            raise _gone()

        async def job(db: WriteDb) -> None:
            held = await hold(db, conversation_id)
            if held is None:
                raise _gone()
            events = await change(db, held, session)
            await save(db, held)
            await log.append(db, *(NewEvent(caller.user_id, held.session_id, event) for event in events))

        await self._database.submit(job)
        return await self._find(caller, conversation_id)

    async def _find(self, caller: Caller, conversation_id: uuid.UUID) -> Row[Any]:
        async with self._database.read() as db:
            row = await queries.find_conversation(db, caller, conversation_id)
        if row is None:
            raise _gone()
        return row


async def _ask_again(db: WriteDb, held: HeldConversation, *, now: datetime) -> bool:
    """Make a turn due now for what nobody has answered; return whether there is anything."""
    begin = held.answered_until if held.skipped_from is None else min(held.skipped_from, held.answered_until)
    if held.due_at is None and not await skips.any_waiting(db, held.id, after=begin):
        return False
    held.answered_until = begin
    held.due_at = now
    held.waiting_since = held.waiting_since or now
    held.attempts = 0
    held.ai_forced = True
    held.ai_failed_at = None
    held.ai_state, held.ai_reason = AiState.WAITING.value, None
    db.wake(TURNS_TOPIC)
    return True


def _until(request: PauseRequest, now: datetime) -> datetime:
    if request.indefinitely:
        return FOREVER
    until = request.until or now + timedelta(minutes=request.minutes or 0)
    if until <= now:
        raise InvalidInputError(
            "The pause would be over already.", fields=[FieldError("body.until", "must be a moment to come", "past")]
        )
    return min(until, FOREVER)


def _gone() -> NotFoundError:
    return NotFoundError("There is no such conversation here.", remedy="GET /conversations lists yours.")
