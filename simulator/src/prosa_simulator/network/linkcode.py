"""The cryptography of linking by an eight-character code, as the phone does it.

The companion and the phone exchange ephemeral keys encrypted under the code; the companion then sends its identity key
bound to that exchange, and both derive the secret that authenticates the device identity (whatsmeow ``pair-code.go``).
"""

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prosa_simulator.network.primitives import LINK_ALPHABET, aes_ctr, hkdf
from prosa_simulator.network.xeddsa import KeyPair

_ITERATIONS: Final = 2 << 16
WRAPPED_KEY_SIZE: Final = 80
"""Salt (32), initial counter (16) and encrypted public key (32)."""
_BUNDLE_INFO: Final = b"link_code_pairing_key_bundle_encryption_key"
_ADV_INFO: Final = b"adv_secret"


def normalise(code: str) -> str | None:
    """Return the eight characters of a typed code, or nothing if it is not one; dashes, spaces, case do not matter."""
    plain = code.replace("-", "").replace(" ", "").upper()
    return plain if len(plain) == 8 and all(char in LINK_ALPHABET for char in plain) else None


def unwrap_key(code: str, wrapped: bytes) -> bytes:
    """Decrypt a public key with the code (about 50 ms of CPU); a wrong code gives 32 random-looking bytes."""
    return aes_ctr(_code_key(code, wrapped[:32]), wrapped[32:48], wrapped[48:WRAPPED_KEY_SIZE])


def wrap_key(code: str, public: bytes) -> bytes:
    """Encrypt a public key with the code (about 50 ms of CPU); 80 bytes."""
    salt, iv = os.urandom(32), os.urandom(16)
    return salt + iv + aes_ctr(_code_key(code, salt), iv, public)


def open_bundle(
    wrapped: bytes, *, identity: KeyPair, ephemeral: KeyPair, companion_ephemeral: bytes, companion_identity: bytes
) -> bytes | None:
    """Open the companion's key bundle and derive the 32-byte secret for its device identity.

    Returns nothing when the bundle does not decrypt or names other identity keys: the code was wrong.
    """
    try:
        shared = ephemeral.exchange(companion_ephemeral)
        key = hkdf(shared, salt=wrapped[:32], info=_BUNDLE_INFO)
        plain = AESGCM(key).decrypt(wrapped[32:44], wrapped[44:], None)
        if plain[:32] != companion_identity or plain[32:64] != identity.public or len(plain) != 96:
            return None
        return hkdf(shared + identity.exchange(companion_identity) + plain[64:], info=_ADV_INFO)
    except (InvalidTag, ValueError):
        return None


def _code_key(code: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", code.encode(), salt, _ITERATIONS, 32)
