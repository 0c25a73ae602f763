"""What the REST API takes to send messages."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row

from prosa.conversations.schemas import EXAMPLE_ID, StorableText
from prosa.outbox.models import ChangeKind, ChangeStatus


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must hold more than white space")
    return value


MessageText = Annotated[
    StorableText,
    AfterValidator(_not_blank),
    Field(min_length=1, max_length=65_536, description="The text, with WhatsApp's formatting.", examples=["Olá!"]),
]

PAUSE_AI = (
    "Whether a person takes over with it: what the AI has not sent is taken back, and it is silent for the number's "
    "takeover.pause_minutes_after_person. false for what a program sends, such as a notification: the AI goes on as if "
    "nothing had been said. What is sent later never takes over."
)
SEND_AT = (
    "When to send it, with time zone, at most a year ahead; at once where left out. Until then its status is "
    "scheduled, it has no place in the conversation, and it can be changed or cancelled."
)


class TextToConversation(BaseModel):
    """A text to send."""

    model_config = ConfigDict(extra="forbid")

    text: MessageText
    quoted_message_id: uuid.UUID | None = Field(
        None, description="The message of this conversation that it answers to.", examples=[EXAMPLE_ID]
    )
    pause_ai: bool = Field(default=True, description=PAUSE_AI)
    send_at: AwareDatetime | None = Field(None, description=SEND_AT, examples=["2026-12-24T09:00:00-03:00"])


class TextToContact(TextToConversation):
    """A text to send, and to whom."""

    to: StorableText = Field(
        min_length=1,
        max_length=100,
        description="A phone number in international form, or WhatsApp's address of a contact or group.",
        examples=["+55 11 99999-0001"],
    )


class MessageUpdate(BaseModel):
    """What to change of a message. Whatever is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    text: MessageText | None = Field(None, description="The new text, of a file the caption.", examples=["Olá, Ana!"])
    send_at: AwareDatetime | None = Field(
        None,
        description="Of a scheduled message: when to send it instead; a moment that is just past sends it now.",
        examples=["2026-12-24T10:00:00-03:00"],
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.text is None and self.send_at is None:
            raise ValueError("must hold text or send_at")
        return self


def _emoji(value: str) -> str:
    letters = any(c.isspace() or c.isalpha() or not c.isprintable() for c in value.replace("\u200d", ""))
    if letters or (value and value.isascii()):  # a keycap has more than its digit
        raise ValueError("must be one emoji, or empty")
    return value


class Reaction(BaseModel):
    """A reaction to a message."""

    model_config = ConfigDict(extra="forbid")

    emoji: Annotated[StorableText, AfterValidator(_emoji)] = Field(
        max_length=32, description="One emoji; empty takes the reaction back.", examples=["👍"]
    )


class ChangeView(BaseModel):
    """A change of a message that was asked for here."""

    id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    message_id: uuid.UUID = Field(examples=[EXAMPLE_ID])
    kind: ChangeKind = Field(description="What is done to the message.")
    body: str = Field(description="The emoji, or the new text.", examples=["👍"])
    status: ChangeStatus = Field(description="Where the change stands; the message shows it once it is sent.")
    error: str | None = Field(description="Why it failed: a stable code, a colon, words.")
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Show a row."""
        return cls.model_validate(row, from_attributes=True)


FileType = Literal["image", "audio", "video", "document", "sticker"]
