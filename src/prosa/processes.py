"""`prosa serve` as several processes that share one port, on one machine with several processors.

Each is a whole Prosa: it answers requests, and holds its part of the numbers (`prosa.sessions.sharing`). This parent
does nothing but start them, one after another at first, start one again that ended, and pass a stop on; where no Redis
is set, it is theirs (`prosa.local_redis`). A child whose parent is gone stops by itself.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from prosa.errors import ConfigurationError
from prosa.listening import METRICS_DIR, READY, announce, listen
from prosa.local_redis import LocalRedis
from prosa.logs import configure
from prosa.settings import Settings

FOLDER_PREFIX = "prosa-processes-"
STEADY_SECONDS = 60.0
"""A child that lived so long is started again at once, should it end."""
LONGEST_PAUSE = 30.0

logger = structlog.get_logger("prosa.processes")


def supervise(settings: Settings) -> int:
    """Serve with `settings.processes` processes until SIGINT or SIGTERM; return the exit status.

    Raises:
        ConfigurationError: The address cannot be listened on, or there is no place for what processes share.
    """
    configure(settings)
    with listen(settings) as listening, _common_folder() as folder:
        settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        return asyncio.run(_supervise(settings, listening, folder))


@contextlib.contextmanager
def _common_folder() -> Iterator[Path]:
    """Give a folder for what the processes share, such as counters, and take away those of parents that were killed."""
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        pid = old.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and not _lives(int(pid)):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


async def _supervise(settings: Settings, listening: socket.socket, folder: Path) -> int:
    async with contextlib.AsyncExitStack() as stack:
        redis = None
        if settings.redis_url is None:
            try:
                redis = await stack.enter_async_context(LocalRedis().serve(folder))
            except OSError as error:
                raise ConfigurationError(
                    f"The processes cannot meet in {folder}: {error.strerror or error}.",
                    remedy="Set TMPDIR to another folder, with a short path, or PROSA_REDIS_URL, or PROSA_PROCESSES=1.",
                ) from error
        return await _Supervisor(settings, listening, folder, redis).run()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


class _Supervisor:
    def __init__(self, settings: Settings, listening: socket.socket, folder: Path, redis: str | None) -> None:
        self._settings = settings
        self._listening = listening
        self._folder = folder
        self._redis = redis
        self._children: set[asyncio.subprocess.Process] = set()
        self._stopping = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._stop)
        keeping: list[asyncio.Task[None]] = []
        for place in range(self._settings.processes):
            # the first one brings the database up to date, and finds out what is wrong with the settings, by itself
            serves = asyncio.Event()
            keeping.append(asyncio.create_task(self._keep(serves, first=place == 0), name=f"process-{place}"))
            await self._either(serves, keeping[-1])
            if self._stopping.is_set():
                break
            if place == 0:
                announce(self._settings)
        await asyncio.gather(*keeping)
        return self._status

    def _stop(self) -> None:
        self._stopping.set()
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()

    async def _keep(self, serves: asyncio.Event, *, first: bool) -> None:
        """Keep a process running until Prosa is to stop; where even the first one never serves, all of it stops."""
        loop, failures = asyncio.get_running_loop(), 0
        while not self._stopping.is_set():
            began = loop.time()
            status = await self._run(serves)
            if self._stopping.is_set():
                if status != -signal.SIGTERM:  # as where it had hardly begun
                    self._status = self._status or abs(status)  # one that had to be killed did not end in order
                return
            if first and not serves.is_set():
                self._status = status if status > 0 else 1
                self._stop()  # it has told why
                return
            failures = 0 if loop.time() - began >= STEADY_SECONDS else failures + 1
            pause = min(LONGEST_PAUSE, 2.0 ** (failures - 1)) if failures else 0.0
            logger.error("a process ended; it is started again", status=status, in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _run(self, serves: asyncio.Event) -> int:
        """Run a process; return its exit status."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                child = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "prosa", "serve",
                    f"--host={self._settings.host}", f"--port={self._settings.port}",
                    f"--child={self._listening.fileno()},{theirs.fileno()}",
                    *([f"--redis={self._redis}"] if self._redis else []),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(self._listening.fileno(), theirs.fileno()),
                    env={**os.environ, METRICS_DIR: str(self._folder)},
                    start_new_session=True,  # Ctrl-C in the terminal is for this process to pass on, once
                )  # fmt: skip
            self._children.add(child)
            if self._stopping.is_set():
                child.terminate()
            listening = asyncio.create_task(_hear(ours, serves), name=f"process-{child.pid}-ready")
            status = await child.wait()
            self._children.discard(child)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        mark_process_dead(child.pid, str(self._folder))  # type: ignore[no-untyped-call]
        return status

    async def _either(self, serves: asyncio.Event, keeping: asyncio.Task[None]) -> None:
        waiting = asyncio.create_task(serves.wait())
        await asyncio.wait({waiting, keeping}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


async def _hear(line: socket.socket, serves: asyncio.Event) -> None:
    """Wait until a process says that it serves, or has ended."""
    line.setblocking(False)  # noqa: FBT003 - its only parameter, and positional
    if await asyncio.get_running_loop().sock_recv(line, 1) == READY:
        serves.set()
