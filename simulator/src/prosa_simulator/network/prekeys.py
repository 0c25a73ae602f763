"""The store of prekeys: iqs of namespace ``encrypt`` (whatsmeow ``prekeys.go``, Baileys ``pre-key-manager``)."""

import hashlib
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Account, Device, KeyBundle, SignedPreKey
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.jid import JID
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

_CURVE25519: Final = b"\x05"
LOW_PREKEYS: Final = 5
"""With fewer than this left a client uploads new ones when told (whatsmeow ``MinPreKeyCount``)."""


def handle(connection: "Connection", request: Node) -> Node:
    """Answer an iq of namespace ``encrypt``."""
    device = connection.device
    if device is None:
        return stanzas.error(request, 401)
    wanted = request.child("key")
    if wanted is not None and request.text("type") == "get":
        users = [_bundle(connection.hub, user) for user in wanted.find("user")]
        return stanzas.result(request, [Node("list", None, users)])
    if request.child("count") is not None:
        return stanzas.result(request, [Node("count", {"value": str(_count(connection.hub, device))})])
    if request.child("digest") is not None:
        return stanzas.result(request, [_digest(device.keys)])
    if request.child("rotate") is not None:
        return _rotate(request, device)
    if request.child("list") is not None:
        return _upload(connection.hub, request, device)
    return stanzas.error(request, 400)


def _count(hub: Hub, device: Device) -> int:
    # Told 1, a new client uploads 50 keys; told 0, it makes 812.
    asked, device.count_asked = device.count_asked, True
    count = len(device.keys.prekeys)
    return 1 if hub.options.fast_prekeys and not asked and count == 0 else count


def _upload(hub: Hub, request: Node, device: Device) -> Node:
    children = {child.tag: child for child in request.children}
    if not {"registration", "identity", "list", "skey"} <= children.keys():
        return stanzas.error(request, 400)
    if children["identity"].data != device.keys.identity:
        return stanzas.error(request, 406)
    device.keys.registration = children["registration"].data
    device.keys.signed = _signed(children["skey"])
    keys = ({part.tag: part.data for part in key.children} for key in children["list"].find("key"))
    device.keys.prekeys.add([(key.get("id", b""), key.get("value", b"")) for key in keys])
    device.low_keys_told = False
    hub.changed = True
    return stanzas.result(request)


def _rotate(request: Node, device: Device) -> Node:
    rotate = request.child("rotate")
    skey = rotate.child("skey") if rotate else None
    if skey is None:
        return stanzas.error(request, 400)
    device.keys.signed = _signed(skey)
    return stanzas.result(request)


def _signed(node: Node) -> SignedPreKey:
    parts = {part.tag: part.data for part in node.children}
    return SignedPreKey(parts.get("id", b""), parts.get("value", b""), parts.get("signature", b""))


def _bundle(hub: Hub, user: Node) -> Node:
    """Answer for one device, using up one of its one-time keys."""
    jid = user.jid("jid")
    account = hub.accounts.find(jid)
    keys, proof = _keys_of(account, jid)
    if jid is None or keys is None:
        missing = Node("error", {"code": "404", "text": stanzas.ERROR_TEXTS[404]})
        return Node("user", dict(user.attrs), [missing])
    one_time = keys.prekeys.take()
    hub.changed = True
    content = [
        Node("registration", None, keys.registration),
        Node("type", None, _CURVE25519),
        Node("identity", None, keys.identity),
    ]
    if one_time is not None:
        content.append(Node("key", None, [Node("id", None, one_time[0]), Node("value", None, one_time[1])]))
    content.append(_skey(keys.signed))
    if proof:
        content.append(Node("device-identity", None, proof))
    device = account.devices.get(jid.device) if account else None
    if device is not None:
        warn_if_low(hub, device)
    return Node("user", {"jid": jid}, content)


def _keys_of(account: Account | None, jid: JID | None) -> tuple[KeyBundle | None, bytes]:
    if account is None or jid is None:
        return None, b""
    if jid.device == 0:
        return account.primary_keys(), b""
    device = account.devices.get(jid.device)
    return (device.keys, device.identity_proof) if device else (None, b"")


def warn_if_low(hub: Hub, device: Device) -> None:
    """Tell an online device once that its one-time keys run out."""
    left = len(device.keys.prekeys)
    if left >= LOW_PREKEYS or device.low_keys_told or device.connection is None or not device.online:
        return
    device.low_keys_told = True
    count = Node("count", {"value": str(left)})
    device.connection.post(stanzas.notification("encrypt", [count], number=hub.number()))


def _skey(signed: SignedPreKey) -> Node:
    return Node(
        "skey",
        None,
        [
            Node("id", None, signed.number),
            Node("value", None, signed.value),
            Node("signature", None, signed.signature),
        ],
    )


def _digest(keys: KeyBundle) -> Node:
    """What Baileys compares with its own keys: SHA-1 over identity, signed key and every one-time key, in order."""
    prekeys = list(keys.prekeys)
    digest = hashlib.sha1(keys.identity + keys.signed.value, usedforsecurity=False)
    for _, value in prekeys:
        digest.update(value)
    return Node(
        "digest",
        None,
        [
            Node("registration", None, keys.registration),
            Node("type", None, _CURVE25519),
            Node("identity", None, keys.identity),
            _skey(keys.signed),
            Node("list", None, [Node("id", None, number) for number, _ in prekeys]),
            Node("hash", None, digest.digest()),
        ],
    )
