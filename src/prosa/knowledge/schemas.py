"""What the REST API takes and shows of knowledge."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from prosa.forms import NO_NUL, WEB_ADDRESS
from prosa.knowledge.models import SourceKind, SourceStatus
from prosa.knowledge.reading import MAX_CHARACTERS

SourceName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=NO_NUL)]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=WEB_ADDRESS)]


class SourceIn(BaseModel):
    """A text to add as a document."""

    model_config = ConfigDict(extra="forbid")

    name: SourceName = Field(
        description="What it is called; the model sees it, and answers name it as their source.",
        examples=["Price list"],
    )
    text: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        pattern=NO_NUL,
        description="Its text, also of a web page that you pasted.",
        examples=["# Prices\n\nHaircut: 20 €"],
    )
    format: Literal["markdown", "text"] = Field("markdown", description="Markdown's headings say where things are.")
    url: Url | None = Field(None, description="Where it is from, for people; nothing is fetched.")


class SourceView(BaseModel):
    """A document."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    session_id: str
    name: str
    kind: SourceKind
    url: str | None
    status: SourceStatus = Field(
        description="indexing: found by its words, its meanings are being worked out; failed: by its words only."
    )
    error: str | None = Field(description="Why its meanings could not be worked out.")
    tokens: int = Field(description="About how many tokens it has.", examples=[1200])
    pieces: int = Field(description="In how many pieces it is found.")
    created_at: datetime
    updated_at: datetime


class SourceText(SourceView):
    """A document with its text."""

    content: str = Field(description="The text as it was read.")


class PassageView(BaseModel):
    """A piece of a document that fits a question."""

    source_id: uuid.UUID
    name: str = Field(description="Of the document.")
    place: str = Field(description="Where in it: headings, or a page.")
    text: str
    tokens: int
    score: float = Field(description="How well it fits: by reciprocal ranks; 0 where all is given.")


class SearchView(BaseModel):
    """What the model would be given for a question."""

    whole: bool = Field(description="All documents go into every prompt, whatever the question.")
    passages: list[PassageView] = Field(description="The best first.")
