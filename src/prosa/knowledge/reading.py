"""Documents as they come in: PDF, Markdown or plain text, read within limits, in a thread."""

import io
import time
import unicodedata
from dataclasses import dataclass, field

import structlog

from prosa.errors import FieldError, InvalidInputError
from prosa.knowledge.models import SourceKind
from prosa.knowledge.pieces import Piece, Section, markdown, pieces

logger = structlog.get_logger("prosa.knowledge")

MAX_BYTES = 20 * 2**20
MAX_CHARACTERS = 1_000_000
"""Of one document's text: about 250,000 tokens, a thick book."""
MAX_PAGES = 1_000
MAX_SECONDS = 30.0
"""For reading one PDF; looked at between pages."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read.

    Attributes:
        kind: What it was.
        text: All of its text.
        pieces: The same in pieces.
    """

    kind: SourceKind
    text: str = field(repr=False)
    pieces: list[Piece] = field(repr=False)


def read_file(raw: bytes, name: str) -> Document:
    """Return a file's text: PDF by its first bytes, Markdown by its name, else text in UTF-8.

    Raises:
        InvalidInputError: It is none of these, has no text, or too much of it.
    """
    if raw[:1024].lstrip().startswith(b"%PDF-"):
        return _document(SourceKind.PDF, _pdf(raw))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("is neither a PDF nor text in UTF-8; save it as one of these") from None
    kind = SourceKind.MARKDOWN if name.lower().endswith((".md", ".markdown")) else SourceKind.TEXT
    return read_text(text, kind)


def read_text(text: str, kind: SourceKind) -> Document:
    """Return a text in pieces; Markdown's headings say where each is.

    Raises:
        InvalidInputError: There is nothing in it, or too much.
    """
    text = _clean(text)
    plain = kind is SourceKind.TEXT
    return _document(kind, [Section("", text)] if plain else markdown(text))


def _document(kind: SourceKind, sections: list[Section]) -> Document:
    text = "\n\n".join(f"## {s.place}\n{s.text}" if s.place else s.text for s in sections if s.text)
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"has {len(text)} characters; at most {MAX_CHARACTERS}: split it")
    found = pieces(sections)
    if not any(character.isalnum() for piece in found for character in piece.text):
        raise _refused(
            "has no text; scanned pages must go through text recognition first"
            if kind is SourceKind.PDF
            else "is empty"
        )
    return Document(kind, text, found)


def _pdf(raw: bytes) -> list[Section]:
    from pypdf import PdfReader  # noqa: PLC0415 - 50 ms of imports, for those who upload one
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    until = time.monotonic() + MAX_SECONDS
    sections: list[Section] = []
    length = 0
    try:
        reader = PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise _refused("is encrypted; save it without a password")
        if len(reader.pages) > MAX_PAGES:
            raise _refused(f"has {len(reader.pages)} pages; at most {MAX_PAGES}: split it")
        for number, page in enumerate(reader.pages, 1):
            text = _clean(page.extract_text() or "")
            sections.append(Section(f"page {number}", text))
            length += len(text)
            if length > MAX_CHARACTERS:
                raise _refused(f"has more than {MAX_CHARACTERS} characters: split it")
            if time.monotonic() > until:
                raise _refused(f"takes longer than {MAX_SECONDS:.0f} s to read: split it, or save it as text")
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        # pypdf lets errors of all kinds out of files that are broken
        logger.info("a PDF cannot be read", error=type(error).__name__)
        raise _refused("is a PDF that cannot be read; save it anew, or as text") from error
    return sections


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"})
    return "\n".join(line.rstrip() for line in kept.split("\n")).strip()


def _refused(why: str) -> InvalidInputError:
    return InvalidInputError(f"The document {why}.", fields=[FieldError("body.file", why)])
