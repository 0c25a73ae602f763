"""Fixtures of every simulator test."""

import gc

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def collected() -> None:
    """Garbage of tests before is gone: what ends (`__del__`) within a reader at its deepest would fail, loudly."""
    gc.collect()
