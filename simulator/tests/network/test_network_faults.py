"""Faults on demand, each seen from the client's side."""

import asyncio
import time
from collections.abc import Callable

import pytest
from simulator.tests.network.client import Client, message, receipt

from prosa_simulator.network import JID, Network, Node

ANA, BIA = "5511999990001", "5511999990002"
Make = Callable[..., Client]


async def pair(clients: Make) -> tuple[Client, Client]:
    return await clients().link(ANA), await clients().link(BIA)


def lid(client: Client) -> JID:
    assert client.keys.lid
    return client.keys.lid


async def say(sender: Client, to: Client, *numbers: str) -> None:
    for number in numbers:
        await sender.send(message(number, lid(to).bare, {lid(to): number.encode()}))


async def got(client: Client) -> str:
    return (await client.expect("message")).text("id")


async def none_of(client: Client, tag: str) -> None:
    await client.settled()
    assert not [node for node in client.inbox if node.tag == tag]


async def test_connections_are_cut_for_one_account_or_all(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    assert network.faults.drop(ANA) == 1
    await asyncio.wait_for(ana.closed.wait(), 5)
    assert not [node for node in ana.inbox if node.tag == "stream:error"]
    await bia.settled()
    await ana.close()
    await ana.log_in()
    assert network.faults.drop() == 2
    for client in (ana, bia):
        await asyncio.wait_for(client.closed.wait(), 5)


async def test_one_connection_is_controlled_by_itself(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    (connection,) = [item for item in network.connections if item.device and item.device.account.phone == BIA]
    connection.stream_error(503)
    assert (await bia.expect("stream:error")).text("code") == "503"
    await asyncio.wait_for(bia.closed.wait(), 5)
    assert repr(connection) == f"<Connection <Device {BIA}:1@s.whatsapp.net>>"
    await ana.settled()


@pytest.mark.parametrize("code", [503, 500])
async def test_stream_errors_close_a_moment_later(network: Network, clients: Make, code: int) -> None:
    ana = await clients().link(ANA)
    network.faults.stream_error(code, phone=ANA)
    assert (await ana.expect("stream:error")).text("code") == str(code)
    assert not ana.closed.is_set(), "a client drops what it has not read when the socket closes"
    await asyncio.wait_for(ana.closed.wait(), 5)


async def test_a_client_is_replaced(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA)
    network.faults.replaced(ANA)
    conflict = (await ana.expect("stream:error")).child("conflict")
    assert conflict
    assert conflict.text("type") == "replaced"


@pytest.mark.parametrize("reason", [400, 401, 403, 405, 503])
async def test_a_login_is_refused_once(network: Network, clients: Make, reason: int) -> None:
    ana = await clients().link(ANA)
    await ana.close()
    network.faults.refuse_login(reason, phone=ANA, times=1)
    await clients().link(BIA)
    await ana.connect()
    assert (await ana.expect("failure")).text("reason") == str(reason)
    await asyncio.wait_for(ana.closed.wait(), 5)
    await ana.close()
    await ana.log_in()


async def test_without_a_phone_new_links_are_refused_too(network: Network, clients: Make) -> None:
    network.faults.refuse_login(405)
    client = clients()
    await client.connect()
    assert (await client.expect("failure")).text("reason") == "405"
    network.faults.clear()
    await clients().link(ANA)


async def test_a_ban_lasts_until_it_is_lifted(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA)
    network.faults.ban(ANA, code=102, expire=60)
    await ana.expect("stream:error")
    for _ in range(2):
        await ana.close()
        await ana.connect()
        failure = await ana.expect("failure")
        assert [failure.text(name) for name in ("reason", "code", "expire")] == ["402", "102", "60"]
    network.faults.clear(ANA)
    await ana.close()
    await ana.log_in()


async def test_an_ack_is_withheld_and_the_message_delivered_or_lost(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.withhold_acks(ANA, times=1)
    await say(ana, bia, "M1")
    assert await got(bia) == "M1"
    await none_of(ana, "ack")
    network.faults.withhold_acks(ANA, times=1, deliver=False)
    await say(ana, bia, "M2", "M3")
    assert await got(bia) == "M3"
    assert (await ana.expect("ack")).text("id") == "M3"
    await say(ana, bia, "M1")
    assert await got(bia) == "M1"
    record = network.messages.get("M1")
    assert record
    assert record.sends == 2


async def test_a_message_is_refused_with_a_code(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.refuse_messages(463, ANA, times=1)
    await say(ana, bia, "M1", "M2")
    assert (await ana.expect("ack")).text("error") == "463"
    assert await got(bia) == "M2"


async def test_deliveries_are_delayed_doubled_and_reordered(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.delay_deliveries(0.1, BIA, times=1)
    started = time.monotonic()
    await say(ana, bia, "M1", "M2")
    assert [await got(bia), await got(bia)] == ["M2", "M1"]
    assert time.monotonic() - started >= 0.1
    network.faults.duplicate_deliveries(BIA, times=1)
    await say(ana, bia, "M3")
    first, second = await bia.expect("message"), await bia.expect("message")
    assert first == second
    network.faults.reorder_deliveries(3, BIA)
    await say(ana, bia, "M4", "M5", "M6", "M7")
    assert [await got(bia) for _ in range(4)] == ["M6", "M5", "M4", "M7"]


async def test_held_messages_are_let_go_when_faults_are_cleared(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.reorder_deliveries(9, BIA)
    await say(ana, bia, "M1", "M2")
    await ana.settled()
    await none_of(bia, "message")
    network.faults.clear(ANA)
    await none_of(bia, "message")
    network.faults.clear()
    assert [await got(bia), await got(bia)] == ["M2", "M1"]
    assert not network.faults.any


async def test_a_ciphertext_is_corrupted_on_the_way_only(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.corrupt_deliveries(BIA)
    await say(ana, bia, "M1")
    stanza = await bia.expect("message")
    enc = stanza.child("enc")
    assert enc
    assert enc.data == b"M" + bytes([ord("1") ^ 0xFF])
    kept = next(iter(network.phone(BIA).devices[0].pending.values())).child("enc")
    assert kept
    assert kept.data == b"M1"
    await say(ana, bia, "M2")
    enc = (await bia.expect("message")).child("enc")
    assert enc
    assert enc.data == b"M2"


async def test_ignored_receipts_bring_the_message_back(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.ignore_receipts(BIA, times=1)
    await say(ana, bia, "M1")
    await bia.send(receipt(await bia.expect("message")))
    await none_of(bia, "ack")
    await none_of(ana, "receipt")
    await bia.close()
    await bia.log_in()
    await bia.send(receipt(await bia.expect("message")))
    assert (await ana.expect("receipt")).text("id") == "M1"


async def test_a_keepalive_goes_unanswered(network: Network, clients: Make) -> None:
    ana, bia = await pair(clients)
    network.faults.ignore_requests("w:p", ANA, times=1)
    await bia.settled()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ana.settled(), 0.1)
    await ana.settled()


async def test_fewer_qr_codes_are_offered(network: Network, clients: Make) -> None:
    network.faults.qr_refs = 1
    client = clients()
    await client.connect()
    assert len(await client.offered()) == 1
    network.faults.clear()
    again = clients()
    await again.connect()
    assert len(await again.offered()) == 6


async def test_a_client_that_does_not_read_is_cut_off(
    network: Network, clients: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa_simulator.network.connection.MAX_WAITING", 10)
    ana = await clients().link(ANA)
    (connection,) = network.connections
    for _ in range(12):
        connection.post(Node("ib"))
    await asyncio.wait_for(ana.closed.wait(), 5)
