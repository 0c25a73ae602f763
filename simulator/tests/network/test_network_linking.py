"""Linking devices by QR and by code, with and without the passkey step, and all the ways it fails."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from simulator.tests.network.client import Client, derive, fields

from prosa_simulator.network import Device, Network, Node, PairingError, Phone, primitives, protobuf
from prosa_simulator.network.xeddsa import KeyPair, verify

ANA, BIA = "5511999990001", "5511999990002"
Make = Callable[..., Client]


async def reason_of(attempt: "asyncio.Task[Device]") -> str:
    with pytest.raises(PairingError) as caught:
        await attempt
    return caught.value.reason


async def test_a_scanned_code_links_a_device(network: Network, clients: Make) -> None:
    client = clients()
    await client.connect()
    refs = await client.offered()
    assert len(refs) == 6
    phone = network.phone(ANA, "Ana")
    scan = asyncio.create_task(phone.scan(client.qr(refs[0])))
    await client.finish_link()
    device = await scan
    assert phone.devices == [device]
    assert (client.keys.jid, client.keys.lid) == (device.jid, device.lid)
    assert device.platform == "Test client"
    assert not device.online

    proof = protobuf.decode(device.identity_proof)
    signed = b"\x06\x01" + proof.data(1) + client.keys.identity.public + phone.account.identity.public
    assert verify(client.keys.identity.public, signed, proof.data(4))

    await client.close()
    await client.log_in()
    assert device.online


async def test_later_codes_work_too_and_device_ids_do_not_come_back(network: Network, clients: Make) -> None:
    phone = network.phone(ANA)
    first = await clients().link(ANA)
    await phone.unlink(phone.devices[0])
    await first.expect("stream:error")
    second = clients()
    await second.connect()
    refs = await second.offered()
    scan = asyncio.create_task(phone.scan(second.qr(refs[5]).partition("#")[2]))  # also without the address
    await second.finish_link()
    assert (await scan).number == 2


async def test_codes_that_cannot_be_scanned(network: Network, clients: Make) -> None:
    phone, client = network.phone(ANA), clients()
    await client.connect()
    ref = (await client.offered())[0]
    good = client.qr(ref)
    other = clients().qr(ref)

    async def scanned(text: str) -> str:
        return await reason_of(asyncio.create_task(phone.scan(text)))

    assert await scanned("https://example.com") == "bad-qr"
    assert await scanned("a,b,c,d,e") == "bad-qr"
    assert await scanned(client.qr(b"2@nobody")) == "unknown-ref"
    assert await scanned(other) == "bad-qr"
    network.expire_codes()
    assert await scanned(good) == "expired-ref"
    await client.close()
    await until(lambda: not network.connections)
    assert await scanned(good) == "unknown-ref"


async def test_a_client_may_refuse_its_identity_or_leave(network: Network, clients: Make) -> None:
    phone = network.phone(ANA)
    for end in ("error", "signature", "leave"):
        client = clients()
        await client.connect()
        ref = (await client.offered())[0]
        scan = asyncio.create_task(phone.scan(client.qr(ref)))
        success = await client.expect(lambda node: node.child("pair-success") is not None)
        if end == "error":
            problem = Node("error", {"code": "401", "text": "hmac-mismatch"})
            await client.send(Node("iq", {"type": "error", "id": success.text("id")}, [problem]))
        elif end == "signature":
            await client.answer_pair(success, b"\x22\x02xx")
        else:
            await client.close()
        assert await reason_of(scan) == ("connection-lost" if end == "leave" else "refused")
    assert phone.devices == []


async def test_nobody_answers(network: Network, clients: Make) -> None:
    client = clients()
    await client.connect()
    ref = (await client.offered())[0]
    assert await reason_of(asyncio.create_task(network.phone(ANA).scan(client.qr(ref), timeout=0.05))) == "timeout"


async def test_a_phone_links_four_devices_at_most(network: Network, clients: Make) -> None:
    for _ in range(4):
        await clients().link(ANA)
    client = clients()
    await client.connect()
    ref = (await client.offered())[0]
    assert await reason_of(asyncio.create_task(network.phone(ANA).scan(client.qr(ref)))) == "too-many-devices"


async def test_a_typed_code_links_a_device(network: Network, clients: Make) -> None:
    client, phone = clients(), network.phone(ANA)
    await client.connect()
    await client.offered()
    assert await reason_of(asyncio.create_task(phone.type_code("ABCD-1234"))) == "no-request"
    ephemeral = await client.ask_code(ANA, "ABCD1234")
    assert await reason_of(asyncio.create_task(network.phone(BIA).type_code("ABCD-1234"))) == "no-request"
    assert await reason_of(asyncio.create_task(phone.type_code("no code"))) == "wrong-code"

    wrong = asyncio.create_task(phone.type_code("ABCD-1235"))
    await client.finish_code("ABCD1234", ephemeral)
    assert await reason_of(wrong) == "wrong-code"

    right = asyncio.create_task(phone.type_code("abcd-1234"))
    await client.finish_code("ABCD1234", ephemeral)
    await client.finish_link()
    assert (await right).jid == client.keys.jid


async def test_a_client_leaves_while_its_code_is_typed(network: Network, clients: Make) -> None:
    client = clients()
    await client.connect()
    await client.ask_code(ANA, "ABCD1234")
    typed = asyncio.create_task(network.phone(ANA).type_code("ABCD1234"))
    await client.expect("notification")
    await client.close()
    assert await reason_of(typed) == "connection-lost"


class PasskeyClient:
    """The client's half of the passkey step."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ephemeral = KeyPair.generate()
        self.nonce = os.urandom(32)
        self.options: dict[str, Any] = {}
        self.ref = b""
        self.primary = protobuf.Fields()

    async def asked(self) -> dict[str, Any]:
        notice = await self.client.expect(lambda node: node.text("type") == "passkey_prologue_request")
        child = notice.child("passkey_request_options")
        assert child
        self.options = json.loads(child.data)
        # As whatsmeow: the old secret proves the handover, a new one will seal the identity.
        self.handoff = derive(self.client.keys.adv_secret, None, 32, b"shortcake-passkey-handoff-v1")
        self.client.keys.adv_secret = os.urandom(32)
        answer = await self.client.ask("md", "get", Node("ref"))
        ref = answer.child("ref")
        assert ref
        self.ref = ref.data
        return self.options

    async def prologue(self, assertion: dict[str, Any], proof: bytes | None = None, ref: bytes | None = None) -> Node:
        self.identity = fields(f1=self.ephemeral.public, f2=1, f3=ref or self.ref)
        commitment = hashlib.sha256(self.identity + self.nonce).digest()
        payload = fields(f1=self.identity, f2=fields(f1=commitment))
        content = [
            Node("credential_id", None, base64.urlsafe_b64decode(assertion["rawId"] + "==")),
            Node("webauthn_assertion", None, json.dumps(assertion).encode()),
            Node("prologue_payload", None, payload),
        ]
        mac = hmac.digest(self.handoff, payload, "sha256") if proof is None else proof
        if mac:
            content.append(Node("pairing_handoff_proof", None, mac))
        answer = await self.client.ask("md", "set", Node("passkey_prologue", None, content))
        if answer.text("type") == "result":
            notice = await self.client.expect(lambda node: node.text("type") == "crsc_continuation")
            child = notice.child("primary_ephemeral_identity")
            assert child
            self.primary = protobuf.decode(child.data)
        return answer

    async def reveal(self, nonce: bytes | None = None) -> Node:
        return await self.client.ask("md", "set", Node("companion_nonce", None, nonce or self.nonce))

    @property
    def code(self) -> str:
        digest = hashlib.sha256(self.nonce + self.primary.data(1)).digest()
        return primitives.link_text(bytes(a ^ b for a, b in zip(self.primary.data(2)[:5], digest[:5], strict=True)))

    async def request(self, identity: bytes | None = None, kind: int = 1) -> Node:
        salt = f"Companion Pairing {kind} with ref {self.ref.decode()}".encode()
        shared = self.ephemeral.exchange(self.primary.data(1))
        key, iv = derive(shared, salt, 32, b"Pairing Information Encryption Key"), os.urandom(12)
        keys = self.client.keys
        plain = fields(f1=keys.noise.public, f2=identity or keys.identity.public, f3=keys.adv_secret)
        sealed = fields(f1=AESGCM(key).encrypt(iv, plain, None), f2=iv)
        return await self.client.ask("md", "set", Node("encrypted_pairing_request", None, sealed))


async def passkey_scan(network: Network, client: Client) -> "tuple[Phone, asyncio.Task[Device], PasskeyClient]":
    phone = network.phone(ANA)
    phone.require_passkey = True
    await client.connect()
    ref = (await client.offered())[0]
    scan = asyncio.create_task(phone.scan(client.qr(ref)))
    step = PasskeyClient(client)
    await step.asked()
    return phone, scan, step


@pytest.mark.parametrize("proof", [None, b""], ids=["handed over", "code compared"])
async def test_the_passkey_step_links(network: Network, clients: Make, proof: bytes | None) -> None:
    client = clients()
    phone, scan, step = await passkey_scan(network, client)
    before = phone.passkey_code
    assert before is None
    assert (await step.prologue(phone.passkey_assertion(step.options), proof)).text("type") == "result"
    assert (await step.reveal()).text("type") == "result"
    assert phone.passkey_code == step.code
    assert (await step.request()).text("type") == "result"
    await client.finish_link()
    assert (await scan).jid == client.keys.jid


async def test_the_passkey_step_by_code(network: Network, clients: Make) -> None:
    client, phone = clients(), network.phone(ANA)
    phone.require_passkey = True
    await client.connect()
    ephemeral = await client.ask_code(ANA, "ABCD1234")
    typed = asyncio.create_task(phone.type_code("ABCD1234"))
    await client.finish_code("ABCD1234", ephemeral)
    step = PasskeyClient(client)
    await step.prologue(phone.passkey_assertion(await step.asked()))
    await step.reveal()
    await step.request()
    await client.finish_link()
    assert (await typed).jid == client.keys.jid


async def test_the_passkey_step_refuses_what_is_wrong_and_can_be_tried_again(network: Network, clients: Make) -> None:
    client = clients()
    phone, scan, step = await passkey_scan(network, client)
    assertion = phone.passkey_assertion(step.options)

    def refused(answer: Node) -> str:
        error = answer.child("error")
        assert error, f"not refused: {answer}"
        return error.text("text")

    assert refused(await step.reveal()) == "the nonce is not the one committed to"
    assert refused(await step.prologue(assertion | {"rawId": "AAAA"})) == "wrong credential"
    assert refused(await step.prologue(assertion, proof=bytes(32))) == "wrong handoff proof"
    assert refused(await step.prologue(assertion, ref=b"2@other")) == "wrong ref"
    await step.prologue(assertion)
    assert refused(await step.request()) == "out of order"
    assert refused(await step.reveal(bytes(32))) == "the nonce is not the one committed to"
    await step.reveal()
    assert refused(await step.request(kind=2)) == "the pairing request does not decrypt"
    assert refused(await step.request(identity=bytes(32))) == "the pairing request names other keys"
    assert not scan.done()
    await step.request()
    await client.finish_link()
    await scan


async def test_a_login_needs_the_linked_keys(network: Network, clients: Make) -> None:
    linked = await clients().link(ANA)
    thief = clients()
    thief.keys.jid = linked.keys.jid
    await thief.connect()
    assert (await thief.expect("failure")).text("reason") == "401"
    await asyncio.wait_for(thief.closed.wait(), 5)
    assert network.phone(ANA).devices[0].online


async def test_an_unlinked_device_is_told_or_refused(network: Network, clients: Make) -> None:
    phone = network.phone(ANA)
    online, offline = await clients().link(ANA), await clients().link(ANA)
    await offline.close()
    for device in phone.devices:
        await phone.unlink(device)
    error = await online.expect("stream:error")
    conflict = error.child("conflict")
    assert (error.text("code"), conflict and conflict.text("type")) == ("401", "device_removed")
    await offline.connect()
    assert (await offline.expect("failure")).text("reason") == "401"
    with pytest.raises(ValueError, match="not linked"):
        await network.phone(BIA).unlink(device)


async def test_a_client_logs_itself_out(network: Network, clients: Make) -> None:
    client = await clients().link(ANA)
    assert client.keys.jid
    removal = Node("remove-companion-device", {"jid": client.keys.jid, "reason": "user_initiated"})
    assert (await client.ask("md", "set", removal)).text("type") == "result"
    assert (await client.expect("stream:error")).text("code") == "401"
    assert network.phone(ANA).devices == []


async def test_the_same_device_twice_replaces_the_first(network: Network, clients: Make) -> None:
    first = await clients().link(ANA)
    second = clients(first.keys)
    await second.log_in()
    conflict = (await first.expect("stream:error")).child("conflict")
    assert conflict
    assert conflict.text("type") == "replaced"
    await asyncio.wait_for(first.closed.wait(), 5)
    await second.settled()
    assert network.phone(ANA).devices[0].online


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)
