"""The sender over the real bridge while WhatsApp's server does not answer in time: one message on the phone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from tests.fixtures.conversations import add_owner, add_session, messages
from tests.fixtures.sending import until
from tests.fixtures.whatsapp import Line

from prosa import leases
from prosa.clock import utc_now
from prosa.conversations import identity
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.opening import open_or_create
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.events.bus import Bus
from prosa.outbox.content import OutboundText
from prosa.outbox.queue import enqueue
from prosa.outbox.sender import Sender
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"
PATIENCE = 1.0
"""Seconds that a try waits for the server's answer here."""


@pytest.fixture
async def database(sqlite_database_url: URL, bus: Bus) -> AsyncIterator[Database]:
    database = Database(sqlite_database_url, on_wake=bus.wake_all)
    yield database
    await database.close()


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


@pytest.mark.parametrize("answer", ["late", "never"])
async def test_one_message_arrives_whatever_becomes_of_the_servers_answer(
    database: Database,
    bus: Bus,
    line: Line,
    network: Network,
    ana: Contact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    monkeypatch.setattr("prosa.whatsapp.connection.SEND_ACK_SECONDS", PATIENCE)
    monkeypatch.setattr(leases, "backoff", lambda *_a, **_k: timedelta(milliseconds=50))
    await add_session(database, await add_owner(database))
    connection = await line.link(network, SHOP)
    numbers = OnlineNumbers(bus, lambda _: connection)
    sender = Sender(database, bus, numbers, MediaFiles(tmp_path / "media"))

    async def put(text: str) -> Any:
        async def job(db: WriteDb) -> Any:
            held = (await open_or_create(db, "main", identity.address(ana.jid), at=utc_now())).conversation
            return await enqueue(db, held, author=Author.PERSON, content=OutboundText(text))

        return await database.submit(job)

    if answer == "late":
        network.faults.delay_acks(PATIENCE + 0.3, SHOP, times=1)
    else:
        network.faults.withhold_acks(SHOP, times=2)
    first, second = await put("first"), await put("second")
    numbers.opened("main")
    await sender.start()

    async def sent() -> bool:
        return [row.status for row in await messages(database)] == ["sent", "sent"]

    await until(sent, 60)
    await ana.wait_for("second")
    if answer == "late":
        await asyncio.sleep(PATIENCE)  # the late answer comes when nobody waits for it
    await sender.stop()
    assert [(message.wa_id, message.body) for message in ana.received] == [
        (first.wa_id, "first"), (second.wa_id, "second"),
    ]  # fmt: skip
    # A phone shows a message id once; how often it came again is for the record.
    assert ana.resent == {"late": {first.wa_id: 1}, "never": {first.wa_id: 2}}[answer]
    assert not ana.undecryptable
    assert [row.status for row in await messages(database)] == ["sent", "sent"]
