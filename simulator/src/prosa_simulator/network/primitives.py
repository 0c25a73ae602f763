"""Small cryptographic helpers over ``cryptography`` and the standard library."""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LINK_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
"""The 32 characters of pairing codes (whatsmeow ``pair-code.go``)."""


def hkdf(secret: bytes, *, salt: bytes = b"", info: bytes = b"", length: int = 32) -> bytes:
    """Derive key bytes by HKDF-SHA256 (RFC 5869)."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    out = block = b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes((len(out) // 32 + 1,)), "sha256")
        out += block
    return out[:length]


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message."""
    return hmac.digest(key, message, "sha256")


def aes_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt (the same) with AES-256-CTR; ``iv`` is the 16-byte first counter block."""
    context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return context.update(data) + context.finalize()


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(data).digest()


def link_text(five: bytes) -> str:
    """Write five bytes as a pairing code, ``XXXX-XXXX``."""
    number = int.from_bytes(five, "big")
    code = "".join(LINK_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{code[:4]}-{code[4:]}"
