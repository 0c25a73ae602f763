"""PostgreSQL stopped, frozen, read-only and cutting connections under load: everything recovers by itself."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tests.faults.conftest import PROGRAM, questions_answered, settings_of, signed_in
from tests.fixtures.servers import PostgresServer
from tests.flows.conftest import SHOP, Stage

from prosa_simulator.contacts import Contact
from prosa_simulator.product import ApiError
from prosa_simulator.product.world import World

pytestmark = pytest.mark.postgres

CONTACTS = [f"551198888000{n}" for n in range(3)]


@asynccontextmanager
async def administrator(server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=server.port, user="prosa", database="postgres",
        server_settings={"default_transaction_read_only": "off"},
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


async def cut_connections(server: PostgresServer) -> None:
    async with administrator(server) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'prosa' AND pid <> pg_backend_pid()"
        )


async def refused(stage: Stage) -> str:
    """Wait until the API answers with a problem that says what is wrong, what to do and when; return what is wrong."""
    url, headers = f"{stage.api.url}/sessions/shop", {"Authorization": f"Bearer {stage.api.access_token}"}
    async with asyncio.timeout(30):
        while True:
            async with stage.api.http.patch(url, headers=headers, json={"name": "Shop"}) as answer:
                if answer.status != 200:
                    problem = await answer.json(content_type=None)
                    assert (answer.status, problem["code"]) == (503, "unavailable")
                    assert int(answer.headers["Retry-After"]) >= 1
                    assert problem["remedy"]
                    return str(problem["detail"])
            await asyncio.sleep(0.05)


async def unready(stage: Stage) -> str:
    """Return what is wrong with the database, as machines are told."""
    with pytest.raises(ApiError) as caught:
        await stage.api.get("/health/ready")
    assert (caught.value.status, caught.value.problem["status"]) == (503, "unavailable")
    return str(caught.value.problem["database"])


async def healthy(stage: Stage) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await stage.api.get("/health/ready"))["status"] == "ok":
                    return
            except ApiError:
                pass
            await asyncio.sleep(0.1)


async def answered(contact: Contact, questions: int) -> None:
    await contact.wait_until(lambda: len(questions_answered(contact)) >= questions, 90)


async def chat(contact: Contact, stop: asyncio.Event) -> list[str]:
    """Ask one thing after another until told to stop; return all questions."""
    asked: list[str] = []
    while not stop.is_set():
        asked.append(f"question {len(asked)} of {contact.number}")
        await contact.send_text(SHOP, asked[-1])
        await asyncio.sleep(0.3)
    return asked


async def test_every_outage_under_load_loses_nothing_and_doubles_nothing(
    world: World, own_postgres: PostgresServer
) -> None:
    async with administrator(own_postgres) as connection:
        await connection.execute("CREATE DATABASE prosa")
    prosa = world.prosa(settings=settings_of(own_postgres.url.set(database="prosa")), program=PROGRAM)
    await prosa.start()
    pid = prosa.pid
    async with signed_in(world, prosa) as stage:
        await stage.link()
        contacts = [await world.contacts.link(number, name=number[-1]) for number in CONTACTS]
        stop = asyncio.Event()
        chats = [asyncio.create_task(chat(contact, stop)) for contact in contacts]

        for _ in range(3):
            await asyncio.sleep(0.4)
            await cut_connections(own_postgres)
        await healthy(stage)

        own_postgres.stop()
        assert "cannot be reached" in await refused(stage)
        assert await unready(stage) == "away"
        own_postgres.start()
        await healthy(stage)

        # As after a failover: connections lead to a server that takes no writes.
        async with administrator(own_postgres) as connection:
            await connection.execute("ALTER DATABASE prosa SET default_transaction_read_only = on")
        await cut_connections(own_postgres)
        assert "no writes" in await refused(stage)
        assert await unready(stage) == "read_only"
        async with administrator(own_postgres) as connection:
            await connection.execute("ALTER DATABASE prosa RESET default_transaction_read_only")
        await cut_connections(own_postgres)
        await healthy(stage)

        own_postgres.freeze()
        assert "cannot be reached" in await refused(stage)
        own_postgres.thaw()
        await healthy(stage)

        stop.set()
        questions = dict(zip(contacts, await asyncio.gather(*chats), strict=True))
        for contact, asked in questions.items():
            await answered(contact, len(asked))
        await asyncio.sleep(0.5)
        assert prosa.pid == pid, "it went on without being started anew"
        for contact, asked in questions.items():
            assert questions_answered(contact) == asked
            stored = await stage.messages(asked[-1])
            assert [m["body"] for m in stored if m["author"] == "contact"] == asked
            assert [m["wa_id"] for m in stored if m["author"] == "ai"] == [m.wa_id for m in contact.received]
            assert {m["status"] for m in stored} <= {"received", "sent", "delivered", "read"}
        told = Counter(e["payload"]["body"] for e in stage.events.events if e["event"] == "message.received")
        assert told == Counter(question for asked in questions.values() for question in asked)
    assert "Traceback" not in prosa.log_path.read_text()
