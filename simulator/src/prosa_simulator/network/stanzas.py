"""Builders for the stanzas a server sends."""

import time
from typing import Final

from prosa_simulator.network.jid import JID, SERVER
from prosa_simulator.network.node import Node

ERROR_TEXTS: Final[dict[int, str]] = {
    400: "bad-request",
    401: "not-authorized",
    403: "forbidden",
    404: "item-not-found",
    405: "not-allowed",
    406: "not-acceptable",
    500: "internal-server-error",
    503: "service-unavailable",
}
"""The text that goes with an error code (whatsmeow ``errors.go``)."""


def now() -> str:
    """Return the time as stanzas carry it: Unix seconds in decimal."""
    return str(int(time.time()))


def result(request: Node, content: list[Node] | None = None) -> Node:
    """Answer an iq."""
    return Node("iq", {"type": "result", "from": request.jid("to") or SERVER, "id": request.text("id")}, content)


def error(request: Node, code: int, text: str | None = None) -> Node:
    """Refuse an iq with a numeric code; the text defaults to the usual one."""
    child = Node("error", {"code": str(code), "text": text or ERROR_TEXTS.get(code, "error")})
    attrs: dict[str, str | JID] = {"type": "error", "from": request.jid("to") or SERVER, "id": request.text("id")}
    return Node("iq", attrs, [child])


def notification(kind: str, content: list[Node], *, number: str, sender: JID = SERVER) -> Node:
    """Make a notification of some type, with an id of its own."""
    return Node("notification", {"from": sender, "type": kind, "id": number, "t": now()}, content)


def stream_error(code: int | None, conflict: str | None = None) -> Node:
    """Make a stream error: a code, a conflict (``device_removed``, ``replaced``), or both."""
    attrs: dict[str, str | JID] = {} if code is None else {"code": str(code)}
    return Node("stream:error", attrs, [Node("conflict", {"type": conflict})] if conflict else None)


def failure(reason: int, **attrs: str) -> Node:
    """Refuse a login; ``reason`` as in whatsmeow ``types/events/events.go`` (ConnectFailureReason)."""
    return Node("failure", {"reason": str(reason), "location": "sim", **attrs})
