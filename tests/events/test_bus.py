"""Wake-ups and words between processes, over a real Redis and what stands in for one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from tests.fixtures.sending import until
from tests.fixtures.servers import RedisServer

from prosa.events import bus as bus_module
from prosa.events.bus import CHANNEL, WORDS, Bus, Signal, Word


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[Bus, Bus]]:
    """Run the buses of two processes, which hear each other."""
    one, other = Bus(url), Bus(url)
    heard: list[Word] = []
    other.hear("hello", heard.append)
    await one.start()
    await other.start()

    async def hears() -> bool:
        one.tell("hello", {})
        return bool(heard)

    await until(hears)
    try:
        yield one, other
    finally:
        await one.stop()
        await other.stop()


async def woken(signal: Signal) -> bool:
    return await signal.wait(5)


async def test_wake_ups_and_words_reach_other_processes_and_words_their_own_once(shared_url: str) -> None:
    async with two(shared_url) as (one, other), other.listen("outbox") as signal:
        assert await woken(signal), "the first look comes at once"
        here: list[Word] = []
        there: list[Word] = []
        one.hear("typing", here.append)
        other.hear("typing", there.append)
        one.tell("typing", {"who": "Ana"})
        one.wake("outbox")
        assert await woken(signal)
        await until(_filled(there))
        await asyncio.sleep(0.1)
        assert here == there == [{"who": "Ana"}]


async def test_who_is_woken_while_another_wake_up_leaves_is_not_forgotten(
    shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(shared_url) as (one, other), other.listen("first") as first, other.listen("second") as second:
        assert await woken(first)
        assert await woken(second)
        publish = Redis.publish

        async def slow(redis: Redis, channel: str, data: str) -> int:
            sent: int = await publish(redis, channel, data)
            if data == "first":
                one.wake("second")
            return sent

        monkeypatch.setattr(Redis, "publish", slow)
        one.wake("first")
        assert await woken(first)
        assert await woken(second)


async def test_what_is_not_understood_does_not_deafen(shared_url: str) -> None:
    """A word of a version to come, or of another program, and an ear that stumbles over it."""

    def stumble(word: Word) -> None:
        heard.append(word["who"])

    heard: list[str] = []
    async with two(shared_url) as (one, other), other.listen("outbox") as signal:
        other.hear("typing", stumble)
        assert await woken(signal)
        async with Redis.from_url(shared_url) as redis:
            await redis.publish(WORDS, "no JSON")
            await redis.publish(CHANNEL, b"\xff")
        one.tell("typing", {})
        one.tell("typing", {"who": "Ana"})
        one.wake("outbox")
        assert await woken(signal)
        await until(_filled(heard))


@pytest.mark.redis
async def test_who_could_not_hear_looks_once_redis_is_back(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "RECONNECT_SECONDS", 0.1)
    async with two(own_redis.url) as (one, other), other.listen("outbox") as signal:
        assert await woken(signal)
        own_redis.stop()
        one.wake("outbox")
        await asyncio.sleep(0.3)
        assert not await signal.wait(0)
        own_redis.start()
        assert await woken(signal)


@pytest.mark.redis
async def test_a_word_told_now_has_left_when_that_returns_and_waits_for_redis_where_it_is_away(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "RECONNECT_SECONDS", 0.1)
    async with two(own_redis.url) as (one, other):
        heard: list[Word] = []
        other.hear("deleted", heard.append)
        await one.tell_now("deleted", {"n": 1})
        async with asyncio.timeout(2):
            while not heard:  # noqa: ASYNC110 - nothing but a turn of the loop is waited for
                await asyncio.sleep(0)
        own_redis.freeze()
        began = asyncio.get_running_loop().time()
        await one.tell_now("deleted", {"n": 2})
        assert asyncio.get_running_loop().time() - began < 5
        own_redis.thaw()
        await until(lambda: _has(heard, {"n": 2}))


async def _has(some: Sequence[Word], word: Word) -> bool:
    return word in some


def _filled(some: Sequence[object]) -> Callable[[], Awaitable[bool]]:
    async def filled() -> bool:
        return bool(some)

    return filled
