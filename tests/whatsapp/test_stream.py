import asyncio
import struct

import orjson
import pytest

from prosa.whatsapp.stream import (
    MAX_FRAME,
    BadFrameError,
    FrameStream,
    FrameTooLargeError,
    decode,
    encode,
    expect_token,
)


class Sink:
    """Stands where a StreamWriter would; keeps what was written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def is_closing(self) -> bool:
        return False


def reading(data: bytes, *, end: bool = True) -> FrameStream:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    if end:
        reader.feed_eof()
    return FrameStream(reader, Sink())  # type: ignore[arg-type]


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


async def test_frames_follow_one_another_until_the_end() -> None:
    stream = reading(encode({"id": 1, "text": "olá"}) + encode({}))
    assert await stream.read() == {"id": 1, "text": "olá"}
    assert await stream.read() == {}
    assert await stream.read() is None


async def test_a_frame_is_a_big_endian_length_and_json() -> None:
    sink = Sink()
    FrameStream(asyncio.StreamReader(), sink).write({"a": 1})  # type: ignore[arg-type]
    assert sink.data == b"\x00\x00\x00\x07" + b'{"a":1}'


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x00", "ended within a frame's length"),
        (struct.pack(">I", 10) + b"{}", "ended within a frame"),
        (struct.pack(">I", 0), "a frame of 0 bytes"),
        (struct.pack(">I", MAX_FRAME + 1), "a frame of 16777217 bytes"),
        (struct.pack(">I", 2) + b"[]", "not a JSON object"),
        (struct.pack(">I", 3) + b"{a}", "not JSON"),
        (struct.pack(">I", 4) + b'{"\xff"', "not JSON"),
        (framed(b'{"a":' * 2000 + b"1" + b"}" * 2000), "not JSON"),
        (framed(b'{"a":' * 1000 + b'"\\u0000"' + b"}" * 1000), "nested too deeply"),
    ],
)
async def test_a_bad_frame_is_an_error(data: bytes, reason: str) -> None:
    with pytest.raises(BadFrameError, match=reason):
        await reading(data).read()


async def test_the_largest_frame_passes_and_one_more_byte_does_not() -> None:
    text = "x" * (MAX_FRAME - len(b'{"t":""}'))
    reader = asyncio.StreamReader()
    task = asyncio.create_task(FrameStream(reader, Sink()).read())  # type: ignore[arg-type]
    frame = encode({"t": text})
    reader.feed_data(frame[: MAX_FRAME // 2])
    await asyncio.sleep(0)
    reader.feed_data(frame[MAX_FRAME // 2 :])
    message = await task
    assert message is not None
    assert len(message["t"]) == len(text)
    with pytest.raises(FrameTooLargeError):
        encode({"t": text + "x"})


def test_nul_characters_are_removed_wherever_they_hide() -> None:
    body = orjson.dumps({"a\x00": ["b\x00c", {"d": "\x00"}], "literal": "\\u0000", "n": 1})
    assert decode(body) == {"a": ["bc", {"d": ""}], "literal": "\\u0000", "n": 1}


@pytest.mark.parametrize(
    ("first", "good"),
    [
        (encode({"token": "secret"}), True),
        (encode({"token": "Secret"}), False),
        (encode({"token": 7}), False),
        (encode({}), False),
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_only_who_knows_the_token_is_let_in(first: bytes, good: bool) -> None:
    assert await expect_token(reading(first), "secret") is good
