"""What the REST API takes to take a conversation over and to give it back."""

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from prosa.conversations.schemas import StorableText

_ONE_OF = "exactly one of minutes, until and indefinitely is needed"


class PauseRequest(BaseModel):
    """For how long the AI is silent in a conversation: one of three ways to say it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"minutes": 60, "note": "Ana calls back"}]}
    )

    minutes: int | None = Field(None, ge=1, le=525_600, description="For so many minutes.", examples=[60])
    until: AwareDatetime | None = Field(
        None, description="Until this moment, with time zone.", examples=["2030-01-01T09:00:00-03:00"]
    )
    indefinitely: bool = Field(default=False, description="Until somebody resumes it.")
    note: Annotated[StorableText, Field(max_length=180)] | None = Field(
        None, description="Why, in your own words; shown with the pause.", examples=["Ana calls back"]
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if [self.minutes is not None, self.until is not None, self.indefinitely].count(True) != 1:
            raise ValueError(_ONE_OF)
        return self


class ResumeRequest(BaseModel):
    """What becomes of the messages that came during the pause."""

    model_config = ConfigDict(extra="forbid")

    answer_waiting: bool = Field(
        default=False,
        description="Answer what the contact wrote and nobody answered. Left out, the AI waits for the next message, "
        "and sees the others as what was said before.",
    )
