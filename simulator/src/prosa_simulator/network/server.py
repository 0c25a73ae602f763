"""The network as others use it: start, control, stop."""

import asyncio
import contextlib
import ipaddress
import os
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Final

from aiohttp import web

from prosa_simulator.loopback import guarded
from prosa_simulator.network import state
from prosa_simulator.network.accounts import Accounts
from prosa_simulator.network.admin import Admin
from prosa_simulator.network.certs import certificate_chain
from prosa_simulator.network.connection import Connection
from prosa_simulator.network.dispatch import dispatch
from prosa_simulator.network.faults import Faults
from prosa_simulator.network.frames import MAX_FRAME
from prosa_simulator.network.hub import Hub, Options, StanzaHook, log
from prosa_simulator.network.media import MAX_UPLOAD, MediaStore, tls_context
from prosa_simulator.network.membership import GroupBook
from prosa_simulator.network.messages import MessageLog
from prosa_simulator.network.phone import Phone
from prosa_simulator.network.xeddsa import KeyPair

SAVE_SECONDS: Final = 2.0
"""How often a changed state is saved, when there is a folder for it."""


class Network:
    """A local WhatsApp network: WebSocket server, media server, accounts and their phones.

    Args:
        data_dir: where state and media live; without it they are temporary and end with :meth:`stop`.
        port: the WebSocket port on loopback; 0 takes a free one, kept over restarts.
        media_port: the same for the media server.
        root_key: the private key (32 bytes) that signs the server's certificate; by default one is made, and kept in
            ``data_dir``.
        host: a loopback address to listen on.
        options: how the network behaves where real ones differ.
        message_limit: how many message records to keep.

    Raises:
        ValueError: ``host`` is not a loopback address.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        media_port: int = 0,
        root_key: bytes | None = None,
        host: str = "127.0.0.1",
        options: Options | None = None,
        message_limit: int = 10_000,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            msg = f"the simulator listens on loopback addresses only, not {host}"
            raise ValueError(msg)
        self._host = host
        self._folder = data_dir
        self._temporary: Path | None = None
        self._ports = {"port": port, "media_port": media_port}
        self._hub = Hub(options or Options(), message_limit)
        self._phones: dict[str, Phone] = {}
        self._root = KeyPair.of(root_key) if root_key else None
        self._static = KeyPair.generate()
        self._chain = b""
        self._runners: list[web.AppRunner] = []
        self._saver: asyncio.Task[None] | None = None
        self._media_ca: Path | None = None

    # Addresses and keys

    @property
    def port(self) -> int:
        """The WebSocket (and admin) port; 0 before the first start, if a free one was asked for."""
        return self._ports["port"]

    @property
    def url(self) -> str:
        """The WebSocket address clients connect to."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self.port}/ws/chat"

    @property
    def listening(self) -> bool:
        """Whether it runs: not before `start`, nor in the pause of a restart."""
        return bool(self._runners)

    @property
    def root_public_key(self) -> str:
        """The key clients must trust for the server's certificate, in hexadecimal."""
        if self._root is None:
            msg = "the network has not been started"
            raise RuntimeError(msg)
        return self._root.public.hex()

    @property
    def media_ca_path(self) -> Path:
        """The PEM file of the media server's certificate, for clients to trust."""
        if self._media_ca is None:
            msg = "the network has not been started"
            raise RuntimeError(msg)
        return self._media_ca

    # What happens on it

    @property
    def accounts(self) -> Accounts:
        """Every account."""
        return self._hub.accounts

    @property
    def connections(self) -> list[Connection]:
        """The live connections, linked or not."""
        return list(self._hub.connections)

    @property
    def messages(self) -> MessageLog:
        """What went over the network."""
        return self._hub.messages

    @property
    def groups(self) -> GroupBook:
        """The groups, to make and change as people do on their phones."""
        return GroupBook(self._hub)

    @property
    def faults(self) -> Faults:
        """Faults on demand."""
        return self._hub.faults

    @property
    def options(self) -> Options:
        """How the network behaves where real ones differ; may be changed at any time."""
        return self._hub.options

    @property
    def on_stanza(self) -> StanzaHook | None:
        """A function called with every stanza: ``"in"`` or ``"out"``, the device if logged in, the node."""
        return self._hub.on_stanza

    @on_stanza.setter
    def on_stanza(self, hook: StanzaHook | None) -> None:
        self._hub.on_stanza = hook

    def phone(self, number: str, name: str | None = None) -> Phone:
        """Return the phone with this number (international digits), creating its account on first use.

        Raises:
            ValueError: it is not a phone number.
        """
        account = self._hub.accounts.create(number, name)
        phone = self._phones.get(number)
        if phone is None:
            phone = self._phones[number] = Phone(self._hub, account)
            self._hub.changed = True
        return phone

    def expire_codes(self) -> None:
        """Make all the QR codes now shown expire."""
        for pairing in set(self._hub.pairings.values()):
            pairing.expire()

    # Life

    async def start(self) -> None:
        """Load what was saved, and listen.

        Raises:
            OSError: a port is taken.
            StateError: the saved state cannot be read.
        """
        if self._runners:
            msg = "the network is running"
            raise RuntimeError(msg)
        folder = self._prepare_folder()
        context, self._media_ca = tls_context(folder)
        if self._root is None:
            self._root = KeyPair.generate()
        self._chain = certificate_chain(self._root, self._static)
        try:
            await self._listen(folder, context)
        except BaseException:
            await self._close()
            raise
        if self._folder is not None:
            self._saver = asyncio.create_task(self._save_often(), name="network saver")
        log.info("listening on %s, media on %s", self.url, self._hub.media_host)

    async def stop(self) -> None:
        """Cut every connection, stop listening, and save the state if there is a folder for it."""
        await self._close()
        if self._folder is not None:
            self.save(self._folder / "network.json")
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    async def restart(self, *, pause: float = 0.0) -> None:
        """Stop listening, cut every connection, wait ``pause`` seconds, and listen on the same ports again."""
        await self._close()
        await asyncio.sleep(pause)
        await self.start()

    def save(self, path: Path) -> None:
        """Write accounts, devices, keys and undelivered stanzas to a file.

        Raises:
            OSError: the file cannot be written.
        """
        if self._root is None:
            msg = "nothing to save before the first start"
            raise RuntimeError(msg)
        keys = {"root": self._root.private, "static": self._static.private}
        self._hub.changed = False
        state.save(path, self._hub.accounts, self._hub.groups, keys, self._ports)

    def load(self, path: Path) -> None:
        """Take over a saved state; before :meth:`start`, and before any phone is used.

        Raises:
            OSError: the file cannot be read.
            StateError: it is not a saved network.
        """
        self._hub.accounts, self._hub.groups, keys, ports = state.load(path)
        self._root = self._root or KeyPair.of(keys["root"])
        self._static = KeyPair.of(keys["static"])
        for name, number in ports.items():
            self._ports[name] = self._ports[name] or number

    def _prepare_folder(self) -> Path:
        if self._folder is None:
            if self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="prosa-network-"))
            return self._temporary
        self._folder.mkdir(parents=True, exist_ok=True)
        saved = self._folder / "network.json"
        if saved.exists() and not len(self._hub.accounts) and self._root is None:
            self.load(saved)
        return self._folder

    async def _listen(self, folder: Path, context: ssl.SSLContext) -> None:
        chat = web.Application()
        chat.router.add_get("/ws/chat{rest:.*}", self._serve)
        chat.add_routes(guarded(Admin(self).routes("/admin")))
        self._ports["port"] = await self._site(chat, self._ports["port"], None)
        media = web.Application(client_max_size=MAX_UPLOAD)
        media.add_routes(MediaStore(self._hub, folder / "media").routes())
        self._ports["media_port"] = await self._site(media, self._ports["media_port"], context)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._hub.media_host = f"{host}:{self._ports['media_port']}"

    async def _site(self, app: web.Application, port: int, context: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self._host, port, ssl_context=context, reuse_address=os.name != "nt").start()
        return int(runner.addresses[0][1])

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=2 * MAX_FRAME, compress=False, timeout=1.0)
        await socket.prepare(request)
        keys = (self._static, self._chain)
        await Connection(self._hub, socket, request.transport, dispatch, keys).run()
        return socket

    async def _close(self) -> None:
        if self._saver is not None:
            self._saver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._saver
            self._saver = None
        self._hub.faults.drop()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._hub.changed and self._folder is not None:
                try:
                    self.save(self._folder / "network.json")
                except OSError as error:
                    log.error("the state could not be saved: %s", error)
