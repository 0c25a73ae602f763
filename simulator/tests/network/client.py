"""A WhatsApp client for tests, written against the protocol and not with the server's own handshake code.

It knows the handshake, linking by QR, code and passkey, and stanzas; what it sends as ciphertext is opaque bytes.
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prosa_simulator.network import JID, Network, Node, binary, protobuf
from prosa_simulator.network.xeddsa import KeyPair, sign, verify

SERVER = JID("", "s.whatsapp.net")
NAME = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"


def derive(secret: bytes, salt: bytes | None, length: int, info: bytes = b"") -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def fields(**numbered: Any) -> bytes:
    """Encode a message whose fields are named f1, f2, …"""
    return protobuf.encode([(int(name[1:]), value) for name, value in numbered.items()])


@dataclass
class Keys:
    """What a client keeps between connections."""

    noise: KeyPair = field(default_factory=KeyPair.generate)
    identity: KeyPair = field(default_factory=KeyPair.generate)
    signed: KeyPair = field(default_factory=KeyPair.generate)
    adv_secret: bytes = field(default_factory=lambda: os.urandom(32))
    jid: JID | None = None
    lid: JID | None = None


class ClientNoise:
    """The client's half of the handshake, straight from the Noise specification."""

    def __init__(self) -> None:
        self.h = hashlib.sha256(NAME + b"WA\x06\x03").digest()
        self.salt = self.key = NAME
        self.count = 0
        self.ephemeral = KeyPair.generate()

    def absorb(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def mix(self, secret: bytes) -> None:
        out = derive(secret, self.salt, 64)
        self.salt, self.key, self.count = out[:32], out[32:], 0

    def seal(self, plain: bytes) -> bytes:
        sealed = AESGCM(self.key).encrypt(bytes(8) + self.count.to_bytes(4, "big"), plain, self.h)
        self.count += 1
        self.absorb(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        plain = AESGCM(self.key).decrypt(bytes(8) + self.count.to_bytes(4, "big"), sealed, self.h)
        self.count += 1
        self.absorb(sealed)
        return plain

    def hello(self) -> bytes:
        self.absorb(self.ephemeral.public)
        return fields(f2=fields(f1=self.ephemeral.public))

    def finish(self, reply: bytes, root: bytes, noise: KeyPair, payload: bytes) -> tuple[bytes, bytes, bytes]:
        """Check the server's hello; return the last message and the two transport keys (write, read)."""
        server = protobuf.decode(reply).message(3)
        self.absorb(server.data(1))
        self.mix(self.ephemeral.exchange(server.data(1)))
        static = self.open(server.data(2))
        self.mix(self.ephemeral.exchange(static))
        check_chain(self.open(server.data(3)), root, static)
        sealed = self.seal(noise.public)
        self.mix(noise.exchange(server.data(1)))
        last = fields(f4=fields(f1=sealed, f2=self.seal(payload)))
        out = derive(b"", self.salt, 64)
        return last, out[:32], out[32:]


def check_chain(chain: bytes, root: bytes, static: bytes) -> None:
    """The checks of whatsmeow's verifyServerCert."""
    leaf, middle = (protobuf.decode(chain).message(number) for number in (1, 2))
    middle_facts, leaf_facts = protobuf.decode(middle.data(1)), protobuf.decode(leaf.data(1))
    assert verify(root, middle.data(1), middle.data(2)), "the root did not sign the intermediate"
    assert middle_facts.number(2) == 0
    assert verify(middle_facts.data(3), leaf.data(1), leaf.data(2)), "the intermediate did not sign the leaf"
    assert leaf_facts.number(2) == middle_facts.number(1)
    assert leaf_facts.data(3) == static


class Client:
    """One connection at a time, over the client's keys."""

    def __init__(self, network: Network, keys: Keys | None = None) -> None:
        self.network = network
        self.keys = keys or Keys()
        self.inbox: list[Node] = []
        self.closed = asyncio.Event()
        self.refs: list[bytes] = []
        self._arrived = asyncio.Condition()
        self._numbers = 0
        self._session: aiohttp.ClientSession | None = None
        self._reader: asyncio.Task[None] | None = None

    async def connect(self) -> "Client":
        """Connect and shake hands: log in when linked, otherwise offer to be linked."""
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(self.network.url, max_msg_size=0)
        noise = ClientNoise()
        await self._socket.send_bytes(b"WA\x06\x03" + self._frame(noise.hello()))
        reply = (await self._socket.receive_bytes(timeout=5))[3:]
        root = bytes.fromhex(self.network.root_public_key)
        last, write, read = noise.finish(reply, root, self.keys.noise, self._payload())
        await self._socket.send_bytes(self._frame(last))
        self._write, self._read = AESGCM(write), AESGCM(read)
        self._sent = self._received = 0
        self.inbox.clear()
        self.closed.clear()
        self._reader = asyncio.create_task(self._read_all())
        return self

    async def close(self) -> None:
        if self._session:
            await self._session.close()
        if self._reader:
            await self._reader

    def _payload(self) -> bytes:
        keys = self.keys
        if keys.jid:
            return fields(f1=int(keys.jid.user), f3=1, f18=keys.jid.device, f33=1)
        signature = sign(keys.identity.private, b"\x05" + keys.signed.public)
        registration = fields(
            f1=b"\0\0\1\2",
            f2=b"\x05",
            f3=keys.identity.public,
            f4=b"\0\0\1",
            f5=keys.signed.public,
            f6=signature,
            f8=fields(f1="Test client"),
        )
        return fields(f3=0, f19=registration)

    @staticmethod
    def _frame(payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "big") + payload

    async def _read_all(self) -> None:
        async for message in self._socket:
            data = message.data[3:]
            plain = self._read.decrypt(self._received.to_bytes(12, "big"), data, None)
            self._received += 1
            async with self._arrived:
                self.inbox.append(binary.decode(plain))
                self._arrived.notify_all()
        self.closed.set()
        async with self._arrived:
            self._arrived.notify_all()

    async def send(self, node: Node) -> None:
        sealed = self._write.encrypt(self._sent.to_bytes(12, "big"), binary.encode(node), None)
        self._sent += 1
        await self._socket.send_bytes(self._frame(sealed))

    async def expect(self, wanted: str | Callable[[Node], bool], seconds: float = 5) -> Node:
        """Take the first stanza with this tag (or that fits) out of the inbox, waiting for it."""
        fits = (lambda node: node.tag == wanted) if isinstance(wanted, str) else wanted
        found: list[Node] = []

        def look() -> bool:
            found.extend([node for node in self.inbox if fits(node)][:1])
            return bool(found) or self.closed.is_set()

        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(look), seconds)
        assert found, f"closed before {wanted}; got {self.inbox}"
        self.inbox = [node for node in self.inbox if node is not found[0]]
        return found[0]

    async def ask(self, xmlns: str, kind: str, *content: Node, to: JID = SERVER) -> Node:
        """Send an iq and return its answer."""
        self._numbers += 1
        number = f"c{self._numbers}"
        await self.send(Node("iq", {"id": number, "xmlns": xmlns, "type": kind, "to": to}, list(content)))
        return await self.expect(lambda node: node.tag == "iq" and node.text("id") == number)

    async def settled(self) -> None:
        """Wait until the server has handled everything sent so far."""
        await self.ask("w:p", "get")

    # Linking

    async def offered(self) -> list[bytes]:
        """The QR references the server offers."""
        offer = await self.expect(lambda node: node.child("pair-device") is not None)
        await self.send(Node("iq", {"type": "result", "id": offer.text("id"), "to": SERVER}))
        pair = offer.child("pair-device")
        assert pair
        self.refs = [ref.data for ref in pair.find("ref")]
        return self.refs

    def qr(self, ref: bytes) -> str:
        parts = [self.keys.noise.public, self.keys.identity.public, self.keys.adv_secret]
        encoded = ",".join(base64.b64encode(part).decode() for part in parts)
        return f"https://wa.me/settings/linked_devices#{ref.decode()},{encoded},1"

    async def finish_link(self) -> None:
        """Check pair-success, sign the device identity, and wait for the call to reconnect."""
        success = await self.expect(lambda node: node.child("pair-success") is not None)
        pair = success.child("pair-success")
        identity, device = (pair.child(tag) if pair else None for tag in ("device-identity", "device"))
        assert identity
        assert device
        sealed = protobuf.decode(identity.data)
        mac = hmac.digest(self.keys.adv_secret, sealed.data(1), "sha256")
        assert mac == sealed.data(2), "the identity is not authenticated with our secret"
        inner = protobuf.decode(sealed.data(1))
        ours = self.keys.identity
        assert verify(inner.data(2), b"\x06\x00" + inner.data(1) + ours.public, inner.data(3))
        signature = sign(ours.private, b"\x06\x01" + inner.data(1) + ours.public + inner.data(2))
        await self.answer_pair(success, fields(f1=inner.data(1), f3=inner.data(3), f4=signature))
        error = await self.expect("stream:error")
        assert error.text("code") == "515"
        self.keys.jid, self.keys.lid = device.jid("jid"), device.jid("lid")

    async def answer_pair(self, success: Node, proof: bytes) -> None:
        identity = Node("device-identity", {"key-index": "1"}, proof)
        attrs: dict[str, str | JID] = {"type": "result", "id": success.text("id"), "to": SERVER}
        await self.send(Node("iq", attrs, [Node("pair-device-sign", None, [identity])]))

    async def link(self, number: str, name: str | None = None) -> "Client":
        """Link by QR to a phone that approves at once, log in and become active."""
        await self.connect()
        ref = (await self.offered())[0]
        scan = asyncio.create_task(self.network.phone(number, name).scan(self.qr(ref)))
        await self.finish_link()
        await scan
        await self.close()
        return await self.log_in()

    async def log_in(self, *, active: bool = True) -> "Client":
        await self.connect()
        success = await self.expect("success")
        assert success.jid("lid") == self.keys.lid
        if active:
            await self.ask("passive", "set", Node("active"))
        return self

    # Linking by code

    async def ask_code(self, number: str, code: str) -> KeyPair:
        """Ask for a link by code; returns the ephemeral keys."""
        ephemeral = KeyPair.generate()
        salt, iv = os.urandom(32), os.urandom(16)
        wrapped = salt + iv + code_cipher(code, salt, iv, ephemeral.public)
        attrs: dict[str, str | JID] = {"jid": JID(number, "s.whatsapp.net"), "stage": "companion_hello"}
        content = [Node("link_code_pairing_wrapped_companion_ephemeral_pub", None, wrapped)]
        answer = await self.ask("md", "set", Node("link_code_companion_reg", attrs, content))
        assert answer.text("type") == "result"
        return ephemeral

    async def finish_code(self, code: str, ephemeral: KeyPair) -> None:
        """Answer the phone's hello with the key bundle; derives the new secret."""
        notice = await self.expect(lambda node: node.text("type") == "link_code_companion_reg")
        hello = notice.child("link_code_companion_reg")
        assert hello
        parts = {part.tag: part.data for part in hello.children}
        wrapped = parts["link_code_pairing_wrapped_primary_ephemeral_pub"]
        primary = parts["primary_identity_pub"]
        shared = ephemeral.exchange(code_cipher(code, wrapped[:32], wrapped[32:48], wrapped[48:]))
        salt, nonce, extra = os.urandom(32), os.urandom(12), os.urandom(32)
        key = derive(shared, salt, 32, b"link_code_pairing_key_bundle_encryption_key")
        bundle = salt + nonce + AESGCM(key).encrypt(nonce, self.keys.identity.public + primary + extra, None)
        secret = shared + self.keys.identity.exchange(primary) + extra
        self.keys.adv_secret = derive(secret, None, 32, b"adv_secret")
        content = [
            Node("link_code_pairing_wrapped_key_bundle", None, bundle),
            Node("companion_identity_public", None, self.keys.identity.public),
            Node("link_code_pairing_ref", None, parts["link_code_pairing_ref"]),
        ]
        finish = Node("link_code_companion_reg", {"stage": "companion_finish"}, content)
        assert (await self.ask("md", "set", finish)).text("type") == "result"


def code_cipher(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    key = hashlib.pbkdf2_hmac("sha256", code.encode(), salt, 131072, 32)
    context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return context.update(data) + context.finalize()


def message(number: str, to: JID, copies: dict[JID, bytes], **attrs: str) -> Node:
    """A message with one ciphertext for each device."""
    enc = {jid: Node("enc", {"v": "2", "type": "msg"}, data) for jid, data in copies.items()}
    participants = Node("participants", None, [Node("to", {"jid": jid}, [node]) for jid, node in enc.items()])
    return Node("message", {"id": number, "type": "text", "to": to, **attrs}, [participants])


def receipt(stanza: Node, kind: str = "") -> Node:
    """The receipt a client sends for a message."""
    attrs: dict[str, str | JID] = {"id": stanza.text("id"), "to": stanza.attrs["from"], **_author(stanza)}
    if kind:
        attrs["type"] = kind
    return Node("receipt", attrs)


def ack(stanza: Node) -> Node:
    """The acknowledgement a client sends for a receipt, notification or message."""
    attrs: dict[str, str | JID] = {"class": stanza.tag, "id": stanza.text("id"), "to": stanza.attrs["from"]}
    attrs |= _author(stanza)
    if stanza.tag != "message" and "type" in stanza.attrs:
        attrs["type"] = stanza.attrs["type"]
    return Node("ack", attrs)


def _author(stanza: Node) -> dict[str, str | JID]:
    """Who in a group the stanza is from, as whatsmeow's answers repeat it."""
    return {"participant": stanza.attrs["participant"]} if "participant" in stanza.attrs else {}
