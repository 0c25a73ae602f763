"""What the API says of model calls."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field


class UsageTotal(BaseModel):
    """What the calls of one day, to one model, for one purpose came to."""

    model_config = ConfigDict(from_attributes=True)

    day: dt.date = Field(description="The day, in UTC.", examples=["2026-11-24"])
    provider: str = Field(description="Who serves the model.", examples=["google"])
    model: str = Field(description="The model.", examples=["gemini-3.5-flash-lite"])
    purpose: str = Field(description="reply, summary, answer_match or transcription", examples=["reply"])
    calls: int = Field(description="How many calls.", examples=[12])
    input_tokens: int = Field(description="Tokens of all prompts, cached ones included.", examples=[18_240])
    cached_tokens: int = Field(description="Of these, those that the provider had in its cache.", examples=[12_288])
    output_tokens: int = Field(description="Tokens of all answers, thinking included.", examples=[730])
    cost_microusd: int = Field(
        description="Millionths of a US dollar, by list price; calls without a known price aside.", examples=[7_297]
    )
    unpriced_calls: int = Field(description="Calls whose price is not known.", examples=[0])
    latency_ms: int = Field(description="How long a call took on average, in milliseconds.", examples=[840])


class UsageReport(BaseModel):
    """Totals by day, model and purpose, the newest day first; and all of them together."""

    items: list[UsageTotal]
    calls: int = Field(description="All calls.", examples=[12])
    input_tokens: int = Field(description="Tokens of all prompts.", examples=[18_240])
    cached_tokens: int = Field(description="Of these, cached ones.", examples=[12_288])
    output_tokens: int = Field(description="Tokens of all answers.", examples=[730])
    cost_microusd: int = Field(description="Millionths of a US dollar, as far as known.", examples=[7_297])
    unpriced_calls: int = Field(description="Calls whose price is not known.", examples=[0])
