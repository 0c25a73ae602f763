"""REST of frequent answers."""

import asyncio
import io
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, File, Path, Query, Response, UploadFile, status
from fastapi.responses import StreamingResponse

from prosa.answers import exchange
from prosa.answers.asked import UNLIKE
from prosa.answers.eligible import unfit
from prosa.answers.exchange import Exchange
from prosa.answers.index import AnswerIndex, Number
from prosa.answers.learning import Learning
from prosa.answers.models import AnsweredBy, SuggestionStatus, Verdict
from prosa.answers.schemas import (
    FrequentAnswerIn,
    FrequentAnswerPatch,
    FrequentAnswerView,
    FrequentReport,
    Imported,
    PhrasingsIn,
    PhrasingView,
    QuestionView,
    SuggestionApproval,
    SuggestionView,
    TryIn,
    TryView,
    VerdictIn,
)
from prosa.answers.service import FrequentAnswerService, NewAnswer
from prosa.embeddings import EmbeddingError
from prosa.errors import FieldError, InvalidInputError, NotFoundError, UnavailableError
from prosa.forms import NO_NUL
from prosa.http.auth import SignedIn
from prosa.http.pagination import Page, PageParams, bad_cursor, cursor_id
from prosa.http.parameters import OfSession
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.sessions.directory import SessionDirectory

router = APIRouter(prefix="/frequent-answers", tags=["Frequent answers"])

Service = Annotated[FrequentAnswerService, provided(FrequentAnswerService)]
Learnt = Annotated[Learning, provided(Learning)]
Exchanged = Annotated[Exchange, provided(Exchange)]
AnswerId = Annotated[uuid.UUID, Path(description="The frequent answer.")]
SuggestionId = Annotated[uuid.UUID, Path(description="The suggestion.")]
_READ = (401, 404, 422, 503)
_WRITE = (401, 404, 409, 413, 422, 503)
READY_SECONDS = 20.0
"""How long trying a question waits for the index."""


@router.get("", responses=problems(*_READ))
async def list_frequent_answers(
    caller: SignedIn,
    service: Service,
    page: PageParams,
    session: OfSession = None,
    q: Annotated[
        str | None, Query(max_length=200, pattern=NO_NUL, description="Words of the question or the answer.")
    ] = None,
) -> Page[FrequentAnswerView]:
    """List your frequent answers, the newest first; of a number: those it may give."""
    rows = await service.page(caller, session_id=session, query=q, after=page.after_id(), limit=page.limit + 1)
    return page.page_by_id(rows, FrequentAnswerView.model_validate)


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(*_WRITE))
async def create_frequent_answer(body: FrequentAnswerIn, caller: SignedIn, service: Service) -> FrequentAnswerView:
    """Add a frequent answer. Twenty ways to ask it make it match well; suggestions bring them."""
    new = NewAnswer(body.title, body.answer, body.session_id, body.language, body.enabled, body.phrasings)
    return FrequentAnswerView.model_validate(await service.create(caller, new))


@router.post(
    "/import",
    responses={200: {"description": "What was added and changed."}, **problems(*_WRITE)},
)
async def import_frequent_answers(
    caller: SignedIn, service: Exchanged, file: Annotated[UploadFile, File(description="CSV in UTF-8.")]
) -> Imported:
    """Add frequent answers from CSV, one row a phrasing: question, answer, phrasing, session, language, enabled.

    Rows of one question are one frequent answer. One that is there already gets the answer and the new phrasings.
    Either all rows are taken or none: what is not acceptable is named by line and column.
    """
    if file.size is None or file.size > exchange.MAX_BYTES:
        raise InvalidInputError(
            "The file is too large.", fields=[FieldError("body.file", f"at most {exchange.MAX_BYTES // 2**20} MiB")]
        )
    text = io.TextIOWrapper(file.file, encoding="utf-8-sig", newline="")
    try:
        rows = await asyncio.to_thread(exchange.read, text)
    finally:
        text.detach()
    return await service.take(caller, rows)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"description": "The CSV.", "content": {"text/csv": {}}}, **problems(*_READ)},
)
async def export_frequent_answers(caller: SignedIn, service: Exchanged, session: OfSession = None) -> StreamingResponse:
    """Return your frequent answers as CSV, as the import takes it. Cells that look like formulas begin with '."""
    pieces = await service.export(caller, session)
    headers = {"Content-Disposition": 'attachment; filename="frequent-answers.csv"'}
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/suggestions", responses=problems(*_READ))
async def list_suggestions(
    caller: SignedIn,
    service: Learnt,
    page: PageParams,
    session: OfSession = None,
    state: Annotated[SuggestionStatus, Query(alias="status", description="Only these.")] = SuggestionStatus.OPEN,
    least: Annotated[int, Query(ge=1, le=1000, description="Only what was asked so often.")] = 3,
) -> Page[SuggestionView]:
    """List what is asked often and has no frequent answer, the most asked first."""
    key = page.key(int, str)
    after = (_bounded(key[0]), str(cursor_id(key[1]))) if key else None
    found = await service.suggestions(
        caller, session_id=session, status=state, least=least, after=after, limit=page.limit + 1
    )
    shown = found[: page.limit]
    last = shown[-1] if len(found) > page.limit else None
    return Page(items=shown, next_cursor=page.cursor(last.count, str(last.id)) if last else None)


@router.post("/suggestions/{suggestion_id}/approve", responses=problems(*_WRITE))
async def approve_suggestion(
    suggestion_id: SuggestionId,
    caller: SignedIn,
    learnt: Learnt,
    service: Service,
    body: SuggestionApproval | None = None,
) -> FrequentAnswerView:
    """Make a frequent answer of a suggestion; without a body, of its title, its draft and all its wordings."""
    answer_id = await learnt.approve(caller, suggestion_id, body or SuggestionApproval())
    return FrequentAnswerView.model_validate(await service.get(caller, answer_id))


@router.post(
    "/suggestions/{suggestion_id}/dismiss", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_WRITE)
)
async def dismiss_suggestion(suggestion_id: SuggestionId, caller: SignedIn, service: Learnt) -> Response:
    """Say that these questions get no frequent answer: neither they nor like ones are suggested or matched."""
    await service.dismiss(caller, suggestion_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/report", responses=problems(*_READ))
async def get_report(
    caller: SignedIn,
    service: Learnt,
    session: OfSession = None,
    days: Annotated[int, Query(ge=1, le=90, description="Of the last so many days.")] = 30,
) -> FrequentReport:
    """Say what frequent answers did, or in shadow mode would have done: hits, estimated wrong ones, cost saved."""
    return await service.report(caller, session_id=session, days=days)


@router.get("/questions", responses=problems(*_READ))
async def list_questions(
    caller: SignedIn,
    service: Learnt,
    page: PageParams,
    session: OfSession = None,
    passed: Annotated[
        bool | None, Query(description="Only those that a frequent answer passed for, or only the others.")
    ] = None,
) -> Page[QuestionView]:
    """List questions that stood alone, the newest first, with what was answered and what a frequent answer would be."""
    after = page.after_id()
    rows = await service.questions(caller, session_id=session, passed=passed, after=after, limit=page.limit + 1)
    return page.page_by_id(rows, _question)


@router.put(
    "/questions/{question_id}/verdict",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 404, 413, 422, 503),
)
async def judge_question(
    question_id: Annotated[uuid.UUID, Path(description="The question.")],
    body: VerdictIn,
    caller: SignedIn,
    service: Learnt,
) -> Response:
    """Say whether the frequent answer to a question is right. Of wrong ones, like questions get none any more."""
    await service.judge(caller, question_id, Verdict(body.verdict) if body.verdict else None)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/try", responses=problems(*_WRITE))
async def try_question(
    body: TryIn,
    caller: SignedIn,
    index: Annotated[AnswerIndex, provided(AnswerIndex)],
    directory: Annotated[SessionDirectory, provided(SessionDirectory)],
) -> TryView:
    """Return what the frequent answers have for a question, whatever the number's mode; nothing is sent or kept."""
    record = await directory.record(body.session_id)
    if record is None or not caller.has(record.user_id, record.session_id):
        raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")
    chosen = record.settings.frequent
    number = Number(record.session_id, record.user_id, record.answers_version, chosen.embeddings)
    try:
        if number.version:
            async with asyncio.timeout(READY_SECONDS):
                await index.ready(number)
        found = await index.find(number, body.text)
    except (EmbeddingError, TimeoutError) as error:
        raise UnavailableError(
            str(error) or "The frequent answers are being prepared.", remedy="Try again in a moment.", retry_after=10
        ) from error
    reason = unfit(body.text, first=True)
    match = found.match if found is not None else None
    if match is None and number.version and (missing := index.unready(chosen.embeddings)) is not None:
        raise UnavailableError(
            f"Only the same words are found: {missing}", remedy="Set embeddings to gemini, or install the model."
        )
    if found is None or match is None:
        return TryView(
            answer_id=None, title=None, answer=None, passes=False, unfit=reason, score=None, margin=None, differs=None,
            nearest=None,
        )  # fmt: skip
    passes = reason is None and match.passes(threshold=chosen.threshold, margin=chosen.margin)
    return TryView(
        answer_id=match.answer,
        title=found.title,
        answer=found.answer,
        passes=passes,
        unfit=reason,
        score=round(match.score, 3),
        margin=round(match.margin, 3),
        differs=match.differs,
        nearest=match.phrasing,
    )


@router.get("/{answer_id}", responses=problems(*_READ))
async def get_frequent_answer(answer_id: AnswerId, caller: SignedIn, service: Service) -> FrequentAnswerView:
    """Return a frequent answer."""
    return FrequentAnswerView.model_validate(await service.get(caller, answer_id))


@router.patch("/{answer_id}", responses=problems(*_WRITE))
async def update_frequent_answer(
    answer_id: AnswerId, body: FrequentAnswerPatch, caller: SignedIn, service: Service
) -> FrequentAnswerView:
    """Change a frequent answer; also one that is being given gets its new text at once."""
    values = body.model_dump(exclude_unset=True)
    return FrequentAnswerView.model_validate(await service.update(caller, answer_id, values))


@router.delete("/{answer_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(*_READ))
async def delete_frequent_answer(answer_id: AnswerId, caller: SignedIn, service: Service) -> Response:
    """Delete a frequent answer with its phrasings."""
    await service.delete(caller, answer_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/{answer_id}/phrasings", responses=problems(*_READ))
async def list_phrasings(
    answer_id: AnswerId, caller: SignedIn, service: Service, page: PageParams
) -> Page[PhrasingView]:
    """List the ways to ask, in the order they were added."""
    rows = await service.phrasings(caller, answer_id, after=page.after_id(), limit=page.limit + 1)
    return page.page_by_id(rows, PhrasingView.model_validate)


@router.post("/{answer_id}/phrasings", responses=problems(*_WRITE))
async def add_phrasings(
    answer_id: AnswerId, body: PhrasingsIn, caller: SignedIn, service: Service
) -> FrequentAnswerView:
    """Add ways to ask; those that are known already stay as they are."""
    return FrequentAnswerView.model_validate(await service.add_phrasings(caller, answer_id, body.texts))


@router.delete(
    "/{answer_id}/phrasings/{phrasing_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 404, 409, 422, 503),
)
async def delete_phrasing(
    answer_id: AnswerId,
    phrasing_id: Annotated[uuid.UUID, Path(description="The phrasing.")],
    caller: SignedIn,
    service: Service,
) -> Response:
    """Delete a way to ask; an answer keeps at least one."""
    await service.remove_phrasing(caller, answer_id, phrasing_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _question(row: Any) -> QuestionView:
    in_shadow = row.answered_by in {AnsweredBy.MODEL.value, AnsweredBy.PERSON.value}
    suspect = in_shadow and row.passed and row.verdict is None and row.likeness is not None and row.likeness < UNLIKE
    return QuestionView.model_validate({**row._mapping, "suspect": suspect})  # noqa: SLF001 - public (SQLAlchemy)


def _bounded(number: int) -> int:
    if not 0 <= number < 2**31:
        raise bad_cursor()
    return number
