"""Many messages of several contacts wait to be stored when it ends badly: each comes again, each chat in its order."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from tests.fixtures.whatsapp import Line, pending, restarted, until

from prosa.whatsapp.engine import Closed, EngineDown, InboundMessage, ReceiptType, Undecryptable
from prosa.whatsapp.inbox import NOT_STORED
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP = "5511900000001"
CONTACTS, EACH = 4, 20
UNANSWERED = 64
"""Messages of a connection that the bridge tells before it waits for answers (bridge/unanswered.go)."""


class Table:
    """A handler's way of storing: a message that comes twice is one row. It can be held up and told to fail."""

    def __init__(self, line: Line) -> None:
        self.rows: dict[str, InboundMessage] = {}
        self.tried: Counter[str] = Counter()
        self.held: set[str] = set()
        self.failing: set[str] = set()
        self.first, self.free = asyncio.Event(), asyncio.Event()
        self._random = random.Random(7)  # mixes the chats
        line.store = self

    async def __call__(self, message: InboundMessage) -> None:
        self.tried[message.wa_id] += 1
        if int(message.body) >= 2:
            self.held.add(message.chat)
            await (self.free if self.held != {message.chat} or self.first.is_set() else self.first).wait()
        await asyncio.sleep(self._random.uniform(0, 0.004))
        if message.wa_id in self.failing:
            self.failing.remove(message.wa_id)
            raise OSError("database is locked")
        self.rows.setdefault(message.wa_id, message)


@pytest.fixture
async def people(contacts: ContactBook) -> list[Contact]:
    return [await contacts.link(f"55119888877{n:02}", name=f"Pessoa {n}") for n in range(CONTACTS)]


@pytest.fixture
def waiting(network: Network) -> Callable[[], set[str]]:
    """Return the messages that the network keeps until the shop's device receipts them."""
    return partial(pending, network, SHOP, "message")


@pytest.mark.parametrize("how", ["the connection is cut", "the bridge is killed", "one is refused"])
async def test_messages_that_wait_to_be_stored_come_again_in_order(
    line: Line, network: Network, people: list[Contact], waiting: Callable[[], set[str]], how: str
) -> None:
    await line.link(network, SHOP)
    table = Table(line)
    sent: dict[str, list[str]] = {contact.number: [] for contact in people}
    for number in range(EACH):
        for contact in people:
            sent[contact.number].append(await contact.send_text(SHOP, str(number)))
            if (number, contact) == (2, people[0]):
                await until(lambda: table.held and len(table.rows) == 2 * CONTACTS)
    everything = {wa_id for wa_ids in sent.values() for wa_id in wa_ids}
    inbox = line.engine._inboxes[line.session_id]
    await until(lambda: sum(event.name == "message" for event in inbox._queue) == UNANSWERED - 1)
    table.first.set()
    await until(lambda: len(table.held) == CONTACTS)
    # All chats are in hand, and nothing is receipted but what is stored.
    await until(lambda: waiting() == everything - set(table.rows))
    assert len(table.rows) == 2 * CONTACTS + 1
    before = waiting()

    position, pid = len(line.events), line.engine.pid
    assert pid is not None
    if how == "the bridge is killed":
        os.kill(pid, signal.SIGKILL)
    elif how == "the connection is cut":
        assert network.faults.drop(SHOP) == 1
        await asyncio.sleep(0.3)  # the bridge hears of it; Prosa does once what it holds is stored
    else:
        table.failing = {sent[people[1].number][7]}
    table.free.set()
    if how == "the bridge is killed":
        await line.wait(EngineDown, after=position)
        await restarted(line.engine, pid)
        await line.open(line.device_jid)
    else:
        closed = await line.wait(Closed, after=position)
        assert (closed.reason == NOT_STORED) is (how == "one is refused")
    if how != "one is refused":
        assert waiting() == before, "receipted on a connection that had ended"
    await line.online()

    await until(lambda: not waiting())
    assert set(table.rows) == everything
    for contact in people:
        chat = [wa_id for wa_id in table.rows if wa_id in sent[contact.number]]
        assert chat == sent[contact.number]
    assert all(count <= 2 for count in table.tried.values())
    assert any(count == 2 for count in table.tried.values())
    assert not any(isinstance(event, Undecryptable) for event in line.events)
    for contact in people:
        for wa_id in sent[contact.number]:
            await contact.wait_receipt(wa_id, ReceiptType.DELIVERED)
