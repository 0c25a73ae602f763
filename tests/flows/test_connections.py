"""Connections to Prosa stay open between requests."""

import asyncio
from pathlib import Path

from prosa.server import KEEP_ALIVE_SECONDS
from prosa_simulator.product.process import ProsaProcess

UVICORNS_OWN = 5.0
CADDYS = 120.0


async def test_a_connection_outlasts_those_that_clients_and_proxies_keep(tmp_path: Path) -> None:
    assert KEEP_ALIVE_SECONDS > CADDYS
    prosa = ProsaProcess(tmp_path / "data", {})
    await prosa.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", prosa.port)
        for pause in (0.0, UVICORNS_OWN + 1.5):
            await asyncio.sleep(pause)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
        writer.close()
    finally:
        await prosa.stop()
