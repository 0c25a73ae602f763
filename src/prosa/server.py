"""Runs the application in uvicorn until it is told to stop."""

import asyncio
import errno
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from prosa import __version__
from prosa.app import create_app
from prosa.errors import ConfigurationError
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


def serve(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status.

    Raises:
        ConfigurationError: The address cannot be listened on, or something Prosa needs is not there.
    """
    configure(settings)
    with _listen(settings) as listening, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        runner.run(_serve(settings, listening))
    return 0


async def _serve(settings: Settings, listening: socket.socket) -> None:
    app = create_app(settings)
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
    starting = asyncio.create_task(_until_stopped(app, server, settings, listening), name="serve")
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


async def _until_stopped(app: FastAPI, server: _Server, settings: Settings, listening: socket.socket) -> None:
    async with app.router.lifespan_context(app):
        logger.info("prosa serves", version=__version__, address=address(settings))
        _announce(settings)
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


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything else starts, so that a second Prosa fails at once and clearly."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}", remedy=_bind_remedy(error)
        ) from error
    return listening


def _bind_remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "Another program (or another Prosa) has the port: stop it, or set PROSA_PORT or --port."
    if error.errno == errno.EACCES:
        return "Ports below 1024 are the system's: set PROSA_PORT or --port, and put a proxy in front."
    return "The address must be this machine's own: set PROSA_HOST or --host, to 0.0.0.0 for every interface."


def address(settings: Settings) -> str:
    """Return where people reach this Prosa."""
    host = "localhost" if settings.host in {"0.0.0.0", "127.0.0.1", "::"} else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def _announce(settings: Settings) -> None:
    console, url = Console(highlight=False, soft_wrap=True), address(settings)
    console.print(f"\n  [bold]Prosa {__version__}[/] serves at [link={url}]{url}[/]   (API: {url}/docs)")
    if settings.gemini_api_key is None:
        console.print("  [yellow]No PROSA_GEMINI_API_KEY is set: messages are stored and not answered.[/]")
    console.print("  Ctrl-C stops it.\n")
