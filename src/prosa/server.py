"""Runs the application in uvicorn until it is told to stop."""

import socket
import sys

import uvicorn
from rich.console import Console

from prosa import __version__
from prosa.app import create_app
from prosa.errors import ConfigurationError
from prosa.logs import configure
from prosa.settings import Settings

GRACEFUL_SECONDS = 5
"""How long open requests may take once a stop is asked for."""
BACKLOG = 2048


def serve(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status.

    Raises:
        ConfigurationError: The address cannot be listened on, or something Prosa needs is not there.
    """
    configure(settings)
    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    app = create_app(settings, on_ready=lambda: _announce(settings))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # our own line has the request's id
        server_header=False,
        proxy_headers=True,
        lifespan="on",
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,  # 300 KiB a client for events of some hundred bytes
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        backlog=BACKLOG,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    failure: BaseException | None = app.state.failure
    if isinstance(failure, Exception):
        raise failure
    return 0 if server.started else 1


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
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}",
            remedy="Another program (or another Prosa) has the port: stop it, or set PROSA_PORT or --port.",
        ) from error
    listening.set_inheritable(True)
    return listening


def _announce(settings: Settings) -> None:
    if not sys.stdout.isatty():
        return
    host = "localhost" if settings.host in {"0.0.0.0", "127.0.0.1", "::"} else settings.host
    address = settings.public_url or f"http://{host}:{settings.port}"
    console = Console(highlight=False)
    console.print(f"\n  [bold]Prosa {__version__}[/] serves at [link={address}]{address}[/]   (API: {address}/docs)")
    if settings.gemini_api_key is None:
        console.print("  [yellow]No PROSA_GEMINI_API_KEY is set: messages are stored and not answered.[/]")
    console.print("  Ctrl-C stops it.\n")
