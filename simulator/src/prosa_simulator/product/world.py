"""The whole world on loopback: a WhatsApp network, a Gemini server, contacts, and settings that lead Prosa there."""

import asyncio
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prosa_simulator.contacts import ContactBook
from prosa_simulator.control import ControlServer
from prosa_simulator.gemini import GeminiServer, Script
from prosa_simulator.network import Network
from prosa_simulator.product.process import ProsaProcess


class World:
    """Everything that is outside Prosa, and the Prosas in it."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        script: Script | None = None,
        latency: float = 0.0,
        network_port: int = 0,
        gemini_port: int = 0,
        control_port: int = 0,
        control_origins: Collection[str] = (),
    ) -> None:
        """Describe the world; `async with` makes it.

        Args:
            folder: Where it keeps its files; a temporary directory where left out.
            script: What the Gemini server answers.
            latency: Seconds that each answer of the Gemini server takes.
            network_port: Where the WhatsApp network listens on loopback; 0 for a free port, here and below.
            gemini_port: Where the Gemini server does.
            control_port: Where the world can be driven over HTTP.
            control_origins: Web origins whose pages may drive it.
        """
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="prosa-world-")
        self.folder = folder or Path(self._temporary.name if self._temporary else ".")
        self.network = Network(self.folder / "network", port=network_port)
        self.gemini = GeminiServer(port=gemini_port, script=script, latency=latency)
        self.contacts = ContactBook(self.network, self.folder / "contacts")
        self._control = ControlServer(self, port=control_port, origins=control_origins)
        self._processes: list[ProsaProcess] = []

    @property
    def control_url(self) -> str:
        """Where the world is driven over HTTP."""
        return self._control.url

    @property
    def processes(self) -> list[ProsaProcess]:
        """The Prosas of this world, running or not."""
        return list(self._processes)

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self.network.start()
            await self.gemini.start()
            await self.contacts.start()
            await self._control.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._processes), return_exceptions=True)
        await self._control.stop()
        await self.contacts.stop()
        await self.gemini.stop()
        await self.network.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def settings(self, *, key: bool = True) -> dict[str, str]:
        """Return the settings that lead a Prosa into this world; without `key`, one that cannot answer."""
        settings = {
            "PROSA_WHATSAPP_TEST_URL": self.network.url,
            "PROSA_WHATSAPP_TEST_ROOT_KEY": self.network.root_public_key,
            "PROSA_WHATSAPP_TEST_MEDIA_CA": str(self.network.media_ca_path),
            "PROSA_GEMINI_BASE_URL": self.gemini.base_url,
        }
        if key and self.gemini.api_key:
            settings["PROSA_GEMINI_API_KEY"] = self.gemini.api_key
        return settings

    def prosa(
        self,
        name: str = "prosa",
        *,
        port: int = 0,
        key: bool = True,
        settings: Mapping[str, str] | None = None,
        program: Sequence[str] = (),
    ) -> ProsaProcess:
        """Return a Prosa of this world, not started; it is stopped with the world.

        Args:
            name: Of its data directory.
            port: Where it listens on loopback; 0 for a free port.
            key: Whether it has the Gemini server's key.
            settings: Further settings (`PROSA_…`).
            program: What to run instead of `prosa`.
        """
        environment = {**self.settings(key=key), **(settings or {})}
        options: dict[str, Any] = {"program": program} if program else {}
        process = ProsaProcess(self.folder / name, environment, port=port, **options)
        self._processes.append(process)
        return process
