"""Carrying what is said in a group to every device of every member.

A message has one ciphertext for all, made with the sender's key for the group (``skmsg``), and for some devices a
private one that hands this key over (whatsmeow ``send.go``: ``sendGroup``). Answers to a retry receipt name one device
in ``participant``.
"""

from typing import TYPE_CHECKING

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Device
from prosa_simulator.network.delivery import hand_over, passed_on, routed
from prosa_simulator.network.groups import Group
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.jid import JID
from prosa_simulator.network.messages import MessageRecord
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection


def refusal(group: Group | None, device: Device) -> str | None:
    """Return the error of an ack for a message to a group, if the device may not write there."""
    if group is None:
        return "404"
    return None if device.account in group else "403"


def acknowledgement(hub: Hub, group: Group, message: Node) -> dict[str, str | JID]:
    """Return what an ack says beside the usual: whom the sender should have written to, where it wrote to others."""
    told = message.text("phash")
    members = group.hash_of(hub.accounts, with_phones=hub.options.list_phone_device)
    return {"phash": members} if told and told != members else {}


def carry(hub: Hub, device: Device, message: Node, group: Group, record: MessageRecord) -> None:
    """Pass each device its copy of a message."""
    attrs = routed(message) | group.authored(device.account, device.number)
    attrs["t"] = stanzas.now()
    if device.account.name:
        attrs["notify"] = device.account.name
    shared = passed_on(message)
    common = list(message.find("enc"))
    again = message.jid("participant")
    if again is not None:
        target = hub.accounts.device(again)
        if target is not None and target.account in group:
            attrs["t"] = message.text("t") or attrs["t"]
            hand_over(hub, device, target, attrs, common + shared, record)
        return
    record.sends += 1
    copies = message.child("participants")
    own = {hub.accounts.device(jid): copy for copy in (copies.children if copies else ()) if (jid := copy.jid("jid"))}
    for target in group.devices(hub.accounts):
        if target is not device:
            private = list(own[target].find("enc")) if target in own else []
            hand_over(hub, device, target, attrs, private + common + shared, record)


def chatstate(connection: "Connection", device: Device, group: Group, state: Node) -> None:
    """Pass on a typing or recording state to the online devices of the others in the group."""
    if device.account not in group:
        return
    attrs = group.authored(device.account)
    for target in group.devices(connection.hub.accounts):
        if target.account is not device.account and target.connection is not None and target.online:
            target.connection.post(Node("chatstate", attrs, state.content))
