"""All contacts of a simulated network: one engine process hosts their clients."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from prosa.whatsapp.bridge import BridgeEngine, TestServer, create_engine
from prosa_simulator.contacts.contact import Contact
from prosa_simulator.network import Network


class ContactBook:
    """The contacts.

    Their clients' credentials are kept in `data_dir`, so that a book opened again over a network that kept its state
    goes on with the same devices.
    """

    def __init__(self, network: Network, data_dir: Path, *, binary: Path | None = None) -> None:
        """Describe the book; nothing runs before `start`.

        Args:
            network: Where the contacts live; started before this book is.
            data_dir: Where the credentials and media of their clients are kept.
            binary: The prosa-bridge program; None for the one installed with Prosa.
        """
        self._network = network
        self._data_dir = data_dir.absolute()
        self._binary = binary
        self._engine: BridgeEngine | None = None
        self._contacts: dict[str, Contact] = {}
        self._linking: set[str] = set()
        self._saving = asyncio.Lock()

    @property
    def engine(self) -> BridgeEngine:
        """The engine that hosts the contacts' clients.

        Raises:
            RuntimeError: The book is not started.
        """
        if self._engine is None:
            raise RuntimeError("the contacts are not started")
        return self._engine

    @property
    def linking(self) -> frozenset[str]:
        """The numbers of those whose clients are being linked or logged in right now."""
        return frozenset(self._linking)

    async def start(self) -> None:
        """Start the engine.

        Raises:
            ConfigurationError: The bridge program is missing or cannot run.
        """
        await asyncio.to_thread(self._data_dir.mkdir, parents=True, exist_ok=True)
        network = self._network
        self._engine = create_engine(
            media_dir=self._data_dir / "media",
            store_url=f"sqlite://{(self._data_dir / 'contacts.db').as_posix()}",
            binary=self._binary,
            test_server=TestServer(network.url, network.root_public_key, network.media_ca_path),
            log_level="warn",
        )
        await self._engine.start()

    async def stop(self) -> None:
        """Take every contact offline and stop the engine."""
        await asyncio.gather(*(contact.close() for contact in self._contacts.values()))
        self._contacts.clear()
        if self._engine is not None:
            await self._engine.stop()
            self._engine = None

    async def link(
        self, number: str, *, name: str | None = None, auto_read: bool = False, auto_reconnect: bool = True
    ) -> Contact:
        """Link a contact's client, or log in the one that was linked before; returns when it is online.

        One whose client the phone removed meanwhile is linked anew, and goes on with its screen.

        Args:
            number: The phone number's digits, with the country code.
            name: What others see.
            auto_read: Send read receipts for what arrives.
            auto_reconnect: Connect again when the connection is lost.

        Raises:
            ContactError: It did not come online.
            PairingError: The phone refused.
            ValueError: The contact is here already.
        """
        contact = self._contacts.get(number)
        if number in self._linking or (contact is not None and contact.linked):
            raise ValueError(f"{number} is linked already")
        phone = self._network.phone(number, name)
        if contact is None:
            contact = Contact(self.engine, phone)
        contact.auto_read, contact.auto_reconnect = auto_read, auto_reconnect
        self._linking.add(number)
        try:
            await self._bring_online(contact)
        except BaseException:
            await contact.close()  # or the engine would refuse the next try: the session is open already
            raise
        finally:
            self._linking.discard(number)
        self._contacts[number] = contact
        return contact

    async def restore(self) -> list[Contact]:
        """Log in every contact of an earlier run whose client is still linked; others are left out.

        Raises:
            ContactError: One does not come online.
        """
        devices = await asyncio.to_thread(self._devices)
        linked = [number for number, device in devices.items() if device in self._linked_devices(number)]
        return [await self.link(number) for number in linked if number not in self._contacts]

    def _linked_devices(self, number: str) -> set[str]:
        account = self._network.accounts.by_phone(number)
        return {str(device.jid) for device in account.devices.values()} if account else set()

    async def _bring_online(self, contact: Contact) -> None:
        devices = await asyncio.to_thread(self._devices)
        if (device := devices.get(contact.number)) in self._linked_devices(contact.number):
            contact.device_jid = device
            await contact.connect()
            return
        await contact.link()
        async with self._saving:  # others may be linked at the same time
            devices = await asyncio.to_thread(self._devices)
            await asyncio.to_thread(self._remember, {**devices, contact.number: contact.device_jid})

    def __getitem__(self, number: str) -> Contact:
        return self._contacts[number]

    def __iter__(self) -> Iterator[Contact]:
        return iter(list(self._contacts.values()))

    def __len__(self) -> int:
        return len(self._contacts)

    @property
    def _devices_path(self) -> Path:
        return self._data_dir / "devices.json"

    def _devices(self) -> dict[str, str | None]:
        path = self._devices_path
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _remember(self, devices: dict[str, str | None]) -> None:
        path = self._devices_path
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(devices))
        fresh.replace(path)  # whole at any moment: others read it while they are linked
