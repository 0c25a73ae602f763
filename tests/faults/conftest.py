"""A world with a Prosa in it whose leases are short, as a process of its own or in the test's."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.fixtures import dying
from tests.flows.conftest import SHOP, Stage

from prosa_simulator.contacts import Contact
from prosa_simulator.product import ProsaClient, ProsaProcess
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
