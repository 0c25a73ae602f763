"""One client's socket: handshake, then login or linking, then stanzas in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from prosa_simulator.network import binary, protobuf, stanzas
from prosa_simulator.network.accounts import Device
from prosa_simulator.network.frames import HEADER, FrameError, FrameReader, frame
from prosa_simulator.network.hub import Hub, log
from prosa_simulator.network.node import BinaryError, Node
from prosa_simulator.network.noise import Finished, NoiseError, ServerHandshake
from prosa_simulator.network.pairing import Pairing, Registration
from prosa_simulator.network.xeddsa import KeyPair

CLOSE_DELAY: Final = 0.3
"""Seconds between a stream error or failure and the close; after a close whatsmeow drops what it has not read."""
RESTART_DELAY: Final = 10.0
"""The same after 515, where the client closes by itself and reconnects."""
HANDSHAKE_TIMEOUT: Final = 20.0
MAX_WAITING: Final = 100_000
"""Stanzas that may wait to be written to a client that does not read, before it is cut off."""

Handler = Callable[["Connection", Node], None]


class Connection:
    """A live client connection.

    Everything that happens in it is in one asyncio loop. :meth:`post` never waits: one task encrypts and writes, so the
    cipher's counter always follows the order on the wire.
    """

    def __init__(
        self,
        hub: Hub,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        handler: Handler,
        keys: tuple[KeyPair, bytes],
    ) -> None:
        self.hub = hub
        self.device: Device | None = None
        """The device logged in here, or nothing while it is being linked."""
        self.pairing: Pairing | None = None
        self.active = False
        """Whether the client asked for its messages (``<active/>``, after login)."""
        self.opened_at = time.time()
        self._socket = socket
        self._transport = transport
        self._handler = handler
        self._handshake = ServerHandshake(HEADER, *keys)
        self._finished: Finished | None = None
        self._said_hello = False
        self._out: deque[Node | bytes] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._answers: dict[str, Callable[[Node], None]] = {}

    def __repr__(self) -> str:
        return f"<Connection {self.device or 'unlinked'}>"

    # For tests and other parts of the network

    def post(self, stanza: Node) -> None:
        """Send a stanza, after those posted before it; silently nothing once the connection is closed."""
        if self._closing:
            return
        self._out.append(stanza)
        self._wake.set()
        if len(self._out) > MAX_WAITING:
            log.warning("%r does not read: dropped", self)
            self.drop()

    def ask(self, stanza: Node, answered: Callable[[Node], None]) -> None:
        """Send an iq of the server's and call back with the client's answer."""
        self._answers[stanza.text("id")] = answered
        self.post(stanza)

    def drop(self) -> None:
        """Cut the TCP connection without a word."""
        self._closing = True
        self._wake.set()
        if self._transport is not None:
            self._transport.abort()

    def stream_error(self, code: int | None, conflict: str | None = None) -> None:
        """Send a stream error and close 0.3 s later (after 515: 10 s, for the client closes first)."""
        self.post(stanzas.stream_error(code, conflict))
        self.close_soon(RESTART_DELAY if code == 515 else CLOSE_DELAY)

    def close_soon(self, seconds: float = CLOSE_DELAY) -> None:
        """Close after what is posted has been written and the client had time to read it."""
        asyncio.get_running_loop().call_later(seconds, self.drop)

    # The life of the connection

    async def run(self) -> None:
        """Serve the socket until it ends."""
        writer = asyncio.create_task(self._write(), name="connection writer")
        timeout = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT, self._give_up)
        frames = FrameReader()
        self.hub.connections.add(self)
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY:
                    break
                for payload in frames.feed(message.data):
                    self._read(payload)
        except (FrameError, NoiseError, BinaryError, protobuf.ProtobufError) as error:
            log.warning("%r: %s: %s", self, type(error).__name__, error)
        finally:
            timeout.cancel()
            self._closed()
            await writer
            await self._socket.close()

    def _closed(self) -> None:
        self._closing = True
        self._wake.set()
        self.active = False
        self.hub.connections.discard(self)
        if self.device is not None and self.device.connection is self:
            self.device.connection = None
        if self.pairing is not None:
            self.pairing.closed()

    def _give_up(self) -> None:
        if self._finished is None:
            self.drop()

    async def _write(self) -> None:
        socket, out = self._socket, self._out
        try:
            while not self._closing:
                while out and not self._closing:
                    item = out.popleft()
                    if isinstance(item, bytes):
                        await socket.send_bytes(frame(item))
                    elif self._finished is not None:
                        if self.hub.on_stanza is not None:
                            self.hub.on_stanza("out", self.device, item)
                        await socket.send_bytes(frame(self._finished.send.encrypt(binary.encode(item))))
                self._wake.clear()
                if not out and not self._closing:
                    await self._wake.wait()
        except (ConnectionError, RuntimeError) as error:
            log.debug("%r: write failed: %s", self, error)

    def _read(self, payload: bytes) -> None:
        if self._closing:
            return
        if self._finished is not None:
            self._stanza(binary.decode(self._finished.receive.decrypt(payload)))
        elif not self._said_hello:
            self._said_hello = True
            self._out.append(self._handshake.hello(payload))
            self._wake.set()
        else:
            self._finished = self._handshake.finish(payload)
            self._enter(self._finished)

    def _stanza(self, stanza: Node) -> None:
        if self.hub.on_stanza is not None:
            self.hub.on_stanza("in", self.device, stanza)
        if stanza.tag == "iq" and stanza.attrs.get("type") in ("result", "error"):
            answered = self._answers.pop(stanza.text("id"), None)
            if answered is not None:
                answered(stanza)
            return
        self._handler(self, stanza)

    def _enter(self, finished: Finished) -> None:
        """Log in or start linking, as the client's payload says (ClientPayload in whatsmeow ``proto/waWa6``)."""
        payload = protobuf.decode(finished.payload)
        phone = str(payload.number(1)) if 19 not in payload else None
        fault = self.hub.faults.take("login", phone)
        if fault is not None:
            self.post(stanzas.failure(fault.number, **fault.attrs))
            self.close_soon()
        elif phone is None:
            registration = Registration.read(payload.message(19), finished.client_static)
            self.pairing = Pairing(self, registration)
            self.pairing.start()
        else:
            self._log_in(phone, payload.number(18), finished.client_static)

    def _log_in(self, phone: str, number: int, noise_key: bytes) -> None:
        account = self.hub.accounts.by_phone(phone)
        device = account.devices.get(number) if account else None
        if account is None or device is None or device.noise_key != noise_key:
            self.post(stanzas.failure(401))
            self.close_soon()
            return
        if device.connection is not None:
            old, device.connection = device.connection, None
            old.active = False
            old.stream_error(None, "replaced")
        self.device = device
        device.connection = self
        self.post(
            Node("success", {"t": stanzas.now(), "lid": device.lid, "props": "1", "abprops": "1", "location": "sim"})
        )
