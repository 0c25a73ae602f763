"""What a turn has before a model is asked: a frequent answer, or an answer given before to the same words.

All of it is off unless the number's settings say otherwise, and costs nothing then. Whatever goes wrong here is logged,
and the model answers.
"""

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Table, select

from prosa.ai.asking import Answer, AnswerRequest
from prosa.ai.context import PromptMessage
from prosa.ai.parts import Source, Tier
from prosa.ai.usage import Purpose
from prosa.answers.asked import NewQuestion
from prosa.answers.eligible import reusable, unfit
from prosa.answers.index import AnswerIndex, Found, Number
from prosa.answers.learning import Learning
from prosa.answers.models import AnsweredBy
from prosa.answers.repository import key_of
from prosa.answers.text import digest, normalised
from prosa.cache import Cache
from prosa.clock import Clock, utc_now
from prosa.conversations.models import ConversationKind, Message
from prosa.database import Database, WriteDb
from prosa.database.base import Base
from prosa.embeddings import Embedded, Embedder, EmbeddingError
from prosa.knowledge.index import Shelf
from prosa.sessions.facts import SessionFacts
from prosa.turns.budget import Budgets
from prosa.turns.ending import Turn
from prosa.usage import repository as usage_repository
from prosa.usage.budgets import Scope
from prosa.usage.repository import NewUsage

logger = structlog.get_logger("prosa.turns")

PLACE = "frequent answer"
"""Where an approved answer's source is."""
MOST_LEARNING = 64
"""Questions being kept at the same time; more are let go, since keeping them must never slow answers down."""

_MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = _MESSAGES.c


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that stands alone.

    Attributes:
        session: The number it was asked.
        message: It.
        request: What the model would be asked.
        conversation_id: Where it was asked; None where it is only tried.
    """

    session: SessionFacts
    message: PromptMessage
    request: AnswerRequest
    conversation_id: uuid.UUID | None = None

    @property
    def text(self) -> str:
        """Its words."""
        return self.message.text

    @property
    def alone(self) -> bool:
        """Whether the model is told nothing of the conversation but it."""
        return not self.request.summary and all(message.seq >= self.message.seq for message in self.request.messages)

    @property
    def number(self) -> Number:
        """What its frequent answers are found by."""
        return _number(self.session)

    @property
    def key(self) -> str:
        """Under what an answer to the same words is kept: the words, and all that the answer was made of."""
        r = self.request
        versions = (self.session.knowledge_version, self.session.answers_version)
        made_of = [r.instructions, r.model or "", str(r.max_tokens), *map(str, versions)]
        return f"exact:{self.session.session_id}:{digest(str(self.session.user_id), *made_of, normalised(self.text))}"


class ReadyAnswers:
    """Finds answers that are ready, and learns from those that were made."""

    def __init__(
        self, database: Database, cache: Cache, index: AnswerIndex, learning: Learning, *, clock: Clock = utc_now
    ) -> None:
        """Make it.

        Args:
            database: Where messages are.
            cache: Where answers to the same words are kept, for a time.
            index: Finds frequent answers.
            learning: Keeps what is asked.
            clock: The time.
        """
        self._database = database
        self._cache = cache
        self._index = index
        self._learning = learning
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def asked(
        self,
        session: SessionFacts,
        request: AnswerRequest,
        waiting: Sequence[PromptMessage],
        kind: str,
        conversation_id: uuid.UUID | None = None,
    ) -> Asked | None:
        """Return the question of a turn, where a store may answer it; None where it is off, or only the model may.

        Args:
            session: The number.
            request: What the model would be asked.
            waiting: The messages that are to be answered; they are the request's last.
            kind: A `ConversationKind`.
            conversation_id: Where they were written; None where they are only tried.
        """
        chosen = session.settings.frequent
        if (chosen.mode == "off" and not chosen.exact_minutes) or len(waiting) != 1:
            return None
        if kind != ConversationKind.CONTACT or request.attachments:
            return None
        asked = Asked(session, waiting[0], request, conversation_id)
        before = [message for message in request.messages if message.seq < waiting[0].seq]
        said = before[-1].text if before and before[-1].ours else ""
        return None if unfit(asked.text, first=asked.alone, before=said) else asked

    async def find(self, asked: Asked | None) -> Answer | None:
        """Return an answer that is ready, or None."""
        if asked is None:
            return None
        try:
            answer = await self._said_before(asked) or await self._approved(asked)
            return None if answer is None or await self._quotes(asked) else answer
        except Exception:
            logger.exception("no frequent answer could be looked for", session=asked.session.session_id)
        return None

    def informed(self, session: SessionFacts, request: AnswerRequest) -> AnswerRequest:
        """Return the request with the number's frequent answers, so that the model says what its owner approved."""
        if session.settings.frequent.mode == "off" or not session.answers_version:
            return request
        return replace(request, index=self._index.told(_number(session)))

    def learn(self, asked: Asked | None, turn: Turn, answer: Answer) -> None:
        """Keep what was asked and answered, in the background, after the answer is on its way."""
        if asked is None or answer.tier is Tier.FALLBACK:
            return
        if asked.session.settings.frequent.mode != "off" and len(self._tasks) < MOST_LEARNING:
            self._do(self._keep(asked, turn, answer))
        if asked.session.settings.frequent.exact_minutes and answer.tier is Tier.MODEL:
            self._do(self._keep_exact(asked, answer))

    async def start(self) -> None:
        """Do nothing: what is needed is loaded when it is needed."""

    async def stop(self) -> None:
        """Drop what is being kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _approved(self, asked: Asked) -> Answer | None:
        chosen = asked.session.settings.frequent
        found = await self._index.find(asked.number, asked.text) if chosen.mode == "on" else None
        match = found.match if found is not None else None
        if found is None or match is None or not match.passes(threshold=chosen.threshold, margin=chosen.margin):
            return None
        return Answer(found.answer, tier=Tier.APPROVED, sources=(Source(str(match.answer), found.title, PLACE),))

    async def _quotes(self, asked: Asked) -> bool:
        """Return whether the question quotes a message, and so means more than its words; asked only before a hit."""
        if asked.conversation_id is None:
            return False
        statement = select(_m.quoted_wa_id).where(
            _m.conversation_id == asked.conversation_id, _m.seq == asked.message.seq
        )
        async with self._database.read() as db:
            return (await db.execute(statement)).scalar_one_or_none() is not None

    async def _said_before(self, asked: Asked) -> Answer | None:
        if not asked.session.settings.frequent.exact_minutes:
            return None
        kept = await self._cache.get(asked.key)
        if not isinstance(kept, dict) or not isinstance(kept.get("text"), str):
            return None
        return Answer(kept["text"], tier=Tier.EXACT, sources=tuple(Source(**source) for source in kept["sources"]))

    async def _keep_exact(self, asked: Asked, answer: Answer) -> None:
        if answer.truncated or answer.tools or not reusable(answer.text, contact_name=asked.request.contact_name):
            return
        if not asked.alone:
            return  # what this contact said before may be in it, and is nobody else's business
        if await self._quotes(asked):
            return
        sources = [{"id": source.id, "title": source.title, "place": source.place} for source in answer.sources]
        seconds = asked.session.settings.frequent.exact_minutes * 60.0
        await self._cache.set(asked.key, {"text": answer.text, "sources": sources}, seconds)

    async def _keep(self, asked: Asked, turn: Turn, answer: Answer) -> None:
        if await self._quotes(asked):
            return
        chosen = asked.session.settings.frequent
        found = await self._index.find(asked.number, asked.text) or Found()
        by = {Tier.EXACT: AnsweredBy.EXACT, Tier.APPROVED: AnsweredBy.APPROVED}.get(answer.tier, AnsweredBy.MODEL)
        passed = found.match is not None and found.match.passes(threshold=chosen.threshold, margin=chosen.margin)
        question = NewQuestion(
            user_id=asked.session.user_id,
            session_id=asked.session.session_id,
            conversation_id=turn.claimed.id,
            text=asked.text,
            key=key_of(asked.text),
            reply=answer.text,
            answered_by=by,
            created_at=self._clock(),
            cost_microusd=answer.facts()["cost_microusd"] if by is AnsweredBy.MODEL else None,
        )
        await self._learning.keep(asked.number, question, found, passed=passed)

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(job), name="answers-learn")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _number(session: SessionFacts) -> Number:
    maker = session.settings.frequent.embeddings
    return Number(session.session_id, session.user_id, session.answers_version, maker)


class MatchCosts:
    """Records what a provider billed for comparing meanings."""

    def __init__(self, database: Database, budgets: Budgets, clock: Clock = utc_now) -> None:
        self._database = database
        self._budgets = budgets
        self._clock = clock

    async def __call__(self, number: Number | Shelf, embedder: Embedder, embedded: Embedded) -> None:
        """Record one call."""
        call = NewUsage(
            user_id=number.user_id,
            session_id=number.session_id,
            conversation_id=None,
            message_id=None,
            purpose=Purpose.ANSWER_MATCH,
            provider=embedder.provider,
            model=embedder.name,
            input_tokens=embedded.input_tokens,
            cached_tokens=0,
            output_tokens=0,
            cost_microusd=embedded.cost_microusd,
            latency_ms=embedded.latency_ms,
            created_at=self._clock(),
        )
        await self._database.submit(partial(_record, call))
        scope = Scope(number.user_id, number.session_id)
        self._budgets.add(scope, tokens=call.input_tokens, microusd=call.cost_microusd or 0)


async def _record(call: NewUsage, db: WriteDb) -> None:
    await usage_repository.add(db, call)


async def _logged(job: Coroutine[Any, Any, None]) -> None:
    try:
        await job
    except EmbeddingError as error:
        logger.warning("a question was not kept", reason=str(error))
    except Exception:
        logger.exception("a question was not kept")
