"""What is not stored is delivered again: the handler fails, the bridge is killed, Prosa is killed.

A message counts as stored when the handler returned; WhatsApp (here: the network) must keep it until then.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.fixtures.whatsapp import EngineMaker, Line, alive, restarted, until

from prosa.ids import new_message_id
from prosa.whatsapp.engine import (
    Closed,
    EngineDown,
    InboundMessage,
    ReceiptType,
    TextContent,
    Undecryptable,
)
from prosa.whatsapp.inbox import NOT_STORED
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


class Storing:
    """A handler's way of storing that can be told to fail or to hang, and counts how often it was tried."""

    def __init__(self, line: Line) -> None:
        self.tried: list[str] = []
        self.stored: list[str] = []
        self.failing = 0
        self.hanging = False
        self.hangs = asyncio.Event()
        line.store = self

    async def __call__(self, message: InboundMessage) -> None:
        self.tried.append(message.body)
        if self.failing:
            self.failing -= 1
            raise OSError("database is locked")
        if self.hanging:
            self.hangs.set()
            await asyncio.sleep(3600)
        self.stored.append(message.body)


async def test_a_message_whose_storing_fails_comes_again_in_order(line: Line, network: Network, ana: Contact) -> None:
    await line.link(network, SHOP)
    storing = Storing(line)
    wa_ids = [await ana.send_text(SHOP, "um")]
    await line.message("um")
    await ana.wait_receipt(wa_ids[0], ReceiptType.DELIVERED)
    storing.failing = 1
    wa_ids += [await ana.send_text(SHOP, text) for text in ("dois", "três", "quatro")]
    closed = await line.wait(Closed)
    assert closed.reason == NOT_STORED
    # Nothing after the failed one was stored or receipted, and nothing was lost.
    assert storing.stored == ["um"]
    delivered = {wa_id for r in ana.receipts if r.type is ReceiptType.DELIVERED for wa_id in r.wa_ids}
    assert delivered == {wa_ids[0]}
    await line.online()
    await line.message("quatro")
    assert storing.stored == ["um", "dois", "três", "quatro"]
    assert Counter(storing.tried)["dois"] == 2
    for wa_id in wa_ids:
        await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)
    assert not any(isinstance(event, Undecryptable) for event in line.events)


async def test_storing_that_fails_again_and_again_loses_nothing(line: Line, network: Network, ana: Contact) -> None:
    await line.link(network, SHOP)
    storing = Storing(line)
    storing.failing = 4
    await ana.send_text(SHOP, "insistente")
    for _ in range(4):
        position = len(line.events)
        await line.wait(Closed)
        line.events = line.events[position:]
        line.events = [event for event in line.events if not isinstance(event, Closed)]
        await line.online()
    await line.message("insistente")
    assert storing.tried == ["insistente"] * 5
    assert storing.stored == ["insistente"]
    # The session is sound afterwards, both ways.
    await line.connection.send(ana.jid, new_message_id(), TextContent("recebi"))
    await ana.wait_for("recebi")


async def test_the_bridge_is_killed_between_receipt_and_ack(line: Line, network: Network, ana: Contact) -> None:
    await line.link(network, SHOP)
    storing = Storing(line)
    storing.hanging = True
    wa_id = await ana.send_text(SHOP, "no meio")
    await storing.hangs.wait()
    await asyncio.sleep(0.3)  # time enough for the receipt that must not be sent
    pid = line.engine.pid
    assert pid is not None
    storing.hanging = False
    os.kill(pid, signal.SIGKILL)
    # The old handler still has it in hand; the session is opened anew beside it, as after a takeover.
    again = Line(line.engine, "loja")
    again_storing = Storing(again)
    await restarted(line.engine, pid)
    assert not ana.receipts
    await again.open(line.device_jid)
    await again.online()
    await again.message("no meio")
    assert again_storing.tried == ["no meio"]
    await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)
    assert not any(isinstance(event, Undecryptable) for event in again.events)


async def test_the_bridge_is_killed_while_messages_pour_in(line: Line, network: Network, ana: Contact) -> None:
    """Whatever the moment: every message is stored, in order, and every outgoing one is shown once."""
    await line.link(network, SHOP)
    rows: dict[str, str] = {}  # as the table does: the same message twice is one row

    async def store(message: InboundMessage) -> None:
        await asyncio.sleep(0.002)
        rows.setdefault(message.wa_id, message.body)

    line.store = store
    texts = [f"mensagem {number}" for number in range(80)]

    async def write() -> None:
        for text in texts:
            await ana.send_text(SHOP, text)
            await asyncio.sleep(0.005)

    writing = asyncio.create_task(write())
    for _ in range(3):
        await asyncio.sleep(0.15)
        position, pid = len(line.events), line.engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await line.wait(EngineDown, after=position)
        await restarted(line.engine, pid)
        await line.open(line.device_jid)
        await line.online()
    await writing
    await until(lambda: len(rows) == len(texts))
    assert list(rows.values()) == texts
    assert not any(isinstance(event, Undecryptable) for event in line.events)


async def test_an_answer_repeated_after_the_bridge_was_killed_is_shown_once(
    line: Line, network: Network, ana: Contact
) -> None:
    await line.link(network, SHOP)
    wa_id = new_message_id()
    network.faults.withhold_acks(SHOP, times=1)  # delivered, but we never learn it
    sending = asyncio.create_task(line.connection.send(ana.jid, wa_id, TextContent("uma só vez")))
    await ana.wait_for("uma só vez")
    pid = line.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Exception, match="engine_down"):
        await sending
    await line.wait(EngineDown)
    await restarted(line.engine, pid)
    await line.open(line.device_jid)
    await line.online()
    await line.connection.send(ana.jid, wa_id, TextContent("uma só vez"))
    await line.connection.send(ana.jid, new_message_id(), TextContent("fim"))
    await ana.wait_for("fim")
    assert [message.body for message in ana.received] == ["uma só vez", "fim"]


CHILD = """
import asyncio, json, sys
from pathlib import Path
from prosa.whatsapp.bridge import TestServer, create_engine
from prosa.whatsapp.engine import Inbound, Opened

async def main():
    setup = json.loads(sys.argv[1])
    directory = Path(setup["directory"])
    engine = create_engine(
        media_dir=directory / "media",
        store_url=f"sqlite://{directory.as_posix()}/whatsapp.db",
        binary=Path(setup["binary"]),
        test_server=TestServer(setup["url"], setup["root_key"], Path(setup["media_ca"])),
    )
    await engine.start()
    print(json.dumps({"bridge": engine.pid}), flush=True)

    async def handle(event):
        if isinstance(event, Inbound):
            print(json.dumps({"received": event.message.body}), flush=True)
            await asyncio.sleep(3600)  # never stored

    connection = await engine.open("loja", handle, device_jid=setup["jid"])
    await connection.connect()
    await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_prosa_itself_is_killed_between_receipt_and_ack(
    make_engine: EngineMaker, network: Network, ana: Contact, tmp_path: Path, bridge_binary: Path
) -> None:
    engine = await make_engine()
    line = Line(engine, "loja")
    await line.link(network, SHOP)
    await engine.stop()
    setup = {
        "directory": str(tmp_path / "prosa"),
        "binary": str(bridge_binary),
        "url": network.url,
        "root_key": network.root_public_key,
        "media_ca": str(network.media_ca_path),
        "jid": line.device_jid,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, json.dumps(setup), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    bridge = 0
    wa_id = await ana.send_text(SHOP, "não me perca")
    try:
        async with asyncio.timeout(20):
            async for row in child.stdout:
                if not row.startswith(b"{"):
                    continue
                fact = json.loads(row)
                bridge = fact.get("bridge", bridge)
                if "received" in fact:
                    assert fact["received"] == "não me perca"
                    break
    finally:
        child.kill()
        await child.wait()
    # The bridge ends by itself once Prosa is gone, without having told WhatsApp anything.
    await until(lambda: not alive(bridge), seconds=5)
    assert not ana.receipts
    again = Line(await make_engine(), "loja")
    storing = Storing(again)
    await again.open(line.device_jid)
    await again.online()
    await again.message("não me perca")
    assert storing.tried == ["não me perca"]
    await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)
    assert not any(isinstance(event, Undecryptable) for event in again.events)
    # Delivered for good: another connect brings nothing.
    await again.reconnect()
    await ana.send_text(SHOP, "fim")
    await again.message("fim")
    assert storing.tried == ["não me perca", "fim"]
