"""What model calls cost, over HTTP."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from prosa.http.auth import SignedIn
from prosa.http.parameters import OfSession
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.spreadsheets import written
from prosa.usage.budgets import Budget
from prosa.usage.schemas import (
    BudgetView,
    MessageReport,
    MessageTotal,
    OwnBudget,
    UsageReport,
    UsageTotal,
    WaitView,
)
from prosa.usage.service import UsageService
from prosa.usage.traffic import Flow

router = APIRouter(prefix="/usage", tags=["Usage"])

Service = Annotated[UsageService, provided(UsageService)]


@dataclass(frozen=True, slots=True)
class Days:
    """Of which days, and of which number."""

    first: Annotated[
        date | None, Query(alias="from", description="First day (UTC); 29 days before the last where left out.")
    ] = None
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC); today where left out.")] = None
    session: OfSession = None


Asked = Annotated[Days, Depends()]
Group = Annotated[
    list[Literal["day", "session", "purpose", "provider", "model"]],
    Query(max_length=5, description="By what to add up; say it once for each."),
]
MessageGroup = Annotated[
    list[Literal["day", "session"]], Query(max_length=2, description="By what to count; say it once for each.")
]
TIERS = ("model", "approved", "exact", "fallback")
DEFAULT_GROUP: tuple[Literal["day", "provider", "model", "purpose"], ...] = ("day", "provider", "model", "purpose")


@router.get("", responses=problems(401, 422, 503))
async def get_usage(
    caller: SignedIn,
    service: Service,
    asked: Asked,
    group: Group = [*DEFAULT_GROUP],  # noqa: B006 - FastAPI copies it
) -> UsageReport:
    """Return your model calls, added up as you like, what they cost, and where answers came from."""
    report = await service.report(caller, first=asked.first, last=asked.last, session_id=asked.session, group=group)
    totals = report.totals
    return UsageReport(
        items=[UsageTotal.model_validate(total) for total in totals],
        calls=sum(total.calls for total in totals),
        input_tokens=sum(total.input_tokens for total in totals),
        cached_tokens=sum(total.cached_tokens for total in totals),
        output_tokens=sum(total.output_tokens for total in totals),
        saved_tokens=sum(total.saved_tokens for total in totals),
        cost_microusd=sum(total.cost_microusd for total in totals),
        saved_microusd=sum(total.saved_microusd for total in totals),
        unpriced_calls=sum(total.unpriced_calls for total in totals),
        answers=report.answers,
        reply_p50_ms=report.p50_ms,
        reply_p95_ms=report.p95_ms,
    )


@router.get(
    ".csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(401, 422, 503)},
)
async def get_usage_csv(
    caller: SignedIn,
    service: Service,
    asked: Asked,
    group: Group = [*DEFAULT_GROUP],  # noqa: B006 - FastAPI copies it
) -> StreamingResponse:
    """Return the same totals as a table for a spreadsheet."""
    totals = await service.totals(caller, first=asked.first, last=asked.last, session_id=asked.session, group=group)
    rows = [asdict(total) for total in totals]
    return _table(
        "usage.csv", list(UsageTotal.model_fields), [[row[name] for name in UsageTotal.model_fields] for row in rows]
    )


@router.get("/messages", responses=problems(401, 422, 503))
async def get_messages(
    caller: SignedIn,
    service: Service,
    asked: Asked,
    group: MessageGroup = ["day"],  # noqa: B006 - FastAPI copies it
) -> MessageReport:
    """Return how many messages came and went, where answers came from, and how long contacts waited for them."""
    traffic = await service.traffic(caller, first=asked.first, last=asked.last, session_id=asked.session, group=group)
    return MessageReport(
        items=[_counted(flow) for flow in traffic.flows],
        wait_ai=WaitView.model_validate(traffic.ai),
        wait_people=WaitView.model_validate(traffic.people),
    )


@router.get(
    "/messages.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(401, 422, 503)},
)
async def get_messages_csv(
    caller: SignedIn,
    service: Service,
    asked: Asked,
    group: MessageGroup = ["day", "session"],  # noqa: B006 - FastAPI copies it
) -> StreamingResponse:
    """Return the same counts as a table for a spreadsheet."""
    traffic = await service.traffic(caller, first=asked.first, last=asked.last, session_id=asked.session, group=group)
    counts = [name for name in MessageTotal.model_fields if name != "answers"]
    rows = []
    for flow in traffic.flows:
        total = _counted(flow).model_dump()
        rows.append([*(total[name] for name in counts), *(flow.answers.get(tier, 0) for tier in TIERS)])
    return _table("messages.csv", [*counts, *(f"answers_{tier}" for tier in TIERS)], rows)


@router.get("/budget", responses=problems(401, 422, 503))
async def get_budget(caller: SignedIn, service: Service) -> BudgetView:
    """Return what you may spend this month over all numbers, and what is spent."""
    budget, spent = await service.budget(caller)
    return BudgetView(**asdict(budget), spent_tokens=spent.tokens, spent_microusd=spent.microusd)


@router.put("/budget", responses=problems(401, 422, 503))
async def put_budget(caller: SignedIn, service: Service, body: OwnBudget) -> BudgetView:
    """Set what you may spend in a month over all numbers; it holds within half a minute.

    What a number or a conversation may cost is set in the number's settings (`budget`).
    """
    await service.set_budget(caller, Budget(body.tokens, body.usd, body.alert_share))
    return await get_budget(caller, service)


def _counted(flow: Flow) -> MessageTotal:
    by = flow.authors
    return MessageTotal(
        day=flow.day,
        session_id=flow.session_id,
        received=by.get("contact", 0),
        sent_ai=by.get("ai", 0),
        sent_person=sum(by.get(author, 0) for author in ("person", "program", "scheduled")),
        sent_phone=by.get("phone", 0),
        sent_automatic=by.get("automatic", 0),
        answers=flow.answers,
    )


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(written(head, rows), media_type="text/csv; charset=utf-8", headers=headers)
