"""Trying what a number would answer: the same steps as a turn, and nothing is sent, stored or handed over."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from prosa.ai.asking import Answer, AnswerRequest, Answers
from prosa.ai.context import CONTACT, PromptMessage, estimate_tokens, pending, text_of, without_marks
from prosa.ai.failures import AnswerError, OverBudgetError
from prosa.ai.system import documents_found, system_text, turn_facts
from prosa.ai.usage import CallUsage, Purpose
from prosa.auth.caller import Caller
from prosa.auth.keys import KeysOf, no_keys
from prosa.clock import Clock, utc_now
from prosa.conversations.models import Author, ConversationKind
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.errors import ConflictError, NotFoundError, ProsaError, UnavailableError
from prosa.outbox import bubbles
from prosa.sessions.facts import Numbers, SessionFacts
from prosa.tools.service import ToolService
from prosa.turns.asking import Background, informed, request_of
from prosa.turns.budget import Budgets, BudgetUsedUpError
from prosa.turns.knowing import Knowing, with_sources
from prosa.turns.ready import ReadyAnswers
from prosa.turns.schemas import PromptPart, TriedAnswer, TryRequest
from prosa.turns.tools import TurnTools
from prosa.usage import repository as usage_repository
from prosa.usage.repository import NewUsage

TRY_SECONDS = 120.0
"""Longest wait: a call of the model and some of its tools."""


@dataclass(frozen=True, slots=True)
class _Tried:
    answer: Answer
    request: AnswerRequest
    tools: TurnTools


class Playground:
    """Every method takes the caller first, and knows only the caller's numbers."""

    def __init__(
        self,
        database: Database,
        numbers: Numbers,
        answers: Answers,
        tools: ToolService,
        *,
        ready: ReadyAnswers | None = None,
        knowing: Knowing | None = None,
        budgets: Budgets | None = None,
        clock: Clock = utc_now,
        keys_of: KeysOf = no_keys,
        seconds: float = TRY_SECONDS,
    ) -> None:
        """Make the service.

        Args:
            database: Where the cost is written down.
            numbers: Where numbers are looked up.
            answers: Asks the model.
            tools: Knows the owner's tools.
            ready: Has answers that need no model.
            knowing: Finds the owner's knowledge.
            budgets: Adds up what was spent; its own where left out.
            clock: The time.
            keys_of: The keys of a number's owner.
            seconds: Longest wait for an answer.
        """
        self._seconds = seconds
        self._keys_of = keys_of
        self._database = database
        self._numbers = numbers
        self._answers = answers
        self._tools = tools
        self._ready = ready
        self._knowing = knowing
        self._budgets = budgets or Budgets(database, clock)
        self._clock = clock

    async def attempt(self, caller: Caller, session_id: str, body: TryRequest) -> TriedAnswer:
        """Return what a number would answer, and how that comes about.

        Raises:
            NotFoundError: The number is not the caller's.
            BudgetUsedUpError: A model would have to be asked, and nothing more may be spent.
            InvalidInputError: The settings do not go together.
            ConflictError: No answer can be had with these settings.
            UnavailableError: No answer can be had now.
        """
        session = await self._numbers.get(session_id)
        if session is None or not caller.has(session.user_id, session.session_id):
            raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")
        if body.settings is not None:
            session = replace(session, settings=session.settings.changed(body.settings))
        answered: list[CallUsage] = []
        try:
            async with asyncio.timeout(self._seconds):
                tried = await self._make(session, body, answered.append)
        except AnswerError as error:
            await self._book(session, [used for _, used in error.paid])
            if isinstance(error, OverBudgetError):
                raise BudgetUsedUpError(
                    "This prompt and an answer to it would be more than one call may use.",
                    remedy="Raise settings.budget.reply_tokens or reply_usd, or try fewer words.",
                ) from error
            raise _refusal(error) from error
        except TimeoutError:
            await self._book(session, answered)
            raise UnavailableError("The answer took too long.", remedy="Try again.") from None
        await self._book(session, [used for _, used in tried.answer.calls])
        return _shown(session, tried)

    async def _make(self, session: SessionFacts, body: TryRequest, on_call: Callable[[CallUsage], None]) -> _Tried:
        messages, settings = _messages(body), session.settings
        answered_until = max((message.seq for message in messages if message.ours), default=0)
        waiting = pending(messages, answered_until=answered_until)
        fixed = estimate_tokens(system_text(settings.instructions))
        known = Background(fixed, answered_until, contact_name=body.contact_name)
        keys = self._keys_of(session.user_id)
        request = request_of(session, messages, known, now=self._clock(), keys=keys)
        specs = await self._tools.of_number(session.session_id) if body.use_tools else ()
        tools = TurnTools(settings.abilities, specs, self._tools, self._clock(), group=False)
        asked = self._ready.asked(session, request, waiting, ConversationKind.CONTACT) if self._ready else None
        if asked and self._ready and (found := await self._ready.find(asked)) is not None:
            return _Tried(found, request, tools)
        if (limit := await self._budgets.used_up(session)) is not None:
            whose = "your numbers together" if limit.scope.session_id is None else "this number"
            raise BudgetUsedUpError(f"What {whose} may spend this month is used up, so no model is asked.")
        request = await informed(session, request, waiting, ready=self._ready, knowing=self._knowing)
        answer = await self._answers.answer(replace(request, tools=tools, on_call=on_call))
        return _Tried(with_sources(request, answer, waiting), request, tools)

    async def _book(self, session: SessionFacts, calls: Sequence[CallUsage]) -> None:
        if calls:
            await self._database.submit(partial(_write_cost, session, calls, self._clock()))
            await self._budgets.spent(session, None, [(Purpose.TRY, used) for used in calls])


def _refusal(error: AnswerError) -> ProsaError:
    """Return why there is no answer, under the code by which conversations tell it too."""
    remedy = error.message.partition(". ")[2] or None
    failure = UnavailableError if error.temporary else ConflictError
    refusal = failure(error.message, remedy=remedy, retry_after=error.retry_after)
    refusal.code = error.code
    return refusal


async def _write_cost(session: SessionFacts, calls: Sequence[CallUsage], now: datetime, db: WriteDb) -> None:
    rows = [
        NewUsage(
            user_id=session.user_id,
            session_id=session.session_id,
            conversation_id=None,
            message_id=None,
            purpose=Purpose.TRY.value,
            created_at=now,
            **asdict(used),
        )
        for used in calls
    ]
    await usage_repository.add(db, *rows)


def _messages(body: TryRequest) -> list[PromptMessage]:
    messages = []
    for seq, said in enumerate(body.messages, 1):
        ours = said.author == "us"
        text = text_of("text", said.text if ours else without_marks(said.text)) or ""
        messages.append(PromptMessage(seq, Author.AI.value if ours else CONTACT, text, asks=not ours))
    return messages


def _shown(session: SessionFacts, tried: _Tried) -> TriedAnswer:
    sending, answer = session.settings.sending, tried.answer
    texts = [answer.text]
    if sending.split:
        texts = bubbles.split(answer.text, most_chars=sending.bubble_chars, most_bubbles=sending.most_bubbles)
    return TriedAnswer(
        text=answer.text,
        bubbles=texts,
        ai=answer.facts(),
        prompt=_parts(tried.request) if answer.calls else [],
        handed_over=tried.tools.handed_over,
    )


def _parts(request: AnswerRequest) -> list[PromptPart]:
    parts = [("system", system_text(request.instructions, request.knowledge, request.index))]
    parts += [("us" if message.ours else "contact", message.text) for message in request.messages]
    if request.passages:
        parts.append(("knowledge", documents_found(request.passages)))
    parts.append(("facts", turn_facts(request.now, request.contact_name)))
    return [PromptPart(part=part, text=text, tokens=estimate_tokens(text)) for part, text in parts]
