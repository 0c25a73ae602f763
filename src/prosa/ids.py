"""Identifiers: time-ordered UUIDs for rows, WhatsApp message ids, opaque tokens."""

import os
import secrets
import uuid

import uuid_utils.compat

_DRAWN = 64
_ready: list[str] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)


def new_id() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562 §5.7): ordered by time, so that index pages stay hot."""
    return uuid_utils.compat.uuid7()


def new_message_id() -> str:
    """Return a new WhatsApp message id.

    Linked devices use "3EB0" and 18 upper-case hex digits (whatsmeow, send.go, GenerateMessageID).
    """
    try:
        return _ready.pop()
    except IndexError:
        # Many at once: the system's randomness is asked for in a call that lets other threads go first.
        drawn = secrets.token_hex(9 * _DRAWN).upper()
        _ready.extend(f"3EB0{drawn[at : at + 18]}" for at in range(18, len(drawn), 18))
        return f"3EB0{drawn[:18]}"


def new_token() -> str:
    """Return 256 bits of randomness as URL-safe text, for refresh tokens and the like."""
    return secrets.token_urlsafe(32)
