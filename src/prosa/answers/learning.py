"""What is asked: kept with what the frequent answers have for it, gathered into suggestions, judged and reported."""

import math
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row

from prosa.answers import asked
from prosa.answers.asked import NewQuestion
from prosa.answers.guards import disagreement, facts
from prosa.answers.index import AnswerIndex, Found, Number
from prosa.answers.models import AnsweredBy, SuggestionStatus, Verdict
from prosa.answers.schemas import AnswerCount, FrequentReport, SuggestionApproval, SuggestionView
from prosa.answers.service import FrequentAnswerService, NewAnswer
from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number, raise_version
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.embeddings import EmbeddingError
from prosa.errors import ConflictError, NotFoundError

logger = structlog.get_logger("prosa.answers")

KEPT_DAYS = 90
"""Questions are forgotten after."""
PRUNE_EVERY = 200
"""Questions kept between two times that old ones are forgotten."""
EXAMPLES = 5
MOST_MEMBERS = 50
"""Questions of a suggestion that its title, examples and phrasings come from; the newest."""


class Learning:
    """Keeps questions and makes suggestions of them."""

    def __init__(
        self, database: Database, index: AnswerIndex, answers: FrequentAnswerService, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._index = index
        self._answers = answers
        self._clock = clock
        self._kept = 0

    async def keep(self, number: Number, question: NewQuestion, found: Found, *, passed: bool) -> None:
        """Keep a question that was answered, with what the frequent answers have for it.

        A question that none passes for joins the suggestion of like questions, or begins one.
        """
        vector, model = found.vector, self._index.embedder(number.maker).name
        if vector is None:
            vector = (await self._index.embed(number, [question.text]))[0]
        match = found.match
        question = replace(question, vector=vector, model=model)
        if match is not None:
            question = replace(
                question, answer_id=match.answer, passed=passed, score=match.score, margin=match.margin,
                differs=match.differs,
                likeness=await self._likeness(number, found.answer, question.reply) if passed else None,
            )  # fmt: skip
        group: uuid.UUID | None = None
        if not passed:
            group = await self._group(number, question.text, vector, model)
        await self._database.submit(partial(self._write, question, vector, model, group, gather=not passed))
        self._kept += 1
        if self._kept % PRUNE_EVERY == 0:
            before = self._clock() - timedelta(days=KEPT_DAYS)
            await self._database.submit(partial(asked.prune, session_id=number.session_id, before=before))

    async def suggestions(
        self,
        caller: Caller,
        *,
        session_id: str | None,
        status: SuggestionStatus,
        least: int,
        after: tuple[int, str] | None,
        limit: int,
    ) -> list[SuggestionView]:
        """Return up to `limit` suggestions, the most asked first.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            rows = await asked.suggestions(
                db, caller, session_id=session_id, status=status.value, least=least, after=after, limit=limit
            )
            members = await asked.members(db, [row.id for row in rows], most=MOST_MEMBERS)
        return [_view(row, members[row.id]) for row in rows if members[row.id]]

    async def approve(self, caller: Caller, suggestion_id: uuid.UUID, how: SuggestionApproval) -> uuid.UUID:
        """Make a frequent answer of a suggestion, or add its wordings to one; return that answer's id.

        Raises:
            NotFoundError: There is no such suggestion or answer of the caller's.
            ConflictError: Something became of it already, or there is an answer to this question.
        """
        async with self._database.write() as db:
            row = await self._open(db, caller, suggestion_id)
            members = (await asked.members(db, [suggestion_id], most=MOST_MEMBERS))[suggestion_id]
            if not members:
                raise NotFoundError("The questions of this suggestion have been erased.")
            texts = _wordings(members)
            session_id = None if how.everywhere else row.session_id
            if how.answer_id is not None:
                session_id = (await self._answers.get(caller, how.answer_id)).session_id
                await self._answers.add_texts(db, caller, how.answer_id, texts)
                answer_id = how.answer_id
            else:
                new = NewAnswer(
                    how.title or texts[0], how.answer or _draft(members).reply[:4096], session_id,
                    enabled=how.enabled, phrasings=texts,
                )  # fmt: skip
                answer_id = await self._answers.add(db, caller, new)
            await asked.settle(db, suggestion_id, SuggestionStatus.APPROVED, now=self._clock(), answer_id=answer_id)
            numbers = await raise_version(db, caller.user_id, session_id, "answers_version")
        await self._answers.changed(numbers)
        return answer_id

    async def dismiss(self, caller: Caller, suggestion_id: uuid.UUID) -> None:
        """Say that no frequent answer is wanted for these questions: they are not suggested again, nor matched.

        Raises:
            NotFoundError: There is no such suggestion of the caller's.
            ConflictError: It was approved.
        """
        async with self._database.write() as db:
            row = await self._open(db, caller, suggestion_id)
            await asked.settle(db, suggestion_id, SuggestionStatus.DISMISSED, now=self._clock())
            numbers = await raise_version(db, caller.user_id, row.session_id, "answers_version")
        await self._answers.changed(numbers)

    async def questions(
        self, caller: Caller, *, session_id: str | None, passed: bool | None, after: uuid.UUID | None, limit: int
    ) -> list[Row[Any]]:
        """Return up to `limit` questions, the newest first.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            return await asked.questions(db, caller, session_id=session_id, passed=passed, after=after, limit=limit)

    async def judge(self, caller: Caller, question_id: uuid.UUID, verdict: Verdict | None) -> None:
        """Keep what a person says of the frequent answer to a question.

        Raises:
            NotFoundError: There is no such question of the caller's.
        """
        async with self._database.write() as db:
            session_id = await asked.judge(db, caller, question_id, verdict)
            if session_id is None:
                raise NotFoundError("There is no such question here.")
            numbers = await raise_version(db, caller.user_id, session_id, "answers_version")
        await self._answers.changed(numbers)

    async def report(self, caller: Caller, *, session_id: str | None, days: int) -> FrequentReport:
        """Return what frequent answers did, or would have done.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        since = self._clock() - timedelta(days=days)
        async with self._database.read() as db:
            if session_id is not None:
                await check_number(db, caller, session_id)
            row = await asked.counts(db, caller, session_id=session_id, since=since)
            top = await asked.by_answer(db, caller, session_id=session_id, since=since, limit=20)
        known = int(row.right) + int(row.wrong) + int(row.compared)
        wrong = int(row.wrong) + int(row.suspect)
        # What was served had no answer of the model beside it: the mean of those that had one.
        saved = int(row.shadow_cost) + round((int(row.served) + int(row.exact)) * float(row.mean_cost or 0))
        return FrequentReport(
            days=days,
            questions=row.questions,
            hits=row.hits,
            hit_share=round(row.hits / row.questions, 4) if row.questions else 0.0,
            served=row.served,
            exact=row.exact,
            judged_right=row.right,
            judged_wrong=row.wrong,
            suspect=row.suspect,
            estimated_wrong_share=round(wrong / known, 4) if known else None,
            wrong_share_at_most=round(upper_bound(wrong, known), 4) if known else None,
            saved_microusd=saved,
            by_answer=[AnswerCount.model_validate(one) for one in top],
        )

    async def _open(self, db: WriteDb, caller: Caller, suggestion_id: uuid.UUID) -> Row[Any]:
        row = await asked.suggestion(db, caller, suggestion_id)
        if row is None:
            raise NotFoundError("There is no such suggestion here.")
        if row.status == SuggestionStatus.APPROVED.value:
            raise ConflictError("This suggestion was approved already.", remedy="Change its frequent answer.")
        return row

    async def _group(self, number: Number, text: str, vector: bytes, model: str) -> uuid.UUID | None:
        """Return the suggestion that a question belongs to; None where it begins a new one."""
        nearness = await self._index.nearness(number.maker)
        async with self._database.read() as db:
            rows = await asked.groups(db, number.session_id, model)
            nearest = nearness.nearest(vector, [row.vector for row in rows])
            if nearest is None or nearest[1] < _gathered():
                return None
            row = rows[nearest[0]]
            members = (await asked.members(db, [row.id], most=1))[row.id]
        other = members[0].text if members else text
        return row.id if disagreement(facts(text), facts(other), other.casefold().split()) is None else None

    async def _likeness(self, number: Number, one: str, other: str) -> float | None:
        """Return how like two answers are; None where that cannot be told."""
        try:
            said, known = await self._index.embed(number, [one[:2000], other[:2000]])
            nearness = await self._index.nearness(number.maker)
        except EmbeddingError:
            return None
        return nearness.likeness(said, known)

    async def _write(
        self,
        question: NewQuestion,
        vector: bytes,
        model: str,
        group: uuid.UUID | None,
        db: WriteDb,
        *,
        gather: bool,
    ) -> None:
        if gather and group is None:
            now = self._clock()
            group = await asked.new_group(db, question.user_id, question.session_id, vector, model, now=now)
        await asked.add(db, replace(question, suggestion_id=group))


def upper_bound(wrong: int, of: int, z: float = 1.96) -> float:
    """Return the upper end of the 95 % interval of a share (Wilson 1927)."""
    share = wrong / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return min(1.0, (middle + spread) / (1 + z * z / of))


def _gathered() -> float:
    from prosa.answers.nearness import GATHERED  # noqa: PLC0415 - imports numpy, which is loaded by now

    return GATHERED


def _view(row: Row[Any], members: Sequence[Row[Any]]) -> SuggestionView:
    texts, draft = _wordings(members), _draft(members)
    return SuggestionView(
        id=row.id,
        session_id=row.session_id,
        status=SuggestionStatus(row.status),
        count=row.count,
        title=texts[0],
        examples=texts[:EXAMPLES],
        draft=draft.reply,
        draft_by=AnsweredBy(draft.answered_by),
        last_asked_at=row.last_asked_at,
        answer_id=row.answer_id,
    )


def _wordings(members: Sequence[Row[Any]]) -> list[str]:
    """Return the different wordings, the most used first, then the newest."""
    first: dict[str, str] = {}
    for member in members:
        first.setdefault(member.key, member.text)
    used = Counter(member.key for member in members)
    return [first[key] for key, _ in used.most_common()]


def _draft(members: Sequence[Row[Any]]) -> Row[Any]:
    """Return the newest question that a person answered, else the newest of all."""
    return next((member for member in members if member.answered_by == AnsweredBy.PERSON.value), members[0])
