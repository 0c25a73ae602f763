"""Redis stopped, started and frozen while people talk: slower, never wrong."""

import pytest
from tests.faults.conftest import Inside, inside
from tests.fixtures.servers import RedisServer
from tests.flows.conftest import SHOP

from prosa_simulator.contacts import Contact
from prosa_simulator.gemini import recall
from prosa_simulator.product.world import World

pytestmark = pytest.mark.redis


class Talk:
    """A contact whose questions can only be answered rightly from what it said just before."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.number = 0

    async def goes_on(self) -> None:
        """Say something new, and ask for it: an answer from a stale context would be wrong."""
        self.number += 1
        answers = len(self.contact.received)
        await self.contact.send_text(SHOP, f"My number is {self.number}")
        await self.contact.wait_for(lambda _: len(self.contact.received) == answers + 1, 30)
        await self.contact.send_text(SHOP, "Which one is it?")
        await self.contact.wait_for(lambda _: len(self.contact.received) == answers + 2, 30)
        assert self.contact.received[-1].body == f"It is {self.number}."


async def cache_is(stage: Inside, state: str) -> None:
    if state == "ok":
        await stage.healthy()
    else:
        health = await stage.unready()
        assert (health["status"], health["cache"], health["database"]) == ("degraded", "away", "ok")


@pytest.mark.usefixtures("hasty")
async def test_answers_are_right_whatever_redis_does(world: World, own_redis: RedisServer) -> None:
    world.gemini.script.when("Which one", recall(r"My number is (\d+)", "It is {0}."))
    async with inside(world, redis_url=own_redis.url) as stage:
        await stage.link()
        talk = Talk(await stage.ana())
        await talk.goes_on()

        own_redis.stop()
        await talk.goes_on()
        await cache_is(stage, "away")
        own_redis.start()
        await cache_is(stage, "ok")
        await talk.goes_on()

        own_redis.freeze()
        await talk.goes_on()
        await cache_is(stage, "away")
        own_redis.thaw()
        await cache_is(stage, "ok")
        await talk.goes_on()
        assert len(talk.contact.received) == 2 * talk.number
