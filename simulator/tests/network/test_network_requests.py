"""Answers to the clients' questions: prekeys, devices, contacts, settings."""

import hashlib
from collections.abc import Callable

import pytest
from simulator.tests.network.client import Client

from prosa_simulator.network import JID, Network, Node
from prosa_simulator.network.accounts import Accounts, PreKeys
from prosa_simulator.network.xeddsa import verify

ANA, BIA = "5511999990001", "5511999990002"
Make = Callable[..., Client]


def upload(client: Client, numbers: range) -> list[Node]:
    keys = [
        Node("key", None, [Node("id", None, n.to_bytes(3, "big")), Node("value", None, bytes([n]) * 32)])
        for n in numbers
    ]
    skey = [Node("id", None, b"\0\0\1"), Node("value", None, b"s" * 32), Node("signature", None, b"g" * 64)]
    return [
        Node("registration", None, b"\0\0\1\2"),
        Node("type", None, b"\5"),
        Node("identity", None, client.keys.identity.public),
        Node("list", None, keys),
        Node("skey", None, skey),
    ]


async def fetch(client: Client, *jids: JID) -> list[Node]:
    wanted = [Node("user", {"jid": jid, "reason": "identity"}) for jid in jids]
    answer = (await client.ask("encrypt", "get", Node("key", None, wanted))).child("list")
    assert answer
    return answer.children


async def count(client: Client) -> int:
    answer = (await client.ask("encrypt", "get", Node("count"))).child("count")
    assert answer
    return int(answer.text("value"))


def part(node: Node | None, *tags: str) -> bytes:
    for tag in tags:
        assert node
        node = node.child(tag)
    assert node
    return node.data


async def test_one_time_keys_are_given_once_and_in_order(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    assert ana.keys.lid
    assert ana.keys.jid
    assert await count(ana) == 1, "told 1 at first, so that a client uploads 50 and not 812"
    assert await count(ana) == 0
    await ana.ask("encrypt", "set", *upload(ana, range(1, 4)))
    await ana.ask("encrypt", "set", *upload(ana, range(3, 5)))  # 3 is known already
    assert await count(ana) == 4
    for number in (1, 2):
        (user,) = await fetch(bia, ana.keys.lid)
        assert user.jid("jid") == ana.keys.lid
        assert part(user, "key", "id") == number.to_bytes(3, "big")
        assert part(user, "key", "value") == bytes([number]) * 32
        assert part(user, "identity") == ana.keys.identity.public
        assert part(user, "skey", "signature") == b"g" * 64
        assert part(user, "registration") == b"\0\0\1\2"
    unknown = JID("123", "lid", 4)
    by_number, missing = await fetch(bia, ana.keys.jid, unknown)
    assert part(by_number, "key", "id") == b"\0\0\3"
    error = missing.child("error")
    assert missing.jid("jid") == unknown
    assert error
    assert error.text("code") == "404"
    await fetch(bia, ana.keys.lid)
    (empty,) = await fetch(bia, ana.keys.lid)
    assert empty.child("key") is None, "without one-time keys the signed one must do"
    assert empty.child("skey")


async def test_a_device_is_told_once_when_its_keys_run_out(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    assert ana.keys.lid
    none = await ana.expect(lambda node: node.text("type") == "encrypt")
    assert none.child("count"), "told at login that there are none"
    await ana.ask("encrypt", "set", *upload(ana, range(1, 7)))
    await fetch(bia, ana.keys.lid)
    await ana.settled()
    assert not [node for node in ana.inbox if node.text("type") == "encrypt"], "five are enough"
    await fetch(bia, ana.keys.lid)
    notice = await ana.expect(lambda node: node.text("type") == "encrypt")
    told = notice.child("count")
    assert told
    assert told.text("value") == "4"
    await fetch(bia, ana.keys.lid)
    await ana.settled()
    assert not [node for node in ana.inbox if node.text("type") == "encrypt"]
    await ana.close()
    await ana.log_in()
    await ana.ask("encrypt", "set", *upload(ana, range(10, 12)))
    await fetch(bia, ana.keys.lid)
    await fetch(bia, ana.keys.lid)
    await ana.expect(lambda node: node.text("type") == "encrypt")


async def test_digest_and_rotation_as_baileys_asks(clients: Make) -> None:
    ana = await clients().link(ANA)
    await ana.ask("encrypt", "set", *upload(ana, range(1, 4)))
    skey = [Node("id", None, b"\0\0\2"), Node("value", None, b"r" * 32), Node("signature", None, b"h" * 64)]
    await ana.ask("encrypt", "set", Node("rotate", None, [Node("skey", None, skey)]))
    digest = (await ana.ask("encrypt", "get", Node("digest"))).child("digest")
    values = b"".join(bytes([n]) * 32 for n in range(1, 4))
    assert part(digest, "hash") == hashlib.sha1(ana.keys.identity.public + b"r" * 32 + values).digest()
    assert part(digest, "skey", "id") == b"\0\0\2"
    wrong = upload(ana, range(9, 10))
    wrong[2] = Node("identity", None, bytes(32))
    assert (await ana.ask("encrypt", "set", *wrong)).text("type") == "error"


async def ask_usync(client: Client, query: list[Node], *users: Node) -> list[Node]:
    content = [Node("query", None, query), Node("list", None, list(users))]
    answer = (await client.ask("usync", "get", Node("usync", {"sid": "1", "mode": "query"}, content))).child("usync")
    listed = answer.child("list") if answer else None
    assert listed
    return listed.children


async def test_devices_are_listed_and_changes_told_to_who_asked(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    phone = network.phone(ANA)
    lid = phone.account.lid_jid
    user = Node("user", {"jid": lid})
    nobody = Node("user", {"jid": JID("404", "lid")})

    async def devices() -> list[str]:
        known, unknown = await ask_usync(bia, [Node("devices", {"version": "2"})], user, nobody)
        assert known.jid("jid") == lid
        mapped = known.child("lid")
        assert mapped
        assert mapped.jid("val") == lid
        assert unknown.child("lid") is None
        listed = known.child("devices")
        entries = listed.child("device-list") if listed else None
        return [entry.text("id") for entry in entries.children] if entries else []

    assert await devices() == ["1"]
    await clients().link(ANA)
    for client in (bia, ana):
        senders = {(await client.expect(lambda node: node.text("type") == "devices")).jid("from") for _ in range(2)}
        assert senders == {lid, phone.account.jid}
    assert await devices() == ["1", "2"]
    network.options.list_phone_device = True
    assert await devices() == ["0", "1", "2"]


async def test_the_phones_own_keys_are_real(network: Network, clients: Make) -> None:
    bia, phone = await clients().link(BIA), network.phone(ANA)
    first, second = await fetch(bia, phone.account.lid_jid, phone.account.jid)
    assert part(first, "identity") == phone.account.identity.public
    assert verify(part(first, "identity"), b"\5" + part(first, "skey", "value"), part(first, "skey", "signature"))
    assert part(first, "key", "id") != part(second, "key", "id")


@pytest.mark.parametrize("mode", ["lid", ""])
async def test_who_is_on_whatsapp(network: Network, clients: Make, mode: str) -> None:
    bia, phone = await clients().link(BIA), network.phone(ANA)
    query = [Node("contact", {"addressing_mode": mode} if mode else {})]
    asked = [Node("user", None, [Node("contact", None, f"+{number}".encode())]) for number in (ANA, "5511900000000")]
    known, unknown = await ask_usync(bia, query, *asked)
    assert known.jid("jid") == (phone.account.lid_jid if mode else phone.account.jid)
    assert known.jid("pn_jid") == (phone.account.jid if mode else None)
    facts = [user.child("contact") for user in (known, unknown)]
    assert [fact.text("type") for fact in facts if fact] == ["in", "out"]
    assert part(known, "contact") == f"+{ANA}".encode()


async def test_settings_and_the_rest(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA)
    change = Node("privacy", None, [Node("category", {"name": "readreceipts", "value": "none"})])
    await ana.ask("privacy", "set", change)
    privacy = (await ana.ask("privacy", "get", Node("privacy"))).child("privacy")
    assert privacy
    values = {category.text("name"): category.text("value") for category in privacy.find("category")}
    assert (values["readreceipts"], values["last"]) == ("none", "all")
    media = (await ana.ask("w:m", "set", Node("media_conn"))).child("media_conn")
    host = media.child("host") if media else None
    assert host
    assert host.text("hostname").startswith("127.0.0.1:")
    sync = Node("sync", None, [Node("collection", {"name": "critical_block", "version": "3"})])
    synced = (await ana.ask("w:sync:app:state", "set", sync)).child("sync")
    assert synced
    assert synced.children[0].text("version") == "3"
    groups = await ana.ask("w:g2", "get", Node("participating"), to=JID("", "g.us"))
    assert groups.child("groups")
    assert groups.jid("from") == JID("", "g.us")
    assert (await ana.ask("w:g2", "get", Node("query"), to=JID("1", "g.us"))).text("type") == "error"
    assert (await ana.ask("w:profile:picture", "get", Node("picture"))).text("type") == "error"
    assert (await ana.ask("abt", "get", Node("props"))).child("props")
    for unknown in ("w:p", "urn:xmpp:whatsapp:push", "something:new"):
        assert (await ana.ask(unknown, "get")).text("type") == "result"
    for broken in ("encrypt", "usync"):
        assert (await ana.ask(broken, "get")).text("type") == "error"


def test_prekeys_stay_small_as_they_are_used() -> None:
    keys = PreKeys()
    keys.add([(n.to_bytes(3, "big"), n.to_bytes(32, "big")) for n in range(200)])
    keys.add([(b"12", bytes(32)), (b"123", bytes(31))])
    assert len(keys) == 200
    taken = [keys.take() for _ in range(120)]
    assert [key[0] for key in taken if key] == [n.to_bytes(3, "big") for n in range(120)]
    assert len(keys.raw()) == 80 * 35 == len(keys) * 35
    assert PreKeys(keys.raw()).take() == keys.take()
    assert PreKeys().take() is None


@pytest.mark.parametrize("number", ["", "+5511999990001", "0551199999", "12345", "abc", "1234567890123456"])
def test_only_international_digits_are_a_phone(number: str) -> None:
    with pytest.raises(ValueError, match="not a phone number"):
        Accounts().create(number)


def test_an_account_is_found_by_any_of_its_addresses() -> None:
    accounts = Accounts()
    ana = accounts.create(ANA, "Ana")
    assert accounts.create(ANA) is ana
    assert ana.name == "Ana"
    assert len(ana.lid) == 15
    assert accounts.find(ana.jid) is ana is accounts.find(ana.lid_jid._replace(device=3))
    assert accounts.find(None) is accounts.find(JID("1", "lid")) is None
    assert accounts.create(BIA).lid != ana.lid
