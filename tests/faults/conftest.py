"""A world with a Prosa in it whose leases are short, as a process of its own or in the test's."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.engine import URL
from tests.fixtures import dying
from tests.fixtures.serving import served
from tests.flows.conftest import SHOP, Stage

import prosa.ai.answer  # noqa: F401 - heavy: its import beside a running Prosa would make leases end
from prosa.app import create_app
from prosa.database import Database
from prosa.sessions.tenure import LeaseTimes
from prosa.settings import Settings
from prosa_simulator.contacts import Contact
from prosa_simulator.product import ApiError, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

PROGRAM = (sys.executable, "-P", str(Path(dying.__file__)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path / "world") as world:
        yield world


def settings_of(url: URL) -> dict[str, str]:
    """Return the settings that lead a Prosa to a database."""
    if url.get_backend_name() != "postgresql":
        return {}
    return {"PROSA_DATABASE_URL": url.set(drivername="postgresql").render_as_string(hide_password=False)}


@asynccontextmanager
async def signed_in(world: World, prosa: ProsaProcess) -> AsyncIterator[Stage]:
    """A Prosa that runs, its owner signed in and listening to events."""
    async with ProsaClient(prosa.url) as api:
        await api.register("owner@example.com", "a long password", "Owner")
        async with api.events() as events:
            yield Stage(world, prosa, api, events)


@dataclass(slots=True)
class Inside(Stage):
    """A stage whose Prosa runs in the test's own process, where it can be tampered with."""

    database: Database

    async def unready(self) -> dict[str, Any]:
        """Return what machines are told while something is wrong, once it is."""
        async with asyncio.timeout(30):
            while True:
                try:
                    health: dict[str, Any] = await self.api.get("/health/ready")
                except ApiError as error:
                    return error.problem
                if health["status"] != "ok":
                    return health
                await asyncio.sleep(0.05)

    async def healthy(self) -> None:
        """Wait until all is well again."""
        async with asyncio.timeout(30):
            while True:
                with suppress(ApiError):
                    if (await self.api.get("/health/ready"))["status"] == "ok":
                        return
                await asyncio.sleep(0.05)

    async def shown(self, **wanted: str) -> dict[str, Any]:
        """Return the number as the API shows it, once it shows it like this."""
        async with asyncio.timeout(40):
            while True:
                session: dict[str, Any] = await self.api.get("/sessions/shop")
                if all(session[name] == value for name, value in wanted.items()):
                    return session
                await asyncio.sleep(0.05)


@asynccontextmanager
async def inside(world: World, **settings: Any) -> AsyncIterator[Inside]:
    """A Prosa in this process, its owner signed in and listening to events."""
    world_settings = {name.removeprefix("PROSA_").lower(): value for name, value in world.settings().items()}
    app = create_app(Settings(_env_file=None, data_dir=world.folder / "inside", **(world_settings | settings)))
    async with served(app) as address, ProsaClient(f"http://{address}") as api:
        await api.register("owner@example.com", "a long password", "Owner")
        async with api.events() as events:
            nobody = cast("ProsaProcess", None)
            yield Inside(world, nobody, api, events, app.state.provided[Database])


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases and patience of a Prosa in this process are short."""
    monkeypatch.setattr("prosa.sessions.gateway.LeaseTimes", partial(LeaseTimes, 8.0, 1.0, 2.0))
    monkeypatch.setattr("prosa.sessions.record.STALE", timedelta(seconds=0.5))
    monkeypatch.setattr("prosa.sessions.directory.TTL_SECONDS", 0.2)
    monkeypatch.setattr("prosa.sessions.intake.RETRY_WAITS", (0.1, 0.2))
    monkeypatch.setattr("prosa.database.connect.BUSY_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("prosa.database.engine.FULL_SECONDS", 3.0)
    monkeypatch.setattr("prosa.cache.PING_SECONDS", 0.2)


def questions_answered(contact: Contact) -> list[str]:
    """Return what the answers on a contact's phone repeat of its questions, in order; one line a question."""
    return [
        line
        for message in contact.received
        for line in message.body.removeprefix("You asked: ").splitlines()
        if not line.startswith("[20")
    ]


async def asked(contact: Contact, *questions: str) -> None:
    """Send questions to the shop, one after another."""
    for question in questions:
        await contact.send_text(SHOP, question)
