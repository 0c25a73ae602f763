"""Starting, stopping, restarting, saving; the media server; control over HTTP."""

import asyncio
import base64
import hashlib
import json
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from simulator.tests.network.client import Client, message, receipt

from prosa_simulator.network import JID, Network, Node, Options
from prosa_simulator.network.state import StateError

ANA, BIA = "5511999990001", "5511999990002"
Make = Callable[..., Client]


def lid(client: Client) -> JID:
    assert client.keys.lid
    return client.keys.lid


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Network(host=host)


async def test_a_fixed_root_key_gives_a_known_public_key() -> None:
    network = Network(root_key=bytes(range(32)))
    await network.start()
    assert network.root_public_key == "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"
    client = await Client(network).link(ANA)
    await client.close()
    await network.stop()


async def test_a_restart_keeps_port_accounts_and_messages(network: Network, clients: Make) -> None:
    ana, bia = await clients().link(ANA), await clients().link(BIA)
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"x"}))
    await bia.expect("message")
    url, certificate = network.url, network.media_ca_path.read_bytes()
    await network.restart()
    for client in (ana, bia):
        await asyncio.wait_for(client.closed.wait(), 5)
        await client.close()
        await client.log_in()
    assert (network.url, network.media_ca_path.read_bytes()) == (url, certificate)
    assert (await bia.expect("message")).text("id") == "M1"


async def test_what_is_saved_serves_linked_clients_again(folder: Path) -> None:
    network = Network(folder)
    await network.start()
    network.phone(BIA).require_passkey = False
    ana, bia = await Client(network).link(ANA, "Ana"), await Client(network).link(BIA)
    network.phone(BIA).require_passkey = True
    await bia.ask("privacy", "set", Node("privacy", None, [Node("category", {"name": "last", "value": "none"})]))
    await bia.ask("blocklist", "set", Node("item", {"jid": JID(ANA, "s.whatsapp.net"), "action": "block"}))
    await bia.ask("blocklist", "set", Node("item", {"jid": JID(ANA, "s.whatsapp.net"), "action": "unblock"}))
    assertion = network.phone(ANA).passkey_assertion({"challenge": "AAAA", "rpId": "x"})
    await bia.close()
    await ana.send(message("M1", lid(bia).bare, {lid(bia): b"\0\1\2"}))
    await ana.settled()
    await ana.close()
    await network.stop()

    again = Network(folder)
    await again.start()
    assert (again.port, again.root_public_key) == (network.port, network.root_public_key)
    assert (again.phone(ANA).name, again.phone(BIA).require_passkey) == ("Ana", True)
    assert again.phone(ANA).passkey_assertion({"challenge": "AAAA", "rpId": "x"})["id"] == assertion["id"]
    assert again.phone(BIA).account.privacy == {"last": "none"}
    bia = Client(again, bia.keys)
    await bia.log_in()
    stanza = await bia.expect("message")
    enc = stanza.child("enc")
    assert enc
    assert (enc.data, stanza.jid("from")) == (b"\0\1\2", lid(ana))
    await bia.send(receipt(stanza))
    await bia.settled()
    await bia.close()
    third = await Client(again).link(ANA)
    assert third.keys.jid == JID(ANA, "s.whatsapp.net", 2)
    await third.close()
    await again.stop()


async def test_the_state_is_saved_while_running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa_simulator.network.server.SAVE_SECONDS", 0.02)
    network = Network(folder)
    await network.start()
    network.phone(ANA, "Ana")
    file = folder / "network.json"
    async with asyncio.timeout(5):
        while not file.exists():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    assert [account["phone"] for account in json.loads(file.read_text())["accounts"]] == [ANA]
    assert file.stat().st_mode & 0o077 == 0, "it holds private keys"
    await network.stop()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "accounts": [{}]}'])
async def test_another_file_is_not_taken_for_a_state(tmp_path: Path, text: str) -> None:
    (tmp_path / "network.json").write_text(text)
    with pytest.raises(StateError):
        await Network(tmp_path).start()


async def test_a_taken_port_fails_cleanly() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        network = Network(port=other.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await network.start()
        await network.stop()


async def test_it_cannot_start_twice_and_has_no_addresses_before(network: Network) -> None:
    with pytest.raises(RuntimeError):
        await network.start()
    fresh = Network()
    for use in (lambda: fresh.root_public_key, lambda: fresh.media_ca_path, lambda: fresh.save(Path("x"))):
        with pytest.raises(RuntimeError):
            use()


async def test_a_temporary_network_leaves_nothing() -> None:
    network = Network()
    await network.start()
    folder = network.media_ca_path.parent
    assert folder.exists()
    await network.stop()
    assert not folder.exists()


async def test_garbage_ends_only_its_own_connection(network: Network, clients: Make) -> None:
    ana = await clients().link(ANA)
    async with aiohttp.ClientSession() as session:
        for data in (b"GET / HTTP/1.1", b"WA\x06\x03\0\0\2\xff\xff", b"WA\x06\x03\0\0\4\x12\x02\x0a\x00"):
            async with session.ws_connect(network.url) as chat:
                await chat.send_bytes(data)
                assert (await chat.receive(timeout=5)).type is not aiohttp.WSMsgType.BINARY
        async with session.ws_connect(network.url) as chat:
            await chat.send_str("text")
            assert (await chat.receive(timeout=5)).type is not aiohttp.WSMsgType.TEXT
    await ana._socket.send_bytes(b"\0\0\3abc")
    await asyncio.wait_for(ana.closed.wait(), 5)
    await ana.close()
    await ana.log_in()


async def test_a_silent_connection_is_cut(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa_simulator.network.connection.HANDSHAKE_TIMEOUT", 0.05)
    async with aiohttp.ClientSession() as session, session.ws_connect(network.url) as chat:
        assert (await chat.receive(timeout=5)).type is not aiohttp.WSMsgType.BINARY
    assert network.options == Options()


def media(network: Network) -> tuple[aiohttp.ClientSession, str]:
    trusted = ssl.create_default_context(cafile=network.media_ca_path)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted))
    return session, f"https://127.0.0.1:{network._ports['media_port']}"


async def test_media_goes_up_and_down_unchanged(network: Network) -> None:
    blob = os.urandom(700_000)
    token = base64.urlsafe_b64encode(hashlib.sha256(blob).digest()).decode()
    session, base = media(network)
    async with session:
        async with session.post(f"{base}/mms/image/{token}?auth=a&token={token}", data=blob) as up:
            answer = await up.json()
        assert "?" in answer["direct_path"], "clients append &hash=…"
        assert answer["url"] == base + answer["direct_path"]
        async with session.get(f"{base}{answer['direct_path']}&hash=x&mms-type=image") as down:
            assert await down.read() == blob
        async with session.post(f"{base}/mms/image/{token}", data=b"other") as wrong:
            assert wrong.status == 400
        async with session.post(f"{base}/mms/image/!!!", data=b"other") as wrong:
            assert wrong.status == 400
        for path in ("/v/" + "0" * 64, "/v/..%2fmedia-key.pem", "/v/x"):
            async with session.get(base + path) as missing:
                assert missing.status == 404
        network.faults.fail_media(503, times=2)
        async with session.post(f"{base}/mms/image/{token}", data=blob) as failed:
            assert failed.status == 503
        async with session.get(f"{base}{answer['direct_path']}") as failed:
            assert failed.status == 503
        async with session.delete(f"{base}/mms/image/{token}") as gone:
            assert gone.status == 200
        async with session.get(f"{base}{answer['direct_path']}") as missing:
            assert missing.status == 404


async def test_control_over_http(network: Network, clients: Make) -> None:
    base = network.url.replace("ws://", "http://").removesuffix("/ws/chat") + "/admin/phones"
    client, coded = clients(), clients()
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{base}/{ANA}", json={"name": "Ana", "require_passkey": False}) as answer:
            assert (await answer.json())["name"] == "Ana"
        await client.connect()
        ref = (await client.offered())[0]
        scan = asyncio.create_task(session.post(f"{base}/{ANA}/scan", json={"qr": client.qr(ref)}))
        await client.finish_link()
        assert (await (await scan).json())["jid"] == str(client.keys.jid)
        await coded.connect()
        ephemeral = await coded.ask_code(ANA, "ABCD1234")
        typed = asyncio.create_task(session.post(f"{base}/{ANA}/code", json={"code": "ABCD-1234"}))
        await coded.finish_code("ABCD1234", ephemeral)
        await coded.finish_link()
        assert (await (await typed).json())["number"] == 2
        async with session.post(f"{base}/{ANA}/code", json={"code": "ABCD-1234"}) as failed:
            assert (failed.status, (await failed.json())["error"]) == (409, "no-request")
        options = {"challenge": "AAAA", "rpId": "whatsapp.com"}
        async with session.post(f"{base}/{ANA}/assertion", json={"options": options}) as answer:
            assert (await answer.json())["type"] == "public-key"
        for path, body in ((f"{ANA}/scan", {}), ("abc/scan", {"qr": "x"})):
            async with session.post(f"{base}/{path}", json=body) as failed:
                assert failed.status == 400
        async with session.delete(f"{base}/{ANA}/devices/1") as answer:
            assert [device["number"] for device in (await answer.json())["devices"]] == [2]
        async with session.delete(f"{base}/{ANA}/devices/1") as failed:
            assert failed.status == 404
        async with session.get(base) as answer:
            assert [phone["number"] for phone in await answer.json()] == [ANA]
        for headers in ({"Origin": "http://127.0.0.1:1"}, {"Host": "evil.example"}):
            async with session.get(base, headers=headers) as refused:
                assert refused.status == 403
