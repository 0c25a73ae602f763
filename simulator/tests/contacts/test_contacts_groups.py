"""Contacts in a group: unmodified clients encrypt with sender keys, and the network only relays."""

from pathlib import Path

import pytest
from simulator.tests.contacts.conftest import ANA, BIA, CAIO

from prosa.whatsapp.engine import MessageType, Opened, ReceiptType
from prosa_simulator.contacts import Contact
from prosa_simulator.network import Network, Node
from prosa_simulator.network.groups import ADDRESSINGS, Addressing


@pytest.mark.parametrize("addressing", ADDRESSINGS)
async def test_three_people_chat_in_a_group(
    network: Network, ana: Contact, bia: Contact, caio: Contact, addressing: Addressing, tmp_path: Path
) -> None:  # fmt: skip
    group = network.groups.create("Family", [BIA, CAIO], by=ANA, addressing=addressing)
    chat = str(group.jid)
    stanzas: list[Node] = []
    network.on_stanza = lambda _way, _device, node: stanzas.append(node)
    asked = await ana.send_text(chat, "Lunch on Sunday?")
    for member in (bia, caio):
        got = await member.wait_for("Lunch on Sunday?")
        assert (got.chat, got.wa_id, got.push_name, got.is_group) == (chat, asked, "Ana", True)
        assert (got.sender, got.sender_alt) == ((ana.lid, ana.jid) if addressing == "lid" else (ana.jid, ana.lid))
    [stanza] = [node for node in stanzas if node.text("to") == chat and node.tag == "message"]
    [common] = stanza.find("enc")
    private = stanza.child("participants")
    assert common.text("type") == "skmsg"
    assert private
    assert len(private.children) == 2

    answer = await bia.send_text(
        chat, "@Caio brings the cake", quote=await bia.wait_for("Lunch on Sunday?"), mentions=[caio.lid]
    )
    for member in (ana, caio):
        got = await member.wait_for(lambda message: message.wa_id == answer)
        assert (got.quoted_wa_id, got.quoted_text, got.mentions) == (asked, "Lunch on Sunday?", (caio.lid,))
    await bia.edit(chat, answer, "@Caio brings two cakes")
    await caio.wait_for("@Caio brings two cakes")
    await caio.react(chat, answer, "👍", sender=bia.lid if addressing == "lid" else bia.jid)
    await bia.wait_for("👍")
    (tmp_path / "a.png").write_bytes(b"picture")
    await caio.send_media(chat, tmp_path / "a.png", MessageType.IMAGE, caption="this one?")
    assert await ana.download(await ana.wait_for("this one?")) == b"picture"
    await caio.typing(chat)
    await ana.wait_until(lambda: [event.chat for event in ana.typing_events] == [chat])
    assert ana.undecryptable == bia.undecryptable == caio.undecryptable == []
    acks = [node for node in stanzas if node.tag == "ack" and node.text("from") == chat]
    assert acks
    assert not [node for node in acks if "phash" in node.attrs or "error" in node.attrs], "whom they wrote to is known"


async def test_receipts_say_which_member_received_and_read(
    network: Network, ana: Contact, bia: Contact, caio: Contact
) -> None:  # fmt: skip
    chat = str(network.groups.create("Family", [BIA, CAIO], by=ANA).jid)
    asked = await ana.send_text(chat, "hi")
    await bia.mark_read(await bia.wait_for("hi"))
    read = await ana.wait_receipt(asked, ReceiptType.READ)
    assert (read.chat, read.sender) == (chat, bia.lid)
    await caio.wait_for("hi")

    def delivered_to() -> set[str]:
        return {receipt.sender for receipt in ana.receipts if receipt.type == ReceiptType.DELIVERED}

    await ana.wait_until(lambda: delivered_to() == {bia.lid, caio.lid})


async def test_a_member_who_cannot_read_a_message_gets_it_again(
    network: Network, ana: Contact, bia: Contact, caio: Contact
) -> None:  # fmt: skip
    chat = str(network.groups.create("Family", [BIA, CAIO], by=ANA).jid)
    await ana.send_text(chat, "one")
    await caio.wait_for("one")
    await bia.wait_for("one")
    network.faults.corrupt_deliveries(phone=BIA, times=1)
    asked = await ana.send_text(chat, "two")
    await bia.wait_for("two")
    assert bia.undecryptable == [asked]
    record = network.messages.get(asked)
    assert record
    assert {device.user: times for device, times in record.deliveries.items()} == {BIA: 2, CAIO: 1}
    await ana.send_text(chat, "three")
    await bia.wait_for("three")
    assert bia.undecryptable == [asked]


async def test_who_comes_reads_what_is_said_from_then_on_and_who_goes_no_longer(
    network: Network, ana: Contact, bia: Contact, caio: Contact
) -> None:  # fmt: skip
    group = network.groups.create("Two", [BIA], by=ANA)
    chat = str(group.jid)
    await ana.send_text(chat, "between us")
    await bia.wait_for("between us")
    network.groups.add(group, CAIO)
    await ana.send_text(chat, "welcome")
    await caio.wait_for("welcome")
    await caio.send_text(chat, "thanks")
    await bia.wait_for("thanks")
    network.groups.remove(group, BIA)
    last = await ana.send_text(chat, "just us")
    await caio.wait_for("just us")
    record = network.messages.get(last)
    assert record
    assert {device.user for device in record.deliveries} == {CAIO}
    assert [message.body for message in caio.received] == ["welcome", "just us"]


def _logins(contact: Contact) -> int:
    return sum(isinstance(event, Opened) for event in contact.events)


async def test_what_is_said_while_a_member_is_away_waits_for_it(
    network: Network, ana: Contact, bia: Contact
) -> None:  # fmt: skip
    chat = str(network.groups.create("Two", [BIA], by=ANA).jid)
    await bia.disconnect()
    await ana.send_text(chat, "one")
    await ana.send_text(chat, "two")
    await bia.connect()
    await bia.wait_for("two")
    assert [message.body for message in bia.received] == ["one", "two"]
    await bia.disconnect()
    logins = _logins(ana)
    await network.restart()
    await ana.wait_until(lambda: _logins(ana) > logins)  # she is online at first, as far as her client knows
    await bia.connect()
    await ana.send_text(chat, "three")
    await bia.wait_for("three")
    assert bia.resent == {}
