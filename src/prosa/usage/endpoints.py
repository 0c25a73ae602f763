"""What model calls cost, over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from prosa.http.auth import SignedIn
from prosa.http.problems import problems
from prosa.http.provide import provided
from prosa.usage.schemas import UsageReport, UsageTotal
from prosa.usage.service import UsageService

router = APIRouter(prefix="/usage", tags=["Usage"])


@router.get("", responses=problems(401, 422, 503))
async def get_usage(
    caller: SignedIn,
    service: Annotated[UsageService, provided(UsageService)],
    first: Annotated[
        date | None, Query(alias="from", description="First day (UTC); 29 days before the last where left out.")
    ] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC); today where left out.")] = None,
    session: Annotated[
        str | None, Query(max_length=64, pattern=r"^[^\x00]*$", description="Of one number only: its session id.")
    ] = None,
) -> UsageReport:
    """Return your model calls, added up by day, model and purpose, and what they cost."""
    totals = await service.totals(caller, first=first, last=last, session_id=session)
    return UsageReport(
        items=[UsageTotal.model_validate(total) for total in totals],
        calls=sum(total.calls for total in totals),
        input_tokens=sum(total.input_tokens for total in totals),
        cached_tokens=sum(total.cached_tokens for total in totals),
        output_tokens=sum(total.output_tokens for total in totals),
        cost_microusd=sum(total.cost_microusd for total in totals),
        unpriced_calls=sum(total.unpriced_calls for total in totals),
    )
