"""The bridge's events (docs/bridge-protocol.md, "Events") → the engine's."""

from collections.abc import Callable, Mapping

from prosa.whatsapp import convert, jid
from prosa.whatsapp.engine import (
    Banned,
    Closed,
    ConnectFailed,
    ContactNamed,
    ContactTyping,
    EngineEvent,
    Inbound,
    Json,
    LidMapped,
    LoggedOut,
    OfflineSynced,
    Opened,
    Outdated,
    Paired,
    PairFailed,
    PasskeyConfirmation,
    PasskeyFailed,
    PasskeyRequested,
    QrCode,
    QrExhausted,
    StreamReplaced,
    Undecryptable,
)
from prosa.whatsapp.protojson import flag, integer, obj, string

MESSAGE = "message"
"""The event that brings a message."""

PASSING = frozenset({"chat_presence", "push_name", "lid_mapping"})
"""Events that may be dropped when a session's handler is far behind: a later message tells the same again."""

KNOWN: frozenset[str]
"""Names of every event that is understood."""


def engine_event(name: str, data: Json) -> EngineEvent | None:
    """Convert one event.

    Returns:
        None where there is nothing for a handler: an unknown event, a message that no person is meant to see.
    """
    convert_ = _CONVERTERS.get(name)
    return convert_(data) if convert_ is not None else None


def _seconds(data: Json, key: str) -> float:
    return (integer(data, key, limit=2**53) or 0) / 1000


def _text(data: Json, key: str) -> str | None:
    return string(data, key) or None


def _inbound(data: Json) -> EngineEvent | None:
    message = convert.inbound_message(data)
    return Inbound(message) if message is not None else None


def _undecryptable(data: Json) -> EngineEvent | None:
    message = convert.undecryptable_message(data)
    return Undecryptable(message, string(data, "reason")) if message is not None else None


def _typing(data: Json) -> EngineEvent:
    return ContactTyping(
        chat=jid.bare(string(data, "chat")),
        sender=jid.bare(string(data, "sender")),
        typing=string(data, "state") == "composing",
        recording=string(data, "media") == "audio",
    )


_CONVERTERS: Mapping[str, Callable[[Json], EngineEvent | None]] = {
    "qr": lambda d: QrCode(string(d, "code"), _seconds(d, "expires_in_ms")),
    "qr_exhausted": lambda _: QrExhausted(),
    "passkey_request": lambda d: PasskeyRequested(obj(d, "options")),
    "passkey_confirmation": lambda d: PasskeyConfirmation(string(d, "code"), flag(d, "skip_handoff")),
    "passkey_error": lambda d: PasskeyFailed(string(d, "message")),
    "paired": lambda d: Paired(
        string(d, "jid"), _text(d, "lid"), platform=_text(d, "platform"), business_name=_text(d, "business_name")
    ),
    "pair_error": lambda d: PairFailed(string(d, "message")),
    "connected": lambda d: Opened(string(d, "jid"), _text(d, "lid"), _text(d, "push_name")),
    "disconnected": lambda d: Closed(string(d, "reason") or "closed", _text(d, "detail")),
    "logged_out": lambda d: LoggedOut(string(d, "reason"), integer(d, "code")),
    "stream_replaced": lambda _: StreamReplaced(),
    "temporary_ban": lambda d: Banned(string(d, "reason"), _seconds(d, "expires_in_ms")),
    "connect_failure": lambda d: ConnectFailed(
        integer(d, "code") or 0, string(d, "reason"), message=string(d, "message")
    ),
    "client_outdated": lambda _: Outdated(),
    MESSAGE: _inbound,
    "undecryptable": _undecryptable,
    "receipt": convert.receipt,
    "receipts": convert.receipt,  # one of them
    "chat_presence": _typing,
    "push_name": lambda d: ContactNamed(
        jid.bare(string(d, "jid")), jid.bare(string(d, "jid_alt")) or None, string(d, "name").strip()
    ),
    "group_name": lambda d: ContactNamed(jid.bare(string(d, "jid")), None, string(d, "name").strip()),
    "offline_synced": lambda d: OfflineSynced(integer(d, "count") or 0),
    "lid_mapping": lambda d: LidMapped(jid.bare(string(d, "lid")), jid.bare(string(d, "pn"))),
}

KNOWN = frozenset(_CONVERTERS)
