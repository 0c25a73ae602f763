"""Making what strangers send fit for storing, so that no message can be refused by the database.

PostgreSQL stores no NUL character in text or JSON (manual, 8.3 and 8.14), and neither database stores lone surrogates.
"""

from dataclasses import replace
from typing import Any

from prosa.whatsapp import jid
from prosa.whatsapp.engine import InboundMessage, MediaInfo

MAX_BODY = 65_536
"""Characters kept of a text; WhatsApp's own limit is 65,536."""
MAX_ID = 128
MAX_NAME = 200
MAX_JID = 80
_DEPTH = 40


def text(value: str, limit: int) -> str:
    """Return `value` without what cannot be stored, at most `limit` characters of it."""
    value = value[: limit * 2] if len(value) > limit * 2 else value
    if "\0" in value:
        value = value.replace("\0", "")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-8", "replace").decode()
    return value[:limit]


def json(value: Any, depth: int = 0) -> Any:
    """Return JSON without what cannot be stored; what lies deeper than any real message is left out."""
    if isinstance(value, str):
        return text(value, 1_000_000)
    if depth > _DEPTH:
        return None
    if isinstance(value, dict):
        return {text(str(key), MAX_NAME): json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json(item, depth + 1) for item in value]
    return value


def _optional(value: str | None, limit: int) -> str | None:
    return text(value, limit) if value else None


def message(inbound: InboundMessage) -> InboundMessage:
    """Return a message whose texts can be stored."""
    clean: dict[str, Any] = {
        "wa_id": text(inbound.wa_id, MAX_ID),
        "sender": text(jid.bare(inbound.sender), MAX_JID),
        "sender_alt": _optional(inbound.sender_alt, MAX_JID),
        "body": text(inbound.body, MAX_BODY),
        "push_name": _optional(inbound.push_name, MAX_NAME),
        "quoted_wa_id": _optional(inbound.quoted_wa_id, MAX_ID),
        "edits": _optional(inbound.edits, MAX_ID),
        "revokes": _optional(inbound.revokes, MAX_ID),
        "reacts_to": _optional(inbound.reacts_to, MAX_ID),
        "media": _media(inbound.media) if inbound.media else None,
    }
    changed = {name: value for name, value in clean.items() if value != getattr(inbound, name)}
    return replace(inbound, **changed) if changed else inbound


def _media(info: MediaInfo) -> MediaInfo:
    return replace(
        info,
        mime_type=text(info.mime_type, 120),
        file_name=_optional(info.file_name, MAX_NAME),
        sha256=_optional(info.sha256, 100),
        thumbnail=_optional(info.thumbnail, 1_000_000),
    )
