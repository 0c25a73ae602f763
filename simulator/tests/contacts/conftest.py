"""A network with contacts on it, who are linked clients."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prosa.errors import ConfigurationError
from prosa.whatsapp.process import find_binary
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

ANA, BIA, CAIO = "5511988887777", "5511977776666", "5511966665555"


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    network = Network(tmp_path / "network")
    await network.start()
    yield network
    await network.stop()


@pytest.fixture
async def book(network: Network, tmp_path: Path) -> AsyncIterator[ContactBook]:
    try:
        find_binary(None)
    except ConfigurationError as error:
        pytest.skip(f"{error.detail} {error.remedy}")
    book = ContactBook(network, tmp_path / "contacts")
    await book.start()
    yield book
    await book.stop()


@pytest.fixture
async def ana(book: ContactBook) -> Contact:
    return await book.link(ANA, name="Ana")


@pytest.fixture
async def bia(book: ContactBook) -> Contact:
    return await book.link(BIA, name="Bia")


@pytest.fixture
async def caio(book: ContactBook) -> Contact:
    return await book.link(CAIO, name="Caio")
