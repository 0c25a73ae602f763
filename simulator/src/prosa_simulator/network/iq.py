"""Answers to a logged-in client's iqs, by namespace. Every iq is answered, the unknown ones with an empty result."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import membership, prekeys, stanzas, usync
from prosa_simulator.network.delivery import deliver_waiting
from prosa_simulator.network.jid import JID
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

Answer = Callable[["Connection", Node], Node | None]

MEDIA_TTL: Final = 300
"""Seconds a client may keep the media server's address."""
_PRIVACY_DEFAULTS: Final = dict.fromkeys(
    ("readreceipts", "profile", "status", "online", "last", "groupadd", "calladd"), "all"
)


def handle(connection: "Connection", request: Node) -> None:
    """Answer one iq of type get or set."""
    device = connection.device
    namespace = request.text("xmlns")
    if device is None:
        if connection.pairing is not None and namespace == "md":
            connection.pairing.handle(request)
        else:
            connection.post(stanzas.result(request))
        return
    faults = connection.hub.faults
    if faults.any and faults.take(f"iq {namespace}", device.account.phone):
        return
    answer = ANSWERS.get(namespace, _empty)(connection, request)
    if answer is not None:
        connection.post(answer)


def _empty(_connection: "Connection", request: Node) -> Node:
    return stanzas.result(request)


def _passive(connection: "Connection", request: Node) -> None:
    connection.post(stanzas.result(request))
    if request.child("active") is not None:
        deliver_waiting(connection)
    elif request.child("passive") is not None:
        connection.active = False


def _media_conn(connection: "Connection", request: Node) -> Node:
    attrs: dict[str, str | JID] = {
        "auth": "simulator",
        "ttl": str(MEDIA_TTL),
        "auth_ttl": str(MEDIA_TTL),
        "max_buckets": "12",
    }
    host = Node("host", {"hostname": connection.hub.media_host, "type": "primary"})
    return stanzas.result(request, [Node("media_conn", attrs, [host])])


def _privacy(connection: "Connection", request: Node) -> Node:
    if connection.device is None:
        return stanzas.error(request, 401)
    account = connection.device.account
    asked = request.child("privacy")
    if request.text("type") == "set":
        for category in asked.find("category") if asked else ():
            account.privacy[category.text("name")] = category.text("value")
            connection.hub.changed = True
        return stanzas.result(request)
    settings = _PRIVACY_DEFAULTS | account.privacy
    categories = [Node("category", {"name": name, "value": value}) for name, value in settings.items()]
    return stanzas.result(request, [Node("privacy", None, categories)])


def _blocklist(connection: "Connection", request: Node) -> Node:
    if connection.device is None:
        return stanzas.error(request, 401)
    account = connection.device.account
    for item in request.find("item"):
        person = connection.hub.accounts.find(item.jid("jid"))
        if person is not None and person.phone in account.blocked:
            account.blocked.remove(person.phone)
        if person is not None and item.text("action") == "block":
            account.blocked.append(person.phone)
        connection.hub.changed = True
    blocked = (connection.hub.accounts.by_phone(phone) for phone in account.blocked)
    items = [Node("item", {"jid": person.lid_jid}) for person in blocked if person]
    return stanzas.result(request, [Node("list", {"dhash": str(len(items))}, items)])


def _app_state(_connection: "Connection", request: Node) -> Node:
    # App state is encrypted with keys that only the phone hands out; there is none here, so every collection is empty.
    sync = request.child("sync")
    collections = [
        Node("collection", {"name": item.text("name"), "version": item.text("version", "0"), "type": "result"})
        for item in (sync.find("collection") if sync else ())
    ]
    return stanzas.result(request, [Node("sync", None, collections)])


def _picture(_connection: "Connection", request: Node) -> Node:
    return stanzas.error(request, 404)


def _experiments(_connection: "Connection", request: Node) -> Node:
    attrs: dict[str, str | JID] = {
        "protocol": "1",
        "ab_key": "simulator",
        "hash": "simulator",
        "refresh": "86400",
        "refresh_id": "1",
    }
    prop = Node("prop", {"config_code": "1", "config_value": "0"})
    return stanzas.result(request, [Node("props", attrs, [prop])])


def _multi_device(connection: "Connection", request: Node) -> Node | None:
    removal = request.child("remove-companion-device")
    if removal is None or connection.device is None:
        return stanzas.result(request)
    connection.post(stanzas.result(request))
    jid = removal.jid("jid")
    named = connection.hub.accounts.device(jid) if jid else connection.device
    if named is not None and named.account is connection.device.account:
        connection.hub.unlink(named)
    return None


ANSWERS: Final[dict[str, Answer]] = {
    "abt": _experiments,
    "blocklist": _blocklist,
    "encrypt": prekeys.handle,
    "md": _multi_device,
    "passive": _passive,
    "privacy": _privacy,
    "usync": usync.handle,
    "w:g2": membership.handle,
    "w:m": _media_conn,
    "w:profile:picture": _picture,
    "w:sync:app:state": _app_state,
}
"""The answer to each namespace; add an entry to teach the server something new."""
