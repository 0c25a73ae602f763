"""Requests and events over one life of the bridge process: who asked what, answers, errors, time limits."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from prosa.whatsapp.engine import EngineError, EngineErrorCode, Json
from prosa.whatsapp.protojson import integer, items, obj, string
from prosa.whatsapp.stream import FrameStream, FrameTooLargeError

_log = structlog.get_logger("prosa.whatsapp")

EventSink = Callable[[str, str, int | None, Json], None]
"""Takes an event: session, name, seq (None where no answer is awaited), data. Must not block or raise."""

RECEIPTS = "receipts"
"""An event of several sessions: receipts, each of which is an event of its session."""

_SEQ_LIMIT = 2**63 - 1


class Link:
    """The conversation with one bridge process."""

    def __init__(self, stream: FrameStream, on_event: EventSink) -> None:
        self._stream = stream
        self._on_event = on_event
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._last_id = 0
        self._stored: list[int] = []
        """Events whose answer goes out with the next breath of the event loop."""
        self._down: str | None = None

    async def serve(self) -> None:
        """Read until the stream ends, then fail every call that still waits.

        Raises:
            BadFrameError: The bridge broke the protocol.
            OSError: The stream broke.
        """
        try:
            while (message := await self._stream.read()) is not None:
                self._take(message)
        finally:
            self.fail("the bridge's process ended")

    def fail(self, detail: str) -> None:
        """Fail every call that waits, and all later ones, with `ENGINE_DOWN`."""
        self._down = self._down or detail
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(EngineError(EngineErrorCode.ENGINE_DOWN, detail))

    async def call(self, session: str | None, method: str, params: Json, timeout: float) -> Json:  # noqa: ASYNC109 - part of the request
        """Ask the bridge.

        Args:
            session: Prosa's name of the number; None for `hello`.
            method: One of docs/bridge-protocol.md.
            params: Its parameters.
            timeout: Seconds to wait for the answer; then the outcome is unknown.

        Raises:
            EngineError: The bridge said no, did not answer in time, or is down.
        """
        if self._down is not None:
            raise EngineError(EngineErrorCode.ENGINE_DOWN, self._down)
        self._last_id += 1
        request_id = self._last_id
        request: Json = {"id": request_id, "method": method, "params": params}
        if session is not None:
            request["session"] = session
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            self._flush_stored()  # what was stored before is answered before: a `close` would make it come again
            self._stream.write(request)
            async with asyncio.timeout(timeout):
                await self._stream.flush()
                return await future
        except FrameTooLargeError as error:
            raise EngineError(EngineErrorCode.BAD_REQUEST, str(error)) from None
        except TimeoutError:
            self._stream.write({"cancel": request_id})
            raise EngineError(EngineErrorCode.TIMEOUT, f"{method}: no answer within {timeout:g} s") from None
        except asyncio.CancelledError:
            self._stream.write({"cancel": request_id})
            raise
        except OSError as error:
            raise EngineError(EngineErrorCode.ENGINE_DOWN, f"the bridge's stream broke: {error}") from None
        finally:
            self._waiting.pop(request_id, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen, also where nobody waited to the end

    def acknowledge(self, seq: int, *, stored: bool) -> None:
        """Answer an event: stored, or not. Those that are stored at the same moment are answered in one frame."""
        if not stored:
            self._answer(seq, stored=False)
            return
        if not self._stored:
            asyncio.get_running_loop().call_soon(self._flush_stored)
        self._stored.append(seq)

    def _flush_stored(self) -> None:
        stored, self._stored = self._stored, []
        if len(stored) == 1:
            self._answer(stored[0], stored=True)
        elif stored:
            self._stream.write({"acks": stored, "ok": True})

    def _answer(self, seq: int, *, stored: bool) -> None:
        # Nothing is waited for: what is answered was in memory before, and where the stream is gone, WhatsApp
        # delivers it again.
        self._stream.write({"ack": seq, "ok": stored})

    def _take(self, message: Json) -> None:
        if "event" in message:
            name, data = string(message, "event"), obj(message, "data")
            if name == RECEIPTS:
                for item in items(data, "receipts"):
                    self._on_event(string(item, "session"), RECEIPTS, integer(item, "seq", limit=_SEQ_LIMIT), obj(item))
                return
            self._on_event(string(message, "session"), name, integer(message, "seq", limit=_SEQ_LIMIT), data)
            return
        request_id = integer(message, "id", limit=_SEQ_LIMIT)
        future = self._waiting.get(request_id) if request_id is not None else None
        if future is None or future.done():
            return  # given up meanwhile
        if "error" in message:
            future.set_exception(_error(message["error"]))
        else:
            future.set_result(obj(message, "result"))


def _error(error: Any) -> EngineError:
    text = string(error, "message") or "no reason given"
    try:
        return EngineError(EngineErrorCode(string(error, "code")), text)
    except ValueError:
        return EngineError(EngineErrorCode.INTERNAL, f"{string(error, 'code') or 'unknown error'}: {text}")
