"""What the REST API takes to take a conversation over, to give it back, and to try an answer."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from prosa.conversations.schemas import AiView, StorableText
from prosa.sessions.settings import SessionSettings

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


class TrySaid(BaseModel):
    """One message of the conversation to try."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    author: Literal["contact", "us"] = Field("contact", description="Who wrote it.")
    text: Annotated[StorableText, Field(min_length=1, max_length=8000)] = Field(examples=["Are you open on Sunday?"])


class TryRequest(BaseModel):
    """A conversation to try: its last message is the contact's, and is answered without being sent."""

    model_config = ConfigDict(extra="forbid")

    messages: list[TrySaid] = Field(min_length=1, max_length=40, examples=[[{"text": "Are you open on Sunday?"}]])
    contact_name: Annotated[StorableText, Field(max_length=200)] | None = Field(None, examples=["Maria"])
    settings: SessionSettings | None = Field(
        None, description="Settings to try before they are saved; merged into the number's, field by field."
    )
    use_tools: bool = Field(
        default=False, description="Whether the owner's HTTP tools are offered, and really called where the AI wants."
    )

    @model_validator(mode="after")
    def _ends_with_the_contact(self) -> Self:
        if self.messages[-1].author != "contact" or not self.messages[-1].text.strip():
            raise ValueError("messages: the last one must be the contact's, with words to answer")
        return self


class PromptPart(BaseModel):
    """A piece of what the model was told."""

    part: str = Field(
        description="system, contact, us, knowledge (found for the question) or facts (the time, the name)."
    )
    text: str
    tokens: int = Field(description="About how many it is.")


class TriedAnswer(BaseModel):
    """What would be answered."""

    text: str
    bubbles: list[str] = Field(description="The messages that it would be sent as.")
    ai: AiView = Field(description="Which tier answered, with which sources and tools, and what it cost.")
    prompt: list[PromptPart] = Field(description="What the model was told; empty where none was asked.")
    handed_over: str | None = Field(description="Why the AI would hand over to a person; null: it would not.")
