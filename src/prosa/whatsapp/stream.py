"""Frames between Prosa and prosa-bridge: a length and that much JSON (docs/bridge-protocol.md, "Transport")."""

import asyncio
import hmac
import struct

import orjson

from prosa.whatsapp.engine import Json
from prosa.whatsapp.protojson import without_nul

MAX_FRAME = 16 * 1024 * 1024
"""Largest frame, in bytes of JSON."""

_LENGTH = struct.Struct(">I")
_CHUNK = 256 * 1024
_ESCAPED_NUL = b"\\u0000"


class BadFrameError(Exception):
    """The other side does not follow the protocol; the stream must be closed."""


class FrameTooLargeError(ValueError):
    """A message of ours does not fit into a frame."""


class FrameStream:
    """One end of the stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._at = 0

    async def read(self) -> Json | None:
        """Return the next message, or None where the stream ended between two frames.

        Raises:
            BadFrameError: The frame is too large, incomplete, or not a JSON object.
            OSError: The stream broke.
        """
        while (frame := self._next()) is None:
            chunk = await self._reader.read(_CHUNK)  # as many frames as there are
            if chunk:
                self._buffer += chunk
            elif self._buffer:
                what = "a frame's length" if len(self._buffer) < _LENGTH.size else "a frame"
                raise BadFrameError(f"the stream ended within {what}")
            else:
                return None
        return decode(frame)

    def _next(self) -> bytes | None:
        """Take the next whole frame out of what was read."""
        buffer, start = self._buffer, self._at + _LENGTH.size
        if len(buffer) >= start:
            (size,) = _LENGTH.unpack_from(buffer, self._at)
            if not 0 < size <= MAX_FRAME:
                raise BadFrameError(f"a frame of {size} bytes")
            if len(buffer) >= start + size:
                self._at = start + size
                return bytes(buffer[start : self._at])
        del buffer[: self._at]  # of the frames before
        self._at = 0
        return None

    def write(self, message: Json) -> None:
        """Put a message on its way, whole and in order, without waiting for the other side.

        Raises:
            FrameTooLargeError: It is larger than a frame may be.
        """
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def flush(self) -> None:
        """Wait until the other side has taken most of what was written.

        Raises:
            OSError: The stream broke.
        """
        await self._writer.drain()

    def close(self) -> None:
        """Close the stream."""
        self._writer.close()


def encode(message: Json) -> bytes:
    """Return a message as a frame.

    Raises:
        FrameTooLargeError: It is larger than a frame may be.
    """
    body = orjson.dumps(message)
    if len(body) > MAX_FRAME:
        raise FrameTooLargeError(f"a message of {len(body)} bytes; at most {MAX_FRAME} fit")
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Json:
    """Return the message in a frame's body, without NUL characters.

    Raises:
        BadFrameError: It is not a JSON object, or nested too deeply.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadFrameError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadFrameError("not a JSON object")
    try:
        result: Json = without_nul(message) if _ESCAPED_NUL in body else message
    except RecursionError:
        raise BadFrameError("its JSON is nested too deeply") from None
    return result


async def expect_token(stream: FrameStream, token: str) -> bool:
    """Read the first frame of a TCP client and say whether it holds the one-time token."""
    try:
        first = await stream.read()
    except (BadFrameError, OSError):
        return False
    given = first.get("token") if first is not None else None
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())
