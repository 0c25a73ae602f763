"""Chatting over the real bridge, both ways, with true encryption: every kind of content, receipts, addresses."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fixtures.whatsapp import EngineMaker, Line

from prosa.ids import new_message_id
from prosa.whatsapp.engine import (
    Connection,
    ContactTyping,
    EditContent,
    EngineError,
    EngineErrorCode,
    Inbound,
    LidMapped,
    Location,
    LocationContent,
    MediaContent,
    MediaInfo,
    MessageType,
    Quote,
    ReactionContent,
    ReceiptType,
    ReceiptUpdate,
    RevokeContent,
    TextContent,
)
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"


@pytest.fixture
async def shop(line: Line, network: Network) -> Connection:
    return await line.link(network, SHOP, "Loja")


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


async def test_a_text_arrives_with_all_its_facts(shop: Connection, line: Line, ana: Contact) -> None:
    wa_id = await ana.send_text(SHOP, "Oi! Abrem domingo? 🥐")
    message = await line.message("Oi! Abrem domingo? 🥐")
    assert message.wa_id == wa_id
    assert {message.chat, message.chat_alt} == {ana.jid, ana.lid}
    assert {message.sender, message.sender_alt} == {ana.jid, ana.lid}
    assert message.sender_device == ana.phone.devices[0].number
    assert (message.type, message.from_me, message.is_group) == (MessageType.TEXT, False, False)
    assert message.push_name == "Ana"
    assert abs(datetime.now(UTC) - message.timestamp) < timedelta(seconds=30)
    assert message.payload["conversation"] == message.body


async def test_an_answer_goes_back_by_either_address(shop: Connection, line: Line, ana: Contact) -> None:
    await ana.send_text(SHOP, "Oi")
    message = await line.message("Oi")
    for text, address in (("um", ana.jid), ("dois", ana.lid), ("três", message.chat)):
        wa_id = new_message_id()
        result = await shop.send(address, wa_id, TextContent(text))
        assert abs(datetime.now(UTC) - result.timestamp) < timedelta(seconds=30)
        answer = await ana.wait_for(text)
        assert answer.wa_id == wa_id
    assert len(ana.received) == 3


async def test_both_addresses_of_a_contact_are_known(shop: Connection, line: Line, ana: Contact) -> None:
    await ana.send_text(SHOP, "Oi")
    await line.message("Oi")
    mapped = await line.wait(LidMapped, lambda event: event.lid == ana.lid)
    assert mapped.phone_jid == ana.jid
    assert await shop.alternate(ana.lid) == ana.jid
    assert await shop.alternate(ana.jid) == ana.lid
    assert await shop.alternate("5511912345678@s.whatsapp.net") is None


async def test_the_same_id_twice_is_one_message(shop: Connection, line: Line, ana: Contact) -> None:
    wa_id = new_message_id()
    await shop.send(ana.jid, wa_id, TextContent("uma vez"))
    await shop.send(ana.jid, wa_id, TextContent("uma vez"))
    await shop.send(ana.jid, new_message_id(), TextContent("fim"))
    await ana.wait_for("fim")
    assert [message.body for message in ana.received] == ["uma vez", "fim"]
    assert ana.resent == {wa_id: 1}


async def test_quotes_both_ways(shop: Connection, line: Line, ana: Contact) -> None:
    asked = await ana.send_text(SHOP, "Quanto custa?")
    question = await line.message("Quanto custa?")
    content = TextContent("R$ 5", quote=Quote(question.wa_id, question.sender, question.body))
    answered = new_message_id()
    await shop.send(question.chat, answered, content)
    answer = await ana.wait_for("R$ 5")
    assert (answer.quoted_wa_id, answer.quoted_text) == (asked, "Quanto custa?")
    await ana.send_text(SHOP, "Quero", quote=answer)
    back = await line.message("Quero")
    assert (back.quoted_wa_id, back.quoted_text) == (answered, "R$ 5")


async def test_reactions_edits_and_revocations_come_in(shop: Connection, line: Line, ana: Contact) -> None:
    said = new_message_id()
    await shop.send(ana.jid, said, TextContent("Bom dia"))
    await ana.wait_for("Bom dia")
    await ana.react(SHOP, said, "❤️")
    reaction = (await line.wait(Inbound, lambda e: e.message.type is MessageType.REACTION)).message
    assert (reaction.reacts_to, reaction.body) == (said, "❤️")
    await ana.react(SHOP, said, "")
    await line.wait(Inbound, lambda e: e.message.reacts_to == said and e.message.body == "")
    wrote = await ana.send_text(SHOP, "ate logo")
    await line.message("ate logo")
    await ana.edit(SHOP, wrote, "até logo")
    edit = await line.message("até logo")
    assert edit.edits == wrote
    assert edit.wa_id != wrote
    await ana.revoke(SHOP, wrote)
    revoked = await line.wait(Inbound, lambda e: e.message.revokes is not None)
    assert revoked.message.revokes == wrote


async def test_reactions_edits_and_revocations_go_out(shop: Connection, line: Line, ana: Contact) -> None:
    asked = await ana.send_text(SHOP, "Oi")
    question = await line.message("Oi")
    reaction = ReactionContent(asked, target_from_me=False, sender=question.sender, emoji="👍")
    await shop.send(question.chat, new_message_id(), reaction)
    said = new_message_id()
    await shop.send(question.chat, said, TextContent("Fechamos as 18"))
    await shop.send(question.chat, new_message_id(), EditContent(said, "Fechamos às 18h"))
    await ana.wait_for("Fechamos às 18h")
    shown = ana.screen.shown(said)
    assert shown is not None
    assert (shown.body, shown.edited) == ("Fechamos às 18h", True)
    target = ana.screen.shown(asked)
    assert target is not None
    assert list(target.reactions.values()) == ["👍"]
    await shop.send(question.chat, new_message_id(), RevokeContent(said))
    await ana.wait_until(lambda: shown.revoked)
    assert len(ana.received) == 1


async def test_receipts_both_ways(shop: Connection, line: Line, ana: Contact) -> None:
    said = new_message_id()
    await shop.send(ana.jid, said, TextContent("Oi"))
    delivered = await line.wait(ReceiptUpdate, lambda e: e.type is ReceiptType.DELIVERED)
    assert delivered.wa_ids == (said,)
    assert {delivered.chat, delivered.chat_alt} == {ana.jid, ana.lid}
    await ana.mark_read(await ana.wait_for("Oi"))
    read = await line.wait(ReceiptUpdate, lambda e: e.type is ReceiptType.READ)
    assert read.wa_ids == (said,)
    asked = await ana.send_text(SHOP, "E aí?")
    await ana.wait_receipt(asked, ReceiptType.DELIVERED)
    message = await line.message("E aí?")
    assert not [receipt for receipt in ana.receipts if receipt.type is ReceiptType.READ]
    await shop.mark_read(message.chat, [message.wa_id], message.timestamp)
    await ana.wait_receipt(asked, ReceiptType.READ)


async def test_a_contact_that_reads_by_itself(shop: Connection, line: Line, contacts: ContactBook) -> None:
    bia = await contacts.link("5511977776666", name="Bia", auto_read=True)
    said = new_message_id()
    await shop.send(bia.jid, said, TextContent("Oi"))
    read = await line.wait(ReceiptUpdate, lambda e: e.type is ReceiptType.READ)
    assert read.wa_ids == (said,)


async def test_typing_both_ways(shop: Connection, line: Line, ana: Contact) -> None:
    await ana.typing(SHOP)
    seen = await line.wait(ContactTyping)
    assert seen.typing
    assert seen.chat in {ana.jid, ana.lid}
    await ana.typing(SHOP, typing=False)
    await line.wait(ContactTyping, lambda event: not event.typing)
    await shop.send_typing(ana.jid, typing=True, recording=True)
    await ana.wait_until(lambda: ana.typing_events)
    assert ana.typing_events[0].recording


@pytest.mark.parametrize(
    ("type_", "name", "mime"),
    [
        (MessageType.IMAGE, "foto.jpg", "image/jpeg"),
        (MessageType.AUDIO, "voz.ogg", "audio/ogg; codecs=opus"),
        (MessageType.VIDEO, "v.mp4", "video/mp4"),
        (MessageType.DOCUMENT, "nota.pdf", "application/pdf"),
        (MessageType.STICKER, "s.webp", "image/webp"),
    ],
)
async def test_media_both_ways(
    shop: Connection, line: Line, ana: Contact, tmp_path: Path, type_: MessageType, name: str, mime: str
) -> None:
    data = os.urandom(50_000 + len(name))
    (tmp_path / name).write_bytes(data)
    caption = "segue" if type_ in {MessageType.IMAGE, MessageType.VIDEO, MessageType.DOCUMENT} else ""
    await ana.send_media(SHOP, tmp_path / name, type_, caption=caption, mime_type=mime, voice=name == "voz.ogg")
    message = (await line.wait(Inbound)).message
    assert (message.type, message.body) == (type_, caption)
    assert message.media is not None
    assert (message.media.mime_type, message.media.size) == (mime, len(data))
    assert message.media.voice is (name == "voz.ogg")
    assert message.media.file_name == ("nota.pdf" if type_ is MessageType.DOCUMENT else None)
    target = line.engine.media_dir / f"got-{name}"
    assert await shop.download(message.payload, target) == len(data)
    assert target.read_bytes() == data

    out = line.engine.media_dir / name
    out.write_bytes(data[::-1])
    uploaded = await shop.upload(out, type_)
    assert uploaded.file_length == len(data)
    info = MediaInfo(mime, len(data), name if type_ is MessageType.DOCUMENT else None)
    wa_id = new_message_id()
    await shop.send(message.chat, wa_id, MediaContent(type_, uploaded, info, caption))
    await ana.wait_until(lambda: ana.received)
    assert ana.received[0].wa_id == wa_id
    assert await ana.download(ana.received[0]) == data[::-1]


async def test_media_that_is_gone_or_wrong(
    shop: Connection, line: Line, ana: Contact, network: Network, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x" * 1000)
    await ana.send_media(SHOP, tmp_path / "a.jpg", MessageType.IMAGE)
    message = (await line.wait(Inbound)).message
    target = line.engine.media_dir / "a.jpg"
    network.faults.fail_media(410, times=None)
    with pytest.raises(EngineError) as caught:
        await shop.download(message.payload, target)
    assert caught.value.code is EngineErrorCode.MEDIA_GONE
    network.faults.clear()
    image = message.payload["imageMessage"]
    forged = {"imageMessage": {**image, "fileSHA256": "A" * 43 + "="}}
    with pytest.raises(EngineError) as caught:
        await shop.download(forged, target)
    assert caught.value.code is EngineErrorCode.MEDIA_INVALID
    assert not target.exists()
    with pytest.raises(EngineError) as caught:
        await shop.download(message.payload, tmp_path / "outside.jpg")
    assert caught.value.code is EngineErrorCode.MEDIA_PATH
    with pytest.raises(EngineError) as caught:
        await shop.upload(tmp_path / "a.jpg", MessageType.IMAGE)
    assert caught.value.code is EngineErrorCode.MEDIA_PATH
    (line.engine.media_dir / "link.jpg").symlink_to(tmp_path / "a.jpg")
    with pytest.raises(EngineError) as caught:
        await shop.upload(line.engine.media_dir / "link.jpg", MessageType.IMAGE)
    assert caught.value.code is EngineErrorCode.MEDIA_PATH
    assert await shop.download(message.payload, target) == 1000


async def test_a_place_both_ways(shop: Connection, line: Line, ana: Contact) -> None:
    masp = Location(-23.5613, -46.6565, "MASP")
    await ana.send_location(SHOP, masp)
    message = (await line.wait(Inbound)).message
    assert message.location == masp
    await shop.send(message.chat, new_message_id(), LocationContent(masp))
    await ana.wait_until(lambda: ana.received)
    assert ana.received[0].location == masp


async def test_what_the_owner_writes_on_another_device(
    shop: Connection, line: Line, ana: Contact, make_engine: EngineMaker, network: Network
) -> None:
    """A second linked device stands for the phone: its messages come to us as our own, in the contact's chat."""
    other = Line(await make_engine("other"), "celular")
    await other.link(network, SHOP)
    await ana.send_text(SHOP, "Oi")
    await line.message("Oi")
    await other.message("Oi")
    wa_id = new_message_id()
    await other.connection.send(ana.jid, wa_id, TextContent("Respondi do celular"))
    copy = await line.message("Respondi do celular")
    assert copy.from_me
    assert copy.wa_id == wa_id
    assert ana.jid in {copy.chat, copy.chat_alt} or ana.lid in {copy.chat, copy.chat_alt}
    assert copy.sender_device == network.phone(SHOP).devices[1].number
    # What this very device sends does not come back to it.
    await shop.send(ana.jid, new_message_id(), TextContent("daqui"))
    await other.message("daqui")
    await other.connection.send(ana.jid, new_message_id(), TextContent("fim"))
    await line.message("fim")
    assert "daqui" not in [message.body for message in line.messages]


async def test_who_is_on_whatsapp(shop: Connection, ana: Contact) -> None:
    known, unknown = await shop.resolve([f"+{ANA}", "+5511900009999"])
    assert (known.on_whatsapp, known.jid) == (True, ana.jid)
    assert not unknown.on_whatsapp
    with pytest.raises(EngineError) as caught:
        await shop.send("5511900009999@s.whatsapp.net", new_message_id(), TextContent("ninguém"))
    assert caught.value.code in {EngineErrorCode.RECIPIENT_UNKNOWN, EngineErrorCode.REJECTED}


async def test_order_is_kept_under_a_burst(shop: Connection, line: Line, ana: Contact) -> None:
    texts = [f"mensagem {number}" for number in range(60)]
    for text in texts:
        await ana.send_text(SHOP, text)
    await line.message(texts[-1])
    assert [message.body for message in line.messages] == texts
    answers = [f"resposta {number}" for number in range(40)]
    await asyncio.gather(*(shop.send(ana.jid, new_message_id(), TextContent(text)) for text in answers))
    await ana.wait_until(lambda: len(ana.received) == len(answers))
    assert sorted(message.body for message in ana.received) == sorted(answers)
    assert not ana.undecryptable
