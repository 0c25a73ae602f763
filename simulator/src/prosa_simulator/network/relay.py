"""Carrying messages, receipts and typing states between devices.

The server only moves ciphertext: a message names each device with its own encrypted copy (whatsmeow ``send.go``). What
a device has not acknowledged waits and is delivered again at its next login, so delivery is at least once.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import group_relay, stanzas
from prosa_simulator.network.accounts import Account, Device, PendingKey
from prosa_simulator.network.delivery import deliver, hand_over, passed_on, routed
from prosa_simulator.network.groups import Group
from prosa_simulator.network.jid import GROUP_SERVER, JID, LID_SERVER
from prosa_simulator.network.messages import MessageRecord
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

_READ_KINDS: Final = frozenset({"read", "played", "read-self", "played-self"})


def on_message(connection: "Connection", message: Node) -> None:
    """Acknowledge a message and pass each device its copy."""
    device, hub = connection.device, connection.hub
    if device is None:
        return
    number, to = message.text("id"), message.jid("to")
    group = hub.groups.find(to)
    if to is not None and to.server == GROUP_SERVER:
        said = _of_group(connection, device, message, to, group)
    else:
        said = _acknowledge(connection, device, message, to)
    if not said or to is None:
        return
    record = hub.messages.record(number, device.jid, to, message.text("type"))
    if group is not None:
        group_relay.carry(hub, device, message, group, record)
        return
    participants = message.child("participants")
    if participants is None:
        _send_to_one(connection, device, message, record)
        return
    record.sends += 1
    shared = passed_on(message)
    for copy in participants.find("to"):
        address = copy.jid("jid")
        target = hub.accounts.device(address) if address else None
        if target is None or target is device or device.account.phone in target.account.blocked:
            continue
        content = [child for child in copy.children if child.tag == "enc"] + shared
        hand_over(hub, device, target, _addressed(message, device, to, target), content, record)


def on_receipt(connection: "Connection", receipt: Node) -> None:
    """Acknowledge a receipt, take what it confirms off the queue, and pass it on."""
    device, hub = connection.device, connection.hub
    to = receipt.jid("to")
    group = hub.groups.find(to)
    author = to if group is None else receipt.jid("participant")
    account = hub.accounts.find(author)
    if device is None or (hub.faults.any and hub.faults.take("receipt", device.account.phone)):
        return
    number, kind = receipt.text("id"), receipt.text("type")
    ack: dict[str, str | JID] = {"class": "receipt", "id": number}
    if to is not None:
        ack["from"] = to
    if kind:
        ack["type"] = kind
    connection.post(Node("ack", ack))
    if account is None or author is None:
        return
    for confirmed in (number, *_listed(receipt)):
        if kind not in _READ_KINDS:
            _settle(connection, device, ("message", confirmed, account.phone))
        record = hub.messages.get(confirmed)
        if record is not None:
            record.receipts.setdefault(device.jid, []).append(kind)
    _pass_receipt(connection, account, author, group, receipt)


def on_ack(connection: "Connection", ack: Node) -> None:
    """Take an acknowledged stanza off the device's queue."""
    device, to = connection.device, ack.jid("to")
    if device is None or to is None:
        return
    kind, number = ack.text("class"), ack.text("id")
    if kind == "notification":
        _settle(connection, device, (kind, number, to.user))
        return
    author = ack.jid("participant") if to.server == GROUP_SERVER else to
    account = connection.hub.accounts.find(author)
    if account is None:
        return
    key: PendingKey = (kind, number, account.phone)
    if kind == "receipt":
        key = (*key, str(author), ack.text("type"))
    _settle(connection, device, key)


def on_chatstate(connection: "Connection", state: Node) -> None:
    """Pass on typing and recording states to the online devices of the other person."""
    device = connection.device
    to = state.jid("to")
    group = connection.hub.groups.find(to)
    if device is not None and group is not None:
        group_relay.chatstate(connection, device, group, state)
        return
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


def _of_group(connection: "Connection", device: Device, message: Node, to: JID, group: Group | None) -> bool:
    """Acknowledge or refuse a message for a group; returns whether to deliver it."""
    error = group_relay.refusal(group, device)
    if group is None or error is not None:
        refused: dict[str, str | JID] = {"class": "message", "id": message.text("id"), "t": stanzas.now(), "from": to}
        refused["error"] = error or ""
        connection.post(Node("ack", refused))
        return False
    return _acknowledge(connection, device, message, to, group_relay.acknowledgement(connection.hub, group, message))


def _acknowledge(
    connection: "Connection", device: Device, message: Node, to: JID | None, more: dict[str, str | JID] | None = None
) -> bool:
    """Send the server's ack, unless a fault is in the way; returns whether to deliver the message."""
    ack: dict[str, str | JID] = {"class": "message", "id": message.text("id"), "t": stanzas.now(), **(more or {})}
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
    content = [*message.find("enc"), *passed_on(message)]
    recipient = message.jid("recipient") if target.account is device.account else None
    attrs = _addressed(message, device, recipient or to.bare, target)
    attrs["t"] = message.text("t") or stanzas.now()
    hand_over(connection.hub, device, target, attrs, content, record)


def _addressed(message: Node, device: Device, to: JID, target: Device) -> dict[str, str | JID]:
    """The attributes of a message as the target sees it; ``from`` keeps the kind of address the sender used."""
    account = device.account
    attrs = routed(message)
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


def _pass_receipt(connection: "Connection", account: Account, author: JID, group: Group | None, receipt: Node) -> None:
    """Pass a receipt to the devices of whoever wrote the messages, and reading to the reader's other devices."""
    device, kind = connection.device, receipt.text("type")
    if device is None:
        return
    attrs = _receipt_attrs(device, author, group, receipt)
    passed = Node("receipt", attrs, receipt.content)
    if account is not device.account and kind not in ("read-self", "played-self"):
        one = account.devices.get(author.device) if kind == "retry" else None
        for target in [one] if one else list(account.devices.values()):
            _queue_receipt(connection, target, passed)
    elif account is device.account and author.device and author.device in account.devices:
        _queue_receipt(connection, account.devices[author.device], passed)
    if kind in _READ_KINDS and account is not device.account:
        mine = Node("receipt", attrs | {"recipient": author.bare}, receipt.content)
        for target in list(device.account.devices.values()):
            if target is not device:
                _queue_receipt(connection, target, mine)


def _receipt_attrs(device: Device, author: JID, group: Group | None, receipt: Node) -> dict[str, str | JID]:
    """The attributes of a receipt as others see it."""
    if group is None:
        attrs: dict[str, str | JID] = {"from": device.account.in_form_of(author, device.number)}
    else:
        attrs = group.authored(device.account, device.number)
    attrs |= {"id": receipt.text("id"), "t": stanzas.now()}
    return attrs | {name: receipt.attrs[name] for name in ("type", "recipient", "category") if name in receipt.attrs}


def _queue_receipt(connection: "Connection", target: Device, receipt: Node) -> None:
    sender = connection.device.account.phone if connection.device else ""
    author = receipt.text("participant") or receipt.text("from")
    deliver(connection.hub, target, ("receipt", receipt.text("id"), sender, author, receipt.text("type")), receipt)


def _listed(receipt: Node) -> list[str]:
    listed = receipt.child("list")
    return [item.text("id") for item in listed.find("item")] if listed else []


def _settle(connection: "Connection", device: Device, key: PendingKey) -> None:
    if device.pending.pop(key, None) is not None:
        connection.hub.changed = True
