"""The built files of the console, held in memory with their compressed forms and what caches should know of them.

They are some 2 MB. Held in memory, a page that was opened before an upgrade of the files finds every part of its own
build until Prosa restarts, and no request waits for a disk.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings that the build makes, the smallest first, and the ending of their files."""
ASSETS = "assets/"
"""The build puts a hash of the content into these names, so a name never changes what it stands for."""
INDEX = "index.html"

_FOREVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_TEXT = {"text/javascript", "text/css", "text/html"}


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a file.

    Attributes:
        content: Its bytes as sent.
        etag: Names exactly these bytes (RFC 9110 §8.8.3).
        encoding: The content coding, None for none.
    """

    content: bytes
    etag: str
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """A file in all its forms."""

    media_type: str
    cache_control: str
    plain: Form
    encoded: dict[str, Form]

    def choose(self, accept_encoding: str) -> Form:
        """Return the smallest form that a client takes."""
        taken = accepted(accept_encoding)
        return next((self.encoded[name] for name in ENCODINGS if name in taken and name in self.encoded), self.plain)


def accepted(header: str) -> set[str]:
    """Return the content codings of an Accept-Encoding header (RFC 9110 §12.5.3) that we may have."""
    taken: set[str] = set()
    refused: set[str] = set()
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        (refused if weight.strip("0.") == "" else taken).add(name)
    if "*" in taken:
        taken |= set(ENCODINGS)
    return taken - refused


def load(folder: Path) -> dict[str, ConsoleFile]:
    """Return the built files by their path below `folder`; empty where the console was not built."""
    if not (folder / INDEX).is_file():
        return {}
    plain = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.suffix not in ENCODINGS.values()
    ]
    return {(name := path.relative_to(folder).as_posix()): _read(path, name) for path in plain}


def _read(path: Path, name: str) -> ConsoleFile:
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    encoded = {
        coding: _form(other.read_bytes(), coding)
        for coding, ending in ENCODINGS.items()
        if (other := path.with_name(path.name + ending)).is_file()
    }
    return ConsoleFile(
        media_type=f"{guessed}; charset=utf-8" if guessed in _TEXT else guessed,
        cache_control=_FOREVER if name.startswith(ASSETS) else _ASK_FIRST,
        plain=_form(path.read_bytes()),
        encoded=encoded,
    )


def _form(content: bytes, encoding: str | None = None) -> Form:
    return Form(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"', encoding)
