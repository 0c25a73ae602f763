"""What stands in for Redis between processes of one parent, beyond what cache and bus ask of it in their own tests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from tests.fixtures.caches import started
from tests.fixtures.servers import local_redis

from prosa import local_redis as module
from prosa.cache import CacheState
from prosa.local_redis import LocalRedis


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with local_redis() as url:
        yield url


def socket_of(url: str) -> str:
    return url.removeprefix("unix://").partition("?")[0]


async def test_values_end_and_counters_keep_their_end() -> None:
    now = 100.0
    store = LocalRedis(lambda: now)
    store.put(b"short", b"1", 5)
    store.put(b"count", b"0", 5)
    assert store.increment(b"count", 1) == 1
    now = 104.9
    assert store.increment(b"count", 1) == 2
    assert store.get(b"short") == b"1"
    now = 105.0
    assert store.get(b"short") is None
    assert store.increment(b"count", 1) == 1


async def test_those_written_least_recently_go_first() -> None:
    store = LocalRedis(most=2)
    for key in (b"a", b"b", b"a", b"c"):
        store.put(key, key)
    assert [store.get(key) for key in (b"a", b"b", b"c")] == [b"a", None, b"c"]


async def test_only_a_new_value_is_written_where_that_is_asked(url: str) -> None:
    async with Redis.from_url(url) as redis:
        assert await redis.set("a", "first", px=60_000, nx=True)
        assert not await redis.set("a", "second", px=60_000, nx=True)
        assert await redis.get("a") == b"first"


async def test_what_is_not_known_is_refused_and_the_connection_goes_on(url: str) -> None:
    async with Redis.from_url(url) as redis:
        with pytest.raises(ResponseError, match="LPUSH: unknown command"):
            await redis.lpush("list", "a")
        with pytest.raises(ResponseError, match="syntax error"):
            await redis.set("a", "b", ex=60)
        await redis.set("text", "no number")
        with pytest.raises(ResponseError):
            await redis.incrby("text", 1)
        assert await redis.get("text") == b"no number"


async def test_one_failure_in_a_transaction_leaves_the_rest(url: str) -> None:
    async with Redis.from_url(url) as redis, redis.pipeline(transaction=True) as pipe:
        pipe.set("a", "1")
        pipe.lpush("list", "a")
        pipe.incrby("a", 2)
        replies = await pipe.execute(raise_on_error=False)
        assert replies[0] is True
        assert isinstance(replies[1], ResponseError)
        assert replies[2] == 3


@pytest.mark.parametrize(
    "rubbish", [b"GET / HTTP/1.1\r\n\r\n", b"*0\r\n", b"*-1\r\n", b"*1\r\n$99999999999\r\n", b"*x\r\n"]
)
async def test_who_does_not_speak_the_protocol_is_cut_off_and_nobody_else(url: str, rubbish: bytes) -> None:
    async with Redis.from_url(url) as redis:
        await redis.set("a", "kept")
        reader, writer = await asyncio.open_unix_connection(socket_of(url))
        writer.write(rubbish)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert await redis.get("a") == b"kept"


async def test_who_listens_and_does_not_read_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNREAD", 10_000)
    async with Redis.from_url(url) as redis:
        _, writer = await asyncio.open_unix_connection(socket_of(url), limit=1)
        writer.write(b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n")
        async with asyncio.timeout(20):
            while not await redis.publish("c", "hello"):  # noqa: ASYNC110 - another connection's
                await asyncio.sleep(0.01)
            while await redis.publish("c", "x" * 10_000):
                pass
        writer.close()


async def test_all_of_ours_can_be_deleted_at_once(url: str) -> None:
    async with started(url, most_stale_keys=1) as cache, Redis.from_url(url) as redis:
        await redis.set("other", "stays")
        await cache.set("a", 1, 60)
        cache._away(OSError())  # as where the parent is held up
        await cache.delete("b", "c")
        async with asyncio.timeout(5):
            while cache.state is not CacheState.REDIS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await cache.get("a") is None
        assert await redis.get("other") == b"stays"


async def test_its_end_ends_connections_and_takes_the_socket_away() -> None:
    async with local_redis() as url:
        socket = Path(socket_of(url))
        assert socket.is_socket()  # noqa: ASYNC240
        reader, writer = await asyncio.open_unix_connection(socket_of(url))
        writer.write(b"*1\r\n$4\r\nPING\r\n")
        assert await reader.readline() == b"+PONG\r\n"
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert not socket.exists()  # noqa: ASYNC240
