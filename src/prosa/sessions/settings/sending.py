"""How messages go out: as a person would type them, and at a pace that WhatsApp takes."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from prosa.sessions.settings.base import Group

TypingSeconds = Annotated[float, Field(ge=0, le=20, allow_inf_nan=False)]
"""Phones stop showing “typing…” about 25 s after it was last said."""


class SendingSettings(Group):
    """Settings of sending. Typing and bubbles are the AI's; the limits hold for every message of the number."""

    show_online: bool = Field(
        default=True,
        description="Show the number as online while a person looks at its conversations in Prosa, as WhatsApp Web "
        "does. Only then WhatsApp tells which contacts type; the phone may ring less meanwhile.",
    )
    typing_ms_per_char: float = Field(
        30,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="An answer of the AI is sent after the time that typing it takes, in milliseconds per character; "
        "the time that the model took counts as typed already. 0: at once.",
    )
    typing_min_seconds: TypingSeconds = Field(0, description="Shortest such time of a message.")
    typing_max_seconds: TypingSeconds = Field(4, description="Longest such time of a message.")
    jitter: float = Field(
        0.2, ge=0, le=1, allow_inf_nan=False, description="Share by which typing times and gaps vary; 0: not at all."
    )
    split: bool = Field(
        default=True,
        description="Send long answers of the AI as several messages, broken at blank lines, else between sentences.",
    )
    bubble_chars: int = Field(
        600,
        ge=50,
        le=20_000,
        description="Answers up to this length stay one message; longer ones are split into such.",
    )
    most_bubbles: int = Field(4, ge=1, le=10, description="Messages of one answer at most; they grow where needed.")
    messages_per_minute: int | None = Field(
        None,
        ge=1,
        le=6000,
        description="Messages of this number a minute at most, evenly spread; replies go before other messages, and "
        "messages to new contacts last. null: no limit.",
        examples=[30],
    )
    new_contacts_per_day: int | None = Field(
        100,
        ge=1,
        le=100_000,
        description="How many contacts who never wrote to this number it writes to within 24 hours; messages to more "
        "of them wait. Replies never count. null: no limit.",
    )
    rate_limit_pause_seconds: float = Field(
        60,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="How long the number sends nothing after WhatsApp said that it sends too fast; doubled each time "
        "it says so again, up to an hour.",
    )
    expire_hours: float | None = Field(
        24,
        gt=0,
        le=8760,
        allow_inf_nan=False,
        description="A message that could not be sent for so long fails with the reason expired; null: it is sent "
        "whenever that is possible. Holds for messages accepted from then on.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        known = {"typing_min_seconds", "typing_max_seconds"} <= self.model_fields_set  # of a change, one may be missing
        if known and self.typing_min_seconds > self.typing_max_seconds:
            raise PydanticCustomError("typing_order", "typing_min_seconds must not be above typing_max_seconds")
        return self

    @property
    def lasting(self) -> timedelta | None:
        """How long a message may wait to be sent; None: for ever."""
        return timedelta(hours=self.expire_hours) if self.expire_hours is not None else None

    @property
    def types(self) -> bool:
        """Whether answers wait as if they were typed."""
        return self.typing_max_seconds > 0 and (self.typing_ms_per_char > 0 or self.typing_min_seconds > 0)
