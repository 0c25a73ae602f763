"""What the REST API takes to send messages."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from prosa.conversations.schemas import EXAMPLE_ID, StorableText

MessageText = Annotated[
    StorableText,
    Field(min_length=1, max_length=65_536, description="The text, with WhatsApp's formatting.", examples=["Olá!"]),
]

PAUSE_AI = (
    "Whether the AI is silent afterwards, for the number's takeover.pause_minutes_after_person; "
    "false for what a program sends, such as a notification."
)


class TextToConversation(BaseModel):
    """A text to send."""

    model_config = ConfigDict(extra="forbid")

    text: MessageText
    quoted_message_id: uuid.UUID | None = Field(
        None, description="The message of this conversation that it answers to.", examples=[EXAMPLE_ID]
    )
    pause_ai: bool = Field(default=True, description=PAUSE_AI)

    @field_validator("text")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must hold more than white space")
        return value


class TextToContact(TextToConversation):
    """A text to send, and to whom."""

    to: StorableText = Field(
        min_length=1,
        max_length=100,
        description="A phone number in international form, or WhatsApp's address of a contact or group.",
        examples=["+55 11 99999-0001"],
    )


FileType = Literal["image", "audio", "video", "document", "sticker"]
