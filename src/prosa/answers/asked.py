"""The statements about what was asked, and about what is asked often."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Row, Table, and_, case, delete, func, insert, or_, select, update

from prosa.answers.models import AnsweredBy, FrequentQuestion, FrequentSuggestion, SuggestionStatus, Verdict
from prosa.answers.repository import ANSWERS, given_by
from prosa.auth.caller import Caller
from prosa.auth.numbers import mine
from prosa.database.engine import ReadDb, WriteDb
from prosa.ids import new_id

QUESTIONS: Final = cast("Table", FrequentQuestion.__table__)
SUGGESTIONS: Final = cast("Table", FrequentSuggestion.__table__)
_q, _s = QUESTIONS.c, SUGGESTIONS.c

MOST_NEGATIVE = 1_000
"""Questions kept for which no frequent answer is right; the newest."""
MOST_COMPARED = 2_000
"""Suggestions of a number that a new question is compared with; the newest."""
UNLIKE = 0.35
"""Below this likeness to the reply a frequent answer is suspected to be wrong; see `prosa.answers.report`."""


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question to keep; fields as in `prosa.answers.models.FrequentQuestion`."""

    user_id: uuid.UUID
    session_id: str
    conversation_id: uuid.UUID | None
    text: str = field(repr=False)
    key: str
    reply: str = field(repr=False)
    answered_by: AnsweredBy
    created_at: datetime
    cost_microusd: int | None = None
    vector: bytes | None = field(default=None, repr=False)
    model: str | None = None
    answer_id: uuid.UUID | None = None
    passed: bool = False
    score: float | None = None
    margin: float | None = None
    differs: str | None = None
    likeness: float | None = None
    suggestion_id: uuid.UUID | None = None


async def add(db: WriteDb, question: NewQuestion) -> None:
    """Keep a question."""
    values = asdict(question) | {"answered_by": question.answered_by.value}
    await db.execute(insert(QUESTIONS).values(id=new_id(), **values))


async def prune(db: WriteDb, session_id: str, before: datetime) -> None:
    """Forget questions of a number that are older, and open suggestions of which none is left."""
    await db.execute(delete(QUESTIONS).where(_q.session_id == session_id, _q.created_at < before))
    used = select(_q.suggestion_id).where(_q.suggestion_id.is_not(None), _q.session_id == session_id)
    await db.execute(
        delete(SUGGESTIONS).where(
            _s.session_id == session_id, _s.status == SuggestionStatus.OPEN.value, _s.id.not_in(used)
        )
    )


async def groups(db: ReadDb, session_id: str, model: str) -> list[Row[Any]]:
    """Return id and embedding of a number's suggestions that a like question may join."""
    statement = (
        select(_s.id, _s.vector)
        .where(_s.session_id == session_id, _s.model == model, _s.status != SuggestionStatus.APPROVED.value)
        .order_by(_s.id.desc())
        .limit(MOST_COMPARED)
    )
    return list(await db.execute(statement))


async def new_group(
    db: WriteDb, user_id: uuid.UUID, session_id: str, vector: bytes, model: str, *, now: datetime
) -> uuid.UUID:
    """Begin a suggestion with its first question; return its id."""
    suggestion_id = new_id()
    await db.execute(
        insert(SUGGESTIONS).values(
            id=suggestion_id, user_id=user_id, session_id=session_id, status=SuggestionStatus.OPEN.value,
            vector=vector, model=model, created_at=now, updated_at=now,
        )
    )  # fmt: skip
    return suggestion_id


async def negatives(db: ReadDb, user_id: uuid.UUID, session_id: str, model: str) -> list[Row[Any]]:
    """Return text and embedding of questions that no frequent answer is for: judged wrong, or dismissed."""
    statement = (
        select(_q.text, _q.vector)
        .outerjoin(SUGGESTIONS, _s.id == _q.suggestion_id)
        .where(_q.user_id == user_id, _q.session_id == session_id, _q.model == model)
        .where(or_(_q.verdict == Verdict.WRONG.value, _s.status == SuggestionStatus.DISMISSED.value))
        .order_by(_q.id.desc())
        .limit(MOST_NEGATIVE)
    )
    return list(await db.execute(statement))


async def suggestions(
    db: ReadDb, caller: Caller, *, session_id: str | None, status: str, least: int, after: tuple[int, str] | None,
    limit: int,
) -> list[Row[Any]]:  # fmt: skip
    """Return up to `limit` suggestions that at least `least` questions are about, the most asked first."""
    count = func.count(_q.id)
    statement = (
        select(_s.id, _s.session_id, _s.status, _s.answer_id, _s.created_at, count.label("count"),
               func.max(_q.created_at).label("last_asked_at"))
        .join(QUESTIONS, _q.suggestion_id == _s.id)
        .where(mine(_s, caller), _s.status == status)
        .group_by(_s.id, _s.session_id, _s.status, _s.answer_id, _s.created_at)
        .having(count >= least)
        .order_by(count.desc(), _s.id.desc())
        .limit(limit)
    )  # fmt: skip
    if session_id is not None:
        statement = statement.where(_s.session_id == session_id)
    if after is not None:
        number, last = after
        statement = statement.having(or_(count < number, and_(count == number, _s.id < uuid.UUID(last))))
    return list(await db.execute(statement))


async def suggestion(db: ReadDb, caller: Caller, suggestion_id: uuid.UUID) -> Row[Any] | None:
    """Return a suggestion of the caller's."""
    return (await db.execute(select(SUGGESTIONS).where(mine(_s, caller), _s.id == suggestion_id))).first()


async def members(db: ReadDb, suggestion_ids: list[uuid.UUID], *, most: int) -> dict[uuid.UUID, list[Row[Any]]]:
    """Return texts and replies of suggestions' questions, the newest first, up to `most` each."""
    rank = func.row_number().over(partition_by=_q.suggestion_id, order_by=_q.id.desc()).label("rank")
    ranked = (
        select(_q.suggestion_id, _q.text, _q.key, _q.reply, _q.answered_by, rank)
        .where(_q.suggestion_id.in_(suggestion_ids))
        .subquery()
    )
    found: dict[uuid.UUID, list[Row[Any]]] = {suggestion_id: [] for suggestion_id in suggestion_ids}
    for row in await db.execute(select(ranked).where(ranked.c.rank <= most).order_by(ranked.c.rank)):
        found[row.suggestion_id].append(row)
    return found


async def settle(
    db: WriteDb,
    suggestion_id: uuid.UUID,
    status: SuggestionStatus,
    *,
    now: datetime,
    answer_id: uuid.UUID | None = None,
) -> None:
    """Say what became of a suggestion."""
    await db.execute(
        update(SUGGESTIONS)
        .where(_s.id == suggestion_id)
        .values(status=status.value, answer_id=answer_id, updated_at=now)
    )


async def questions(
    db: ReadDb, caller: Caller, *, session_id: str | None, passed: bool | None, after: uuid.UUID | None, limit: int
) -> list[Row[Any]]:
    """Return up to `limit` questions, the newest first, each with the frequent answer that is best for it."""
    columns = [column for column in _q if column.name not in {"vector", "model", "key"}]
    statement = (
        select(*columns, ANSWERS.c.title, ANSWERS.c.answer)
        .outerjoin(ANSWERS, and_(ANSWERS.c.id == _q.answer_id, given_by(caller)))
        .where(mine(_q, caller))
        .order_by(_q.id.desc())
        .limit(limit)
    )
    if session_id is not None:
        statement = statement.where(_q.session_id == session_id)
    if passed is not None:
        statement = statement.where(_q.passed.is_(passed))
    if after is not None:
        statement = statement.where(_q.id < after)
    return list(await db.execute(statement))


async def judge(db: WriteDb, caller: Caller, question_id: uuid.UUID, verdict: Verdict | None) -> str | None:
    """Keep what a person says of the frequent answer to a question; return its number, None where there is none."""
    statement = (
        update(QUESTIONS)
        .where(mine(_q, caller), _q.id == question_id)
        .values(verdict=verdict.value if verdict else None)
        .returning(_q.session_id)
    )
    session_id: str | None = (await db.execute(statement)).scalar_one_or_none()
    return session_id


async def counts(db: ReadDb, caller: Caller, *, session_id: str | None, since: datetime) -> Row[Any]:
    """Return how many questions there were, and how the frequent answers did."""
    hit = and_(_q.passed, _q.answer_id.is_not(None))
    open_ = and_(hit, _q.verdict.is_(None))
    in_shadow = _q.answered_by.in_([AnsweredBy.MODEL.value, AnsweredBy.PERSON.value])

    def total(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    statement = select(
        func.count().label("questions"),
        total(hit).label("hits"),
        total(_q.answered_by == AnsweredBy.APPROVED.value).label("served"),
        total(_q.answered_by == AnsweredBy.EXACT.value).label("exact"),
        total(and_(hit, _q.verdict == Verdict.RIGHT.value)).label("right"),
        total(and_(hit, _q.verdict == Verdict.WRONG.value)).label("wrong"),
        total(and_(open_, in_shadow, _q.likeness.is_not(None))).label("compared"),
        total(and_(open_, in_shadow, _q.likeness < UNLIKE)).label("suspect"),
        func.coalesce(func.sum(case((and_(hit, in_shadow), _q.cost_microusd), else_=0)), 0).label("shadow_cost"),
        func.avg(case((in_shadow, _q.cost_microusd))).label("mean_cost"),
    ).where(mine(_q, caller), _q.created_at >= since)
    if session_id is not None:
        statement = statement.where(_q.session_id == session_id)
    return (await db.execute(statement)).one()


async def by_answer(
    db: ReadDb, caller: Caller, *, session_id: str | None, since: datetime, limit: int
) -> list[Row[Any]]:
    """Return the answers that fitted most questions, and how often each was judged wrong."""
    hits = func.count()
    statement = (
        select(
            ANSWERS.c.id,
            ANSWERS.c.title,
            hits.label("hits"),
            func.sum(case((_q.verdict == Verdict.WRONG.value, 1), else_=0)).label("wrong"),
        )
        .join(ANSWERS, and_(ANSWERS.c.id == _q.answer_id, given_by(caller)))
        .where(mine(_q, caller), _q.created_at >= since, _q.passed)
        .group_by(ANSWERS.c.id, ANSWERS.c.title)
        .order_by(hits.desc(), ANSWERS.c.id)
        .limit(limit)
    )
    if session_id is not None:
        statement = statement.where(_q.session_id == session_id)
    return list(await db.execute(statement))
