"""Signatures, handshake, codes and passkeys, each against an independent other half."""

import base64
import copy
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.tests.network.client import ClientNoise, code_cipher

from prosa_simulator.network import linkcode, primitives, protobuf, webauthn, xeddsa
from prosa_simulator.network.accounts import Account
from prosa_simulator.network.adv import DeviceIdentity
from prosa_simulator.network.certs import certificate_chain
from prosa_simulator.network.frames import HEADER, FrameError, FrameReader, frame
from prosa_simulator.network.noise import NoiseError, ServerHandshake, TransportCipher
from prosa_simulator.network.xeddsa import KeyPair

secrets32 = st.binary(min_size=32, max_size=32)


@settings(max_examples=25, deadline=None)
@given(secrets32, st.binary(max_size=200))
def test_signatures_verify_and_only_for_their_message(private: bytes, message: bytes) -> None:
    keys = KeyPair.of(private)
    signature = xeddsa.sign(keys.private, message)
    assert xeddsa.verify(keys.public, message, signature)
    assert not xeddsa.verify(keys.public, message + b"x", signature)
    assert not xeddsa.verify(KeyPair.generate().public, message, signature)


@settings(max_examples=25, deadline=None)
@given(secrets32, st.binary(max_size=64))
def test_verification_agrees_with_plain_ed25519(seed: bytes, message: bytes) -> None:
    """An Ed25519 key and its Montgomery form are the same point, so a plain Ed25519 signature must verify."""
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    edwards = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    p = 2**255 - 19
    y = int.from_bytes(edwards, "little") % 2**255
    montgomery = ((1 + y) * pow(1 - y, -1, p) % p).to_bytes(32, "little")
    signature = bytearray(signer.sign(message))
    signature[63] |= edwards[31] & 0x80
    assert xeddsa.verify(montgomery, message, bytes(signature))


def test_the_base_point_and_its_multiples_are_those_of_ed25519() -> None:
    """Signing with a=1 makes the public point the base point, whose encoding RFC 8032 gives."""
    assert xeddsa._compress(xeddsa._multiply(1)).hex() == "58" + "66" * 31
    signer = Ed25519PrivateKey.from_private_bytes(bytes(32))
    digest = bytearray(hashlib.sha512(bytes(32)).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    expected = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert xeddsa._compress(xeddsa._multiply(int.from_bytes(digest, "little"))) == expected


@pytest.mark.parametrize(("public", "signature"), [(b"", bytes(64)), (bytes(32), b""), (b"\xff" * 32, b"\xff" * 64)])
def test_malformed_keys_and_signatures_do_not_verify(public: bytes, signature: bytes) -> None:
    assert not xeddsa.verify(public, b"", signature)


@given(st.binary(max_size=80), st.binary(max_size=40), st.binary(max_size=20), st.integers(1, 200))
def test_hkdf_is_rfc_5869(secret: bytes, salt: bytes, info: bytes, length: int) -> None:
    expected = HKDF(hashes.SHA256(), length, salt or None, info).derive(secret)
    assert primitives.hkdf(secret, salt=salt, info=info, length=length) == expected


def test_pairing_codes_are_base32_in_their_own_alphabet() -> None:
    five = bytes([0x12, 0xAB, 0x00, 0xFF, 0x7C])
    standard = base64.b32encode(five).decode()
    table = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", primitives.LINK_ALPHABET)
    assert primitives.link_text(five).replace("-", "") == standard.translate(table)


@given(st.dictionaries(st.integers(1, 2000), st.one_of(st.integers(0, 2**63 - 1), st.binary(max_size=200)), max_size=6))
def test_protobuf_fields_survive(fields: dict[int, int | bytes]) -> None:
    assert protobuf.decode(protobuf.encode(fields.items())) == fields


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_refused(noise: bytes) -> None:
    try:
        protobuf.decode(noise)
    except protobuf.ProtobufError:
        return


def shake_hands(root: KeyPair, trusted: bytes) -> tuple[TransportCipher, TransportCipher, bytes, bytes]:
    static, client = KeyPair.generate(), KeyPair.generate()
    server = ServerHandshake(HEADER, static, certificate_chain(root, static))
    noise = ClientNoise()
    last, write, read = noise.finish(server.hello(noise.hello()), trusted, client, b"payload")
    finished = server.finish(last)
    assert finished.client_static == client.public
    assert finished.payload == b"payload"
    return finished.receive, finished.send, write, read


def test_the_handshake_agrees_on_keys() -> None:
    root = KeyPair.generate()
    receive, send, write, read = shake_hands(root, root.public)
    for number in range(3):
        nonce = number.to_bytes(12, "big")
        assert receive.decrypt(AESGCM(write).encrypt(nonce, b"up", None)) == b"up"
        assert AESGCM(read).decrypt(nonce, send.encrypt(b"down"), None) == b"down"


def test_a_client_that_trusts_another_root_refuses() -> None:
    with pytest.raises(AssertionError, match="root"):
        shake_hands(KeyPair.generate(), KeyPair.generate().public)


def test_a_changed_handshake_or_frame_is_refused() -> None:
    root, static = KeyPair.generate(), KeyPair.generate()
    chain = certificate_chain(root, static)
    noise, server = ClientNoise(), ServerHandshake(HEADER, static, chain)
    last, _, _ = noise.finish(server.hello(noise.hello()), root.public, KeyPair.generate(), b"payload")
    with pytest.raises(NoiseError):
        server.finish(last[:-1] + bytes([last[-1] ^ 1]))
    with pytest.raises(NoiseError):
        ServerHandshake(HEADER, static, chain).hello(b"\x12\x02\x0a\x00")
    receive, _, write, _ = shake_hands(root, root.public)
    with pytest.raises(NoiseError):  # the second frame first
        receive.decrypt(AESGCM(write).encrypt((1).to_bytes(12, "big"), b"up", None))


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 20), st.booleans())
def test_frames_are_cut_the_same_however_the_bytes_arrive(payloads: list[bytes], step: int, routing: bool) -> None:
    stream = (b"ED\0\1\0\0\3abc" if routing else b"") + HEADER + b"".join(map(frame, payloads))
    reader = FrameReader()
    got = [part for start in range(0, len(stream), step) for part in reader.feed(stream[start : start + step])]
    assert got == payloads


def test_another_protocol_is_refused() -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(b"GET / HTTP/1.1")
    with pytest.raises(FrameError):
        frame(bytes(2**24))


def test_a_device_identity_needs_the_devices_signature() -> None:
    account, companion = Account("5511999990001", "Ana"), KeyPair.generate()
    identity = DeviceIdentity.issue(account, companion.public, key_index=1, timestamp=1_700_000_000)
    signed = b"\x06\x01" + identity.details + companion.public + account.identity.public
    good = protobuf.encode([(1, identity.details), (4, xeddsa.sign(companion.private, signed))])
    accepted = identity.accept(good, companion.public)
    assert accepted
    assert protobuf.decode(accepted).data(2) == account.identity.public
    assert identity.accept(good, KeyPair.generate().public) is None
    assert identity.accept(b"\xff", companion.public) is None


def test_a_code_unwraps_only_with_itself() -> None:
    public = KeyPair.generate().public
    wrapped = linkcode.wrap_key("ABCD1234", public)
    assert linkcode.unwrap_key("ABCD1234", wrapped) == public
    assert code_cipher("ABCD1234", wrapped[:32], wrapped[32:48], wrapped[48:]) == public
    assert linkcode.unwrap_key("ABCD1235", wrapped) != public


@pytest.mark.parametrize(
    ("typed", "plain"), [("abcd-1234", "ABCD1234"), (" ABCD 1234", "ABCD1234"), ("ABCD-123", None), ("ABCD-123O", None)]
)
def test_a_typed_code_is_read_kindly(typed: str, plain: str | None) -> None:
    assert linkcode.normalise(typed) == plain


def test_a_passkey_assertion_is_checked_in_every_part() -> None:
    account, other = Account("5511999990001", "Ana"), Account("5511999990002", "Bia")
    options = webauthn.request_options(account)
    answer = webauthn.assertion(account, options)
    webauthn.check(account, options, json.dumps(answer).encode())

    def refused(change: Any, match: str) -> None:
        changed = copy.deepcopy(answer)
        change(changed)
        with pytest.raises(webauthn.PasskeyAssertionError, match=match):
            webauthn.check(account, options, json.dumps(changed).encode())

    def client_data(**facts: str) -> str:
        return webauthn.b64url(json.dumps({
            "type": "webauthn.get", "challenge": options["challenge"], "origin": webauthn.ORIGIN, **facts
        }).encode())  # fmt: skip

    refused(lambda it: it.update(rawId="AAAA"), "credential")
    refused(lambda it: it["response"].update(clientDataJSON=client_data(challenge="AAAA")), "challenge")
    refused(lambda it: it["response"].update(clientDataJSON=client_data(origin="https://evil.example")), "origin")
    refused(lambda it: it["response"].update(clientDataJSON=client_data(type="webauthn.create")), "type")
    refused(lambda it: it["response"].update(authenticatorData=webauthn.b64url(bytes(37))), "relying party")
    refused(lambda it: it["response"].update(clientDataJSON=client_data(extra="1")), "signature")
    refused(lambda it: it.pop("response"), "malformed")
    with pytest.raises(ValueError, match="another account"):
        webauthn.assertion(other, options)
    with pytest.raises(webauthn.PasskeyAssertionError):
        webauthn.check(account, webauthn.request_options(account), json.dumps(answer).encode())
