"""Frames inside the WebSocket's byte stream: a 3-byte big-endian length and a payload.

The client's first bytes are the header ``WA``, 6, 3 (whatsmeow ``socket/constants.go``); official clients may send
routing information before it (``ED`` 0 1, 3-byte length, bytes).
"""

from typing import Final

HEADER: Final = b"WA\x06\x03"
"""Magic, protocol version 6, token dictionary 3."""

MAX_FRAME: Final = 1 << 24
_ROUTING: Final = b"ED\x00\x01"


class FrameError(Exception):
    """The stream does not begin with the expected header, or a frame is too large."""


class FrameReader:
    """Cuts the received bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return the frames now complete.

        Raises:
            FrameError: the header is not WhatsApp's.
        """
        buffer = self._buffer
        buffer += data
        if not self._started and not self._start():
            return []
        frames: list[bytes] = []
        pos = 0
        while len(buffer) - pos >= 3:
            end = pos + 3 + int.from_bytes(buffer[pos : pos + 3], "big")
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[pos + 3 : end]))
            pos = end
        del buffer[:pos]
        return frames

    def _start(self) -> bool:
        buffer = self._buffer
        if buffer.startswith(_ROUTING):
            if len(buffer) < 7:
                return False
            end = 7 + int.from_bytes(buffer[4:7], "big")
            if len(buffer) < end:
                return False
            del buffer[:end]
        if len(buffer) < len(HEADER):
            return False
        if not buffer.startswith(HEADER):
            msg = f"unexpected header {bytes(buffer[:4]).hex()}"
            raise FrameError(msg)
        del buffer[: len(HEADER)]
        self._started = True
        return True


def frame(payload: bytes) -> bytes:
    """Put the length before a payload.

    Raises:
        FrameError: the payload is 16 MiB or more.
    """
    if len(payload) >= MAX_FRAME:
        msg = f"frame of {len(payload)} bytes"
        raise FrameError(msg)
    return len(payload).to_bytes(3, "big") + payload
