"""What the model sees of a conversation, and so most of what an answer costs."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from prosa.forms import NO_NUL
from prosa.sessions.settings.base import Group

ModelText = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True, pattern=NO_NUL)]


class ContextSettings(Group):
    """Settings of the context."""

    window_tokens: int = Field(
        2000,
        ge=200,
        le=200_000,
        description="Messages that the model sees word by word, in tokens (about four characters), where the "
        "provider's cache makes them cheap; two fifths of it where it does not. Older ones go into the summary.",
    )
    keep_messages: int = Field(8, ge=1, le=200, description="Newest messages that always stay out of the summary.")
    summary: Literal["model", "extract", "off"] = Field(
        "model",
        description="What becomes of older messages: model: a model notes what matters, and the notes are checked "
        "against what was said; extract: sentences with numbers, dates and names are kept as they are, at no cost; "
        "off: they are forgotten.",
    )
    summary_tokens: int = Field(
        400,
        ge=50,
        le=4000,
        description="Longest summary, in tokens; half of it where the provider's cache does not help.",
    )
    summary_model: ModelText | None = Field(
        None, description="The model that makes summaries; left out: the one that answers."
    )
