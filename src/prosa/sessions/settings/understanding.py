"""What the AI sees and hears of the files that contacts send."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from prosa.sessions.settings.base import FixedText, Group


class UnderstandingSettings(Group):
    """Settings of voice messages, pictures and documents."""

    voice: bool = Field(default=True, description="Whether the model hears voice messages and other sound files.")
    images: bool = Field(default=True, description="Whether the model sees pictures.")
    documents: bool = Field(default=True, description="Whether the model reads PDF documents.")
    videos: bool = Field(default=False, description="Whether the model sees videos, which cost most: by the second.")
    max_mb: int = Field(8, ge=1, le=14, description="Largest file that goes to the model, in MiB.")
    max_seconds: int = Field(
        300, ge=1, le=3600, description="Longest sound or video that goes to the model, in seconds."
    )
    otherwise: Literal["model", "text", "silence"] = Field(
        "model",
        description="What a contact hears after a file that the model cannot take, without words beside it. model: the "
        "model asks for words, in the contact's language; text: `otherwise_text`; silence: nothing.",
    )
    otherwise_text: FixedText | None = Field(
        None,
        description="Sent where `otherwise` is text.",
        examples=["Sorry, I cannot open this file. Could you write it to me?"],
    )

    @model_validator(mode="after")
    def _text_is_there(self) -> Self:
        known = "otherwise_text" in self.model_fields_set  # of a change, it may be missing
        if known and self.otherwise == "text" and self.otherwise_text is None:
            raise PydanticCustomError("text_needed", "otherwise is text: otherwise_text must say which")
        return self
