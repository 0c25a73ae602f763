"""Messages, receipts and typing between devices; the queue of what was not acknowledged."""

from collections.abc import Callable

from simulator.tests.network.client import Client, ack, message, receipt

from prosa_simulator.network import JID, Network, Node

ANA, BIA, CAIO = "5511999990001", "5511999990002", "5511999990003"
Make = Callable[..., Client]


def lid(client: Client) -> JID:
    assert client.keys.lid
    return client.keys.lid


def pn(client: Client) -> JID:
    assert client.keys.jid
    return client.keys.jid


def ciphertext(stanza: Node) -> bytes:
    enc = stanza.child("enc")
    assert enc, stanza
    return enc.data


async def test_a_message_goes_to_every_device_named_with_its_own_copy(network: Network, clients: Make) -> None:
    ana, ana2 = await clients().link(ANA, "Ana"), await clients().link(ANA)
    bia, bia2 = await clients().link(BIA, "Bia"), await clients().link(BIA)
    copies = {lid(bia): b"1", lid(bia2): b"2", lid(ana2): b"own", lid(ana): b"never"}
    peer = {"peer_recipient_pn": pn(bia).bare}
    stanza = message("M1", lid(bia).bare, copies, edit="1", phash="2:x")
    stanza.attrs |= peer
    stanza.content = [*stanza.children, Node("device-identity", None, b"proof"), Node("tctoken", None, b"t")]
    await ana.send(stanza)

    confirmed = await ana.expect("ack")
    assert (confirmed.text("id"), confirmed.text("class")) == ("M1", "message")
    assert confirmed.jid("from") == lid(bia).bare
    assert int(confirmed.text("t")) > 0

    for client, data in ((bia, b"1"), (bia2, b"2")):
        got = await client.expect("message")
        assert ciphertext(got) == data
        assert got.jid("from") == lid(ana)
        assert got.jid("sender_pn") == pn(ana).bare
        assert (got.text("notify"), got.text("edit"), got.text("type")) == ("Ana", "1", "text")
        assert {child.tag for child in got.children} == {"enc", "device-identity"}
        assert "phash" not in got.attrs
        assert "recipient" not in got.attrs
    own = await ana2.expect("message")
    assert ciphertext(own) == b"own"
    assert own.jid("recipient") == lid(bia).bare
    assert own.jid("peer_recipient_pn") == pn(bia).bare
    await ana.settled()
    assert not [node for node in ana.inbox if node.tag == "message"]

    record = network.messages.get("M1")
    assert record
    assert record.sender == pn(ana)
    assert set(record.devices) == {pn(bia), pn(bia2), pn(ana2)}
    assert set(record.deliveries.values()) == {1}


async def test_phone_number_addressing_is_kept(clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    await ana.send(message("M1", pn(bia).bare, {pn(bia): b"x"}))
    got = await bia.expect("message")
    assert got.jid("from") == pn(ana)
    assert got.jid("sender_lid") == lid(ana).bare


async def test_delivery_and_read_receipts_come_back(network: Network, clients: Make) -> None:
    ana, ana2, bia = await clients().link(ANA), await clients().link(ANA), await clients().link(BIA)
    bia2 = await clients().link(BIA)
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"x"}))
    await bia.send(receipt(await bia.expect("message")))
    assert (await bia.expect("ack")).text("class") == "receipt"
    for client in (ana, ana2):
        got = await client.expect("receipt")
        assert got.jid("from") == lid(bia)
        assert (got.text("id"), got.text("type")) == ("M1", "")
        await client.send(ack(got))
    read: dict[str, str | JID] = {"id": "M1", "to": lid(ana).bare, "type": "read"}
    await bia.send(Node("receipt", read, [Node("list", None, [Node("item", {"id": "M0"})])]))
    got = await ana.expect("receipt")
    assert got.text("type") == "read"
    assert got.child("list")
    mine = await bia2.expect("receipt")
    assert mine.jid("from") == lid(bia)
    assert mine.jid("recipient") == lid(ana).bare
    await ana.send(ack(got))
    await ana.settled()
    record = network.messages.get("M1")
    assert record
    assert record.receipts == {pn(bia): ["", "read"]}
    assert record.received("read")
    assert [len(device.pending) for device in network.phone(ANA).devices] == [0, 1], "the second did not acknowledge"


async def test_what_was_not_acknowledged_comes_again_the_same(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    for number in ("M1", "M2", "M3"):
        await ana.send(message(number, lid(bia).bare, {lid(bia): number.encode()}))
    first = await bia.expect("message")
    second = await bia.expect("message")
    await bia.send(receipt(first))
    await bia.send(ack(await bia.expect("message")))
    await bia.settled()
    await bia.close()
    await ana.send(message("M4", lid(bia).bare, {lid(bia): b"M4"}))
    await ana.settled()

    await bia.log_in(active=False)
    await bia.settled()
    assert not [node for node in bia.inbox if node.tag == "message"], "nothing before the client is active"
    await bia.ask("passive", "set", Node("active"))
    preview = (await bia.expect("ib")).child("offline_preview")
    assert preview
    assert (preview.text("count"), preview.text("message")) == ("2", "2")
    again, new = await bia.expect("message"), await bia.expect("message")
    assert again.attrs.pop("offline") == "0"
    assert again == second
    assert new.text("id") == "M4"
    done = (await bia.expect("ib")).child("offline")
    assert done
    assert done.text("count") == "2"
    record = network.messages.get("M2")
    assert record
    assert record.deliveries == {pn(bia): 2}
    assert len(network.phone(BIA).devices[0].pending) == 2


async def test_a_read_receipt_alone_does_not_settle_a_message(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"x"}))
    await bia.send(receipt(await bia.expect("message"), "read"))
    await bia.settled()
    assert len(network.phone(BIA).devices[0].pending) == 1


async def test_a_retry_asks_the_sending_device_only_and_its_answer_goes_to_the_asker_only(clients: Make) -> None:
    ana, ana2 = await clients().link(ANA), await clients().link(ANA)
    bia, bia2 = await clients().link(BIA), await clients().link(BIA)
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"bad", lid(bia2): b"good"}))
    got = await bia.expect("message")
    await bia2.expect("message")
    again = receipt(got, "retry")
    again.content = [Node("retry", {"count": "1", "id": "M1", "v": "1"}), Node("registration", None, b"\0\0\1\2")]
    await bia.send(again)
    await bia.send(ack(got))
    asked = await ana.expect("receipt")
    assert asked.text("type") == "retry"
    assert asked.child("retry")
    assert asked.jid("from") == lid(bia)
    await ana.send(ack(asked))
    answer: dict[str, str | JID] = {"id": "M1", "to": lid(bia), "type": "text", "t": "99", "device_fanout": "false"}
    await ana.send(Node("message", answer, [Node("enc", {"v": "2", "type": "pkmsg", "count": "1"}, b"good")]))
    repeated = await bia.expect("message")
    assert ciphertext(repeated) == b"good"
    assert (repeated.text("t"), repeated.jid("from")) == ("99", lid(ana))
    assert "device_fanout" not in repeated.attrs
    for other in (ana2, bia2):
        await other.settled()
        assert not [node for node in other.inbox if node.tag in ("receipt", "message")]


async def test_typing_reaches_the_other_person_only(clients: Make) -> None:
    ana, ana2, bia = await clients().link(ANA), await clients().link(ANA), await clients().link(BIA)
    await ana.send(Node("chatstate", {"to": lid(bia).bare}, [Node("composing", {"media": "audio"})]))
    got = await bia.expect("chatstate")
    assert got.jid("from") == lid(ana).bare
    assert got.children == [Node("composing", {"media": "audio"})]
    await ana2.settled()
    assert not [node for node in ana2.inbox if node.tag == "chatstate"]


async def test_a_blocked_person_is_not_delivered_but_does_not_notice(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    item = Node("item", {"jid": lid(ana).bare, "action": "block"})
    listed = (await bia.ask("blocklist", "set", item)).child("list")
    assert listed
    assert [entry.jid("jid") for entry in listed.find("item")] == [lid(ana).bare]
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"x"}))
    assert (await ana.expect("ack")).text("id") == "M1"
    await bia.ask("blocklist", "set", Node("item", {"jid": lid(ana).bare, "action": "unblock"}))
    await ana.send(message("M2", lid(bia).bare, {lid(bia): b"x"}))
    assert (await bia.expect("message")).text("id") == "M2"


async def test_messages_to_nobody_are_acknowledged(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA)
    network.phone(CAIO)
    gone = JID(network.phone(CAIO).lid, "lid")
    for number, to in (("M1", gone), ("M2", JID("123", "lid")), ("M3", JID("1-2", "g.us"))):
        await ana.send(message(number, to, {JID("123", "lid", 9): b"x", JID(gone.user, "lid"): b"phone"}))
        assert (await ana.expect("ack")).text("id") == number
    await ana.send(Node("message", {"id": "M4", "type": "text"}, [Node("participants", None, [])]))
    assert (await ana.expect("ack")).text("id") == "M4"


async def test_the_push_name_follows_presence(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA, "Ana")
    await ana.send(Node("presence", {"type": "available", "name": "Ana Maria"}))
    await ana.send(Node("presence", {"type": "unavailable"}))
    await ana.settled()
    assert network.phone(ANA).name == "Ana Maria"


async def test_every_stanza_can_be_watched(network: Network, clients: Make) -> None:
    seen: list[tuple[str, str | None, str]] = []
    network.on_stanza = lambda way, device, node: seen.append((way, str(device.jid) if device else None, node.tag))
    await clients().link(ANA)
    assert ("out", None, "iq") in seen
    assert ("in", f"{ANA}:1@s.whatsapp.net", "iq") in seen
    assert seen.index(("out", f"{ANA}:1@s.whatsapp.net", "success")) > seen.index(("out", None, "stream:error"))


def test_the_record_is_bounded() -> None:
    network = Network(message_limit=3)
    for number in range(5):
        network.messages.record(f"M{number}", JID("1", "lid"), JID("2", "lid"), "text")
    assert [record.id for record in network.messages] == ["M2", "M3", "M4"]
    assert (len(network.messages), network.messages.total) == (3, 5)
