"""The network's state on disk, so that linked clients still work after the simulator restarts.

One JSON file, replaced whole: the server's keys, the accounts, their devices, prekeys and undelivered stanzas (in the
binary form they have on the wire), and the groups.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

from prosa_simulator.network import binary, groups
from prosa_simulator.network.accounts import Account, Accounts, Device, KeyBundle, PreKeys, SignedPreKey
from prosa_simulator.network.groups import Groups
from prosa_simulator.network.xeddsa import KeyPair

_VERSION: Final = 1


class StateError(Exception):
    """The file is not a state this version can read."""


def save(path: Path, accounts: Accounts, chats: Groups, keys: dict[str, bytes], ports: dict[str, int]) -> None:
    """Write the state, atomically.

    Args:
        path: the file; its folder must exist.
        accounts: every account.
        chats: every group.
        keys: the server's private keys, by name.
        ports: the ports last used, by name.

    Raises:
        OSError: the file cannot be written.
    """
    document = {
        "version": _VERSION,
        "keys": {name: _b64(key) for name, key in keys.items()},
        "ports": ports,
        "accounts": [_dump_account(account) for account in accounts],
        "groups": [groups.dump(group) for group in chats],
    }
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.chmod(0o600)
    os.replace(temporary, path)  # noqa: PTH105 - one call, atomic on every platform


def load(path: Path) -> tuple[Accounts, Groups, dict[str, bytes], dict[str, int]]:
    """Read what :func:`save` wrote.

    Raises:
        OSError: the file cannot be read.
        StateError: it is not such a file, or of another version.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != _VERSION:
            msg = f"state version {document['version']}, expected {_VERSION}"
            raise StateError(msg)
        accounts = Accounts()
        for item in document["accounts"]:
            accounts.add(_load_account(item))
        chats = Groups()
        for item in document.get("groups", []):  # files of before there were groups have none
            chats.add(groups.load(item, accounts))
        keys = {name: _raw(value) for name, value in document["keys"].items()}
        return accounts, chats, keys, dict(document["ports"])
    except (KeyError, TypeError, ValueError) as error:
        msg = f"not a saved network: {path}"
        raise StateError(msg) from error


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _dump_account(account: Account) -> dict[str, Any]:
    return {
        "phone": account.phone,
        "name": account.name,
        "identity": _b64(account.identity.private),
        "passkey": _b64(account.passkey_private),
        "require_passkey": account.require_passkey,
        "raw_id": account.raw_id,
        "next_device": account.next_device,
        "privacy": account.privacy,
        "blocked": account.blocked,
        "watchers": sorted(account.watchers),
        "primary": _dump_keys(account.primary) if account.primary else None,
        "devices": [_dump_device(device) for device in account.devices.values()],
    }


def _load_account(item: dict[str, Any]) -> Account:
    account = Account(
        phone=item["phone"],
        name=item["name"],
        identity=KeyPair.of(_raw(item["identity"])),
        passkey_private=_raw(item["passkey"]),
        require_passkey=item["require_passkey"],
        raw_id=item["raw_id"],
        next_device=item["next_device"],
        privacy=dict(item["privacy"]),
        blocked=list(item["blocked"]),
        watchers=set(item["watchers"]),
        primary=_load_keys(item["primary"]) if item["primary"] else None,
    )
    for entry in item["devices"]:
        device = _load_device(account, entry)
        account.devices[device.number] = device
    return account


def _dump_device(device: Device) -> dict[str, Any]:
    return {
        "number": device.number,
        "noise_key": _b64(device.noise_key),
        "keys": _dump_keys(device.keys),
        "key_index": device.key_index,
        "identity_proof": _b64(device.identity_proof),
        "platform": device.platform,
        "linked_at": device.linked_at,
        "count_asked": device.count_asked,
        "pending": [[list(key), _b64(binary.encode(node))] for key, node in device.pending.items()],
    }


def _load_device(account: Account, item: dict[str, Any]) -> Device:
    return Device(
        account=account,
        number=item["number"],
        noise_key=_raw(item["noise_key"]),
        keys=_load_keys(item["keys"]),
        key_index=item["key_index"],
        identity_proof=_raw(item["identity_proof"]),
        platform=item["platform"],
        linked_at=item["linked_at"],
        count_asked=item["count_asked"],
        pending={tuple(key): binary.decode(_raw(node)) for key, node in item["pending"]},
    )


def _dump_keys(keys: KeyBundle) -> dict[str, Any]:
    return {
        "registration": _b64(keys.registration),
        "identity": _b64(keys.identity),
        "signed": [_b64(keys.signed.number), _b64(keys.signed.value), _b64(keys.signed.signature)],
        "prekeys": _b64(keys.prekeys.raw()),
    }


def _load_keys(item: dict[str, Any]) -> KeyBundle:
    number, value, signature = (_raw(part) for part in item["signed"])
    signed = SignedPreKey(number, value, signature)
    return KeyBundle(_raw(item["registration"]), _raw(item["identity"]), signed, PreKeys(_raw(item["prekeys"])))
