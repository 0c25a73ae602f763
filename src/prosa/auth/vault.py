"""Secrets that must be read again (keys of providers, headers of tools): kept encrypted, opened only where used."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
"""Bytes; what AES-GCM is made for (NIST SP 800-38D, 8.2)."""
_VERSION = "v1"


class SealBrokenError(Exception):
    """A secret cannot be opened: the installation's key is another one by now, or the row was copied or damaged."""


class Vault:
    """Seals texts with a key derived from the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"prosa vault v1").derive(secret_key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, secret: str, context: str) -> str:
        """Return a secret encrypted.

        Args:
            secret: The text.
            context: Names what it belongs to; it opens with the same only, so a row copied elsewhere is of no use.
        """
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, secret.encode(), context.encode())
        return f"{_VERSION}:{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the secret.

        Raises:
            SealBrokenError: It was sealed with another key or for another context.
        """
        version, _, text = sealed.partition(":")
        try:
            raw = urlsafe_b64decode(text)
            if version != _VERSION:
                raise SealBrokenError("a secret of another version")
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode()).decode()
        except (InvalidTag, Base64Error, ValueError) as error:
            raise SealBrokenError("a secret was sealed with another key; set it again") from error


def hint(secret: str) -> str:
    """Return what may be shown of a secret, so that its owner recognises it: its last four characters."""
    return f"…{secret[-4:]}" if len(secret) >= 12 else "…"
