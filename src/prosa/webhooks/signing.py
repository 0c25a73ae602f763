"""Signatures of deliveries, by the Standard Webhooks specification (https://www.standardwebhooks.com, version 1).

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; while a
secret is replaced there are two, a space between them, and a receiver accepts either.
"""

import base64
import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
_BYTES = 32
"""Of a secret; the specification asks for 24 to 64."""


def new_secret() -> str:
    """Return a new secret, as receivers take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def message_id(webhook_id: uuid.UUID, event_id: str) -> str:
    """Return the `webhook-id` of an event: another one for each webhook, and the same at every try."""
    return f"msg_{uuid.uuid5(webhook_id, event_id).hex}"


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """Return one signature of a message.

    Args:
        secret: As `new_secret` made it.
        name: The message's `webhook-id`.
        timestamp: Seconds since the Unix epoch.
        body: What is sent, byte for byte.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{name}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def headers(keys: Sequence[str], name: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message, signed with each of some secrets."""
    timestamp = int(now.timestamp())
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, name, timestamp, body) for key in keys),
    }
