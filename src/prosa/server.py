"""Runs the application in uvicorn until it is told to stop."""

import asyncio
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from fastapi import FastAPI

from prosa import __version__
from prosa.app import create_app
from prosa.listening import Parent, address, announce, listen
from prosa.logs import configure
from prosa.settings import Settings
from prosa.stopping import REQUESTS, Grace

BACKLOG = 2048
MAX_FRAME = 64 * 1024
"""Bytes of a WebSocket frame of a client, at most."""

logger = structlog.get_logger("prosa.server")


KEEP_ALIVE_SECONDS = 150
"""How long a connection stays open between two requests: longer than proxies keep theirs (Caddy 120 s, nginx 60).
Else one of them sends a request just as this side closes, and may not repeat it where it is a POST."""


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again before the parts are stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(settings: Settings, parent: Parent | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status.

    Args:
        settings: The installation's.
        parent: Started this process beside others; left out: it is the only one.

    Raises:
        ConfigurationError: The address cannot be listened on, or something Prosa needs is not there.
    """
    configure(settings)
    listening = listen(settings) if parent is None else parent.listening
    with listening, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        runner.run(_serve(settings, listening, parent))
    return 0


async def _serve(settings: Settings, listening: socket.socket, parent: Parent | None) -> None:
    app = create_app(settings, redis=parent.redis if parent is not None else None)
    server = _Server(_config(app, settings))
    stopping = asyncio.Event()

    grace: Grace = app.state.grace

    def stop() -> None:
        grace.enforce()
        server.force_exit = stopping.is_set()  # asked twice: do not wait for open requests
        server.should_exit = True
        stopping.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop)
    if parent is not None:
        parent.when_gone(stop)
    starting = asyncio.create_task(_until_stopped(app, server, settings, listening, parent), name="serve")
    interrupted = asyncio.create_task(stopping.wait(), name="stop-signal")
    await asyncio.wait({starting, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done() and not server.started:
        starting.cancel()  # told to stop while still starting
    interrupted.cancel()
    with suppress(asyncio.CancelledError):
        await starting
    grace.over()
    if stopping.is_set():
        logger.info("prosa stopped")


async def _until_stopped(
    app: FastAPI, server: _Server, settings: Settings, listening: socket.socket, parent: Parent | None
) -> None:
    async with app.router.lifespan_context(app):
        logger.info("prosa serves", version=__version__, address=address(settings))
        announce(settings) if parent is None else parent.ready()
        await server.serve(sockets=[listening])
        logger.info("prosa stops")


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # our own line has the request's id
        server_header=False,
        lifespan="off",  # started and stopped around the server
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,  # 300 KiB a client for events of some hundred bytes
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(REQUESTS * settings.stop_seconds),
        backlog=BACKLOG,
    )


def _loop_factory() -> "asyncio._LoopFactory | None":  # type: ignore[name-defined]
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
