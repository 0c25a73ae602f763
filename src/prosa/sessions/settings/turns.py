"""How answers are made: how many at once, how often tried, and what becomes of late ones."""

from typing import Literal

from pydantic import Field

from prosa.sessions.settings.base import FixedText, Group, Minutes


class TurnSettings(Group):
    """Settings of turns."""

    most_parallel: int = Field(
        32,
        ge=1,
        le=1000,
        description="Answers of this number being made at the same time, in each process that makes answers: "
        "so one busy number leaves room for the others (PROSA_TURN_CONCURRENCY counts all).",
    )
    when_overtaken: Literal["answer", "restart"] = Field(
        "answer",
        description="A message that arrives while an answer is being made: answer: it gets its own turn after that "
        "answer; restart: the answer is dropped (its cost is recorded) and one answer covers both, at most three times "
        "in a row.",
    )
    most_tries: int = Field(
        5, ge=1, le=20, description="Failed calls of the model for the same messages before a person must look."
    )
    failure_message: FixedText | None = Field(
        None,
        description="Sent to the contact when no answer could be made after the last try; null: nothing is sent. "
        "Once, until an answer succeeds or a person takes care.",
        examples=["Sorry, I cannot answer right now. Somebody will write to you soon."],
    )
    catch_up_minutes: Minutes | None = Field(
        720,
        description="After Prosa or the number was away: messages older than this (by WhatsApp's time) are skipped as "
        "too_old. 0: all that came meanwhile are, and only what comes live is answered; null: none is skipped.",
    )
