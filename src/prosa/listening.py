"""Where Prosa listens, and what a process has of its parent where several share that."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console

from prosa import __version__
from prosa.errors import ConfigurationError
from prosa.settings import Settings

READY = b"r"
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder of the counters of several processes, so that each can tell all of them (prometheus_client's
documentation, "multiprocess mode"); it must be set before the first counter is made."""


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else starts, so that a second Prosa fails at once and clearly.

    Raises:
        ConfigurationError: It cannot be had.
    """
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


def announce(settings: Settings) -> None:
    """Tell the person at the terminal where Prosa is."""
    console, url = Console(highlight=False, soft_wrap=True), address(settings)
    console.print(f"\n  [bold]Prosa {__version__}[/] serves at [link={url}]{url}[/]   (API: {url}/docs)")
    if settings.gemini_api_key is None:
        console.print("  [yellow]No PROSA_GEMINI_API_KEY is set: messages are stored and not answered.[/]")
    console.print("  Ctrl-C stops it.\n")


class Parent:
    """What a child process has of the one that started it: the port, and a line that ends when that one does."""

    def __init__(self, listening: int, line: int, redis: str | None = None) -> None:
        """Take what was inherited.

        Args:
            listening: Descriptor of the listening socket.
            line: Descriptor of this end of a pair of sockets.
            redis: URL of what the parent has for all in place of a Redis, where none is set.
        """
        self.redis = redis
        self.listening = socket.socket(fileno=listening)
        self._line = socket.socket(fileno=line)

    def ready(self) -> None:
        """Say that this process serves."""
        with suppress(OSError):  # the parent is gone
            self._line.send(READY)

    def when_gone(self, stop: Callable[[], None]) -> None:
        """Have `stop` called on the running event loop when the parent has ended, however it did."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._line)  # the parent never says anything: this is the end of the line
            stop()

        loop.add_reader(self._line, gone)
