"""How many calls go to a provider at once, and none before the time that it named."""

import asyncio

import pytest

from prosa.ai.failures import RateLimitedError
from prosa.ai.gate import LONGEST_PAUSE, Gate
from prosa.ai.names import ModelName

FLASH, PRO, OTHER = ModelName("google", "flash"), ModelName("google", "pro"), ModelName("other", "flash")


async def test_so_many_calls_to_one_provider_at_once_and_others_do_not_wait_for_them() -> None:
    gate = Gate(lambda: 0.0, most_calls=2)
    inside: list[ModelName] = []
    leave = asyncio.Event()

    async def call(name: ModelName) -> None:
        async with gate.enter(name):
            inside.append(name)
            await leave.wait()

    calls = [asyncio.create_task(call(name)) for name in (FLASH, PRO, FLASH, PRO, OTHER)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert inside == [FLASH, PRO, OTHER]
    leave.set()
    await asyncio.gather(*calls)
    assert len(inside) == 5


async def test_a_model_is_not_asked_before_the_time_it_named_also_by_who_waited_for_a_slot() -> None:
    now = 100.0
    gate = Gate(lambda: now, most_calls=1)

    async def call(name: ModelName) -> str:
        async with gate.enter(name):
            return "asked"

    async with gate.enter(FLASH):
        queued = asyncio.create_task(call(FLASH))
        await asyncio.sleep(0)
        gate.pause(FLASH, 30)
        gate.pause(FLASH, 5)  # shortens nothing
    with pytest.raises(RateLimitedError) as caught:
        await queued
    assert (caught.value.retry_after, caught.value.called) == (30, False)
    assert await call(PRO) == "asked", "a quota is a model's"
    now = 129.9
    with pytest.raises(RateLimitedError):
        await call(FLASH)
    now = 130.0
    assert await call(FLASH) == "asked"
    gate.pause(FLASH, 600)
    now += 599.9
    with pytest.raises(RateLimitedError) as caught:
        await call(FLASH)
    assert caught.value.retry_after == pytest.approx(0.1)
    now += 0.2
    assert await call(FLASH) == "asked"
    gate.pause(FLASH, 86_400)
    now += LONGEST_PAUSE - 1
    with pytest.raises(RateLimitedError):
        await call(FLASH)
    now += 1
    assert await call(FLASH) == "asked", "nobody is silenced for a day by one answer"
