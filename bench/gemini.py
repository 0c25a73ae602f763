"""A Gemini server that answers at once, in a process of its own: every request gets the same short text.

It reads requests no further than it must, so that what is measured is Prosa and its client, not this server.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

ANSWER = (
    b'{"candidates": [{"content": {"parts": [{"text": "We are open from 9 to 18, Monday to Saturday."}],'
    b' "role": "model"}, "finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 600,'
    b' "candidatesTokenCount": 12, "totalTokenCount": 612, "promptTokensDetails": [{"modality": "TEXT",'
    b' "tokenCount": 600}]}, "modelVersion": "gemini-2.5-flash", "responseId": "bench"}'
)
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


class _Server(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            _, found, rest = head.partition(b"content-length:")
            size = end + 4 + (int(rest.split(b"\r\n", 1)[0]) if found else 0)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            if self._transport is not None:
                self._transport.write(_RESPONSE)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # ends with its parent, whose end of the pipe closes then
    await loop.run_in_executor(None, sys.stdin.read)


@dataclass(frozen=True, slots=True)
class Instant:
    """The running server."""

    url: str
    pid: int


@asynccontextmanager
async def instant_gemini() -> AsyncIterator[Instant]:
    """Run the server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.gemini", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Instant(f"http://127.0.0.1:{int(await process.stdout.readline())}", process.pid)
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
