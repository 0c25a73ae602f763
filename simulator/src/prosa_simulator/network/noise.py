"""The server's half of WhatsApp's Noise handshake, and the transport ciphers after it.

``Noise_XX_25519_AESGCM_SHA256`` (Noise specification revision 34, sections 5 and 7.5) with WhatsApp's details, as in
whatsmeow ``socket/noisehandshake.go``: the prologue is the 4-byte connection header, messages are protobuf
``HandshakeMessage``, and the server's second payload is a certificate chain.
"""

import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prosa_simulator.network import protobuf
from prosa_simulator.network.primitives import hkdf
from prosa_simulator.network.xeddsa import KeyPair

PROTOCOL_NAME: Final = b"Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"
"""Exactly 32 bytes, so it is itself the first hash (Noise specification section 5.2)."""

_CLIENT_HELLO: Final = 2
_SERVER_HELLO: Final = 3
_CLIENT_FINISH: Final = 4


class NoiseError(Exception):
    """The other side's handshake message or frame is wrong."""


class SymmetricState:
    """The running hash, salt and key of a handshake (Noise section 5.2); usable by either side."""

    def __init__(self, prologue: bytes) -> None:
        self._hash = PROTOCOL_NAME
        self._salt = PROTOCOL_NAME
        self._cipher = AESGCM(PROTOCOL_NAME)
        self._counter = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        """Add public data to the hash."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_key(self, secret: bytes) -> None:
        """Add a shared secret: new salt and key, counter back to 0."""
        output = hkdf(secret, salt=self._salt, length=64)
        self._salt = output[:32]
        self._cipher = AESGCM(output[32:])
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt and add the ciphertext to the hash."""
        ciphertext = self._cipher.encrypt(self._nonce(), plaintext, self._hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypt and add the ciphertext to the hash.

        Raises:
            NoiseError: it was not made with this key and hash.
        """
        try:
            plaintext = self._cipher.decrypt(self._nonce(), ciphertext, self._hash)
        except InvalidTag as error:
            msg = "handshake message does not decrypt"
            raise NoiseError(msg) from error
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """Return the transport keys: client to server, server to client."""
        output = hkdf(b"", salt=self._salt, length=64)
        return output[:32], output[32:]

    def _nonce(self) -> bytes:
        self._counter += 1
        return (self._counter - 1).to_bytes(12, "big")


class TransportCipher:
    """AES-256-GCM for one direction: a counter as nonce, no associated data (whatsmeow ``socket/noisesocket.go``)."""

    __slots__ = ("_cipher", "_counter")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt the next frame; frames must be written in the order of these calls."""
        self._counter += 1
        return self._cipher.encrypt((self._counter - 1).to_bytes(12, "big"), plaintext, None)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypt the next frame.

        Raises:
            NoiseError: a frame was lost, repeated or changed.
        """
        self._counter += 1
        try:
            return self._cipher.decrypt((self._counter - 1).to_bytes(12, "big"), ciphertext, None)
        except InvalidTag as error:
            msg = "frame does not decrypt"
            raise NoiseError(msg) from error


class Finished(NamedTuple):
    """What the server knows after the handshake."""

    client_static: bytes
    payload: bytes
    receive: TransportCipher
    send: TransportCipher


class ServerHandshake:
    """The server's two steps: answer the client's hello, then read its last message."""

    def __init__(self, prologue: bytes, static: KeyPair, certificates: bytes) -> None:
        self._state = SymmetricState(prologue)
        self._static = static
        self._certificates = certificates
        self._ephemeral = KeyPair.generate()

    def hello(self, message: bytes) -> bytes:
        """Take ``clientHello`` and return ``serverHello``, both serialized.

        Raises:
            NoiseError: the message holds no usable ephemeral key.
        """
        client = _part(message, _CLIENT_HELLO).data(1)
        self._state.mix_hash(client)
        self._state.mix_hash(self._ephemeral.public)
        self._mix(self._ephemeral, client)
        static = self._state.encrypt(self._static.public)
        self._mix(self._static, client)
        payload = self._state.encrypt(self._certificates)
        hello = protobuf.encode([(1, self._ephemeral.public), (2, static), (3, payload)])
        return protobuf.encode([(_SERVER_HELLO, hello)])

    def finish(self, message: bytes) -> Finished:
        """Take ``clientFinish``: the client's static key and its payload.

        Raises:
            NoiseError: it does not decrypt.
        """
        part = _part(message, _CLIENT_FINISH)
        client = self._state.decrypt(part.data(1))
        self._mix(self._ephemeral, client)
        payload = self._state.decrypt(part.data(2))
        inbound, outbound = self._state.split()
        return Finished(client, payload, TransportCipher(inbound), TransportCipher(outbound))

    def _mix(self, ours: KeyPair, theirs: bytes) -> None:
        try:
            self._state.mix_key(ours.exchange(theirs))
        except ValueError as error:
            msg = "unusable public key"
            raise NoiseError(msg) from error


def _part(message: bytes, number: int) -> protobuf.Fields:
    try:
        return protobuf.decode(message).message(number)
    except protobuf.ProtobufError as error:
        msg = "malformed handshake message"
        raise NoiseError(msg) from error
