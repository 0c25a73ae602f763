"""Files of messages: what is known of them, and where they are kept.

A file's place is made of our own names only: `<session>/<conversation>/<message>`. Nothing that a sender chose becomes
part of a path.
"""

import contextlib
import hashlib
import shutil
import uuid
from base64 import b64decode
from binascii import Error as Base64Error
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from prosa.whatsapp.engine import MediaInfo

MAX_FILE_NAME = 200
MAX_THUMBNAIL = 64_000
"""Longest preview kept, in base64 characters; phones send under 20,000."""


class MediaState(StrEnum):
    """Where a message's file stands."""

    PENDING = "pending"
    """Not downloaded yet; downloaded by itself, or when asked for."""
    READY = "ready"
    """Here."""
    FAILED = "failed"
    """Could not be downloaded; asking for it tries again."""
    GONE = "gone"
    """WhatsApp's server no longer has it."""


class MediaFacts(BaseModel):
    """What is known of a message's file; stored as JSON. Sizes in bytes, lengths in seconds, dimensions in pixels."""

    model_config = ConfigDict(extra="ignore")

    state: MediaState
    mime_type: str
    size: int | None = None
    file_name: str | None = None
    sha256: str | None = None
    """Base64 of the whole file's hash, as WhatsApp says it."""
    seconds: int | None = None
    width: int | None = None
    height: int | None = None
    voice: bool = False
    animated: bool = False
    thumbnail: str | None = None
    path: str | None = None
    """Below the media directory, once the file is here."""
    error: str | None = None
    transcript: str | None = None
    """What a sound says or a picture shows, as the model noted it when it answered."""

    def stored(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return self.model_dump(mode="json", exclude_none=True)

    def info(self) -> MediaInfo:
        """Return it in the engine's form."""
        return MediaInfo(
            mime_type=self.mime_type,
            size=self.size,
            file_name=self.file_name,
            sha256=self.sha256,
            seconds=self.seconds,
            width=self.width,
            height=self.height,
            voice=self.voice,
            animated=self.animated,
            thumbnail=self.thumbnail,
        )


def from_info(info: MediaInfo) -> MediaFacts:
    """Return the facts of a file that is not here yet."""
    thumbnail = info.thumbnail if info.thumbnail and len(info.thumbnail) <= MAX_THUMBNAIL else None
    return MediaFacts(
        state=MediaState.PENDING,
        mime_type=info.mime_type[:120] or "application/octet-stream",
        size=info.size,
        file_name=info.file_name[:MAX_FILE_NAME] if info.file_name else None,
        sha256=info.sha256,
        seconds=info.seconds,
        width=info.width,
        height=info.height,
        voice=info.voice,
        animated=info.animated,
        thumbnail=thumbnail,
    )


class MediaFiles:
    """The directory of media files. Methods that touch the disk block: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, session_id: str, conversation_id: uuid.UUID, message_id: uuid.UUID) -> str:
        """Return where a message's file belongs, below the root.

        Raises:
            ValueError: `session_id` is not fit for a path.
        """
        if not session_id.replace("-", "").replace("_", "").isalnum() or not session_id.isascii():
            raise ValueError("a session id has letters, digits, - and _ only")
        return f"{session_id}/{conversation_id.hex}/{message_id.hex}"

    def path(self, place: str) -> Path:
        """Return the file at a place.

        Raises:
            ValueError: The place is not below the root.
        """
        root = self.root.resolve()
        path = (root / place).resolve()
        if not path.is_relative_to(root) or path == root:
            raise ValueError("a media file lies below the media directory")
        return path

    def prepare(self, place: str) -> Path:
        """Return the file at a place, with its directory made."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def temporary(self) -> Path:
        """Return a new file's path for a body that is still coming in."""
        folder = self.root / ".incoming"  # no number's name begins with a dot
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / uuid.uuid4().hex

    def remove(self, *places: str) -> None:
        """Remove files; those that are not there are fine."""
        for place in places:
            path = self.path(place)
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # only where it is empty now

    def remove_conversation(self, session_id: str, conversation_id: uuid.UUID) -> None:
        """Remove every file of a conversation."""
        folder = self.path(self.place(session_id, conversation_id, uuid.UUID(int=0))).parent
        shutil.rmtree(folder, ignore_errors=True)

    def remove_session(self, session_id: str) -> None:
        """Remove every file of a number."""
        folder = self.path(self.place(session_id, uuid.UUID(int=0), uuid.UUID(int=0))).parent.parent
        shutil.rmtree(folder, ignore_errors=True)

    def matches(self, path: Path, sha256: str | None) -> bool:
        """Whether a file has the hash (base64) that WhatsApp promised; true where none was promised."""
        if not sha256:
            return True
        try:
            promised = b64decode(sha256, validate=True)
        except (Base64Error, ValueError):
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == promised


SAFE_TO_SHOW = frozenset(
    {
        "image/jpeg", "image/png", "image/gif", "image/webp",
        "audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/wav", "audio/webm",
        "video/mp4", "video/3gpp", "video/webm", "application/pdf",
    }
)  # fmt: skip
"""Types a browser may show in place: none of them can hold script that runs in our origin (SVG and HTML can)."""


def serving_headers(mime_type: str) -> tuple[str, Literal["inline", "attachment"], dict[str, str]]:
    """Return how a file that a stranger sent is served: its type, disposition and the headers that keep it harmless."""
    plain = mime_type.partition(";")[0].strip().lower()
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=3600",
    }
    if plain in SAFE_TO_SHOW:
        if plain == "application/pdf":
            # Browsers' own PDF viewers do not work inside a sandbox; the type itself cannot run script in our origin.
            headers["Content-Security-Policy"] = "default-src 'none'; object-src 'self'"
        return plain, "inline", headers
    return "application/octet-stream", "attachment", headers
