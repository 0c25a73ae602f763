"""Starts `prosa serve` as a process of its own against the simulated network, and ends it, gently or not."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import aiohttp

START_SECONDS = 60.0


class ProsaProcess:
    """One installation: a data directory, settings, and the process while it runs."""

    def __init__(
        self,
        data_dir: Path,
        environment: Mapping[str, str],
        *,
        port: int = 0,
        program: Sequence[str] = (sys.executable, "-m", "prosa"),
    ) -> None:
        """Describe the installation; nothing is started.

        Args:
            data_dir: Its data directory.
            environment: Further settings (`PROSA_…`).
            port: Where to listen on loopback; 0 picks a free port, kept over restarts.
            program: What to run instead of `prosa`; takes the same arguments.
        """
        self.data_dir = data_dir
        self.port = port or _free_port()
        self.log_path = data_dir / "prosa.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not _is_setting(name)},
            "PROSA_DATA_DIR": str(data_dir),
            "PROSA_HOST": "127.0.0.1",
            "PROSA_PORT": str(self.port),
            "PROSA_LOG_FORMAT": "json",
            **environment,
        }
        self._program = program
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's number.

        Raises:
            RuntimeError: It does not run.
        """
        if self._process is None:
            raise RuntimeError("Prosa does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process was started, and neither stopped nor ended."""
        return self._process is not None and self._process.returncode is None

    def codes(self) -> list[str]:
        """Return the texts of the QR codes that its console shows now, the newest first: what a camera before it sees.

        Read from its database, so that it does not matter who is signed in there; empty where it has none (yet).
        """
        file = self.data_dir / "prosa.sqlite3"
        if not self.running or not file.exists():
            return []
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
                rows = database.execute(
                    "SELECT qr FROM whatsapp_sessions WHERE qr IS NOT NULL AND status = 'qr' ORDER BY updated_at DESC"
                )
                return [str(qr) for (qr,) in rows]
        except sqlite3.Error:  # its tables are made in this moment, or it is busy
            return []

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            RuntimeError: It ended, or was not ready in time; with the end of its log.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._program, "serve",
                env=self.environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.data_dir,
                start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as http:
                while not await self._ready(http):
                    if self._process.returncode is not None:
                        raise RuntimeError(f"Prosa ended with status {self._process.returncode}:\n{self.log_tail()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.kill()
            raise RuntimeError(f"Prosa was not ready within {START_SECONDS:.0f} s:\n{self.log_tail()}") from None

    async def stop(self, *, seconds: float = 20) -> int:
        """End it gently (SIGTERM), by force after `seconds`; return its exit status."""
        return await self._end(signal.SIGTERM, seconds)

    async def kill(self) -> int:
        """End it at once (SIGKILL), as a power cut would; return its exit status."""
        return await self._end(signal.SIGKILL, 10)

    async def ended(self, *, seconds: float = 60) -> int:
        """Wait until it has ended by itself; return its exit status.

        Raises:
            TimeoutError: It still runs.
        """
        if self._process is None:
            return 0
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    def log_tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    async def _end(self, how: signal.Signals, seconds: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(how)
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode or 0

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/health/ready", timeout=aiohttp.ClientTimeout(total=2)) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


def _is_setting(name: str) -> bool:
    # a demo or a test must not pick up the person's own installation or key
    return name.startswith("PROSA_") or name in {"GEMINI_API_KEY", "GOOGLE_API_KEY"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
