"""Carrying messages, receipts and typing states between devices.

The server only moves ciphertext: a message names each device with its own encrypted copy (whatsmeow ``send.go``). What
a device has not acknowledged waits and is delivered again at its next login, so delivery is at least once.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Account, Device, PendingKey
from prosa_simulator.network.delivery import deliver
from prosa_simulator.network.jid import JID, LID_SERVER
from prosa_simulator.network.messages import MessageRecord
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

_NOT_PASSED_ON: Final = frozenset({"participants", "tctoken", "cstoken", "biz", "bot", "reporting", "enc"})
_ROUTING_ATTRS: Final = frozenset({
    "to", "participant", "recipient", "peer_recipient_pn", "peer_recipient_lid", "device_fanout", "phash", "t",
    "addressing_mode", "push_priority", "privacy_sensitive",
})  # fmt: skip
_READ_KINDS: Final = frozenset({"read", "played", "read-self", "played-self"})


def on_message(connection: "Connection", message: Node) -> None:
    """Acknowledge a message and pass each device its copy."""
    device, hub = connection.device, connection.hub
    if device is None:
        return
    number, to = message.text("id"), message.jid("to")
    if not _acknowledge(connection, device, message, to) or to is None:
        return
    record = hub.messages.record(number, device.jid, to, message.text("type"))
    participants = message.child("participants")
    if participants is None:
        _send_to_one(connection, device, message, record)
        return
    record.sends += 1
    shared = [child for child in message.children if child.tag not in _NOT_PASSED_ON]
    for copy in participants.find("to"):
        address = copy.jid("jid")
        target = hub.accounts.device(address) if address else None
        if target is None or target is device or device.account.phone in target.account.blocked:
            continue
        content = [child for child in copy.children if child.tag == "enc"] + shared
        _hand_over(connection, target, _addressed(message, device, to, target), content, record)


def on_receipt(connection: "Connection", receipt: Node) -> None:
    """Acknowledge a receipt, take what it confirms off the queue, and pass it on."""
    device, hub = connection.device, connection.hub
    to = receipt.jid("to")
    account = hub.accounts.find(to)
    if device is None or (hub.faults.any and hub.faults.take("receipt", device.account.phone)):
        return
    number, kind = receipt.text("id"), receipt.text("type")
    ack: dict[str, str | JID] = {"class": "receipt", "id": number}
    if to is not None:
        ack["from"] = to
    if kind:
        ack["type"] = kind
    connection.post(Node("ack", ack))
    if account is None or to is None:
        return
    for confirmed in (number, *_listed(receipt)):
        if kind not in _READ_KINDS:
            _settle(connection, device, ("message", confirmed, account.phone))
        record = hub.messages.get(confirmed)
        if record is not None:
            record.receipts.setdefault(device.jid, []).append(kind)
    _pass_receipt(connection, device, account, to, receipt)


def on_ack(connection: "Connection", ack: Node) -> None:
    """Take an acknowledged stanza off the device's queue."""
    device = connection.device
    account = connection.hub.accounts.find(ack.jid("to"))
    if device is None or account is None:
        return
    key: PendingKey = (ack.text("class"), ack.text("id"), account.phone)
    if key[0] == "receipt":
        key = (*key, str(ack.jid("to")), ack.text("type"))
    _settle(connection, device, key)


def on_chatstate(connection: "Connection", state: Node) -> None:
    """Pass on typing and recording states to the online devices of the other person."""
    device = connection.device
    to = state.jid("to")
    account = connection.hub.accounts.find(to)
    if device is None or account is None or to is None or account is device.account:
        return
    sender = device.account.in_form_of(to)
    for target in account.devices.values():
        if target.connection is not None and target.online:
            target.connection.post(Node("chatstate", {"from": sender}, state.content))


def on_presence(connection: "Connection", presence: Node) -> None:
    """Keep the push name a client announces; availability is not passed on."""
    name = presence.text("name")
    if connection.device is not None and name:
        connection.device.account.name = name
        connection.hub.changed = True


def _acknowledge(connection: "Connection", device: Device, message: Node, to: JID | None) -> bool:
    """Send the server's ack, unless a fault is in the way; returns whether to deliver the message."""
    ack: dict[str, str | JID] = {"class": "message", "id": message.text("id"), "t": stanzas.now()}
    if to is not None:
        ack["from"] = to
    faults, phone = connection.hub.faults, device.account.phone
    refused = faults.take("refuse", phone) if faults.any else None
    if refused is not None:
        connection.post(Node("ack", ack | {"error": str(refused.number)}))
        return False
    if faults.any and faults.take("lose", phone):
        return False
    if faults.any and faults.take("ack", phone):
        return True
    late = faults.take("late ack", phone) if faults.any else None
    if late is not None:
        asyncio.get_running_loop().call_later(late.seconds, connection.post, Node("ack", ack))
    else:
        connection.post(Node("ack", ack))
    return True


def _send_to_one(connection: "Connection", device: Device, message: Node, record: MessageRecord) -> None:
    """A message for one device: the answer to a retry receipt, or to an own device."""
    to = message.jid("participant") or message.jid("to")
    target = connection.hub.accounts.device(to) if to else None
    if to is None or target is None or target is device:
        return
    content = [child for child in message.children if child.tag == "enc" or child.tag not in _NOT_PASSED_ON]
    recipient = message.jid("recipient") if target.account is device.account else None
    attrs = _addressed(message, device, recipient or to.bare, target)
    attrs["t"] = message.text("t") or stanzas.now()
    _hand_over(connection, target, attrs, content, record)


def _hand_over(
    connection: "Connection",
    target: Device,
    attrs: dict[str, str | JID],
    content: list[Node],
    record: MessageRecord,
) -> None:
    if not any(child.tag == "enc" for child in content):
        return
    sender = connection.device.account.phone if connection.device else ""
    deliver(connection.hub, target, ("message", record.id, sender), Node("message", attrs, content))


def _addressed(message: Node, device: Device, to: JID, target: Device) -> dict[str, str | JID]:
    """The attributes of a message as the target sees it; ``from`` keeps the kind of address the sender used."""
    account = device.account
    attrs: dict[str, str | JID] = {name: value for name, value in message.attrs.items() if name not in _ROUTING_ATTRS}
    attrs["t"] = stanzas.now()
    attrs["from"] = account.in_form_of(to, device.number)
    if account.name:
        attrs["notify"] = account.name
    hidden = to.server == LID_SERVER
    if target.account is account:
        attrs["recipient"] = to
        other = message.attrs.get("peer_recipient_pn" if hidden else "peer_recipient_lid")
        if other is not None:
            attrs["peer_recipient_pn" if hidden else "peer_recipient_lid"] = other
    else:
        attrs["sender_pn" if hidden else "sender_lid"] = account.jid if hidden else account.lid_jid
    return attrs


def _pass_receipt(connection: "Connection", device: Device, account: Account, to: JID, receipt: Node) -> None:
    kind = receipt.text("type")
    sender = device.account.in_form_of(to, device.number)
    attrs: dict[str, str | JID] = {"id": receipt.text("id"), "from": sender, "t": stanzas.now()}
    if kind:
        attrs["type"] = kind
    for name in ("participant", "recipient", "category"):
        if name in receipt.attrs:
            attrs[name] = receipt.attrs[name]
    passed = Node("receipt", attrs, receipt.content)
    if account is not device.account and kind not in ("read-self", "played-self"):
        one = account.devices.get(to.device) if kind == "retry" else None
        for target in [one] if one else list(account.devices.values()):
            _queue_receipt(connection, target, passed)
    elif account is device.account and to.device and to.device in account.devices:
        _queue_receipt(connection, account.devices[to.device], passed)
    if kind in _READ_KINDS and account is not device.account:
        mine = Node("receipt", attrs | {"recipient": to.bare}, receipt.content)
        for target in list(device.account.devices.values()):
            if target is not device:
                _queue_receipt(connection, target, mine)


def _queue_receipt(connection: "Connection", target: Device, receipt: Node) -> None:
    sender = connection.device.account.phone if connection.device else ""
    key = ("receipt", receipt.text("id"), sender, receipt.text("from"), receipt.text("type"))
    deliver(connection.hub, target, key, receipt)


def _listed(receipt: Node) -> list[str]:
    listed = receipt.child("list")
    return [item.text("id") for item in listed.find("item")] if listed else []


def _settle(connection: "Connection", device: Device, key: PendingKey) -> None:
    if device.pending.pop(key, None) is not None:
        connection.hub.changed = True
