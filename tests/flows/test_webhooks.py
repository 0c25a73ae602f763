"""Webhooks on real parts: a message comes in, a receiver is told; killed and stopped in the middle, nothing is lost."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.engine import URL
from tests.faults.conftest import PROGRAM, settings_of, signed_in
from tests.fixtures.databases import on_postgres
from tests.fixtures.receiver import Receiver, receiving
from tests.fixtures.sending import until
from tests.flows.conftest import SHOP, Stage

from prosa.database import Database
from prosa_simulator.product.world import World

PASSING = {"ready", "pong", "chat.typing"}
"""Frames of the WebSocket that are no stored events."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def stage(world: World, database_url: URL) -> AsyncIterator[Stage]:
    """Prosa as its own process, with short leases, that may ask this machine."""
    settings = {"PROSA_OUTGOING_PRIVATE_ADDRESSES": "true", **settings_of(database_url)}
    prosa = world.prosa(settings=settings, program=PROGRAM)
    await prosa.start()
    async with signed_in(world, prosa) as stage:
        yield stage


async def subscribe(stage: Stage, receiver: Receiver, **more: Any) -> str:
    made = await stage.api.post("/webhooks", {"url": receiver.url, **more})
    receiver.secret = made["secret"]
    return str(made["id"])


def stored(stage: Stage) -> list[dict[str, Any]]:
    return [event for event in stage.events.events if event["event"] not in PASSING]


def by_conversation(envelopes: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the ids of messages' events, by conversation, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for envelope in envelopes:
        if envelope["event"].startswith("message."):
            found[envelope["payload"]["conversation_id"]].append(envelope["id"])
    return found


async def caught_up(stage: Stage, receiver: Receiver) -> None:
    """Wait until the receiver was told everything that the WebSocket told."""

    def all_there() -> bool:
        told = {request.envelope["id"] for request in receiver.accepted}
        return {event["id"] for event in stored(stage)} <= told

    await receiver.wait_for(all_there, 40)


async def test_a_message_in_and_its_answer_are_told_as_the_websocket_tells_them(
    stage: Stage, receiver: Receiver
) -> None:
    await subscribe(stage, receiver)
    await stage.link()
    ana = await stage.ana()
    await ana.send_text(SHOP, "When do you open?")
    await ana.wait_for(lambda message: "When do you open?" in message.body, 40)
    await stage.events.wait("message.sent")
    await asyncio.sleep(0.5)
    await caught_up(stage, receiver)
    told = [request.envelope for request in receiver.accepted]
    seen = stored(stage)
    assert {envelope["id"]: envelope for envelope in told if envelope["id"] in {e["id"] for e in seen}} == {
        event["id"]: event for event in seen
    }
    assert by_conversation(told) == by_conversation(seen)
    assert {"session.status", "session.qr", "message.received", "ai.replied", "message.sent"} <= {
        envelope["event"] for envelope in told
    }
    assert len(told) == len({request.id for request in receiver.accepted}), "each comes once"
    assert receiver.wrong == []


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_prosa_killed_or_stopped_in_the_middle(stage: Stage, receiver: Receiver, how: str) -> None:
    webhook = await subscribe(stage, receiver, events=["message.received"])
    await stage.link()
    ana = await stage.ana()
    receiver.seconds = 0.3
    texts = [f"question {number}" for number in range(8)]
    for text in texts:
        await ana.send_text(SHOP, text)
    await stage.events.wait("message.received", lambda event: event["payload"]["body"] == texts[-1])
    await receiver.wait_for(lambda: len(receiver.requests) >= 2)
    status = await (stage.prosa.stop() if how == "stop" else stage.prosa.kill())
    assert (status == 0) == (how == "stop"), stage.prosa.log_tail()
    seen = len(receiver.requests)
    assert seen < len(texts), "it was in the middle"
    await stage.prosa.start()
    await receiver.wait_for(lambda: {request.label for request in receiver.accepted} == set(texts), 40)
    await asyncio.sleep(1)
    firsts = list(dict.fromkeys(request.label for request in receiver.accepted))
    assert firsts == texts, "in order"
    names: dict[str, set[str]] = defaultdict(set)
    for request in receiver.accepted:
        names[request.label].add(request.id)
    assert all(len(found) == 1 for found in names.values()), "a double carries the same id"
    if how == "stop":
        assert len(receiver.requests) <= len(texts) + 1
    assert receiver.wrong == []
    shown = await stage.api.get(f"/webhooks/{webhook}")
    assert (shown["state"], shown["gap"], shown["aside"]) == ("on", None, 0)


async def test_a_receiver_that_is_down_while_prosa_restarts(stage: Stage, receiver: Receiver) -> None:
    webhook = await subscribe(stage, receiver, events=["message.received"])
    await stage.link()
    ana = await stage.ana()
    await receiver.stop()
    await ana.send_text(SHOP, "is anybody there?")
    await stage.events.wait("message.received")

    async def waiting() -> bool:
        return bool((await stage.api.get(f"/webhooks/{webhook}"))["state"] == "waiting")

    await until(waiting, 40)
    await stage.prosa.kill()
    await receiver.start()
    await stage.prosa.start()
    [got] = await receiver.wait(1, 40)
    assert got.label == "is anybody there?"


@on_postgres
async def test_a_backup_is_restored_on_another_server(stage: Stage, receiver: Receiver, database_url: URL) -> None:
    await subscribe(stage, receiver)
    await stage.prosa.stop()
    database = Database(database_url, pool_size=1)
    async with database.write() as db:  # the old server had counted its transactions much further
        await db.execute(sql("UPDATE events SET txid = txid + 1000000000"))
        await db.execute(sql("UPDATE webhooks SET position_txid = position_txid + 1000000000"))
    await database.close()
    await stage.prosa.start()
    await stage.link()
    await caught_up(stage, receiver)
    assert {"session.qr", "session.status"} <= {request.envelope["event"] for request in receiver.accepted}
    assert receiver.wrong == []
