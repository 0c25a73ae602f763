"""The story of one turn: what the contact asked, the model's answer, and both committed together.

No transaction is open while the model is asked. A crash before the commit repeats the call, never the answer.
"""

import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from prosa.ai.asking import Answer, AnswerRequest, Answers
from prosa.ai.context import PEOPLE, PromptMessage, estimate_tokens, pending
from prosa.ai.failures import AnswerError, OverBudgetError
from prosa.ai.hearing import NOTHING_HEARD, hear
from prosa.ai.parts import Tier
from prosa.ai.system import system_text
from prosa.auth.keys import KeysOf, no_keys
from prosa.clock import Clock, utc_now
from prosa.conversations.models import Author, ConversationKind
from prosa.database import Database
from prosa.database.engine import Place
from prosa.database.outage import patiently
from prosa.outbox.courtesies import Courtesies
from prosa.outbox.sending import SendSlots
from prosa.sessions.facts import Connections, Numbers, SessionFacts
from prosa.tools.service import ToolService
from prosa.turns import outcome
from prosa.turns.asking import Background, informed, request_of
from prosa.turns.budget import Budgets
from prosa.turns.claimed import ClaimedConversation
from prosa.turns.compaction import Compactor, View
from prosa.turns.context import Contexts, Need, prompt_message
from prosa.turns.ending import Turn
from prosa.turns.files import TurnFiles
from prosa.turns.knowing import Knowing, with_sources
from prosa.turns.outcome import Answered, Overtaken
from prosa.turns.policy import SkipReason, decide_before_asking
from prosa.turns.readiness import why_unready
from prosa.turns.ready import Asked, ReadyAnswers
from prosa.turns.tools import TurnTools
from prosa.whatsapp.engine import MessageType

logger = structlog.get_logger("prosa.turns")


class InternalAnswerError(AnswerError):
    """Something in Prosa went wrong while the answer was made; the log says what."""

    code = "internal"
    temporary = True
    default = "Something went wrong inside Prosa while the answer was made. The log says what."


class Replier:
    """Makes turns of claimed conversations."""

    def __init__(
        self,
        database: Database,
        contexts: Contexts,
        answers: Answers,
        numbers: Numbers,
        connections: Connections,
        files: TurnFiles,
        tools: ToolService,
        *,
        owner: str,
        ready: ReadyAnswers | None = None,
        knowing: Knowing | None = None,
        budgets: Budgets | None = None,
        slots: SendSlots | None = None,
        clock: Clock = utc_now,
        keys_of: KeysOf = no_keys,
    ) -> None:
        """Make it.

        Args:
            database: Where turns end.
            contexts: Recent messages.
            answers: Asks the model.
            numbers: Where numbers are looked up.
            connections: Numbers that are online in this process; the others' contacts see no "typing…".
            files: Fetches the files that a turn is about.
            tools: What the model may use while it answers.
            owner: Who claims the conversations.
            ready: Has answers that need no model.
            knowing: Knows the numbers' documents.
            budgets: Adds up what is spent; its own where left out.
            slots: Room to send answers as soon as they are stored.
            clock: The time.
            keys_of: The keys of a number's owner.
        """
        self.owner = owner
        self.clock = clock
        self._database = database
        self._contexts = contexts
        self._answers = answers
        self._numbers = numbers
        self._courtesies = Courtesies(connections)
        self._files = files
        self._tools = tools
        self._slots = slots
        self.budgets = budgets or Budgets(database, clock)
        self._keys_of = keys_of
        self.compactor = Compactor(database, contexts, answers, keys_of, spent=self.budgets.spent)
        self._ready = ready
        self._knowing = knowing

    async def reply(self, claimed: ClaimedConversation) -> None:
        """Make one turn of a conversation that is claimed, and give it back.

        Raises:
            LeaseLostError: Somebody else has the conversation now; whatever was made is dropped.
        """
        session = await self._number(claimed)
        if session is None:
            claimed.over = True  # the number was erased, and the conversation with it
            return
        settings = session.settings
        unready = why_unready(self._answers, session, self._keys_of)
        turn = Turn(claimed, session, self.owner, self.clock, unready=unready)
        reason = decide_before_asking(session, claimed, now=self.clock(), unready=unready)
        if reason is not None:
            await self._end(turn, partial(outcome.skipped, turn, reason))
            return
        group = claimed.kind == ConversationKind.GROUP
        need = Need(claimed.id, claimed.version, claimed.last_seq, claimed.summarised_until, group)
        messages = await patiently(partial(self._contexts.load, need), what="turn")
        waiting = pending(messages, answered_until=claimed.answered_until)
        if not any(message.asks for message in waiting):
            await self._end(turn, self._why_nothing(turn, messages))
            return
        turn = Turn(claimed, session, self.owner, self.clock, waiting, unready)
        stopped = await self.budgets.stops(session, claimed.id)
        system = estimate_tokens(system_text(settings.instructions))
        view = await self.compactor.view(turn, messages, system, may_ask=not stopped)
        tools = await self._tools_of(turn, group=group)
        turn = replace(turn, saved_tokens=view.saved, tools=tools)
        known = Background(view.fixed, claimed.answered_until, view.summary, claimed.contact_name, group)
        keys = self._keys_of(session.user_id)
        request = request_of(session, view.messages, known, now=self.clock(), keys=keys, tools=tools)
        await self._answer(turn, request, view, stopped=stopped)

    async def most_parallel(self, session_id: str) -> int:
        """Return how many answers of a number may be made at the same time in this process."""
        session = await self._numbers.get(session_id)
        return session.settings.turns.most_parallel if session is not None else 1

    async def fail(self, claimed: ClaimedConversation) -> None:
        """End a turn in which something went wrong that nobody foresaw, so that it is tried again, and not for ever.

        Raises:
            LeaseLostError: Somebody else has the conversation now.
        """
        session = await self._number(claimed)
        if session is not None:
            turn = Turn(claimed, session, self.owner, self.clock)
            await self._end(turn, partial(outcome.failed, turn, InternalAnswerError()))

    async def close(self) -> None:
        """Drop what is still being told to WhatsApp out of courtesy, and summaries in the making."""
        await self.compactor.close()
        await self._courtesies.close()

    async def _answer(self, turn: Turn, request: AnswerRequest, view: View, *, stopped: bool) -> None:
        claimed, began = turn.claimed, time.monotonic()
        log = logger.bind(session=claimed.session_id, conversation=str(claimed.id))
        asked = self._asked(turn, request)
        typing = self._courtesies.typing(turn.session, claimed.contact_jid)
        result: Answered | SkipReason | Overtaken | None = None
        try:
            with typing:
                answer = await self._make(turn, request, asked, stopped=stopped)
            # Settings may have changed meanwhile: whoever switched the AI off wants no answer now.
            turn = await self._anew(turn)
            result = await self._end_with(turn, answer, time.monotonic() - began)
        except OverBudgetError:
            log.info("not answered", reason=SkipReason.BUDGET.value)
            turn = await self._anew(turn)
            await self._end(turn, partial(outcome.skipped, turn, SkipReason.BUDGET))
            return
        except AnswerError as error:
            log.warning("no answer", reason=error.code, attempt=claimed.attempts + 1, retry_after=error.retry_after)
            turn = await self._anew(turn)
            await self._end(turn, partial(outcome.failed, turn, error))
            if error.paid:
                await self.budgets.spent(turn.session, claimed.id, error.paid)
            return
        finally:
            if not (isinstance(result, Answered) and result.waits):
                typing.end()
        sent = await self._remember(claimed.id, result) if isinstance(result, Answered) else ()
        await self.budgets.spent(turn.session, claimed.id, answer.calls)
        if isinstance(result, SkipReason):
            log.info("an answer was no longer wanted", reason=result.value)
            return
        if isinstance(result, Overtaken):
            log.info("an answer was dropped: the contact had written again", times=result.times)
            return
        self.compactor.answered(turn, view, answer, sent)
        self._mark_read(turn)
        if self._ready:
            self._ready.learn(asked, turn, answer)
        log.info("answered", **{name: value for name, value in answer.facts().items() if value})

    def _asked(self, turn: Turn, request: AnswerRequest) -> Asked | None:
        if self._ready is None:
            return None
        return self._ready.asked(turn.session, request, turn.waiting, turn.claimed.kind, turn.claimed.id)

    async def _make(self, turn: Turn, request: AnswerRequest, asked: Asked | None, *, stopped: bool) -> Answer:
        if asked and self._ready and (known := await self._ready.find(asked)) is not None:
            return known
        if stopped:
            raise OverBudgetError(called=False)
        settings = turn.session.settings.understanding
        seen = await self._files.look(turn.claimed.id, turn.waiting, settings, attempts=turn.claimed.attempts)
        if settings.otherwise == "text" and settings.otherwise_text and seen.nothing_else(turn.waiting):
            return Answer(settings.otherwise_text, tier=Tier.FALLBACK)
        heard = NOTHING_HEARD
        if seen.attachments:
            request = replace(request, attachments=seen.attachments)
            if self._knowing and await self._knowing.searches(turn.session):
                heard = await hear(self._answers, request)
        waiting = heard.read(turn.waiting)
        request = await informed(
            turn.session, heard.put_into(request), waiting, ready=self._ready, knowing=self._knowing
        )
        try:
            answer = await self._answers.answer(request)
        except AnswerError as error:
            error.paid, error.notes = (*heard.calls, *error.paid), heard.words
            raise
        return with_sources(request, heard.put_before(answer), waiting)

    async def _tools_of(self, turn: Turn, *, group: bool) -> TurnTools:
        specs = await self._tools.of_number(turn.claimed.session_id)
        return TurnTools(turn.session.settings.abilities, specs, self._tools, self.clock(), group)

    async def _anew(self, turn: Turn) -> Turn:
        session = await self._number(turn.claimed) or turn.session
        unready = why_unready(self._answers, session, self._keys_of)
        return replace(turn, session=session, unready=unready)

    def _why_nothing(self, turn: Turn, messages: Sequence[PromptMessage]) -> Callable[[Any], Coroutine[Any, Any, None]]:
        spoke = max((m.seq for m in messages if m.author in PEOPLE), default=0)
        if any(m.asks and turn.claimed.answered_until < m.seq < spoke for m in messages):
            return partial(outcome.skipped, turn, SkipReason.ANSWERED_BY_PERSON)
        return partial(outcome.nothing_to_answer, turn)

    async def _number(self, claimed: ClaimedConversation) -> SessionFacts | None:
        return await patiently(partial(self._numbers.get, claimed.session_id), what="turn")

    async def _end(self, turn: Turn, job: Callable[[Any], Coroutine[Any, Any, Any]], place: Place = Place.ALONE) -> Any:
        # While the database is away the answer waits, not to be paid for twice; should the lease end meanwhile, the job
        # finds out.
        result = await patiently(partial(self._database.submit, job, place=place), what="turn")
        turn.claimed.over = True
        return result

    async def _end_with(self, turn: Turn, answer: Answer, spent: float) -> Answered | SkipReason | Overtaken:
        """End a turn with its answer, which is sent as soon as it is stored where that can be."""

        async def once() -> Answered | SkipReason | Overtaken:
            slot = self._slots.lend(turn.session) if self._slots is not None else None
            job = partial(outcome.answered, turn, answer, spent, slot=slot)
            try:
                return await self._database.submit(job, place=Place.TOGETHER)
            finally:
                if self._slots is not None and slot is not None:
                    self._slots.take_back(slot)

        result = await patiently(once, what="turn")
        turn.claimed.over = True
        return result

    async def _remember(self, conversation_id: uuid.UUID, result: Answered) -> list[PromptMessage]:
        now = self.clock()
        said = [
            prompt_message(
                seq=sent.seq,
                author=Author.AI.value,
                type_=MessageType.TEXT.value,
                body=text,
                wa_id=sent.wa_id,
                stored_at=now,
            )
            for sent, text in result.messages
        ]
        await self._contexts.remember(conversation_id, result.version, *said)
        return [message for message in said if message is not None]

    def _mark_read(self, turn: Turn) -> None:
        """Send the contact's messages their blue ticks; a group's go without, since each needs its writer's address."""
        wa_ids = [message.wa_id for message in turn.waiting if message.wa_id]
        wanted = turn.session.settings.mark_read and turn.claimed.kind == ConversationKind.CONTACT
        if wa_ids and wanted:
            contact, now = turn.claimed.contact_jid, self.clock()
            self._courtesies.tell(turn.claimed.session_id, lambda number: number.mark_read(contact, wa_ids, now))
