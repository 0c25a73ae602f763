"""Which part answers each stanza of a client."""

from typing import Final

from prosa_simulator.network import iq, relay
from prosa_simulator.network.connection import Connection, Handler
from prosa_simulator.network.node import Node

HANDLERS: Final[dict[str, Handler]] = {
    "iq": iq.handle,
    "message": relay.on_message,
    "receipt": relay.on_receipt,
    "ack": relay.on_ack,
    "chatstate": relay.on_chatstate,
    "presence": relay.on_presence,
}
"""What answers each stanza of a client; others (``ib``, ``call``) are ignored."""


def dispatch(connection: Connection, stanza: Node) -> None:
    """Hand a stanza to the part that answers it."""
    handler = HANDLERS.get(stanza.tag)
    if handler is not None:
        handler(connection, stanza)
