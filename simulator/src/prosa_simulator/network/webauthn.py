"""A person's passkey: the options a server asks with, the assertion an authenticator gives, and its checking.

Formats from the W3C recommendation "Web Authentication: Level 2", sections 5.8.1 (client data), 6.1 (authenticator
data) and 7.2 (verification). The key is ECDSA on P-256 with SHA-256.
"""

import base64
import hashlib
import json
import os
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from prosa_simulator.network.accounts import Account

RP_ID: Final = "whatsapp.com"
ORIGIN: Final = "https://web.whatsapp.com"
_TIMEOUT_MS: Final = 300_000
_USER_PRESENT_AND_VERIFIED: Final = 0x05


class PasskeyAssertionError(ValueError):
    """The passkey assertion is not valid for these options."""


def request_options(account: Account) -> dict[str, Any]:
    """Make the options of ``navigator.credentials.get`` for an account, with a fresh challenge."""
    return {
        "challenge": b64url(os.urandom(32)),
        "timeout": _TIMEOUT_MS,
        "rpId": RP_ID,
        "allowCredentials": [
            {"id": b64url(_credential_id(account)), "type": "public-key", "transports": ["internal", "hybrid"]}
        ],
        "userVerification": "required",
        "extensions": {},
    }


def assertion(account: Account, options: dict[str, Any]) -> dict[str, Any]:
    """Answer request options as the person's authenticator would.

    Raises:
        ValueError: the options allow no credential of this account.
    """
    credential = b64url(_credential_id(account))
    allowed = [item["id"] for item in options.get("allowCredentials") or []]
    if allowed and credential not in allowed:
        msg = "these options are for another account's passkey"
        raise ValueError(msg)
    client_data = json.dumps(
        {
            "type": "webauthn.get",
            "challenge": options["challenge"],
            "origin": ORIGIN,
            "crossOrigin": False,
        }
    ).encode()
    authenticator = hashlib.sha256(str(options["rpId"]).encode()).digest()
    authenticator += bytes((_USER_PRESENT_AND_VERIFIED,)) + bytes(4)
    signed = authenticator + hashlib.sha256(client_data).digest()
    return {
        "id": credential,
        "rawId": credential,
        "type": "public-key",
        "response": {
            "clientDataJSON": b64url(client_data),
            "authenticatorData": b64url(authenticator),
            "signature": b64url(_key(account).sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": b64url(account.phone.encode()),
        },
    }


def check(account: Account, options: dict[str, Any], answer: bytes) -> None:
    """Verify an assertion (its JSON) against the options that were sent.

    Raises:
        PasskeyAssertionError: anything about it is wrong; the text says what.
    """
    try:
        document = json.loads(answer)
        response = document["response"]
        client_data, authenticator, signature = (
            from_b64url(response[name]) for name in ("clientDataJSON", "authenticatorData", "signature")
        )
        client = json.loads(client_data)
        facts = {
            "credential": document["rawId"] == b64url(_credential_id(account)),
            "type": client["type"] == "webauthn.get",
            "challenge": client["challenge"].rstrip("=") == options["challenge"],
            "origin": client["origin"] == ORIGIN,
            "relying party": authenticator[:32] == hashlib.sha256(str(options["rpId"]).encode()).digest(),
            "user verification": authenticator[32] & 5 == _USER_PRESENT_AND_VERIFIED,
        }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        msg = "malformed assertion"
        raise PasskeyAssertionError(msg) from error
    wrong = [name for name, right in facts.items() if not right]
    if wrong:
        raise PasskeyAssertionError("wrong " + ", ".join(wrong))
    try:
        signed = authenticator + hashlib.sha256(client_data).digest()
        _key(account).public_key().verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        msg = "wrong signature"
        raise PasskeyAssertionError(msg) from error


def b64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    """Decode base64url, padded or not.

    Raises:
        ValueError: it is not base64url.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _credential_id(account: Account) -> bytes:
    return hashlib.sha256(b"credential:" + account.phone.encode()).digest()[:20]


def _key(account: Account) -> ec.EllipticCurvePrivateKey:
    if not account.passkey_private:
        fresh = ec.generate_private_key(ec.SECP256R1())
        account.passkey_private = fresh.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    key = load_der_private_key(account.passkey_private, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = f"not a P-256 key: {type(key).__name__}"
        raise TypeError(msg)
    return key
