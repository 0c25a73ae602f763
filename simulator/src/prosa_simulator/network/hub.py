"""What the parts of one network share."""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Account, Accounts, Device
from prosa_simulator.network.faults import Faults
from prosa_simulator.network.groups import Groups
from prosa_simulator.network.messages import MessageLog
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection
    from prosa_simulator.network.pairing import Pairing

StanzaHook = Callable[[str, Device | None, Node], None]
"""Called with ``"in"`` (from a client) or ``"out"``, the device if logged in, and the stanza."""

log = logging.getLogger("prosa_simulator.network")


@dataclass(slots=True)
class Options:
    """How the network behaves where real ones differ."""

    fast_prekeys: bool = True
    """Answer a new device's first count of prekeys with 1, so that it uploads 50 and not 812 (a second of CPU)."""
    list_phone_device: bool = False
    """List device 0, the phone, to those who ask for an account's devices; what is sent to it is swallowed."""
    max_companions: int = 4
    """How many devices an account may link, as on real phones."""


class Hub:
    """The register of accounts and connections, and the settings that apply to all."""

    def __init__(self, options: Options, message_limit: int) -> None:
        self.options = options
        self.accounts = Accounts()
        self.groups = Groups()
        self.connections: set[Connection] = set()
        self.pairings: dict[bytes, Pairing] = {}
        """Connections that wait to be linked, by each of their QR references."""
        self.messages = MessageLog(message_limit)
        self.faults = Faults(lambda: list(self.connections))
        self.media_host = ""
        self.on_stanza: StanzaHook | None = None
        self.changed = False
        """Whether anything worth saving happened since the state was last saved."""
        self._numbers = itertools.count(1)

    def number(self) -> str:
        """Return a new id for a stanza of the server."""
        return f"sim-{next(self._numbers)}"

    def unlink(self, device: Device) -> None:
        """Remove a device from its account: it is told if online, and refused at its next login otherwise."""
        if not device.linked:
            return
        device.linked = False
        device.account.devices.pop(device.number, None)
        device.pending.clear()
        if device.connection is not None:
            device.connection.stream_error(401, "device_removed")
        self.tell_devices_changed(device.account)

    def tell_devices_changed(self, account: Account) -> None:
        """Tell everyone who may have cached an account's device list that it changed."""
        self.changed = True
        for phone in (account.phone, *account.watchers):
            watcher = self.accounts.by_phone(phone)
            for device in watcher.devices.values() if watcher else ():
                if device.connection is None or not device.connection.active:
                    continue
                for sender in (account.jid, account.lid_jid):
                    update = [Node("update", {"hash": "changed"})]
                    notice = stanzas.notification("devices", update, number=self.number(), sender=sender)
                    device.connection.post(notice)
