"""What answers may cost."""

from typing import Annotated

from pydantic import Field

from prosa.sessions.settings.base import FixedText, Group

Dollars = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=10**12)]


class BudgetSettings(Group):
    """Settings of budgets; months are calendar months in UTC, and prices those of the list (see docs/ai.md)."""

    reply_tokens: Annotated[int, Field(ge=500, le=10_000_000)] | None = Field(
        None, description="Most tokens of one call for a reply, prompt and answer together; null: no limit."
    )
    reply_usd: Dollars | None = Field(None, description="Most US dollars of one call for a reply; null: no limit.")
    conversation_tokens: Tokens | None = Field(None, description="Most tokens of a conversation in a month.")
    conversation_usd: Dollars | None = Field(None, description="Most US dollars of a conversation in a month.")
    number_tokens: Tokens | None = Field(None, description="Most tokens of this number in a month.")
    number_usd: Dollars | None = Field(None, description="Most US dollars of this number in a month.")
    alert_share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Share of a budget, or of the limit of one reply, at which budget.alert is sent, once a month.",
    )
    message: FixedText | None = Field(
        None,
        description="Sent to a contact who gets no answer because a budget is used up, once a month; null: nothing.",
        examples=["Our assistant is away for now. Somebody will write to you soon."],
    )
