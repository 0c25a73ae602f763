"""Contacts among themselves: the judge of other tests must itself be right."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulator.tests.contacts.conftest import ANA, BIA

from prosa.whatsapp.engine import InboundMessage, MessageType, ReceiptType
from prosa_simulator.contacts import Contact, ContactBook, Screen
from prosa_simulator.network import Network


async def test_two_people_chat(ana: Contact, bia: Contact, tmp_path: Path) -> None:
    asked = await ana.send_text(BIA, "Oi Bia")
    message = await bia.wait_for("Oi Bia")
    assert (message.wa_id, message.push_name) == (asked, "Ana")
    await bia.mark_read(message)
    await ana.wait_receipt(asked, ReceiptType.DELIVERED)
    await ana.wait_receipt(asked, ReceiptType.READ)
    await bia.send_text(ANA, "Oi Ana", quote=message)
    answer = await ana.wait_for(lambda found: found.quoted_wa_id == asked)
    assert answer.body == "Oi Ana"
    (tmp_path / "a.png").write_bytes(b"picture")
    await bia.send_media(ANA, tmp_path / "a.png", MessageType.IMAGE, caption="olha")
    assert await ana.download(await ana.wait_for("olha")) == b"picture"
    assert [sent.body for sent in ana.sent.values()] == ["Oi Bia"]
    assert len(list(bia._engine.media_dir.iterdir())) == 0


async def test_the_screen_follows_edits_reactions_and_revocations(ana: Contact, bia: Contact) -> None:
    wa_id = await ana.send_text(bia.lid, "um")
    await bia.wait_for("um")
    await ana.edit(BIA, wa_id, "dois")
    await bia.wait_for("dois")
    await bia.react(ANA, wa_id, "👍")
    await ana.wait_for("👍")
    shown = bia.screen.shown(wa_id)
    own = ana.screen.shown(wa_id)
    assert shown is not None
    assert own is not None
    assert (shown.body, shown.edited) == ("dois", True)
    assert list(own.reactions.values()) == ["👍"]
    await bia.react(ANA, wa_id, "")
    await ana.wait_until(lambda: not own.reactions)
    await ana.revoke(BIA, wa_id)
    await bia.wait_until(lambda: shown.revoked)
    assert len(bia.received) == 1


async def test_what_is_sent_while_a_contact_is_away_waits(ana: Contact, bia: Contact) -> None:
    await bia.disconnect()
    wa_id = await ana.send_text(BIA, "volta logo")
    assert not bia.online
    with pytest.raises(TimeoutError):
        await bia.wait_for("volta logo", 0.3)
    assert not ana.receipts
    await bia.connect()
    await bia.wait_for("volta logo")
    await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)


async def test_a_lost_connection_comes_back_by_itself(ana: Contact, bia: Contact, network: Network) -> None:
    network.faults.drop()
    await asyncio.gather(ana.wait_until(lambda: not ana.online), bia.wait_until(lambda: not bia.online))
    await asyncio.gather(ana.wait_until(lambda: ana.online), bia.wait_until(lambda: bia.online))
    await ana.send_text(BIA, "oi")
    await bia.wait_for("oi")


async def test_messages_can_be_gone_through_as_they_come(ana: Contact, bia: Contact) -> None:
    async def first_three() -> list[str]:
        bodies: list[str] = []
        async for message in bia:
            bodies.append(message.body)
            if len(bodies) == 3:
                break
        return bodies

    await ana.send_text(BIA, "1")
    await bia.wait_for("1")
    reading = asyncio.create_task(first_three())
    await ana.send_text(BIA, "2")
    await ana.send_text(BIA, "3")
    assert await asyncio.wait_for(reading, 10) == ["1", "2", "3"]


async def test_a_repeated_id_is_shown_once_and_counted(ana: Contact, bia: Contact, network: Network) -> None:
    wa_id = await ana.send_text(BIA, "uma vez")
    await ana.send_text(BIA, "uma vez", wa_id=wa_id)
    await ana.send_text(BIA, "fim")
    await bia.wait_for("fim")
    assert [message.body for message in bia.received] == ["uma vez", "fim"]
    assert bia.resent == {wa_id: 1}


async def test_a_passkey_is_answered(book: ContactBook, network: Network) -> None:
    network.phone(ANA, "Ana").require_passkey = True
    ana = await book.link(ANA)
    assert ana.online
    assert ana.device_jid == str(ana.phone.devices[0].jid)


async def test_a_book_opened_again_keeps_its_devices(
    book: ContactBook, ana: Contact, network: Network, tmp_path: Path
) -> None:
    device = ana.device_jid
    with pytest.raises(ValueError, match="linked already"):
        await book.link(ANA)
    await book.stop()
    again = ContactBook(network, tmp_path / "contacts")
    await again.start()
    back = await again.link(ANA)
    assert back.device_jid == device
    assert len(back.phone.devices) == 1
    assert again[ANA] is back
    assert list(again) == [back]
    await again.stop()
    # Where the network has forgotten the device, or the credentials are gone, the contact is linked anew.
    await back.phone.unlink(back.phone.devices[0])
    shutil.rmtree(tmp_path / "contacts")
    third = ContactBook(network, tmp_path / "contacts")
    await third.start()
    assert (await third.link(ANA)).device_jid != device
    await third.stop()


def message(wa_id: str, body: str, *, from_me: bool = False) -> InboundMessage:
    return InboundMessage(
        wa_id=wa_id, chat="1@lid", sender="2@lid" if from_me else "1@lid", from_me=from_me, is_group=False,
        timestamp=datetime.now(UTC), type=MessageType.TEXT, body=body,
    )  # fmt: skip


def test_the_screen_counts_what_came_again() -> None:
    screen = Screen()
    assert screen.take(message("A", "um"))
    assert not screen.take(message("A", "um"))
    assert not screen.take(message("A", "um"))
    assert screen.take(message("B", "do celular", from_me=True))
    assert [found.body for found in screen.received] == ["um"]
    assert [found.body for found in screen.copies] == ["do celular"]
    assert screen.resent == {"A": 2}
    assert screen.shown("C") is None
