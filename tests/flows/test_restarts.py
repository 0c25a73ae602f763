"""Stopped, killed, cut off: numbers come back without a new QR code, and nothing is lost or answered twice."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.fixtures.databases import leases_held, sqlite_url
from tests.flows.conftest import SHOP, Stage

from prosa.database import Database
from prosa_simulator.contacts import Contact


def shown(contact: Contact) -> Counter[str]:
    return Counter(message.body for message in contact.received)


async def answered(contact: Contact, questions: int, seconds: float = 40) -> None:
    await contact.wait_for(lambda _: len(contact.received) >= questions, seconds)
    await asyncio.sleep(0.5)  # a second answer would come now
    assert len(contact.received) == questions, shown(contact)
    assert all(count == 1 for count in shown(contact).values())


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_prosa_restarted_in_the_middle(stage: Stage, database_url: URL, how: str) -> None:
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "before")
    await answered(ana, 1)

    status = await (stage.prosa.stop() if how == "stop" else stage.prosa.kill())
    assert (status == 0) == (how == "stop"), stage.prosa.log_tail()
    postgres = database_url.get_backend_name() == "postgresql"
    database = Database(database_url if postgres else sqlite_url(stage.prosa.data_dir / "prosa.sqlite3"))
    held = await leases_held(database)
    assert held == {} if how == "stop" else held["whatsapp_sessions"] == 1, held
    await database.close()
    await ana.send_text(SHOP, "meanwhile 1")
    await ana.send_text(SHOP, "meanwhile 2")
    before = len(stage.events.events)
    await stage.prosa.start()

    await stage.opened(after=before)
    new = stage.events.events[before:]
    assert not any(event["event"] in {"session.qr", "session.pairing_code"} for event in new)
    stored = await stage.messages("meanwhile 2")
    assert [m["body"] for m in stored if not m["from_me"]] == ["before", "meanwhile 1", "meanwhile 2"]
    await ana.wait_for(lambda message: "meanwhile 2" in message.body, 40)
    await asyncio.sleep(0.5)
    assert all(count == 1 for count in shown(ana).values())


async def test_prosa_killed_while_the_model_thinks_answers_once(stage: Stage) -> None:
    stage.world.gemini.latency = 1.5
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "think")
    await stage.world.gemini.requests.wait_for(lambda log: len(log) >= 1, within=60)
    await stage.prosa.kill()
    await stage.prosa.start()
    await answered(ana, 1, 60)


async def test_the_bridge_killed_in_the_middle(stage: Stage) -> None:
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "before")
    await answered(ana, 1)
    before = len(stage.events.events)
    for child in _children(stage.prosa.pid):
        os.kill(child, signal.SIGKILL)
    await ana.send_text(SHOP, "meanwhile")
    await stage.opened(after=before)
    await answered(ana, 2)
    assert [m["author"] for m in await stage.messages("meanwhile")] == ["contact", "ai", "contact", "ai"]


async def test_the_network_drops_and_comes_back(stage: Stage) -> None:
    await stage.link()
    ana = await stage.ana()
    for round_ in range(3):
        before = len(stage.events.events)
        stage.world.network.faults.drop(SHOP)
        await ana.send_text(SHOP, f"round {round_}")
        await stage.opened(after=before)
        await answered(ana, round_ + 1)


async def test_messages_delivered_twice_are_one_row_and_one_answer(stage: Stage) -> None:
    await stage.link()
    ana = await stage.ana()
    stage.world.network.faults.duplicate_deliveries(SHOP)
    await ana.send_text(SHOP, "once")
    await answered(ana, 1)
    assert [m["author"] for m in await stage.messages("once")] == ["contact", "ai"]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
