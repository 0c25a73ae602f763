"""Questions about people: devices, hidden addresses, who is on WhatsApp (whatsmeow ``user.go``)."""

from typing import TYPE_CHECKING

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Account
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.jid import JID, PN_SERVER
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection


def handle(connection: "Connection", request: Node) -> Node:
    """Answer an iq of namespace ``usync``."""
    usync = request.child("usync")
    query = usync.child("query") if usync else None
    people = usync.child("list") if usync else None
    if usync is None or query is None or people is None or connection.device is None:
        return stanzas.error(request, 400)
    asker = connection.device.account
    wanted = {part.tag: part for part in query.children}
    users = [_person(connection.hub, asker, user, wanted) for user in people.find("user")]
    content = [Node("result", None, [Node(tag) for tag in wanted]), Node("list", None, users)]
    attrs: dict[str, str | JID] = {
        name: value for name, value in usync.attrs.items() if name in ("sid", "index", "last", "mode", "context")
    }
    return stanzas.result(request, [Node("usync", attrs, content)])


def _person(hub: Hub, asker: Account, user: Node, wanted: dict[str, Node]) -> Node:
    asked = user.child("contact")
    if asked is not None:
        digits = "".join(char for char in asked.data.decode(errors="replace").partition("@")[0] if char.isdigit())
        account = hub.accounts.by_phone(digits)
        contact = Node("contact", {"type": "in" if account else "out"}, asked.data)
        if account is None:
            return Node("user", {"jid": JID(digits, PN_SERVER)}, [contact])
        by_lid = wanted["contact"].text("addressing_mode") == "lid" if "contact" in wanted else False
        attrs: dict[str, str | JID] = {"jid": account.jid}
        if by_lid:
            attrs = {"jid": account.lid_jid, "pn_jid": account.jid}
        return Node("user", attrs, [contact, *_facts(hub, asker, account, wanted)])
    jid = user.jid("jid")
    account = hub.accounts.find(jid)
    if jid is None or account is None:
        empty = [Node("devices", None, [Node("device-list")])] if "devices" in wanted else None
        return Node("user", {"jid": jid} if jid else None, empty)
    return Node("user", {"jid": jid.bare}, _facts(hub, asker, account, wanted))


def _facts(hub: Hub, asker: Account, account: Account, wanted: dict[str, Node]) -> list[Node]:
    facts: list[Node] = [Node("lid", {"val": account.lid_jid})]
    if "devices" in wanted:
        account.watchers.add(asker.phone)
        devices = [
            Node("device", {"id": str(device.number), "key-index": str(device.key_index)})
            for device in account.devices.values()
        ]
        if hub.options.list_phone_device:
            devices.insert(0, Node("device", {"id": "0"}))
        facts.insert(0, Node("devices", None, [Node("device-list", None, devices)]))
    if "status" in wanted:
        facts.append(Node("status", None, b""))
    return facts
