"""Groups on the wire: making and changing them, who is told, and who gets a message."""

from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.tests.network.client import Client, ack, receipt

from prosa_simulator.network import JID, Network, Node

ANA, BIA, CAIO, EVA = "5511999990001", "5511999990002", "5511999990003", "5511999990004"
G_US = JID("", "g.us")
Make = Callable[..., Client]


def lid(client: Client) -> JID:
    assert client.keys.lid
    return client.keys.lid


def pn(client: Client) -> JID:
    assert client.keys.jid
    return client.keys.jid


def people(*clients: Client) -> list[Node]:
    return [Node("participant", {"jid": lid(client).bare}) for client in clients]


def to_group(number: str, group: JID, copies: dict[JID, bytes], common: bytes, **attrs: str) -> Node:
    private = [Node("to", {"jid": jid}, [Node("enc", {"v": "2", "type": "msg"}, data)]) for jid, data in copies.items()]
    content = [Node("participants", None, private), Node("enc", {"v": "2", "type": "skmsg"}, common)]
    return Node("message", {"id": number, "type": "text", "to": group, "addressing_mode": "lid", **attrs}, content)


def members(group: Node) -> dict[str, tuple[str, str]]:
    return {
        found.text("phone_number").partition("@")[0]: (found.text("jid"), found.text("type"))
        for found in group.find("participant")
    }


async def told(client: Client, tag: str) -> Node:
    """Return a change of a group that a client is told of, acknowledged."""
    notice = await client.expect(lambda node: node.text("type") == "w:gp2" and node.child(tag) is not None)
    await client.send(ack(notice))
    return notice


async def made(ana: Client, *others: Client) -> JID:
    """Make a group as a client does; returns its address."""
    answer = await ana.ask("w:g2", "set", Node("create", {"subject": "Family"}, people(*others)), to=G_US)
    group = answer.child("group")
    assert group
    for client in others:
        await told(client, "create")
    return JID(group.text("id"), "g.us")


async def test_a_client_makes_a_group_and_its_people_are_told(clients: Make) -> None:
    ana, ana2, bia = await clients().link(ANA, "Ana"), await clients().link(ANA), await clients().link(BIA, "Bia")
    group = await made(ana, bia, ana2)
    asked = await bia.ask("w:g2", "get", Node("query", {"request": "interactive"}), to=group)
    listed = await bia.ask("w:g2", "get", Node("participating"), to=G_US)
    shown, all_groups = asked.child("group"), listed.child("groups")
    assert shown
    assert all_groups
    assert all_groups.children == [shown]
    assert (shown.text("subject"), shown.text("addressing_mode"), shown.text("size")) == ("Family", "lid", "2")
    assert members(shown) == {ANA: (str(lid(ana).bare), "superadmin"), BIA: (str(lid(bia).bare), "")}


async def test_changes_are_told_to_those_concerned(clients: Make) -> None:
    ana, bia, caio = await clients().link(ANA), await clients().link(BIA), await clients().link(CAIO)
    group = await made(ana, bia)
    await ana.ask("w:g2", "set", Node("add", None, people(caio)), to=group)
    joined = (await told(bia, "add")).child("add")
    assert joined
    assert list(members(joined)) == [CAIO]
    whole = (await told(caio, "create")).child("create")
    assert whole
    assert set(members(whole.children[0])) == {ANA, BIA, CAIO}

    refused = await bia.ask("w:g2", "set", Node("remove", None, people(ana)), to=group)
    assert refused.text("type") == "error", "an ordinary member removes nobody"
    await ana.ask("w:g2", "set", Node("promote", None, people(bia)), to=group)
    await told(bia, "promote")
    await bia.ask("w:g2", "set", Node("subject", None, b"Cousins"), to=group)
    named = (await told(ana, "subject")).child("subject")
    assert named
    assert named.text("subject") == "Cousins"
    await bia.ask("w:g2", "set", Node("remove", None, people(caio)), to=group)
    await told(caio, "remove")
    await bia.ask("w:g2", "set", Node("leave", None, [Node("group", {"id": group})]), to=G_US)
    gone = await told(ana, "remove")
    assert gone.jid("participant") == lid(bia).bare
    for client in (bia, caio):
        answer = await client.ask("w:g2", "get", Node("query"), to=group)
        assert [child.text("code") for child in answer.children] == ["403"]


@pytest.mark.parametrize(
    ("what", "to", "code"),
    [
        (Node("query"), JID("120363000000000000", "g.us"), "404"),
        (Node("create", {"subject": ""}), G_US, "406"),
        (Node("create", {"subject": "x" * 101}), G_US, "406"),
        (Node("invite"), None, "400"),
    ],
)
async def test_what_cannot_be_done_is_refused(clients: Make, what: Node, to: JID | None, code: str) -> None:
    ana = await clients().link(ANA)
    answer = await ana.ask("w:g2", "set", what, to=to or await made(ana))
    assert [child.text("code") for child in answer.children] == [code]


async def test_a_message_reaches_every_device_of_every_member(network: Network, clients: Make) -> None:
    ana, ana2, bia = await clients().link(ANA, "Ana"), await clients().link(ANA), await clients().link(BIA)
    caio, eva = await clients().link(CAIO), await clients().link(EVA)
    group = await made(ana, bia, caio)
    await ana.send(to_group("M1", group, {lid(bia): b"key"}, b"text", phash="2:wrong"))
    confirmed = await ana.expect("ack")
    assert (confirmed.text("id"), confirmed.jid("from"), confirmed.text("error")) == ("M1", group, "")
    assert confirmed.text("phash").startswith("2:"), "the sender wrote to others than the members"
    for client, data in ((bia, [b"key", b"text"]), (caio, [b"text"]), (ana2, [b"text"])):
        got = await client.expect("message")
        assert [enc.data for enc in got.find("enc")] == data
        assert (got.jid("from"), got.jid("participant"), got.jid("participant_pn")) == (group, lid(ana), pn(ana).bare)
        assert (got.text("addressing_mode"), got.text("notify"), got.child("participants")) == ("lid", "Ana", None)
    again = confirmed.text("phash")
    await ana.send(to_group("M2", group, {}, b"more", phash=again))
    assert "phash" not in (await ana.expect("ack")).attrs
    await ana.settled()
    await eva.settled()
    assert not [node for client in (ana, eva) for node in client.inbox if node.tag == "message"]


async def test_only_members_write_to_a_group(clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    group = await made(ana)
    await bia.send(to_group("M1", group, {}, b"text"))
    assert (await bia.expect("ack")).text("error") == "403"
    await bia.send(to_group("M2", JID("120363000000000000", "g.us"), {}, b"text"))
    assert (await bia.expect("ack")).text("error") == "404"
    await ana.settled()
    assert not [node for node in ana.inbox if node.tag == "message"]


async def test_receipts_and_retries_find_the_author_and_settle_the_queue(network: Network, clients: Make) -> None:
    ana, bia, caio = await clients().link(ANA), await clients().link(BIA), await clients().link(CAIO)
    group = await made(ana, bia, caio)
    await ana.send(to_group("M1", group, {}, b"text"))
    await bia.send(receipt(await bia.expect("message")))
    delivered = await ana.expect("receipt")
    assert (delivered.jid("from"), delivered.jid("participant"), delivered.text("id")) == (group, lid(bia), "M1")
    await ana.send(ack(delivered))

    damaged = await caio.expect("message")
    await caio.send(receipt(damaged, "retry"))
    wanted = await ana.expect("receipt")
    assert (wanted.text("type"), wanted.jid("participant")) == ("retry", lid(caio))
    await ana.send(ack(wanted))
    attrs: dict[str, str | JID] = {"id": "M1", "type": "text", "to": group, "participant": lid(caio), "t": "7"}
    await ana.send(Node("message", attrs, [Node("enc", {"v": "2", "type": "msg", "count": "1"}, b"again")]))
    got = await caio.expect("message")
    assert [enc.data for enc in got.find("enc")] == [b"again"]
    assert (got.jid("from"), got.jid("participant"), got.text("t")) == (group, lid(ana), "7")
    await caio.send(receipt(got))
    await ana.send(ack(await ana.expect("receipt")))
    for client in (ana, bia, caio):
        await client.settled()
    waiting = {phone: list(network.phone(phone).devices[0].pending) for phone in (ANA, BIA, CAIO)}
    assert waiting == {ANA: [], BIA: [], CAIO: []}


async def test_groups_and_what_waits_in_them_outlive_the_network(tmp_path: Path) -> None:
    first = Network(tmp_path)
    await first.start()
    ana, bia = await Client(first).link(ANA), await Client(first).link(BIA)
    group = await made(ana, bia)
    await bia.close()
    await ana.send(to_group("M1", group, {}, b"text"))
    await ana.expect("ack")
    first.groups.rename(first.groups[str(group)], "Cousins")
    await ana.close()
    await first.stop()

    second = Network(tmp_path)
    await second.start()
    back = await Client(second, bia.keys).log_in()
    assert [enc.data for enc in (await back.expect("message")).find("enc")] == [b"text"]
    await told(back, "subject")
    [kept] = second.groups
    assert (kept.subject, [account.phone for account in second.groups.people(kept)]) == ("Cousins", [ANA, BIA])
    await back.close()
    await second.stop()
