"""A person's linked client: how it comes online, stays there, and tells what it was told."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from prosa.whatsapp import jid
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    Connection,
    EngineDown,
    EngineError,
    EngineErrorCode,
    EngineEvent,
    LoggedOut,
    Opened,
    Outdated,
    PasskeyConfirmation,
    PasskeyRequested,
    QrCode,
    StreamReplaced,
    WhatsAppEngine,
)
from prosa_simulator.network import Phone

_RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
_LINK_SECONDS = 30.0

_T = TypeVar("_T")


class ContactError(Exception):
    """A contact could not be linked or connected; the text says why."""


class Client(ABC):
    """A linked client of a phone.

    Attributes:
        phone: The person's phone on the network.
        events: The last events of the engine, for when a test is hard to understand.
        auto_reconnect: Connect again when the connection is lost.
        device_jid: The linked device's address; None before it is linked, and after the phone removed it.
    """

    def __init__(self, engine: WhatsAppEngine, phone: Phone, *, auto_reconnect: bool) -> None:
        self.phone = phone
        self.events: deque[EngineEvent] = deque(maxlen=500)
        self.auto_reconnect = auto_reconnect
        self.device_jid: str | None = None
        self._engine = engine
        self._connection: Connection | None = None
        self._online = False
        self._wanted = False
        self._reconnecting = False
        self._losses = 0
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.phone.number} {self.phone.name!r}>"

    @property
    def number(self) -> str:
        """The phone number's digits."""
        return self.phone.number

    @property
    def jid(self) -> str:
        """The bare address by phone number."""
        return jid.from_phone(self.phone.number)

    @property
    def lid(self) -> str:
        """The bare hidden address."""
        return f"{self.phone.lid}@{jid.LID_SERVER}"

    @property
    def online(self) -> bool:
        """Whether the client is logged in."""
        return self._online

    @property
    def connection(self) -> Connection:
        """The engine's connection, for what has no method here.

        Raises:
            ContactError: The contact was never linked, or its engine is away.
        """
        if self._connection is None:
            raise ContactError(f"{self!r} is not linked")
        return self._connection

    @property
    def linked(self) -> bool:
        """Whether there is a linked client: not before it is linked, nor after the phone removed it."""
        return self.device_jid is not None

    async def link(self) -> None:
        """Link a client by scanning its QR code with the phone, through the passkey step where the phone asks for it.

        Raises:
            ContactError: It did not come online in time.
            PairingError: The phone refused.
        """
        codes: asyncio.Queue[str] = asyncio.Queue()
        await self._drop_connection()  # of a client that the phone removed
        await self._open(codes)
        try:
            async with asyncio.timeout(_LINK_SECONDS):
                await self.connection.connect()
                await self.phone.scan(await codes.get())
                await self._until(lambda: True if self._online else None, _LINK_SECONDS)
        except TimeoutError:
            raise ContactError(f"{self!r} was not linked within {_LINK_SECONDS:.0f} s; {self._history()}") from None
        self._wanted = True

    async def connect(self) -> None:
        """Log in, and return when the client is online.

        Raises:
            ContactError: It is not, after a while; or there is no linked client.
        """
        if not self.linked:
            raise ContactError(f"{self.number} has no linked client; link it again")
        self._wanted = True
        if self._connection is None:
            await self._open(None)
        with contextlib.suppress(EngineError):
            await self.connection.connect()
        try:
            await self._until(lambda: True if self._online else None, _LINK_SECONDS)
        except TimeoutError:
            raise ContactError(f"{self!r} did not come online; {self._history()}") from None

    async def disconnect(self) -> None:
        """Go offline; what is sent to the contact waits on the network."""
        self._wanted = self._online = False
        await self.connection.disconnect()

    async def close(self) -> None:
        """Go offline for good; the client stays linked."""
        self._wanted = self._online = False
        for task in list(self._tasks):
            task.cancel()
        await self._drop_connection()

    # --- For what is built on it -----------------------------------------------------------------------------------

    @abstractmethod
    def _record(self, event: EngineEvent) -> None:
        """Take what is not about the connection itself."""

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, find: Callable[[], _T | None], seconds: float) -> _T:
        async with asyncio.timeout(seconds), self._changed:
            while (found := find()) is None:
                await self._changed.wait()
            return found

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            with contextlib.suppress(EngineError, ContactError):  # the connection is away: nothing to tell anybody
                await work

        task = asyncio.create_task(guarded(), name=f"contact-{self.phone.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- Inside ----------------------------------------------------------------------------------------------------

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(EngineError):
                await connection.close()

    async def _open(self, codes: asyncio.Queue[str] | None) -> None:
        async def handle(event: EngineEvent) -> None:
            if codes is not None and isinstance(event, QrCode):
                codes.put_nowait(event.code)
            await self._handle(event)

        name = f"contact-{self.phone.number}"
        self._connection = await self._engine.open(name, handle, device_jid=self.device_jid, device_name="Prosa")

    async def _handle(self, event: EngineEvent) -> None:
        self.events.append(event)
        match event:
            case Opened():
                self._online, self.device_jid, self._losses = True, event.jid, 0
            case Closed() | EngineDown() | ConnectFailed() | Banned() | Outdated():
                self._lost(event)
            case StreamReplaced():  # trying again would only take the place of the other one
                self._wanted = self._online = False
            case LoggedOut():
                self._wanted = self._online = False
                self.device_jid = None
            case PasskeyRequested():
                assertion = self.phone.passkey_assertion(event.options)
                self._in_background(self.connection.answer_passkey(assertion))
            case PasskeyConfirmation():
                self._in_background(self.connection.confirm_passkey())
            case _:
                self._record(event)
        await self._tell()

    def _lost(self, event: EngineEvent) -> None:
        self._online = False
        self._losses += 1
        if isinstance(event, EngineDown):
            self._connection = None
        if self._wanted and self.auto_reconnect and not self._reconnecting:
            self._reconnecting = True
            self._in_background(self._reconnect())

    async def _reconnect(self) -> None:
        try:
            tries = 0
            while self._wanted and not self._online:
                await asyncio.sleep(_RECONNECT_SECONDS[min(tries, len(_RECONNECT_SECONDS) - 1)])
                tries += 1
                if await self._try_again():
                    return
        finally:
            self._reconnecting = False

    async def _try_again(self) -> bool:
        """Connect once; False where it is worth another try."""
        losses = self._losses
        try:
            if self._connection is None:
                await self._open(None)
            await self.connection.connect()
            await self._until(lambda: True if self._online or self._losses != losses else None, _LINK_SECONDS)
        except EngineError as error:
            return error.code is EngineErrorCode.DEVICE_NOT_FOUND
        except TimeoutError:
            return False
        return self._online or not self._wanted

    def _history(self) -> str:
        return "its last events: " + ", ".join(repr(event)[:200] for event in list(self.events)[-5:])
