"""Fixtures of every test."""

import gc
import importlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from tests.fixtures import servers
from tests.fixtures.caches import started
from tests.fixtures.memory import use_memory

from prosa.cache import Cache
from prosa.settings import Settings

use_memory()

pytest_plugins = ["tests.fixtures.databases"] + [
    name
    for name in (
        "tests.fixtures.http",
        "tests.fixtures.whatsapp",
        "tests.fixtures.fake_engine",
        "tests.fixtures.inbox",
    )
    if importlib.util.find_spec(name)
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def collected() -> None:
    """Garbage of tests before is gone: what ends (`__del__`) within a reader at its deepest would fail, loudly."""
    gc.collect()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see only what they set themselves."""
    import os

    for name in list(os.environ):
        if name.startswith("PROSA_") and not name.startswith("PROSA_TEST_"):
            monkeypatch.delenv(name)
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test sets up for its process ends with it, also for the loggers that it was the first to use."""
    configure, root = structlog.configure, logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False}))
    # Unless a test sets it up, tracebacks are as Prosa writes them: with colours and variables one takes a second.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh installation in a directory of its own."""
    return Settings(_env_file=None, data_dir=tmp_path / "data", log_level="warning")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.RedisServer]:
    """A private Redis for the whole run; tests that stop it use `own_redis`."""
    with servers.redis() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.RedisServer) -> str:
    """The URL of a Redis with nothing in it."""
    import redis

    client = redis.Redis.from_url(redis_server.url)
    client.flushall()
    client.close()
    return redis_server.url


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.redis), "local"])
async def shared_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of what processes share: a Redis, or what stands in for one; with nothing in it."""
    if request.param == "redis":
        yield request.getfixturevalue("redis_url")
        return
    async with servers.local_redis() as url:
        yield url


@pytest.fixture
def own_redis() -> Iterator[servers.RedisServer]:
    """A Redis that the test may stop and start."""
    with servers.redis() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[servers.PostgresServer]:
    """An empty PostgreSQL that the test may stop and start."""
    with servers.own_postgres() as server:
        yield server


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    """An empty cache in the process."""
    async with started() as cache:
        yield cache
