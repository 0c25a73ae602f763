"""What the API says of model calls."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class UsageTotal(BaseModel):
    """What the calls of one group came to; what it was not grouped by is null."""

    model_config = ConfigDict(from_attributes=True)

    day: dt.date | None = Field(None, description="The day, in UTC.", examples=["2026-11-24"])
    session_id: str | None = Field(None, description="The number.", examples=["shop"])
    provider: str | None = Field(None, description="Who serves the model.", examples=["google"])
    model: str | None = Field(None, description="The model.", examples=["gemini-3.5-flash-lite"])
    purpose: str | None = Field(
        None, description="reply, summary, answer_match, transcription or try", examples=["reply"]
    )
    calls: int = Field(description="How many calls.", examples=[12])
    input_tokens: int = Field(description="Tokens of all prompts, cached ones included.", examples=[18_240])
    cached_tokens: int = Field(description="Of these, those that the provider had in its cache.", examples=[12_288])
    output_tokens: int = Field(description="Tokens of all answers, thinking included.", examples=[730])
    saved_tokens: int = Field(
        description="About how many more the prompts would have had with all messages since the beginning.",
        examples=[64_120],
    )
    cost_microusd: int = Field(
        description="Millionths of a US dollar, by list price; calls without a known price aside.", examples=[7_297]
    )
    unpriced_calls: int = Field(description="Calls whose price is not known.", examples=[0])
    saved_microusd: int = Field(
        description="About what `saved_tokens` would have cost, as often cached as those that were sent.",
        examples=[12_100],
    )
    latency_ms: int = Field(description="How long a call took on average, in milliseconds.", examples=[840])


class UsageReport(BaseModel):
    """Totals by what was asked for, the newest day first; and all of them together."""

    items: list[UsageTotal]
    calls: int = Field(description="All calls.", examples=[12])
    input_tokens: int = Field(description="Tokens of all prompts.", examples=[18_240])
    cached_tokens: int = Field(description="Of these, cached ones.", examples=[12_288])
    output_tokens: int = Field(description="Tokens of all answers.", examples=[730])
    saved_tokens: int = Field(
        description="About how many more all messages in every prompt would have been.", examples=[64_120]
    )
    cost_microusd: int = Field(description="Millionths of a US dollar, as far as known.", examples=[7_297])
    saved_microusd: int = Field(description="About what the saved tokens would have cost.", examples=[12_100])
    unpriced_calls: int = Field(description="Calls whose price is not known.", examples=[0])
    answers: dict[str, int] = Field(
        description="Answers by where they came from: model, exact, approved, fallback.", examples=[{"model": 12}]
    )
    reply_p50_ms: int | None = Field(description="Half of the calls for replies took no longer.", examples=[790])
    reply_p95_ms: int | None = Field(description="95 % of them took no longer.", examples=[1_620])


class MessageTotal(BaseModel):
    """Messages of one group; what it was not grouped by is null. Reactions and imported history are not counted."""

    day: dt.date | None = Field(description="The day, in UTC.", examples=["2026-11-24"])
    session_id: str | None = Field(description="The number.", examples=["shop"])
    received: int = Field(description="From contacts.", examples=[40])
    sent_ai: int = Field(description="By the AI; an answer may be several messages.", examples=[38])
    sent_person: int = Field(
        description="By people and programs, through Prosa: at once or at a set time.", examples=[3]
    )
    sent_phone: int = Field(description="By people, on the linked phone.", examples=[1])
    sent_automatic: int = Field(description="Fixed texts.", examples=[2])
    answers: dict[str, int] = Field(
        description="Answers of the AI by where they came from: model, exact, approved, fallback.",
        examples=[{"model": 30, "approved": 4}],
    )


class WaitView(BaseModel):
    """How long contacts waited: from their last message to when WhatsApp had the answer."""

    model_config = ConfigDict(from_attributes=True)

    answers: int = Field(description="How many answers were looked at: the newest.", examples=[34])
    p50_ms: int | None = Field(description="Half of them took no longer.", examples=[2_400])
    p95_ms: int | None = Field(description="95 % of them took no longer.", examples=[6_100])


class MessageReport(BaseModel):
    """Messages by what was asked for, the newest day first; and how long contacts waited."""

    items: list[MessageTotal]
    wait_ai: WaitView = Field(description="For the AI.")
    wait_people: WaitView = Field(description="For a person.")


class OwnBudget(BaseModel):
    """What you may spend in a calendar month (UTC), over all numbers; null: no limit."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    tokens: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        None, description="Most tokens, in and out.", examples=[50_000_000]
    )
    usd: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = Field(
        None, description="Most US dollars, by list price.", examples=[20]
    )
    alert_share: float = Field(0.8, gt=0, le=1, description="At this share the event budget.alert is sent, once.")


class BudgetView(OwnBudget):
    """Your budget, and what is spent of it."""

    spent_tokens: int = Field(description="Tokens used this month.", examples=[1_204_000])
    spent_microusd: int = Field(description="Millionths of a US dollar spent this month.", examples=[812_300])
