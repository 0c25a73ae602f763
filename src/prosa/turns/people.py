"""What people answer to questions that come again: kept like the AI's answers, for the suggestions and the report."""

import asyncio
import uuid
from typing import Any, Final

import structlog
from sqlalchemy import Row, Table, select

from prosa.answers.asked import NewQuestion
from prosa.answers.eligible import unfit
from prosa.answers.index import AnswerIndex, Found, Number
from prosa.answers.learning import Learning
from prosa.answers.models import AnsweredBy
from prosa.answers.repository import key_of
from prosa.clock import Clock, utc_now
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.models import Author, ConversationKind, Message
from prosa.database import Database
from prosa.database.base import Base
from prosa.embeddings import EmbeddingError
from prosa.sessions.facts import SessionFacts
from prosa.turns.policy.phone import typed_by_nobody
from prosa.whatsapp.engine import MessageType

logger = structlog.get_logger("prosa.turns")

MOST_LEARNING = 16
"""Answers being kept at the same time; more are let go."""

_MESSAGES: Final[Table] = Base.metadata.tables[Message.__tablename__]
_m = _MESSAGES.c


class PeopleAnswers:
    """Learns from what people answer, where a number's frequent answers are on or in shadow."""

    def __init__(self, database: Database, index: AnswerIndex, learning: Learning, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._index = index
        self._learning = learning
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def answered(self, session: SessionFacts, conversation_id: uuid.UUID, seq: int) -> None:
        """Take note, in the background, of a text that a person sent.

        Args:
            session: The number.
            conversation_id: Where.
            seq: Of the person's message.
        """
        if session.settings.frequent.mode == "off" or len(self._tasks) >= MOST_LEARNING:
            return
        task = asyncio.create_task(self._logged(session, conversation_id, seq), name="answers-people")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def start(self) -> None:
        """Do nothing: there is nothing to wait for."""

    async def stop(self) -> None:
        """Drop what is being kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _logged(self, session: SessionFacts, conversation_id: uuid.UUID, seq: int) -> None:
        try:
            await self._keep(session, conversation_id, seq)
        except EmbeddingError as error:
            logger.warning("a person's answer was not kept", reason=str(error))
        except Exception:
            logger.exception("a person's answer was not kept")

    async def _keep(self, session: SessionFacts, conversation_id: uuid.UUID, seq: int) -> None:
        said = await self._recent(conversation_id, seq)
        if len(said) < 2 or said[0].seq != seq:
            return
        reply, question = said[0], said[1]
        if reply.author not in {Author.PERSON, Author.PHONE} or reply.type != MessageType.TEXT:
            return
        if reply.author == Author.PHONE and typed_by_nobody(reply.body, reply.created_at - question.created_at):
            return
        before = said[2] if len(said) > 2 else None
        alone = before is None or before.author != Author.CONTACT
        if question.author != Author.CONTACT or question.type != MessageType.TEXT or question.quoted_wa_id or not alone:
            return
        if unfit(question.body, first=before is None, before=(before.body or "") if before is not None else ""):
            return
        chosen = session.settings.frequent
        number = Number(session.session_id, session.user_id, session.answers_version, chosen.embeddings)
        found = await self._index.find(number, question.body) or Found()
        passed = found.match is not None and found.match.passes(threshold=chosen.threshold, margin=chosen.margin)
        kept = NewQuestion(
            user_id=session.user_id,
            session_id=session.session_id,
            conversation_id=conversation_id,
            text=question.body,
            key=key_of(question.body),
            reply=reply.body,
            answered_by=AnsweredBy.PERSON,
            created_at=self._clock(),
        )
        await self._learning.keep(number, kept, found, passed=passed)

    async def _recent(self, conversation_id: uuid.UUID, seq: int) -> list[Row[Any]]:
        """Return the message and the two before it, the newest first; nothing of groups, and nothing automatic.

        A greeting or a notification between a question and its answer is as if it were not there.
        """
        statement = (
            select(_m.seq, _m.author, _m.type, _m.body, _m.quoted_wa_id, _m.created_at)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == _m.conversation_id)
            .where(_m.conversation_id == conversation_id, _m.seq <= seq, _m.revoked_at.is_(None))
            .where(_m.author.not_in((Author.AUTOMATIC.value, Author.PROGRAM.value)))
            .where(CONVERSATIONS.c.kind == ConversationKind.CONTACT.value)
            .order_by(_m.seq.desc())
            .limit(3)
        )
        async with self._database.read() as db:
            return list(await db.execute(statement))
