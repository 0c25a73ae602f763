"""How many tokens a request costs, estimated.

Text: four characters a token, rounded up for each part (measured on Gemma's tokenizer: 4.24 English, 3.92
Portuguese). Media, from ai.google.dev/gemini-api/docs/tokens: 258 an image, 258 a page of a document,
32 a second of audio, 263 a second of video. The same page counts large images in tiles; here every image is one.
"""

import io
import re
import wave
from dataclasses import dataclass

CHARS_PER_TOKEN = 4
IMAGE_TOKENS = 258
PAGE_TOKENS = 258
AUDIO_TOKENS_PER_SECOND = 32
VIDEO_TOKENS_PER_SECOND = 263

# Bytes a second assumed where a file does not tell its own length: typical rates of what people send.
_AUDIO_RATE = {"audio/mpeg": 16_000, "audio/mp3": 16_000, "audio/aac": 16_000, "audio/mp4": 8_000, "audio/amr": 1_600}
_VOICE_RATE = 2_000  # Opus at 16 kbit/s, what WhatsApp records
_VIDEO_RATE = 125_000  # 1 Mbit/s
_OPUS_CLOCK = 48_000  # RFC 7845 §4: granule positions of Ogg Opus always count at 48 kHz


@dataclass(frozen=True, slots=True)
class Media:
    """One inline file of a request."""

    mime_type: str
    data: bytes

    @property
    def modality(self) -> str:
        """Google's name of the kind: ``IMAGE``, ``AUDIO``, ``VIDEO`` or ``DOCUMENT``."""
        kind = self.mime_type.split("/", 1)[0].upper()
        return kind if kind in {"IMAGE", "AUDIO", "VIDEO"} else "DOCUMENT"

    @property
    def tokens(self) -> int:
        """The estimate; at least one second or one page."""
        match self.modality:
            case "IMAGE":
                return IMAGE_TOKENS
            case "AUDIO":
                return max(1, round(audio_seconds(self.mime_type, self.data) * AUDIO_TOKENS_PER_SECOND))
            case "VIDEO":
                return max(1, round(len(self.data) / _VIDEO_RATE)) * VIDEO_TOKENS_PER_SECOND
            case _ if self.mime_type.startswith("text/"):
                return text_tokens(self.data.decode("utf-8", "replace"))
            case _:
                return pdf_pages(self.data) * PAGE_TOKENS


def text_tokens(text: str) -> int:
    """Estimated tokens of a text: characters over four, rounded up."""
    return -(-len(text) // CHARS_PER_TOKEN)


def audio_seconds(mime_type: str, data: bytes) -> float:
    """Length of a recording: exact for WAV and Ogg Opus, from the size and a typical bit rate otherwise."""
    if data.startswith(b"RIFF"):
        try:
            with wave.open(io.BytesIO(data)) as recording:
                return float(recording.getnframes() / recording.getframerate())
        except (wave.Error, EOFError, ZeroDivisionError):
            pass  # not PCM, or cut short: estimated below like any other file
    last_page = data.rfind(b"OggS")
    if data.startswith(b"OggS") and len(data) >= last_page + 14:
        # RFC 3533 §6: a page's granule position is eight bytes, little endian, at offset 6.
        return int.from_bytes(data[last_page + 6 : last_page + 14], "little", signed=True) / _OPUS_CLOCK
    return len(data) / _AUDIO_RATE.get(mime_type.split(";", 1)[0].strip(), _VOICE_RATE)


def pdf_pages(data: bytes) -> int:
    """Pages of a PDF by its uncompressed ``/Type /Page`` objects (ISO 32000-1 §7.7.3.3); at least one."""
    return max(1, len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", data)))
