"""The cache in the process and in Redis, and what an outage of Redis does."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import orjson
import pytest
import structlog
from redis.asyncio import Redis
from tests.fixtures.caches import started
from tests.fixtures.servers import RedisServer, free_port, local_redis

from prosa import cache as cache_module
from prosa.cache import LARGEST_VALUE, NEAR_SECONDS, Cache, CacheState


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert condition()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis), "local"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    async with AsyncExitStack() as stack:
        url = request.getfixturevalue("redis_url") if request.param == "redis" else None
        if request.param == "local":
            url = await stack.enter_async_context(local_redis())
        yield await stack.enter_async_context(started(url))


async def test_values_come_back_as_they_were(kept: Cache) -> None:
    value = {"texts": ["olá 👋", ""], "number": 7, "none": None, "nested": {"yes": True}}
    await kept.set("a", value, 60)
    assert await kept.get("a") == value
    plain: object
    for plain in (0, 5, "5", "text", [], False, 1.5):
        await kept.set("plain", plain, 60)
        assert await kept.get("plain") == plain
        assert type(await kept.get("plain")) is type(plain)


async def test_a_value_is_a_copy(kept: Cache) -> None:
    value = {"list": [1]}
    await kept.set("a", value, 60)
    value["list"].append(2)
    got = await kept.get("a")
    assert got == {"list": [1]}
    got["list"].append(3)
    assert await kept.get("a") == {"list": [1]}


async def test_missing_deleted_and_expired_are_none(kept: Cache) -> None:
    assert await kept.get("never") is None
    await kept.set("a", 1, 60)
    await kept.set("b", 2, 60)
    await kept.set("c", 3, 0.05)
    await kept.delete("a", "b", "never")
    await kept.delete()
    assert await kept.get("a") is None
    assert await kept.get("b") is None
    await asyncio.sleep(0.08)
    assert await kept.get("c") is None


async def test_counters_end_after_their_first_increment(kept: Cache) -> None:
    assert [await kept.increment("n", 1.5) for _ in range(3)] == [1, 2, 3]
    await asyncio.sleep(0.8)
    assert await kept.increment("n", 1.5) == 4
    await asyncio.sleep(0.9)
    assert await kept.increment("n", 1.5) == 1
    assert await kept.get("n") == 1


async def test_counters_count_each_of_many_at_once(kept: Cache) -> None:
    assert sorted(await asyncio.gather(*(kept.increment("n", 60) for _ in range(40)))) == list(range(1, 41))


async def test_what_is_too_large_is_not_kept_nor_is_the_old_value(kept: Cache) -> None:
    await kept.set("a", "small", 60)
    await kept.set("a", "x" * (cache_module.LARGEST_VALUE + 1), 60)
    assert await kept.get("a") is None


async def test_a_value_that_is_not_json_is_an_error_of_the_caller(kept: Cache) -> None:
    with pytest.raises(TypeError):
        await kept.set("a", object(), 60)


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MEMORY_ENTRIES", 3)
    async with started(None) as cache:
        assert cache.state is CacheState.MEMORY
        for n in range(3):
            await cache.set(str(n), n, 60)
        await cache.get("0")
        await cache.set("3", 3, 60)
        assert [await cache.get(str(n)) for n in range(4)] == [0, None, 2, 3]


@pytest.mark.redis
async def test_redis_holds_json_under_our_prefix(redis_url: str) -> None:
    async with started(redis_url) as cache, Redis.from_url(redis_url) as redis:
        await cache.set("a", {"b": "c"}, 60)
        keys = await redis.keys("*")
        assert keys == [b"prosa:a"]
        raw = await redis.get("prosa:a")
        assert isinstance(raw, bytes)
        assert orjson.loads(raw.removeprefix(b"bytes:")) == {"b": "c"}
        assert 0 < await redis.pttl("prosa:a") <= 60_000
        await redis.set("prosa:a", b"\x80\x05bytes of another program")
        assert await cache.get("a") is None
        assert cache.state is CacheState.REDIS


@pytest.mark.redis
async def test_an_outage_makes_nothing_wrong(own_redis: RedisServer) -> None:
    async with started(own_redis.url) as cache:
        await cache.set("a", 1, 60)
        own_redis.stop()
        with structlog.testing.capture_logs() as logs:
            assert await cache.get("a") is None
            assert cache.state is CacheState.AWAY
            await cache.set("a", 2, 60)
            await cache.delete("b")
            assert await cache.increment("n", 60) == 1
            assert await cache.increment("n", 60) == 2, "the process counts on by itself"
            own_redis.start()
            await until(lambda: cache.state is CacheState.REDIS)
        assert [line["event"] for line in logs] == [
            "Redis is away; nothing is cached until it is back",
            "Redis is back; caching again",
        ]
        await cache.set("a", 3, 60)
        assert await cache.get("a") == 3


@pytest.mark.redis
async def test_a_frozen_redis_is_left_alone_and_what_changed_meanwhile_is_deleted(own_redis: RedisServer) -> None:
    process = own_redis._process
    assert process is not None
    async with started(own_redis.url, operation_seconds=1) as cache:
        for key in ("changed", "deleted", "same", "late"):
            await cache.set(key, "old", 60)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            before = time.monotonic()
            await cache.set("late", "maybe", 60)
            assert time.monotonic() - before > 0.9
            before = time.monotonic()
            for _ in range(1000):
                assert await cache.get("same") is None
            await cache.set("changed", "new", 60)
            await cache.delete("deleted")
            assert time.monotonic() - before < 1, "no operation waits while Redis is away"
            await asyncio.sleep(0.4)
            assert cache.state is CacheState.AWAY
        finally:
            os.kill(process.pid, signal.SIGCONT)
        await until(lambda: cache.state is CacheState.REDIS)
        assert await cache.get("same") == "old"
        for key in ("changed", "deleted", "late"):
            assert await cache.get(key) is None, key


@pytest.mark.redis
@pytest.mark.parametrize("most", [1, 100])
async def test_nothing_stale_is_read_while_it_is_being_deleted_or_where_that_fails(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    async with started(own_redis.url, most_stale_keys=most) as cache:
        redis, tries, read = cache._redis, 0, list[object]()
        assert redis is not None
        await cache.set("a", "old", 60)
        await cache.set("b", "old", 60)
        cache._away(ConnectionError())
        await cache.set("a", "new", 60)
        await cache.set("b", "new", 60)

        def failing_at_first(forget: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
            async def wrapped(*keys: str) -> object:
                nonlocal tries
                tries += 1
                read.append(await cache.get("a"))
                if tries == 1:
                    raise ConnectionError
                return await forget(*keys)

            return wrapped

        monkeypatch.setattr(redis, "delete_many", failing_at_first(redis.delete_many))
        monkeypatch.setattr(redis, "delete_match", failing_at_first(redis.delete_match))
        await until(lambda: cache.state is CacheState.REDIS)
        read += [await cache.get("a"), await cache.get("b")]
        assert tries == 2
        assert read == [None] * 4


@pytest.mark.redis
async def test_more_changes_than_can_be_remembered_delete_everything_of_ours(own_redis: RedisServer) -> None:
    process = own_redis._process
    assert process is not None
    async with (
        started(own_redis.url, most_stale_keys=5, operation_seconds=1) as cache,
        Redis.from_url(own_redis.url) as redis,
    ):
        await redis.set("somebody-elses", "1")
        for n in range(300):
            await cache.set(f"k{n}", n, 60)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            for n in range(7):
                await cache.delete(f"k{n}")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        await until(lambda: cache.state is CacheState.REDIS)
        assert await redis.keys("*") == [b"somebody-elses"]


@pytest.mark.redis
async def test_a_redis_that_was_never_there_does_not_stop_the_start() -> None:
    async with started(f"redis://127.0.0.1:{free_port()}/0") as cache:
        assert cache.state is CacheState.AWAY
        await cache.set("a", 1, 60)
        assert await cache.get("a") is None


async def test_many_at_once(shared_url: str) -> None:
    async with started(shared_url) as cache:

        async def one(n: int) -> Awaitable[None] | None:
            await cache.set(f"k{n}", n, 60)
            assert await cache.get(f"k{n}") == n
            return None

        await asyncio.gather(*(one(n) for n in range(300)))
        assert cache.state is CacheState.REDIS


async def test_a_near_value_is_asked_for_once_and_gone_once_deleted_anywhere(shared_url: str) -> None:
    async with started(shared_url) as here, started(shared_url) as there:

        async def tell(keys: tuple[str, ...]) -> None:
            there.deleted_elsewhere(keys)

        here.tell_deleted = tell
        await here.set_near("k", b"old", 60, since=0)
        assert await there.get_near("k") == b"old"
        await there.set_raw("k", b"unseen", 60)  # which nobody does: it shows who looks
        assert await here.get_near("k") == b"old"
        assert await there.get_near("k") == b"old"
        seen = there.deletion("k")
        await here.delete_near("k")
        assert there.deletion("k") != seen
        assert await here.get_near("k") is None
        assert await there.get_near("k") is None


async def test_a_near_value_is_looked_at_again_after_a_while(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(shared_url) as kept:
        await kept.set_near("k", b"old", 60, since=0)
        await kept.set_raw("k", b"new", 60)
        now = time.monotonic()
        monkeypatch.setattr("prosa.cache.time.monotonic", lambda: now + NEAR_SECONDS + 0.1)
        assert await kept.get_near("k") == b"new"
        monkeypatch.undo()


async def test_what_was_read_before_a_deletion_is_not_kept_near_after_it(shared_url: str) -> None:
    async with started(shared_url) as kept:
        await kept.set_raw("k", b"old", 60)
        real = kept.get_raw

        async def slow(key: str) -> bytes | None:
            raw = await real(key)
            kept.deleted_elsewhere([key])
            return raw

        kept.get_raw = slow  # type: ignore[method-assign]
        assert await kept.get_near("k") == b"old"
        kept.get_raw = real  # type: ignore[method-assign]
        await kept.delete("k")
        assert await kept.get_near("k") is None


async def test_what_is_written_later_is_the_newest_and_together(kept: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.cache.LATER_SECONDS", 0.05)
    made: list[str] = []

    def value(name: str) -> Callable[[], bytes]:
        def make() -> bytes:
            made.append(name)
            return name.encode()

        return make

    for number in range(200):
        kept.set_later(f"k{number}", value("old"), 60)
        kept.set_later(f"k{number}", value(f"new{number}"), 60)
    kept.set_later("gone", value("gone"), 60)
    await kept.delete("gone")
    kept.set_later("large", lambda: b"x" * (LARGEST_VALUE + 1), 60)
    assert await kept.get_raw("k7") is None
    async with asyncio.timeout(5):
        while await kept.get_raw("k199") is None:  # noqa: ASYNC110 - nothing is told
            await asyncio.sleep(0.01)
    assert [await kept.get_raw(f"k{number}") for number in (0, 7, 199)] == [b"new0", b"new7", b"new199"]
    assert await kept.get_raw("gone") is None
    assert await kept.get_raw("large") is None
    assert "old" not in made
    assert "gone" not in made


async def test_a_stop_writes_what_waits(shared_url: str) -> None:
    async with started(shared_url) as stays:
        async with started(shared_url) as ends:
            ends.set_later("k", lambda: b"last words", 60)
        assert await stays.get_raw("k") == b"last words"


async def test_while_redis_is_away_nothing_near_is_used(own_redis: RedisServer) -> None:
    async with started(own_redis.url) as cache:
        await cache.set_near("k", b"old", 60, since=0)
        own_redis.stop()
        assert await cache.get_near("k") == b"old"  # nobody has asked Redis yet
        await cache.get("something else")
        assert cache.state is CacheState.AWAY
        assert await cache.get_near("k") is None
        own_redis.start()
        await until(lambda: cache.state is CacheState.REDIS)
        assert await cache.get_near("k") is None
