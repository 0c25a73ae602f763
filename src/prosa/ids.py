"""Identifiers: time-ordered UUIDs for rows, WhatsApp message ids, opaque tokens."""

import secrets
import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562 §5.7): ordered by time, so that index pages stay hot."""
    return uuid_utils.compat.uuid7()


def new_message_id() -> str:
    """Return a new WhatsApp message id.

    Linked devices use "3EB0" and 18 upper-case hex digits (whatsmeow, send.go, GenerateMessageID).
    """
    return "3EB0" + secrets.token_hex(9).upper()


def new_token() -> str:
    """Return 256 bits of randomness as URL-safe text, for refresh tokens and the like."""
    return secrets.token_urlsafe(32)
