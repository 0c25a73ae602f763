"""The prosa-bridge program: find it, start it on one end of a stream, read its log, stop it."""

import asyncio
import errno
import logging
import os
import secrets
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog

import prosa
from prosa.errors import ConfigurationError
from prosa.whatsapp.stream import FrameStream, expect_token

_log = structlog.get_logger("prosa.bridge")

_CONNECT_SECONDS = 10.0
_LINE_LIMIT = 64 * 1024
_KEPT_LINES = 5
_LEVELS = {"trace": 10, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "fatal": 50, "panic": 50}
_RESERVED = frozenset(
    {"level", "time", "msg", "message", "event", "exc_info", "stack_info", "logger", "timestamp",
     "self", "method_name"}  # structlog's own parameters
)  # fmt: skip

# What the program may know of our environment: where to find things, proxies and certificates, Go's own switches and
# libpq's settings of a PostgreSQL connection; none of Prosa's secrets.
_ENVIRONMENT = frozenset(
    {"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "TZ", "LANG", "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
     "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
)  # fmt: skip
_ENVIRONMENT_PREFIXES = ("GO", "PG")


@dataclass(frozen=True, slots=True)
class TestServer:
    """Points the bridge at a simulated WhatsApp on loopback; for tests only.

    Attributes:
        url: `ws://127.0.0.1:PORT/ws/chat`.
        root_key_hex: Public key that the server's Noise certificates lead to, 32 bytes in hexadecimal.
        media_ca: PEM of the certificate of its media server.
    """

    __test__ = False  # pytest: not a class of tests

    url: str
    root_key_hex: str
    media_ca: Path


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """How the program is started.

    Attributes:
        store_url: `sqlite:///abs/path.db` or `postgres://…`, of the credentials of linked devices; may hold a password.
        media_dir: The only directory in which media are read and written.
        binary: The program; None for the one installed with Prosa.
        test_server: A simulated WhatsApp, for tests.
        log_level: debug, info, warn or error.
        use_tcp: Talk over a loopback TCP port instead of an inherited socket pair; always so on Windows.
        store_connections: To a store on PostgreSQL, at most.
        keep_open: Open files that the program holds for as long as it lives (a lock: `prosa.holders`).
    """

    store_url: str
    media_dir: Path
    binary: Path | None = None
    test_server: TestServer | None = None
    log_level: str = "info"
    use_tcp: bool = sys.platform == "win32"
    store_connections: int = 16
    keep_open: Callable[[], Sequence[int]] = tuple


def find_binary(binary: Path | None) -> Path:
    """Return the path of the program.

    Raises:
        ConfigurationError: It is not there or cannot be executed.
    """
    name = "prosa-bridge.exe" if sys.platform == "win32" else "prosa-bridge"
    path = binary or Path(prosa.__file__).parent / "_bin" / name
    if not path.is_file():
        raise ConfigurationError(
            f"The WhatsApp bridge is not at {path}.",
            remedy="Run 'make setup' to build it, or set PROSA_BRIDGE_PATH to the program.",
        )
    if not os.access(path, os.X_OK):
        raise ConfigurationError(
            f"The WhatsApp bridge at {path} may not be executed.", remedy=f"Run 'chmod +x {path}', or 'make setup'."
        )
    return path.absolute()


class BridgeProcess:
    """A running prosa-bridge and our end of its stream."""

    def __init__(self, process: asyncio.subprocess.Process, stream: FrameStream) -> None:
        self.stream = stream
        self._process = process
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._logs = asyncio.create_task(self._read_logs(), name=f"bridge-log-{process.pid}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last lines it logged, for an error message."""
        return " | ".join(self._last_lines)

    @classmethod
    async def start(cls, options: BridgeOptions) -> "BridgeProcess":
        """Start the program.

        Raises:
            ConfigurationError: It is missing, not executable, or made for another machine.
            OSError: It could not be started, or did not come to the stream.
        """
        program, arguments, environment = _command(options)
        if options.use_tcp:
            return await _start_tcp(program, arguments, environment)
        return await _start_socketpair(program, arguments, environment, options.keep_open())

    async def stop(self, grace: float) -> int:
        """Close the stream, which tells the program to end; kill it where it has not after `grace` seconds.

        Returns:
            Its exit code; negative for the signal that ended it.
        """
        self.stream.close()
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            _log.warning("bridge_killed", pid=self.pid, grace_seconds=grace)
            self.kill()
        code = await self._process.wait()
        await asyncio.wait({self._logs}, timeout=1)
        self._logs.cancel()
        return code

    def kill(self) -> None:
        """End the program at once."""
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return

    async def _read_logs(self) -> None:
        """Pass on its log until it ends. Never raises: a full pipe would stop the program."""
        assert self._process.stderr is not None  # noqa: S101 - it was started with a pipe
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than the limit; asyncio has dropped it
                continue
            if not line:
                return
            self._log_line(line.decode(errors="replace").strip())

    def _log_line(self, line: str) -> None:
        if not line:
            return
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):  # a panic of the Go runtime is plain text
            self._last_lines.append(line[:300])
            _log.warning("bridge_output", line=line[:2000], pid=self.pid)
            return
        level = _LEVELS.get(str(fields.get("level")).lower(), logging.INFO)
        text = str(fields.get("msg") or fields.get("message") or "")
        if level >= logging.WARNING:
            self._last_lines.append(" ".join(filter(None, (text, str(fields.get("error") or ""))))[:300])
        rest: dict[str, Any] = {key: value for key, value in fields.items() if key not in _RESERVED}
        _log.log(level, text, **rest)


def _command(options: BridgeOptions) -> tuple[Path, list[str], dict[str, str]]:
    program = find_binary(options.binary)
    options.media_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    arguments = ["--media-dir", str(options.media_dir.absolute()), "--log-level", options.log_level]
    environment = {
        key: value
        for key, value in os.environ.items()
        if key.upper() in _ENVIRONMENT or key.upper().startswith(_ENVIRONMENT_PREFIXES)
    }
    if urlsplit(options.store_url).scheme == "sqlite":
        arguments += ["--store", options.store_url]
    else:  # may hold a password, and command lines are public on a machine
        environment["PROSA_BRIDGE_STORE"] = options.store_url
        arguments += ["--store-connections", str(options.store_connections)]
    if options.test_server is not None:
        test = options.test_server
        arguments += ["--test-server", test.url, "--test-root-key", test.root_key_hex]
        arguments += ["--test-media-ca", str(test.media_ca)]
    return program, arguments, environment


async def _spawn(
    program: Path, arguments: Sequence[str], environment: Mapping[str, str], *, fds: Sequence[int] = ()
) -> asyncio.subprocess.Process:
    try:
        # A session of its own: Ctrl-C in the terminal reaches Prosa alone, which then stops the bridge in order.
        return await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            close_fds=True,
            pass_fds=fds,
            start_new_session=True,
            limit=_LINE_LIMIT,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # a program for another kind of machine
            raise ConfigurationError(
                f"The WhatsApp bridge at {program} is not a program for this machine.", remedy="Run 'make setup'."
            ) from error
        raise


async def _start_socketpair(
    program: Path, arguments: list[str], environment: dict[str, str], keep_open: Sequence[int]
) -> BridgeProcess:
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    try:
        process = await _spawn(program, ["--fd", str(fd), *arguments], environment, fds=(fd, *keep_open))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    try:
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=1024 * 1024)
    except BaseException:
        ours.close()  # the program ends with it
        raise
    return BridgeProcess(process, FrameStream(reader, writer))


async def _start_tcp(program: Path, arguments: list[str], environment: dict[str, str]) -> BridgeProcess:
    token = secrets.token_urlsafe(32)
    arrived: asyncio.Future[FrameStream] = asyncio.get_running_loop().create_future()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = FrameStream(reader, writer)
        if await expect_token(stream, token) and not arrived.done():
            arrived.set_result(stream)
        else:
            stream.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, limit=1024 * 1024)
    try:
        port = server.sockets[0].getsockname()[1]
        environment["PROSA_BRIDGE_TOKEN"] = token
        process = await _spawn(program, ["--connect", f"127.0.0.1:{port}", *arguments], environment)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                stream = await arrived
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise OSError(f"the bridge did not connect within {_CONNECT_SECONDS:.0f} s") from None
            raise
        return BridgeProcess(process, stream)
    finally:
        server.close()  # the stream that arrived stays open
