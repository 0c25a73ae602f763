"""One number's place in the engine: opened, connected, and closed, with stale events kept out."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from prosa.sessions.intake import STORED_EVENTS, Intake, SessionGoneError
from prosa.whatsapp.engine import Connection, EngineError, EngineErrorCode, EngineEvent, EventHandler, WhatsAppEngine

LOGIN_SECONDS = 45.0
"""How long WhatsApp may take to show a code or to accept a login; the bridge's own timeout for the socket is 20 s."""
CONNECT_SECONDS = 65.0
CLOSE_SECONDS = 3.0
DISCONNECT_SECONDS = 2.0


class Line:
    """Opens and connects a number; `report` gets its states, and the error where a try failed."""

    def __init__(
        self,
        session_id: str,
        engine: WhatsAppEngine,
        intake: Intake,
        report: Callable[[EngineEvent | EngineError], None],
        *,
        gate: asyncio.Semaphore,
        device_name: str,
        login_seconds: float = LOGIN_SECONDS,
    ) -> None:
        """Make the line; nothing is opened yet.

        Args:
            session_id: The number's name.
            engine: Where it is opened.
            intake: Stores what arrives.
            report: Called with each event that is not stored, and with an `EngineError` that ended a try.
            gate: Bounds how many numbers connect at the same moment.
            device_name: What the phone lists the device as.
            login_seconds: How long to wait for the first state after the socket is up.
        """
        self._session_id = session_id
        self._engine = engine
        self._intake = intake
        self._report = report
        self._gate = gate
        self._device_name = device_name
        self._login_seconds = login_seconds
        self._connection: Connection | None = None
        self._opening = 0
        self._dialling: asyncio.Task[None] | None = None
        self._decided = asyncio.Event()
        self._log = structlog.get_logger("prosa.sessions").bind(session=session_id)

    @property
    def connection(self) -> Connection | None:
        """The session in the engine while it is opened, online or not."""
        return self._connection

    def dial(self, device_jid: str | None) -> None:
        """Begin to connect, in the background. The outcome is reported."""
        self._decided.clear()
        self._dialling = asyncio.create_task(self._dial(device_jid), name=f"session-dial-{self._session_id}")

    async def open(self, device_jid: str | None) -> Connection:
        """Return the session in the engine, opened but perhaps not connected.

        Raises:
            EngineError: The engine could not open it.
        """
        if self._connection is None:
            self._connection = await self._engine.open(
                self._session_id, self._handler(self._opening), device_jid=device_jid, device_name=self._device_name
            )
        return self._connection

    async def quiet(self) -> None:
        """Give up a try to connect that is under way."""
        task, self._dialling = self._dialling, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def hang_up(self, *, at_once: bool = False) -> bool:
        """Close the session in the engine; nothing of it is reported from now on.

        Args:
            at_once: Cut the socket before what is in hand is finished.

        Returns:
            Whether it is closed; else the engine did not say so, and its socket may be open still.
        """
        self._opening += 1
        await self.quiet()
        connection = self._connection
        if connection is None:
            return True
        closed = True
        try:
            if at_once:
                with contextlib.suppress(EngineError, TimeoutError):
                    async with asyncio.timeout(DISCONNECT_SECONDS):
                        await connection.disconnect()
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()
        except (EngineError, TimeoutError) as error:
            self._log.warning("close_failed", error=str(error) or type(error).__name__)
            closed = False
        self._connection = None
        return closed

    async def _dial(self, device_jid: str | None) -> None:
        try:
            async with self._gate:
                connection = await self.open(device_jid)
                async with asyncio.timeout(CONNECT_SECONDS):
                    await connection.connect()
                async with asyncio.timeout(self._login_seconds):
                    await self._decided.wait()
        except EngineError as error:
            self._report(error)
        except TimeoutError:
            self._report(EngineError(EngineErrorCode.TIMEOUT, "WhatsApp did not answer in time"))
        except Exception as error:  # noqa: BLE001 - must be judged like any other failure, or the number stays silent
            self._log.exception("dial_failed")
            self._report(EngineError(EngineErrorCode.INTERNAL, type(error).__name__))

    def _handler(self, opening: int) -> EventHandler:
        async def handle(event: EngineEvent) -> None:
            if isinstance(event, STORED_EVENTS):
                if opening != self._opening:
                    raise SessionGoneError(self._session_id)
                await self._intake.take(event)
            elif opening == self._opening:
                self._decided.set()
                self._report(event)

        return handle
