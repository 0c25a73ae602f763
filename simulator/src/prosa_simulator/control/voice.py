"""Voice notes as WhatsApp has them: Opus in Ogg. Chromium records Opus in WebM, so only the container is another.

WebM: RFC 9559 (Matroska) over RFC 8794 (EBML). Ogg: RFC 3533. Opus in Ogg: RFC 7845.
"""

import struct
from collections.abc import Iterator
from typing import Final

# Elements that contain others: their content is walked through as if they were not there, so that it does not matter
# that a recorder, who does not know how long it will last, gives none of them a size.
_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xA0
_OPEN: Final = frozenset({_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _BLOCK_GROUP})
_CODEC, _CODEC_PRIVATE, _SIMPLE_BLOCK, _BLOCK = 0x86, 0x63A2, 0xA3, 0xA1
_LACING: Final = 0x06

_FIRST, _LAST = 0x02, 0x04
_PAGE_SAMPLES: Final = 48_000
"""A page holds at most about a second of sound (Ogg counts Opus at 48 kHz)."""
_SEGMENTS: Final = 255
_SERIAL: Final = 1
_TAGS: Final = struct.pack("<8sI15sI", b"OpusTags", 15, b"prosa-simulator", 0)
_HALF_MS: Final = 24
_SILK, _HYBRID, _CELT = (20, 40, 80, 120), (20, 40), (5, 10, 20, 40)
"""Lengths of a frame in halves of a millisecond, by mode (RFC 6716 §3.1)."""


def ogg_of(webm: bytes) -> bytes:
    """Return a recording as Ogg.

    Raises:
        ValueError: It is not Opus in WebM, or is cut off within its head.
    """
    head, packets = b"", []
    for kind, content in _elements(webm):
        if kind == _CODEC and content != b"A_OPUS":
            raise ValueError(f"the sound is {content!r}, not Opus")
        if kind == _CODEC_PRIVATE:
            head = content
        elif kind in {_SIMPLE_BLOCK, _BLOCK}:
            track, at = _number(content, 0)
            if content[at + 2] & _LACING:
                raise ValueError(f"several packets in one block of track {track}")
            packets.append(content[at + 3 :])
    if not head.startswith(b"OpusHead") or not packets:
        raise ValueError("no Opus in it")
    return b"".join(_pages(head, packets))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        try:
            length = 9 - data[at].bit_length()
            kind = int.from_bytes(data[at : at + length])
            size, at = _number(data, at + length)
        except IndexError:
            return  # cut off
        if kind in _OPEN:
            continue
        if at + size > len(data):
            return
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read an EBML number of variable length; return it and where it ends."""
    length = 9 - data[at].bit_length()
    if length > 8:
        raise ValueError("not EBML")
    value = int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
    return value, at + length


def samples(packet: bytes) -> int:
    """Return how long an Opus packet sounds, at 48 kHz (RFC 6716 §3.1, §3.2)."""
    mode, code = packet[0] >> 3, packet[0] & 3
    if mode < 12:
        frame = _SILK[mode % 4]
    elif mode < 16:
        frame = _HYBRID[mode % 2]
    else:
        frame = _CELT[mode % 4]
    count = (1, 2, 2)[code] if code < 3 else packet[1] & 0x3F
    return frame * _HALF_MS * count


def _pages(head: bytes, packets: list[bytes]) -> Iterator[bytes]:
    yield page(0, _FIRST, 0, [head])
    yield page(1, 0, 0, [_TAGS])
    number, end, begun = 2, 0, 0
    waiting: list[bytes] = []
    for packet in packets:
        long = end - begun >= _PAGE_SAMPLES
        if waiting and (long or len(_lacing([*waiting, packet])) > _SEGMENTS):
            yield page(number, 0, end, waiting)
            number, begun, waiting = number + 1, end, []
        waiting.append(packet)
        end += samples(packet)
    yield page(number, _LAST, end, waiting)


def page(number: int, flags: int, end: int, packets: list[bytes]) -> bytes:
    """Return a page of Ogg with whole packets (RFC 3533 §6); `end`: the sample that it ends at."""
    lacing = _lacing(packets)
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, end, _SERIAL, number, 0)
    made = head + bytes([len(lacing)]) + lacing + b"".join(packets)
    return made[:22] + struct.pack("<I", checksum(made)) + made[26:]


def _lacing(packets: list[bytes]) -> bytes:
    return b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)


def checksum(data: bytes) -> int:
    """Return a page's CRC, whose own field is zero: polynomial 0x04c11db7, nothing reflected (RFC 3533 §6)."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value


def _crc_of(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


_CRC: Final = [_crc_of(byte) for byte in range(256)]
