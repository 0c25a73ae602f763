"""What a prompt can be given beside the messages, and what an answer says of itself."""

from dataclasses import dataclass, field
from enum import StrEnum


class Tier(StrEnum):
    """Where an answer came from."""

    MODEL = "model"
    """A model made it."""
    EXACT = "exact"
    """The same words were asked and answered before."""
    APPROVED = "approved"
    """A frequent answer that the owner approved."""
    FALLBACK = "fallback"
    """A fixed text of the owner's, because no model could or may answer."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the owner's knowledge.

    Attributes:
        id: Of the document, to name it as a source.
        title: Of the document.
        text: What it says.
        place: Where in the document: a page, a heading.
    """

    id: str
    title: str
    text: str = field(repr=False)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that an answer used; fields as in `Passage`."""

    id: str
    title: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes to the model as it is.

    Attributes:
        mime_type: Such as `image/jpeg`.
        data: Its bytes.
    """

    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that was called for an answer.

    Attributes:
        name: The tool.
        ok: Whether it worked.
        latency_ms: How long it took.
    """

    name: str
    ok: bool
    latency_ms: int
