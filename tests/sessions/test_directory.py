"""Numbers through the cache: no query on the hot path, and never an older row than this process wrote."""

import asyncio

import pytest
from sqlalchemy import update
from tests.fixtures.caches import started
from tests.sessions.conftest import House

from prosa.sessions import repository
from prosa.sessions.directory import SessionDirectory, cache_key
from prosa.sessions.repository import TABLE
from prosa.sessions.schemas import SessionUpdate
from prosa.sessions.settings import SessionSettings


async def test_the_second_look_asks_no_database(quiet_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = quiet_house
    await house.create(settings=SessionSettings(instructions="Be kind.", debounce_seconds=2))
    first = await house.directory.get("shop")
    monkeypatch.setattr(house.database, "read", None)
    second = await house.directory.get("shop")
    assert first == second
    assert second is not None
    assert (second.settings.instructions, second.settings.debounce_seconds) == ("Be kind.", 2)
    assert await house.directory.owner_of("shop") == house.caller.user_id


async def test_unknown_numbers(quiet_house: House) -> None:
    assert await quiet_house.directory.get("nobody") is None
    assert await quiet_house.directory.owner_of("nobody") is None


async def test_a_change_is_seen_at_once(quiet_house: House) -> None:
    house = quiet_house
    await house.create()
    await house.directory.get("shop")
    await house.service.update(
        house.caller, "shop", SessionUpdate(settings=SessionSettings.model_validate({"ai_enabled": False}))
    )
    facts = await house.directory.get("shop")
    assert facts is not None
    assert facts.settings.ai_enabled is False


async def test_a_row_read_before_a_change_is_not_cached_after_it(
    quiet_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = quiet_house
    await house.create()
    find, read, go_on = repository.find, asyncio.Event(), asyncio.Event()

    async def slow(*args: object, **more: object) -> object:
        record = await find(*args, **more)  # type: ignore[arg-type]
        read.set()
        await go_on.wait()
        return record

    monkeypatch.setattr(repository, "find", slow)
    reading = asyncio.create_task(house.directory.record("shop"))
    await read.wait()
    monkeypatch.setattr(repository, "find", find)
    async with house.database.write() as db:
        await db.execute(update(TABLE).values(name="new"))
    await house.directory.forget("shop")
    go_on.set()
    old = await reading
    assert old is not None
    assert old.name is None
    now = await house.directory.record("shop")
    assert now is not None
    assert now.name == "new"


async def test_what_another_version_cached_is_read_anew(quiet_house: House) -> None:
    await quiet_house.create()
    await quiet_house.cache.set(cache_key("shop"), {"nonsense": 1}, 60)
    assert await quiet_house.directory.get("shop") is not None


@pytest.mark.redis
async def test_through_redis(quiet_house: House, redis_url: str) -> None:
    async with started(redis_url) as cache:
        directory = SessionDirectory(quiet_house.database, cache)
        await quiet_house.create()
        first = await directory.record("shop")
        assert await cache.get(cache_key("shop")) is not None
        assert await directory.record("shop") == first
