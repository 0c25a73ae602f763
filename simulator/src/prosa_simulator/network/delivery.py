"""Delivery to one device: the queue of what it has not acknowledged, and the faults on the way."""

import asyncio
from typing import TYPE_CHECKING, Final

from prosa_simulator.network.accounts import Device, PendingKey
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.jid import JID, SERVER
from prosa_simulator.network.messages import MessageRecord
from prosa_simulator.network.node import Node
from prosa_simulator.network.prekeys import warn_if_low

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection


_NOT_PASSED_ON: Final = frozenset({"participants", "tctoken", "cstoken", "biz", "bot", "reporting", "enc"})
_ROUTING_ATTRS: Final = frozenset({
    "to", "participant", "recipient", "peer_recipient_pn", "peer_recipient_lid", "device_fanout", "phash", "t",
    "addressing_mode", "push_priority", "privacy_sensitive",
})  # fmt: skip


def passed_on(message: Node) -> list[Node]:
    """Return the children of a message that every device gets, beside its ciphertexts."""
    return [child for child in message.children if child.tag not in _NOT_PASSED_ON]


def routed(message: Node) -> dict[str, str | JID]:
    """Return the attributes of a message that its recipients see as they are."""
    return {name: value for name, value in message.attrs.items() if name not in _ROUTING_ATTRS}


def hand_over(
    hub: Hub, sender: Device, target: Device, attrs: dict[str, str | JID], content: list[Node], record: MessageRecord
) -> None:
    """Deliver a message to a device, if there is a ciphertext for it."""
    if any(child.tag == "enc" for child in content):
        deliver(hub, target, ("message", record.id, sender.account.phone), Node("message", attrs, content))


def deliver(hub: Hub, device: Device, key: PendingKey, stanza: Node) -> None:
    """Queue a stanza until the device acknowledges it, and send it now if the device is online."""
    device.pending[key] = stanza
    hub.changed = True
    if device.connection is not None and device.online:
        _transmit(hub, device, device.connection, stanza)


def deliver_waiting(connection: "Connection") -> None:
    """Send a device all it has not acknowledged, between the two marks clients expect (whatsmeow ``handleIB``)."""
    device, hub = connection.device, connection.hub
    if device is None:
        return
    connection.active = True
    waiting = list(device.pending.values())
    if waiting:
        counts = {tag: sum(node.tag == tag for node in waiting) for tag in ("message", "receipt", "notification")}
        preview = {"count": str(len(waiting)), "appdata": "0"} | {tag: str(count) for tag, count in counts.items()}
        connection.post(Node("ib", {"from": SERVER}, [Node("offline_preview", {**preview})]))
    for stanza in waiting:
        _transmit(hub, device, connection, Node(stanza.tag, stanza.attrs | {"offline": "0"}, stanza.content))
    connection.post(Node("ib", {"from": SERVER}, [Node("offline", {"count": str(len(waiting))})]))
    warn_if_low(hub, device)


def _transmit(hub: Hub, device: Device, connection: "Connection", stanza: Node) -> None:
    if stanza.tag != "message":
        connection.post(stanza)
        return
    record = hub.messages.get(stanza.text("id"))
    if record is not None:
        record.deliveries[device.jid] = record.deliveries.get(device.jid, 0) + 1
    if hub.faults.any:
        _transmit_with_faults(hub, device.account.phone, connection, stanza)
    else:
        connection.post(stanza)


def _transmit_with_faults(hub: Hub, phone: str, connection: "Connection", stanza: Node) -> None:
    faults = hub.faults
    if faults.take("corrupt", phone):
        stanza = _corrupted(stanza)
    reorder = faults.take("reorder", phone)
    if reorder is not None:
        faults.hold(reorder, connection, stanza)
        return
    delay = faults.take("delay", phone)
    copies = 2 if faults.take("duplicate", phone) else 1
    for _ in range(copies):
        if delay is not None:
            asyncio.get_running_loop().call_later(delay.seconds, connection.post, stanza)
        else:
            connection.post(stanza)


def _corrupted(stanza: Node) -> Node:
    """Copy a message with the last byte of each ciphertext changed."""
    content = []
    for child in stanza.children:
        data = child.data
        if child.tag == "enc" and data:
            content.append(Node("enc", child.attrs, data[:-1] + bytes((data[-1] ^ 0xFF,))))
        else:
            content.append(child)
    return Node(stanza.tag, stanza.attrs, content)
