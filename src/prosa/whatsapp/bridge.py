"""The engine over prosa-bridge: starts the program, keeps it running, and hosts sessions in it."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from prosa.errors import ConfigurationError
from prosa.whatsapp.connection import CALL_SECONDS, BridgeConnection
from prosa.whatsapp.engine import (
    Connection,
    DeviceState,
    EngineDown,
    EngineError,
    EngineErrorCode,
    EventHandler,
    Json,
)
from prosa.whatsapp.inbox import Inbox, RawEvent
from prosa.whatsapp.link import Link
from prosa.whatsapp.process import BridgeOptions, BridgeProcess, TestServer, find_binary
from prosa.whatsapp.protojson import flag, integer, string
from prosa.whatsapp.stream import BadFrameError

__all__ = ["PROTOCOL", "BridgeEngine", "TestServer", "create_engine"]

PROTOCOL = 2
"""Version of docs/bridge-protocol.md that this client speaks."""

STOP_GRACE = 3.0
"""Seconds the program has to end by itself; it gives its own clients at most 2."""

_SETTLE_SECONDS = 2.0
_HELLO_SECONDS = 20.0
_BACKOFF_FIRST, _BACKOFF_LAST = 0.2, 30.0
_STEADY_SECONDS = 30.0
"""A process that ran this long did not fail at its start: the backoff begins anew."""

_log = structlog.get_logger("prosa.whatsapp")


def create_engine(
    *,
    media_dir: Path,
    store_url: str,
    binary: Path | None = None,
    test_server: TestServer | None = None,
    log_level: str = "info",
    store_connections: int = 16,
    keep_open: Callable[[], Sequence[int]] = tuple,
) -> "BridgeEngine":
    """Return the engine that Prosa runs with; arguments as of `BridgeOptions`."""
    options = BridgeOptions(
        store_url=store_url,
        media_dir=media_dir,
        binary=binary,
        test_server=test_server,
        log_level=log_level,
        store_connections=store_connections,
        keep_open=keep_open,
    )
    return BridgeEngine(options)


class BridgeEngine:
    """Implements `WhatsAppEngine`.

    When the program ends by itself it is started again, after 0.2 s, then longer and longer up to 30 s. Each session
    that was open gets `EngineDown` and is forgotten; its owner opens it again. Calls meanwhile raise `ENGINE_DOWN`.
    """

    def __init__(self, options: BridgeOptions) -> None:
        self._options = options
        self._process: BridgeProcess | None = None
        self._link: Link | None = None
        self._inboxes: dict[str, Inbox] = {}
        self._opening: set[str] = set()
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = False
        self._restarts = 0

    @property
    def media_dir(self) -> Path:
        """The private directory for media."""
        return self._options.media_dir

    @property
    def pid(self) -> int | None:
        """Process id of the program while it runs and answers."""
        return self._process.pid if self._process is not None and self._link is not None else None

    @property
    def restarts(self) -> int:
        """How often the program was started again after it had ended by itself."""
        return self._restarts

    async def start(self) -> None:
        """Start the program and return when it answers.

        A start that fails for a passing reason (its database is away) is not an error: it is tried again.

        Raises:
            ConfigurationError: The program is missing, not executable, or of another version.
        """
        if self._supervisor is not None:
            raise RuntimeError("the engine was started already")
        find_binary(self._options.binary)
        tried: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise(tried), name="whatsapp-bridge")
        await tried

    async def stop(self) -> None:
        """Let handlers finish what they have in hand (at most 2 s), then end the program."""
        self._stopping = True
        inboxes = list(self._inboxes.values())
        await asyncio.gather(*(inbox.settle(_SETTLE_SECONDS) for inbox in inboxes))
        for inbox in inboxes:
            inbox.cancel()
        self._inboxes.clear()
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})

    async def open(
        self, session_id: str, handler: EventHandler, *, device_jid: str | None, device_name: str = "Prosa"
    ) -> Connection:
        """Open a session without connecting it.

        Raises:
            EngineError: `already_open`; `device_not_found` where the credentials of `device_jid` are gone.
        """
        link = self._require_link()
        if session_id in self._inboxes:
            raise EngineError(EngineErrorCode.ALREADY_OPEN, f"session {session_id} is open already")
        self._opening.add(session_id)
        # The inbox comes first: events may follow the answer at once.
        inbox = self._inboxes[session_id] = Inbox(session_id, handler, link)
        try:
            state = await _open_device(link, session_id, device_jid, device_name)
        except BaseException:
            inbox.end()
            self._forget(session_id, inbox)
            raise
        finally:
            self._opening.discard(session_id)
        return self._connection(session_id, link, inbox, state)

    def _connection(self, session_id: str, link: Link, inbox: Inbox, state: DeviceState) -> BridgeConnection:
        """Bind a connection to this opening of the session: a later one, or another process, is not its own."""

        async def ask(method: str, params: Json, timeout: float) -> Json:  # noqa: ASYNC109 - part of the request
            if self._link is not link:
                raise EngineError(
                    EngineErrorCode.ENGINE_DOWN, "the bridge was started anew since; open the session again"
                )
            if self._inboxes.get(session_id) is not inbox:
                raise EngineError(EngineErrorCode.UNKNOWN_SESSION, f"session {session_id} is closed")
            return await link.call(session_id, method, params, timeout)

        async def close() -> None:
            if self._inboxes.get(session_id) is not inbox:
                return
            await inbox.settle(_SETTLE_SECONDS)
            try:
                await ask("close", {}, CALL_SECONDS)
            except EngineError as error:
                if error.code not in {EngineErrorCode.UNKNOWN_SESSION, EngineErrorCode.ENGINE_DOWN}:
                    raise  # those two mean that it is gone, as was wanted
            finally:
                self._forget(session_id, inbox)

        return BridgeConnection(session_id, state, ask, close)

    def _require_link(self) -> Link:
        if self._link is None:
            raise EngineError(EngineErrorCode.ENGINE_DOWN, "the bridge is not running at the moment")
        return self._link

    def _forget(self, session_id: str, inbox: Inbox) -> None:
        if self._inboxes.get(session_id) is inbox:
            del self._inboxes[session_id]

    def _on_event(self, session: str, name: str, seq: int | None, data: Json) -> None:
        inbox = self._inboxes.get(session)
        if inbox is not None:
            inbox.put(RawEvent(name, seq, data))
        # An event of a session that was just closed is not acknowledged: WhatsApp delivers it again.

    async def _supervise(self, tried: asyncio.Future[None]) -> None:
        """Keep the program running until cancelled."""
        pause = _BACKOFF_FIRST
        while True:
            started = time.monotonic()
            detail = "the bridge's process ended"
            try:
                detail = await self._live(tried)
            except ConfigurationError as error:
                if not tried.done():
                    tried.set_exception(error)
                    return
                detail = error.detail
            except (OSError, EngineError, BadFrameError) as error:
                detail = str(error)
            except asyncio.CancelledError:
                if not tried.done():
                    tried.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, without the program no number comes back
                _log.exception("bridge_failed")
                detail = type(error).__name__
            if not tried.done():
                tried.set_result(None)
            if time.monotonic() - started >= _STEADY_SECONDS:
                pause = _BACKOFF_FIRST
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads restarts, guards nothing
            _log.error("bridge_down", detail=detail, restart_in_seconds=round(wait, 2))
            await asyncio.sleep(wait)
            pause = min(pause * 2, _BACKOFF_LAST)
            self._restarts += 1

    async def _live(self, ready: asyncio.Future[None]) -> str:
        """Run the program through one life; `ready` is set once it answers.

        Returns:
            How it ended.

        Raises:
            ConfigurationError: It speaks another version of the protocol, or cannot be started here.
            EngineError: It did not answer.
            OSError: It could not be started, or its stream broke.
            BadFrameError: It broke the protocol.
        """
        process = await BridgeProcess.start(self._options)
        self._process = process
        link = Link(process.stream, self._on_event)
        serving = asyncio.create_task(link.serve(), name=f"bridge-stream-{process.pid}")
        code: int | None = None
        try:
            try:
                await _hello(link)
            except EngineError as error:
                code = await process.stop(STOP_GRACE)
                raise EngineError(error.code, f"{error.message} (exit code {code}) {process.last_words}") from None
            self._link = link
            _log.info("bridge_ready", pid=process.pid)
            if not ready.done():
                ready.set_result(None)
            await serving
        finally:
            self._down(link)
            serving.cancel()
            await asyncio.wait({serving})
            if not serving.cancelled():
                serving.exception()
            if code is None:
                code = await process.stop(STOP_GRACE)
            self._process = None
        return f"exit code {code} {process.last_words}".strip()

    def _down(self, link: Link) -> None:
        """Fail every call and forget every session; their handlers are told unless we are stopping ourselves."""
        self._link = None
        link.fail("the bridge's process ended")
        inboxes, self._inboxes = self._inboxes, {}
        event = None if self._stopping else EngineDown("the bridge's process ended; it is being restarted")
        for session_id, inbox in inboxes.items():
            inbox.end(None if session_id in self._opening else event)


async def _open_device(link: Link, session_id: str, device_jid: str | None, device_name: str) -> DeviceState:
    params: Json = {"device_name": device_name}
    if device_jid is not None:
        params["jid"] = device_jid
    try:
        result = await link.call(session_id, "open", params, CALL_SECONDS)
    except EngineError as error:
        if error.code is not EngineErrorCode.ALREADY_OPEN:
            raise
        # Left over from an open or close that was given up before its answer came.
        await link.call(session_id, "close", {}, CALL_SECONDS)
        result = await link.call(session_id, "open", params, CALL_SECONDS)
    return DeviceState(
        linked=flag(result, "linked"),
        jid=string(result, "jid") or None,
        lid=string(result, "lid") or None,
        push_name=string(result, "push_name") or None,
    )


async def _hello(link: Link) -> None:
    result = await link.call(None, "hello", {"protocol": PROTOCOL}, _HELLO_SECONDS)
    theirs = integer(result, "protocol")
    if theirs != PROTOCOL:
        raise ConfigurationError(
            f"The WhatsApp bridge speaks version {theirs} of the protocol; this Prosa speaks {PROTOCOL}.",
            remedy="Run 'make setup' to build the bridge that belongs to this version.",
        )
