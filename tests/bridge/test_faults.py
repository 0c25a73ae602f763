"""What WhatsApp and the wire do at their worst, and how each reaches Prosa."""

import asyncio
import contextlib
import os
import signal
from typing import Any

import pytest
from tests.fixtures.whatsapp import EngineMaker, Line, restarted

from prosa.ids import new_message_id
from prosa.whatsapp.bridge import BridgeEngine
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    EngineDown,
    EngineError,
    EngineErrorCode,
    EngineEvent,
    LoggedOut,
    MessageType,
    OfflineSynced,
    Opened,
    Outdated,
    ReceiptType,
    StreamReplaced,
    TextContent,
    Undecryptable,
)
from prosa_simulator.contacts import Contact, ContactBook
from prosa_simulator.network import Network

SHOP, ANA = "5511900000001", "5511988887777"


@pytest.fixture
async def shop(line: Line, network: Network) -> Line:
    await line.link(network, SHOP)
    return line


@pytest.fixture
async def ana(contacts: ContactBook) -> Contact:
    return await contacts.link(ANA, name="Ana")


async def connect_and_wait(line: Line, type_: type[Any]) -> Any:
    """Connect, and return the first event of one type that follows; the call itself may fail, too."""
    position = len(line.events)
    with contextlib.suppress(EngineError):
        await line.connection.connect()
    return await line.wait(type_, after=position)


async def test_the_connection_is_cut_and_messages_wait(shop: Line, network: Network, ana: Contact) -> None:
    assert network.faults.drop(SHOP) == 1
    closed = await shop.wait(Closed)
    assert closed.reason in {"closed", "stream_error"}
    with pytest.raises(EngineError) as caught:
        await shop.connection.send(ana.jid, new_message_id(), TextContent("x"))
    assert caught.value.code is EngineErrorCode.NOT_CONNECTED
    wa_ids = [await ana.send_text(SHOP, text) for text in ("um", "dois", "três")]
    position = len(shop.events)
    await shop.online()
    await shop.message("três")
    assert [message.body for message in shop.messages] == ["um", "dois", "três"]
    synced = await shop.wait(OfflineSynced, after=position)
    assert synced.count == 3
    for wa_id in wa_ids:
        await ana.wait_receipt(wa_id, ReceiptType.DELIVERED)


async def test_a_cut_during_a_send_is_not_a_lost_message(shop: Line, network: Network, ana: Contact) -> None:
    network.faults.withhold_acks(SHOP, times=1, deliver=False)
    wa_id = new_message_id()
    sending = asyncio.create_task(shop.connection.send(ana.jid, wa_id, TextContent("repetida")))
    await asyncio.sleep(0.3)
    network.faults.drop(SHOP)
    with pytest.raises(EngineError) as caught:
        await sending
    assert caught.value.code.temporary
    await shop.wait(Closed)
    await shop.online()
    await shop.connection.send(ana.jid, wa_id, TextContent("repetida"))
    assert (await ana.wait_for("repetida")).wa_id == wa_id
    assert len(ana.received) == 1


async def test_an_ack_that_never_comes_is_a_timeout(
    shop: Line, network: Network, ana: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.whatsapp.connection.SEND_ACK_SECONDS", 1.0)
    network.faults.withhold_acks(SHOP, times=1)
    wa_id = new_message_id()
    with pytest.raises(EngineError) as caught:
        await shop.connection.send(ana.jid, wa_id, TextContent("sem resposta"))
    assert caught.value.code is EngineErrorCode.TIMEOUT
    await shop.connection.send(ana.jid, wa_id, TextContent("sem resposta"))
    await ana.wait_until(lambda: ana.resent)
    assert [message.body for message in ana.received] == ["sem resposta"]


async def test_whatsapp_refuses_a_message(shop: Line, network: Network, ana: Contact) -> None:
    network.faults.refuse_messages(463, SHOP, times=1)
    with pytest.raises(EngineError, match="463") as caught:
        await shop.connection.send(ana.jid, new_message_id(), TextContent("x"))
    assert caught.value.code is EngineErrorCode.REJECTED
    network.faults.refuse_messages(429, SHOP, times=1)
    with pytest.raises(EngineError) as caught:
        await shop.connection.send(ana.jid, new_message_id(), TextContent("x"))
    assert caught.value.code is EngineErrorCode.RATE_LIMITED


async def test_a_server_that_restarts_ends_the_connection(shop: Line, network: Network, ana: Contact) -> None:
    assert network.faults.stream_error(503, phone=SHOP) == 1
    await shop.wait(Closed)
    await shop.online()
    await shop.connection.send(ana.jid, new_message_id(), TextContent("de volta"))
    await ana.wait_for("de volta")


async def test_a_wish_to_log_in_anew_is_followed_by_the_bridge_itself(
    shop: Line, network: Network, ana: Contact
) -> None:
    position = len(shop.events)
    assert network.faults.stream_error(515, phone=SHOP) == 1
    await shop.wait(Opened, after=position)
    assert not any(isinstance(event, Closed) for event in shop.events)
    await shop.connection.send(ana.jid, new_message_id(), TextContent("de volta"))
    await ana.wait_for("de volta")


async def test_another_process_takes_the_device(shop: Line, make_engine: EngineMaker, network: Network) -> None:
    network.faults.replaced(SHOP)
    await shop.wait(StreamReplaced)
    position = len(shop.events)
    await shop.online()
    # Truly: a second engine over the same credentials.
    other = Line(await make_engine(), "outra")
    await other.open(shop.device_jid)
    await other.online()
    await shop.wait(StreamReplaced, after=position)
    assert not any(isinstance(event, LoggedOut) for event in shop.events)


async def test_a_temporary_ban(shop: Line, network: Network) -> None:
    network.faults.ban(SHOP, code=101, expire=3600)
    await shop.wait(Closed)
    ban = await connect_and_wait(shop, Banned)
    assert 3590 <= ban.expires_in <= 3600
    assert ban.reason
    network.faults.clear(SHOP)
    await shop.online()


@pytest.mark.parametrize(
    ("reason", "type_"),
    [(400, ConnectFailed), (403, LoggedOut), (405, Outdated), (500, Closed), (503, Closed)],
)
async def test_a_login_that_is_refused(shop: Line, network: Network, reason: int, type_: type[EngineEvent]) -> None:
    await shop.connection.disconnect()
    network.faults.refuse_login(reason, phone=SHOP, times=1)
    event = await connect_and_wait(shop, type_)
    if isinstance(event, ConnectFailed):
        assert event.code == reason
    if type_ is not LoggedOut:
        await shop.online()


async def test_a_login_refused_as_logged_out(shop: Line, network: Network) -> None:
    await shop.connection.disconnect()
    network.faults.refuse_login(401, phone=SHOP)
    await connect_and_wait(shop, LoggedOut)
    await shop.connection.close()
    with pytest.raises(EngineError) as caught:
        await shop.open(shop.device_jid)
    assert caught.value.code is EngineErrorCode.DEVICE_NOT_FOUND


async def test_the_server_is_away(shop: Line, network: Network, ana: Contact) -> None:
    restarting = asyncio.create_task(network.restart(pause=0.5))
    await shop.wait(Closed)
    with pytest.raises(EngineError) as caught:
        await shop.connection.connect()
    assert caught.value.code.temporary
    await restarting
    await shop.online()
    await ana.wait_until(lambda: ana.online)  # contacts come back by themselves
    await ana.send_text(SHOP, "voltou?")
    await shop.message("voltou?")


async def test_duplicates_and_disorder(shop: Line, network: Network, ana: Contact) -> None:
    network.faults.duplicate_deliveries(SHOP, times=2)
    await ana.send_text(SHOP, "um")
    await ana.send_text(SHOP, "dois")
    await shop.message("dois")
    network.faults.reorder_deliveries(3, SHOP)
    for text in ("a", "b", "c"):
        await ana.send_text(SHOP, text)
    for text in ("a", "b", "c"):
        await shop.message(text)
    # Out of order as delivered, each readable: the table sorts by WhatsApp's time; a repetition is the same row.
    assert {message.body for message in shop.messages} == {"um", "dois", "a", "b", "c"}
    assert len({message.wa_id for message in shop.messages}) == 5
    assert not any(isinstance(event, Undecryptable) for event in shop.events)


async def test_what_cannot_be_decrypted_is_announced_and_then_sent_again(
    shop: Line, network: Network, ana: Contact
) -> None:
    await ana.send_text(SHOP, "primeira")
    await shop.message("primeira")
    network.faults.corrupt_deliveries(SHOP, times=1)
    wa_id = await ana.send_text(SHOP, "estragada")
    waiting = await shop.wait(Undecryptable)
    assert waiting.message.wa_id == wa_id
    assert waiting.message.body == "Waiting for this message"
    message = await shop.message("estragada")
    assert message.wa_id == wa_id
    assert message.retry_count >= 1


async def test_media_servers_fail(shop: Line, network: Network) -> None:
    file = shop.engine.media_dir / "a.jpg"
    file.write_bytes(b"x" * 100)
    network.faults.fail_media(500, times=None)
    with pytest.raises(EngineError) as caught:
        await shop.connection.upload(file, MessageType.IMAGE)
    assert caught.value.code.temporary or caught.value.code is EngineErrorCode.REJECTED
    network.faults.clear()
    assert (await shop.connection.upload(file, MessageType.IMAGE)).file_length == 100


async def test_one_session_in_trouble_leaves_the_others_alone(
    bridge_engine: BridgeEngine, shop: Line, network: Network, ana: Contact
) -> None:
    two = Line(bridge_engine, "dois")
    await two.link(network, "5511900000002")
    network.faults.ban("5511900000002")
    await two.wait(Closed)
    await connect_and_wait(two, Banned)
    await ana.send_text(SHOP, "tudo bem aí?")
    await shop.message("tudo bem aí?")
    assert not any(isinstance(event, Closed) for event in shop.events)


async def test_contacts_survive_the_end_of_their_engine(shop: Line, contacts: ContactBook, ana: Contact) -> None:
    pid = contacts.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await ana.wait_until(lambda: any(isinstance(event, EngineDown) for event in ana.events))
    await restarted(contacts.engine, pid)
    await ana.wait_until(lambda: ana.online)
    await ana.send_text(SHOP, "sobrevivi")
    await shop.message("sobrevivi")
    await shop.wait(Opened)
