"""Receipts are told several at a time and out of the messages' way; each is delivered again until it is stored."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial

import pytest
from tests.fixtures.whatsapp import Line, pending, restarted, until

from prosa.ids import new_message_id
from prosa.whatsapp.engine import Closed, InboundMessage, ReceiptUpdate, TextContent
from prosa.whatsapp.inbox import NOT_STORED
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"
UNANSWERED = 64
"""Receipts of a connection that the bridge tells before it waits for answers (bridge/unanswered.go)."""


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


class Ticks:
    """A handler's way of storing receipts that fails or hangs on some of them, and keeps what it stored."""

    def __init__(self, line: Line) -> None:
        self.stored: list[str] = []
        self.hanging: set[str] = set()
        self.failing: set[str] = set()
        self.tried: list[str] = []
        line.store_receipt = self

    async def __call__(self, update: ReceiptUpdate) -> None:
        self.tried += update.wa_ids
        if self.failing.intersection(update.wa_ids):
            raise OSError("database is locked")
        if self.hanging.intersection(update.wa_ids):
            await asyncio.sleep(3600)
        self.stored += update.wa_ids


@pytest.fixture
def waiting(network: Network) -> Callable[[], set[str]]:
    """Return the messages whose receipts the network keeps until the shop's device acknowledges them."""
    return partial(pending, network, SHOP, "receipt")


async def send(line: Line, ana: Contact, count: int) -> list[str]:
    wa_ids = [new_message_id() for _ in range(count)]
    await asyncio.gather(*(line.connection.send(ana.jid, wa_id, TextContent(wa_id)) for wa_id in wa_ids))
    return wa_ids


async def test_the_bridge_is_killed_with_some_receipts_stored_and_some_not(
    line: Line, network: Network, ana: Contact, waiting: Callable[[], set[str]]
) -> None:
    await line.link(network, SHOP)
    ticks = Ticks(line)
    first, second = await send(line, ana, 5), [new_message_id() for _ in range(9)]
    await until(lambda: set(ticks.stored) == set(first))
    ticks.hanging = set(second[1::3])
    await asyncio.gather(*(line.connection.send(ana.jid, wa_id, TextContent(wa_id)) for wa_id in second))
    await until(lambda: ticks.hanging.intersection(ticks.tried))
    # What was stored was acknowledged, also beside what hangs, and nothing else.
    await until(lambda: waiting() == set(second) - set(ticks.stored))
    lost = waiting()
    pid = line.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    again = Line(line.engine, "loja")
    after = Ticks(again)
    await restarted(line.engine, pid)
    await again.open(line.device_jid)
    await again.online()
    await until(lambda: waiting() == set())
    assert set(after.stored) == lost


async def test_a_receipt_whose_storing_fails_comes_again(
    line: Line, network: Network, ana: Contact, waiting: Callable[[], set[str]]
) -> None:
    await line.link(network, SHOP)
    ticks = Ticks(line)
    wa_id = new_message_id()
    ticks.failing = {wa_id}
    await line.connection.send(ana.jid, wa_id, TextContent("um"))
    closed = await line.wait(Closed)
    assert closed.reason == NOT_STORED
    assert waiting() == {wa_id}
    ticks.failing.clear()
    await line.online()
    await until(lambda: ticks.stored == [wa_id])
    await until(lambda: not waiting())


async def test_a_receipt_that_is_being_stored_holds_up_no_message(
    line: Line, network: Network, ana: Contact, waiting: Callable[[], set[str]]
) -> None:
    await line.link(network, SHOP)
    ticks = Ticks(line)
    stored: list[str] = []

    async def store(message: InboundMessage) -> None:
        stored.append(message.body)

    line.store = store
    (wa_id,) = ticks.hanging = set(await send(line, ana, 1))
    await until(lambda: ticks.tried == [wa_id])
    await ana.send_text(SHOP, "e agora?")
    await line.message("e agora?")
    assert stored == ["e agora?"]
    assert waiting() == {wa_id}


async def test_more_receipts_than_may_be_without_an_answer_all_arrive(
    line: Line, network: Network, ana: Contact, waiting: Callable[[], set[str]]
) -> None:
    await line.link(network, SHOP)
    release, stored = asyncio.Event(), set[str]()

    async def store(update: ReceiptUpdate) -> None:
        await release.wait()
        stored.update(update.wa_ids)

    line.store_receipt = store
    wa_ids = set(await send(line, ana, UNANSWERED + 20))
    await until(lambda: waiting() == wa_ids)  # the bridge holds back what is more
    release.set()
    await until(lambda: stored == wa_ids)
    await until(lambda: not waiting())
