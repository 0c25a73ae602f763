"""XEdDSA: Ed25519-like signatures made with X25519 keys (Signal's "The XEdDSA and VXEdDSA Signature Schemes").

Python's ``cryptography`` has no scalar multiplication on the Edwards curve, so signing does its own (about 2 ms,
once per linked device); checking converts the public key and uses plain Ed25519.
"""

import hashlib
import os
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_P: Final = 2**255 - 19
_Q: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = (-121665 * pow(121666, -1, _P)) % _P
_BASE_Y: Final = 4 * pow(5, -1, _P) % _P
_HASH_PREFIX: Final = (2**256 - 2).to_bytes(32, "little")


class KeyPair(NamedTuple):
    """An X25519 key pair as raw bytes, 32 each."""

    private: bytes
    public: bytes

    @classmethod
    def generate(cls) -> "KeyPair":
        """Make a new random pair."""
        return cls.of(os.urandom(32))

    @classmethod
    def of(cls, private: bytes) -> "KeyPair":
        """Make the pair of a private key (clamped as RFC 7748 asks)."""
        key = X25519PrivateKey.from_private_bytes(private)
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return cls(raw, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def exchange(self, public: bytes) -> bytes:
        """Return the X25519 shared secret with another's public key.

        Raises:
            ValueError: the key is not 32 bytes, or a low-order point.
        """
        return X25519PrivateKey.from_private_bytes(self.private).exchange(X25519PublicKey.from_public_bytes(public))


def sign(private: bytes, message: bytes) -> bytes:
    """Sign with an X25519 private key; 64 bytes."""
    scalar, public = _signing_key(private)
    seed = hashlib.sha512(_HASH_PREFIX + scalar.to_bytes(32, "little") + message + os.urandom(64)).digest()
    nonce = int.from_bytes(seed, "little") % _Q
    point = _compress(_multiply(nonce))
    challenge = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % _Q
    return point + ((nonce + challenge * scalar) % _Q).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a signature against an X25519 public key.

    As libsignal does (``curve25519/sign.go``), the Edwards key's sign bit is taken from the top bit of the signature.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    u = int.from_bytes(public, "little") % 2**255
    if (u + 1) % _P == 0:
        return False
    y = (u - 1) * pow(u + 1, -1, _P) % _P
    edwards = bytearray(y.to_bytes(32, "little"))
    edwards[31] |= signature[63] & 0x80
    plain = signature[:63] + bytes((signature[63] & 0x7F,))
    try:
        Ed25519PublicKey.from_public_bytes(bytes(edwards)).verify(plain, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def _signing_key(private: bytes) -> tuple[int, bytes]:
    """The scalar whose public point has sign bit 0, and that point (calculate_key_pair in the XEdDSA paper)."""
    clamped = bytearray(private)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    scalar = int.from_bytes(clamped, "little")
    public = _compress(_multiply(scalar))
    if public[31] & 0x80:
        scalar = -scalar % _Q
        public = public[:31] + bytes((public[31] & 0x7F,))
    return scalar % _Q, public


# Edwards points in extended coordinates (X, Y, Z, T), formulas of RFC 8032 section 5.1.4.
_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % _P
    f = (a[1] + a[0]) * (b[1] + b[0]) % _P
    g = 2 * a[3] * b[3] * _D % _P
    h = 2 * a[2] * b[2] % _P
    p, q, r, s = f - e, h - g, h + g, f + e
    return (p * q % _P, r * s % _P, q * r % _P, p * s % _P)


def _multiply(scalar: int) -> _Point:
    total: _Point = (0, 1, 1, 0)
    for power in _base_powers():
        if scalar & 1:
            total = _add(total, power)
        scalar >>= 1
    return total


@lru_cache(maxsize=1)
def _base_powers() -> list[_Point]:
    """The base point times 1, 2, 4 … 2^254."""
    x = _recover_x(_BASE_Y)
    powers: list[_Point] = [(x, _BASE_Y, 1, x * _BASE_Y % _P)]
    while len(powers) < 255:
        powers.append(_add(powers[-1], powers[-1]))
    return powers


def _recover_x(y: int) -> int:
    """The even x of a point with this y (RFC 8032 section 5.1.3)."""
    squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(squared, (_P + 3) // 8, _P)
    if (x * x - squared) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return _P - x if x & 1 else x


def _compress(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
