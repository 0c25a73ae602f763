"""``python -m prosa_simulator.gemini``: the server alone, until Ctrl+C."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence

from prosa_simulator.gemini.demo_brain import bakery_script
from prosa_simulator.gemini.script import Script
from prosa_simulator.gemini.server import GeminiServer


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m prosa_simulator.gemini", description="A local Gemini API.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default %(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default %(default)s)")
    parser.add_argument("--api-key", default="test-key", help="the only key that works (default %(default)s)")
    parser.add_argument("--any-key", action="store_true", help="accept every key")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds each answer takes")
    parser.add_argument(
        "--brain", choices=("echo", "bakery"), default="bakery", help="who answers (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        server = GeminiServer(
            None if options.any_key else options.api_key,
            options.port,
            host=options.host,
            script=bakery_script() if options.brain == "bakery" else Script(),
            latency=options.latency,
        )
        asyncio.run(_serve(server))
    except (OSError, ValueError) as error:
        parser.exit(1, f"cannot serve on {options.host} port {options.port}: {error}\n")


async def _serve(server: GeminiServer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stop.set)
    async with server:
        sys.stdout.write(f"Gemini API at {server.base_url} (control: {server.base_url}/control/status)\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
