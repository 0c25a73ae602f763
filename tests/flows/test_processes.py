"""Several processes on one database share the numbers: of one command, and one that joins later."""

import asyncio
import os
import secrets
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from tests.fixtures.servers import RedisServer
from tests.fixtures.whatsapp import alive
from tests.flows.conftest import AT_ONCE

from prosa.database import Database
from prosa_simulator.contacts import Contact
from prosa_simulator.product import EventStream, ProsaClient, ProsaProcess
from prosa_simulator.product.world import World

NUMBERS = tuple(f"55114000000{place}" for place in range(4))
EMAIL, PASSWORD = "owner@example.com", "a long password"


class Installation:
    """A world with one database, and who holds its numbers."""

    def __init__(self, world: World, database: Database, settings: dict[str, str]) -> None:
        self.world = world
        self.database = database
        self.settings = settings

    def left_by(self, parent: int) -> list[Path]:
        return list(Path(self.settings["TMPDIR"]).glob(f"prosa-processes-{parent}-*"))

    def prosa(self, name: str, **settings: str) -> ProsaProcess:
        return self.world.prosa(name, settings=self.settings | settings)

    async def link(self, api: ProsaClient, events: EventStream, numbers: tuple[str, ...] = NUMBERS) -> list[Contact]:
        """Link numbers, and give each a contact."""
        for number in numbers:
            session = f"shop-{number[-1]}"
            await api.post("/sessions", {"session_id": session, "settings": AT_ONCE})
            await api.post(f"/sessions/{session}/connect", {"method": "qr"})
            shown = await events.wait("session.qr", lambda event: event["session"] == session, seconds=40)  # noqa: B023
            await self.world.network.phone(number, "Shop").scan(shown["payload"]["qr"])
            await events.wait(
                "session.status",
                lambda event: event["session"] == session and event["payload"]["status"] == "open",  # noqa: B023
                seconds=40,
            )
        return [await self.world.contacts.link(f"55119888877{place:02}", name="Ana") for place in range(len(numbers))]

    async def holders(self) -> Counter[int]:
        """Return how many numbers each process holds, by its process number; 0 for those that nobody holds."""
        async with self.database.read() as db:
            rows = await db.execute(text("SELECT lease_owner FROM whatsapp_sessions WHERE wanted"))
            return Counter(int(owner.split(":")[1]) if owner else 0 for owner in rows.scalars())

    async def shared(self, *parts: int, seconds: float = 40) -> list[int]:
        """Wait until processes hold so many numbers each; return their numbers, in this order."""
        held: Counter[int] = Counter()
        try:
            async with asyncio.timeout(seconds):
                while sorted(held.values()) != sorted(parts) or 0 in held:
                    await asyncio.sleep(0.1)
                    held = await self.holders()
        except TimeoutError:
            raise AssertionError(f"still shared as {held}") from None
        return [pid for pid, _ in held.most_common()]


EMBEDDED = "embedded"
SERVERS = pytest.param("servers", marks=[pytest.mark.postgres, pytest.mark.redis])


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> tuple[URL, str | None]:
    """What all processes are to use: a database, and a Redis or none."""
    if request.param == EMBEDDED:
        return request.getfixturevalue("sqlite_database_url"), None
    redis: RedisServer = request.getfixturevalue("redis_server")
    return request.getfixturevalue("postgres_database_url"), redis.url


@pytest.fixture
async def installation(servers: tuple[URL, str | None], tmp_path: Path) -> AsyncIterator[Installation]:
    database_url, redis = servers
    settings = {"PROSA_SECRET_KEY": secrets.token_urlsafe(32)}
    if redis is not None:
        settings["PROSA_REDIS_URL"] = redis
    url = database_url.set(drivername=database_url.get_backend_name())
    settings["PROSA_DATABASE_URL"] = url.render_as_string(hide_password=False)
    database = Database(database_url)
    async with World(tmp_path / "world") as world:
        # Its own, since a start clears away what killed parents left, also another test's; and a short path, as sockets
        # need.
        with tempfile.TemporaryDirectory() as settings["TMPDIR"]:
            yield Installation(world, database, settings)
    await database.close()


async def ask(contacts: list[Contact], word: str, numbers: tuple[str, ...] = NUMBERS) -> None:
    """Let each contact write to its number, and wait for the answer."""
    for contact, number in zip(contacts, numbers, strict=True):
        await contact.send_text(number, word)
    for contact in contacts:
        await contact.wait_for(lambda message: word in message.body, 60)


@pytest.mark.parametrize("servers", [EMBEDDED, SERVERS], indirect=True)
async def test_one_command_starts_several_that_share_the_numbers(installation: Installation) -> None:
    prosa = installation.prosa("shop", PROSA_PROCESSES="2")
    await prosa.start()
    async with ProsaClient(prosa.url) as api:
        await api.register(EMAIL, PASSWORD, "Owner")
        async with api.events() as events:
            contacts = await installation.link(api, events)
        pids = await installation.shared(2, 2)
        assert prosa.pid not in pids
        await ask(contacts, "one")
        wanted = {'prosa_sessions{status="open"} 4.0', 'prosa_outbox_attempts_total{outcome="sent"} 4.0'}
        async with aiohttp.ClientSession() as http, asyncio.timeout(10):
            while True:  # a message is counted as sent a moment after the contact has it
                async with http.get(f"{prosa.url}/metrics") as response:
                    if wanted <= set((await response.text()).splitlines()):
                        break  # whichever of them was asked
                await asyncio.sleep(0.1)
        # one dies: it is started again, and has its part again
        os.kill(pids[0], signal.SIGKILL)
        await ask(contacts, "two")
        again = await installation.shared(2, 2)
        assert pids[0] not in again
        assert pids[1] in again
        # all are stopped and started: nobody takes what is another's, so nothing has to go to and fro
        assert await prosa.stop() == 0
        assert not any(alive(pid) for pid in again)
        await prosa.start()
        await installation.shared(2, 2)
        await ask(contacts, "three")
    # the parent dies: the others do not stay behind
    left, parent = [*await installation.holders()], prosa.pid
    await prosa.kill()
    async with asyncio.timeout(20):
        while any(alive(pid) for pid in left):  # noqa: ASYNC110 - another program's
            await asyncio.sleep(0.1)
    # its next start clears away what it left
    assert installation.left_by(parent)
    await prosa.start()
    assert not installation.left_by(parent)
    assert await prosa.stop() == 0
    for contact in contacts:
        for word in ("one", "two", "three"):
            assert sum(word in message.body for message in contact.received) == 1


@pytest.mark.parametrize("servers", [SERVERS], indirect=True)
async def test_one_that_joins_gets_its_part(installation: Installation) -> None:
    first, second = installation.prosa("first"), installation.prosa("second")
    await first.start()
    async with ProsaClient(first.url) as api:
        await api.register(EMAIL, PASSWORD, "Owner")
        async with api.events() as events:
            contacts = await installation.link(api, events)
        await installation.shared(4)
        await second.start()
        words: list[str] = []
        while len(await installation.holders()) < 2:
            assert len(words) < 60
            words.append(f"word {len(words):02}")
            for contact, number in zip(contacts, NUMBERS, strict=True):
                await contact.send_text(number, words[-1])
            await asyncio.sleep(1)
        assert set(await installation.shared(2, 2)) == {first.pid, second.pid}
        words.append("last word")
        await ask(contacts, words[-1])
        # what was asked while numbers changed hands is answered, and once
        for contact in contacts:
            for word in words:
                await contact.wait_for(lambda message: word in message.body, 30)  # noqa: B023
        await asyncio.sleep(1)
        for contact in contacts:
            answered = "\n".join(message.body for message in contact.received)
            assert [answered.count(word) for word in words] == [1] * len(words)
        # the first one goes: the other need not wait for anything to end
        await first.stop()
        await installation.shared(4, seconds=10)
        await ask(contacts, "goodbye")
