"""Files that people upload, written to disk as they come in."""

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import ClassVar, Final

from starlette.datastructures import UploadFile

from prosa.conversations.media import MAX_FILE_NAME, MediaFiles
from prosa.errors import FieldError, InvalidInputError, ProsaError
from prosa.whatsapp.engine import MediaInfo, MessageType

CHUNK_BYTES: Final = 256 * 1024
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9.+_-]*/[a-z0-9][a-z0-9.+_-]*(; ?codecs=[a-z0-9.]+)?")
VOICE_TYPE = "audio/ogg; codecs=opus"
"""What phones say of voice notes; others are not played as such."""

_BY_MIME = {
    "image/jpeg": MessageType.IMAGE,
    "image/png": MessageType.IMAGE,
    "video/mp4": MessageType.VIDEO,
    "video/3gpp": MessageType.VIDEO,
}
"""What phones show in place; every other picture or film is sent as a document, which always works."""


class FileTooLargeError(ProsaError):
    """A file is larger than this installation takes."""

    code = "too_large"
    status: ClassVar[int] = 413
    title: ClassVar[str] = "The file is too large"
    remedy = "Send a smaller file, or raise PROSA_MEDIA_MAX_MB."


@dataclass(frozen=True, slots=True)
class SavedFile:
    """An upload on disk.

    Attributes:
        path: Where it lies; removed afterwards unless it was moved.
        sha256: Hex digest.
        type: What it is shown as.
        info: What is said of it.
    """

    path: Path
    sha256: str
    type: MessageType
    info: MediaInfo


@asynccontextmanager
async def saved(
    upload: UploadFile, files: MediaFiles, *, max_bytes: int, type_: MessageType | None, voice: bool
) -> AsyncIterator[SavedFile]:
    """Write an upload to disk, for as long as the block runs.

    Args:
        upload: As it comes in.
        files: The media directory.
        max_bytes: Largest file taken.
        type_: What it is to be shown as; by its content type where left out.
        voice: A voice note.

    Raises:
        FileTooLargeError: It is larger.
        InvalidInputError: It is empty, or a voice note that is no sound.
    """
    mime_type = _mime_type(upload)
    shown = type_ or (MessageType.AUDIO if voice else _shown_as(mime_type))
    if voice and shown is not MessageType.AUDIO:
        raise InvalidInputError(fields=[FieldError("body.voice", "only audio can be a voice note")])
    if voice and mime_type.startswith(("audio/ogg", "audio/opus", "application/ogg")):
        mime_type = VOICE_TYPE
    path = await asyncio.to_thread(files.temporary)
    try:
        size, sha256 = await _write(upload, path, max_bytes)
        if size == 0:
            raise InvalidInputError(
                "The file is empty.", fields=[FieldError("body.file", "must not be empty", "empty_file")]
            )
        info = MediaInfo(mime_type=mime_type, size=size, file_name=_file_name(upload), voice=voice)
        yield SavedFile(path, sha256, shown, info)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _write(upload: UploadFile, path: Path, max_bytes: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    file = await asyncio.to_thread(path.open, "xb")
    try:
        while chunk := await upload.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise FileTooLargeError(f"A file may have at most {max_bytes // 2**20} MiB.")
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)
    return size, digest.hexdigest()


def _mime_type(upload: UploadFile) -> str:
    said = (upload.content_type or "").strip().lower()
    if _MIME_TYPE.fullmatch(said) and said != "application/octet-stream" and len(said) <= 100:
        return said
    return mimetypes.guess_type(_file_name(upload))[0] or "application/octet-stream"


def _shown_as(mime_type: str) -> MessageType:
    plain = mime_type.partition(";")[0]
    if plain.startswith("audio/"):
        return MessageType.AUDIO
    return _BY_MIME.get(plain, MessageType.DOCUMENT)


def _file_name(upload: UploadFile) -> str:
    name = PureWindowsPath(PurePosixPath(upload.filename or "").name).name
    name = "".join(c for c in name if c.isprintable()).strip()
    return name[-MAX_FILE_NAME:] or "file"
