"""Recordings of browsers as WhatsApp has voice notes: the same packets, in pages that decoders take."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest

import prosa_simulator.control
from prosa_simulator.control.voice import checksum, ogg_of, samples

SAMPLE = Path(prosa_simulator.control.__file__).parent / "page" / "samples" / "voice-en.ogg"
HEAD = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 48_000, 0, 0)
UNKNOWN = b"\x01" + b"\xff" * 7


def element(kind: int, content: bytes, size: bytes | None = None) -> bytes:
    name = kind.to_bytes((kind.bit_length() + 7) // 8)
    return name + (size or (0x10000000 | len(content)).to_bytes(4)) + content


def block(packet: bytes, flags: int = 0x80) -> bytes:
    return element(0xA3, b"\x81\x00\x00" + bytes([flags]) + packet)


def recording(packets: list[bytes], codec: bytes = b"A_OPUS", flags: int = 0x80) -> bytes:
    """Return what a recorder writes: it gives what contains others no size."""
    track = element(0xAE, element(0xD7, b"\x01") + element(0x86, codec) + element(0x63A2, HEAD))
    clusters = b"".join(
        element(0x1F43B675, element(0xE7, b"\x00") + b"".join(block(one, flags) for one in packets[n : n + 7]), UNKNOWN)
        for n in range(0, len(packets), 7)
    )
    segment = element(0x1549A966, b"info") + element(0x1654AE6B, track) + clusters
    return element(0x1A45DFA3, b"\x42\x82\x84webm") + element(0x18538067, segment, UNKNOWN)


def pages(ogg: bytes) -> list[tuple[int, int, list[bytes], bytes]]:
    """Return flags, the sample where it ends, packets and bytes of each page."""
    found: list[tuple[int, int, list[bytes], bytes]] = []
    at = 0
    while at < len(ogg):
        magic, _, flags, end, _, number, _, count = struct.unpack_from("<4sBBqIIIB", ogg, at)
        assert magic == b"OggS"
        assert number == len(found)
        lacing, start = ogg[at + 27 : at + 27 + count], at + 27 + count
        packets, packet, place = [], b"", start
        for size in lacing:
            packet += ogg[place : place + size]
            place += size
            if size < 255:
                packets.append(packet)
                packet = b""
        assert packet == b""
        found.append((flags, end, packets, ogg[at:place]))
        at = place
    return found


def crc_field(one: bytes) -> tuple[int, int]:
    """Return the checksum that a page has, and the one that it should have."""
    return struct.unpack_from("<I", one, 22)[0], checksum(one[:22] + bytes(4) + one[26:])


def test_checksums_are_those_of_another_program() -> None:
    for *_, one in pages(SAMPLE.read_bytes()):
        said, made = crc_field(one)
        assert said == made


def test_a_recording_keeps_its_packets() -> None:
    # 20 ms each (mode 31: CELT; 9: SILK), of every length that matters to lacing
    packets = [bytes([mode << 3]) + bytes([n % 256]) * (n * 17 % 600) for n in range(150) for mode in (31, 9)]
    packets += [b"\xf8" + bytes(254), b"\xf8" + bytes(509), b"\xf8"]
    found = pages(ogg_of(recording(packets)))
    assert [one[2] for one in found[:2]] == [[HEAD], [found[1][2][0]]]
    assert found[1][2][0].startswith(b"OpusTags")
    assert [packet for page in found[2:] for packet in page[2]] == packets
    assert [page[0] for page in found] == [2, *[0] * (len(found) - 2), 4]
    ends = [page[1] for page in found[1:]]
    assert ends == sorted(ends)
    assert ends[-1] == len(packets) * 960
    assert max(later - earlier for earlier, later in pairwise(ends)) <= 48_000 + 960
    for *_, one in found:
        said, made = crc_field(one)
        assert said == made


def test_a_recording_that_was_cut_off_keeps_what_is_whole() -> None:
    packets = [bytes([0xF8, n]) * 20 for n in range(20)]
    whole = recording(packets)
    assert pages(ogg_of(whole[:-3]))[-1][2] == packets[:-1]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [(b"\xf8", 960), (b"\xe0", 120), (b"\x08", 960), (b"\x18", 2880), (b"\x60", 480), (b"\xf9", 1920),
     (b"\xfb\x03", 2880)],
)  # fmt: skip
def test_how_long_a_packet_sounds(packet: bytes, expected: int) -> None:
    assert samples(packet) == expected


@pytest.mark.parametrize(
    "data",
    [b"", b"OggS" + bytes(50), bytes(20), recording([]), recording([b"\xf8"], b"A_VORBIS"),
     recording([b"\xf8"], flags=0x82)],
)  # fmt: skip
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        ogg_of(data)
