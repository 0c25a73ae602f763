"""Two processes on one PostgreSQL: one is frozen beyond its leases, the other takes over, and the first comes back."""

import asyncio
import os
import signal

import asyncpg
import pytest
from sqlalchemy.engine import URL
from tests.faults.conftest import PROGRAM, settings_of, signed_in
from tests.fixtures.whatsapp import until
from tests.flows.conftest import SHOP

from prosa_simulator.gemini import Hang, Text
from prosa_simulator.product import ProsaProcess
from prosa_simulator.product.world import World

pytestmark = pytest.mark.postgres


async def ask(url: URL, query: str) -> str:
    connection = await asyncpg.connect(host=url.host, port=url.port, user=url.username, database=url.database)
    try:
        return await connection.fetchval(query) or ""
    finally:
        await connection.close()


async def holder(url: URL, table: str) -> int:
    """Return the process that holds the one row of a table that is leased, or 0."""
    owner = await ask(url, f"SELECT lease_owner FROM {table} WHERE lease_until > now()")
    return int(owner.split(":")[-2]) if owner else 0


async def taken_over(url: URL, by: ProsaProcess) -> None:
    async with asyncio.timeout(60):
        while await holder(url, "whatsapp_sessions") != by.pid:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_frozen_process_that_comes_back_answers_nothing_twice(world: World, postgres_database_url: URL) -> None:
    url = postgres_database_url
    one = world.prosa("one", settings=settings_of(url), program=PROGRAM)
    two = world.prosa("two", settings=settings_of(url), program=PROGRAM)
    await one.start()
    async with signed_in(world, one) as stage:
        await stage.link()
        ana = await stage.ana()

        # Frozen while the model thinks: the other one takes over the number and the turn.
        world.gemini.script.enqueue(Hang(then=Text("too late")), Text("in time"))
        await ana.send_text(SHOP, "Are you there?")
        await until(lambda: world.gemini.hanging == 1)
        await two.start()
        os.kill(one.pid, signal.SIGSTOP)
        await ana.wait_for("in time", 60)
        await taken_over(url, two)
        world.gemini.release()
        os.kill(one.pid, signal.SIGCONT)

        # Frozen while a message is on its way: delivered, and the sender never learns it.
        world.gemini.script.enqueue(Text("once"))
        world.network.faults.withhold_acks(SHOP, times=1)
        await ana.send_text(SHOP, "And now?")
        await ana.wait_for("once", 60)
        sending = await holder(url, "messages")
        frozen, other = (one, two) if sending == one.pid else (two, one)
        assert sending == frozen.pid
        os.kill(frozen.pid, signal.SIGSTOP)
        await taken_over(url, other)
        # It is sent again under its id, or the phone's receipt comes first, which says as much.
        async with asyncio.timeout(60):
            while await ask(url, "SELECT status FROM messages WHERE body = 'once'") == "sending":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        os.kill(frozen.pid, signal.SIGCONT)

        await ana.send_text(SHOP, "Bye")
        await ana.wait_for(lambda message: message.body.startswith("You asked: Bye"), 60)
        await asyncio.sleep(1)  # whatever else either process had in hand would come now
        assert [message.body.splitlines()[0] for message in ana.received] == ["in time", "once", "You asked: Bye"]
        stored = await stage.messages("Bye")
        assert [m["author"] for m in stored] == ["contact", "ai"] * 3
        assert {m["status"] for m in stored if m["from_me"]} <= {"sent", "delivered", "read"}
        assert await holder(url, "whatsapp_sessions") in {one.pid, two.pid}
