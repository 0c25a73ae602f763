"""Fixtures: a running network, and clients that are closed at the end."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from simulator.tests.network.client import Client, Keys

from prosa_simulator.network import Network


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    await network.start()
    yield network
    await network.stop()


@pytest.fixture
async def clients(network: Network) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients of the network, unconnected."""
    made: list[Client] = []

    def make(keys: Keys | None = None) -> Client:
        made.append(Client(network, keys))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "network"
