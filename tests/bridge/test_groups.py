"""Groups over the real bridge: who wrote, what the group is called, and what is asked for it."""

import pytest
from tests.fixtures.whatsapp import Line, until

from prosa.ids import new_message_id
from prosa.whatsapp.engine import Connection, ContactNamed, Inbound, Quote, TextContent
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network, Node
from prosa_simulator.network.groups import ADDRESSINGS, Addressing

SHOP, ANA = "5511900000001", "5511988887777"


@pytest.fixture
async def shop(line: Line, network: Network) -> Connection:
    return await line.link(network, SHOP, "Loja")


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


@pytest.mark.parametrize("addressing", ADDRESSINGS)
async def test_a_group_is_read_and_written_to(
    shop: Connection, line: Line, ana: Contact, network: Network, addressing: Addressing
) -> None:
    chat = str(network.groups.create("Family", [SHOP], by=ANA, addressing=addressing).jid)
    wa_id = await ana.send_text(chat, "Oi, família")
    message = await line.message("Oi, família")
    assert (message.chat, message.chat_alt, message.wa_id) == (chat, None, wa_id)
    assert (message.is_group, message.from_me, message.push_name) == (True, False, "Ana")
    lid, number = (message.sender, message.sender_alt) if addressing == "lid" else (message.sender_alt, message.sender)
    assert (lid, number) == (ana.lid, ana.jid)
    answer = new_message_id()
    await shop.send(chat, answer, TextContent("Oi!", quote=Quote(wa_id, message.sender, message.body)))
    got = await ana.wait_for("Oi!")
    assert (got.chat, got.wa_id, got.quoted_wa_id) == (chat, answer, wa_id)
    await shop.send(chat, answer, TextContent("Oi!"))
    await ana.wait_until(lambda: ana.resent == {answer: 1})  # shown once


async def test_a_groups_name_follows_its_first_message_and_is_asked_once(
    shop: Connection, line: Line, ana: Contact, network: Network
) -> None:
    group = network.groups.create("Family", [SHOP], by=ANA)
    asked: list[Node] = []

    def watch(way: str, device: object, node: Node) -> None:
        if way == "in" and node.text("xmlns") == "w:g2" and str(device).startswith(f"<Device {SHOP}"):
            asked.append(node)

    network.on_stanza = watch
    for text in ("one", "two"):
        await ana.send_text(str(group.jid), text)
        await line.message(text)
    named = ContactNamed(str(group.jid), None, "Family")
    await until(lambda: named in line.events[after_first(line) :], 10)
    await ana.send_text(str(group.jid), "three")
    await line.message("three")
    assert len(asked) == 1
    network.groups.rename(group, "Cousins")
    await until(lambda: ContactNamed(str(group.jid), None, "Cousins") in line.events, 10)


def after_first(line: Line) -> int:
    """Return where the events after the first message begin: a name that is told before has no conversation yet."""
    return next(place for place, event in enumerate(line.events, 1) if isinstance(event, Inbound))
