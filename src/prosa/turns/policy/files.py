"""Which files of contacts go to the model."""

from typing import Final

from prosa.sessions.settings.understanding import UnderstandingSettings
from prosa.whatsapp.engine import MessageType

MIB = 1024 * 1024

_SOUNDS: Final = {
    "audio/ogg": "audio/ogg", "audio/opus": "audio/ogg", "audio/mpeg": "audio/mp3", "audio/mp3": "audio/mp3",
    "audio/aac": "audio/aac", "audio/mp4": "audio/mp4", "audio/wav": "audio/wav", "audio/x-wav": "audio/wav",
    "audio/flac": "audio/flac", "audio/aiff": "audio/aiff",
}  # fmt: skip
_PICTURES: Final = {name: name for name in ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")}
_VIDEOS: Final = {
    name: name for name in ("video/mp4", "video/3gpp", "video/webm", "video/mpeg", "video/quicktime")
}  # fmt: skip
_DOCUMENTS: Final = {"application/pdf": "application/pdf"}
"""Types of files that Gemini takes, and under which name (ai.google.dev/gemini-api/docs: image, audio, video and
document understanding). WhatsApp's voice messages are `audio/ogg; codecs=opus`."""


def understood(
    settings: UnderstandingSettings, type_: str, *, mime_type: str, size: int | None, seconds: int | None
) -> str | None:
    """Return the type under which a file goes to the model; None where it does not.

    Args:
        settings: The number's.
        type_: The message's type.
        mime_type: As WhatsApp says it.
        size: In bytes, where known.
        seconds: Length of a sound or video, where known.
    """
    wanted = {
        MessageType.AUDIO.value: (settings.voice, _SOUNDS),
        MessageType.IMAGE.value: (settings.images, _PICTURES),
        MessageType.VIDEO.value: (settings.videos, _VIDEOS),
        MessageType.DOCUMENT.value: (settings.documents, _DOCUMENTS),
    }.get(type_)
    if wanted is None or not wanted[0]:
        return None
    if (size or 0) > settings.max_mb * MIB or (seconds or 0) > settings.max_seconds:
        return None
    return wanted[1].get(mime_type.partition(";")[0].strip().lower())
