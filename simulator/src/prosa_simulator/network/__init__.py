"""A local WhatsApp network: real clients link, log in and chat with true end-to-end encryption, on loopback only."""

from prosa_simulator.network.accounts import Account, Device
from prosa_simulator.network.connection import Connection
from prosa_simulator.network.faults import Faults
from prosa_simulator.network.hub import Options
from prosa_simulator.network.jid import JID
from prosa_simulator.network.messages import MessageLog, MessageRecord
from prosa_simulator.network.node import Node
from prosa_simulator.network.pairing import PairingError
from prosa_simulator.network.phone import Phone
from prosa_simulator.network.server import Network

__all__ = [
    "JID",
    "Account",
    "Connection",
    "Device",
    "Faults",
    "MessageLog",
    "MessageRecord",
    "Network",
    "Node",
    "Options",
    "PairingError",
    "Phone",
]
