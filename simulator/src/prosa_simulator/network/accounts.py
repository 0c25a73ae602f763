"""People on the network: an account per phone number, its linked devices, their keys and waiting stanzas."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from prosa_simulator.network.jid import JID, LID_SERVER, PN_SERVER
from prosa_simulator.network.node import Node
from prosa_simulator.network.xeddsa import KeyPair, sign

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

_PHONE = re.compile(r"[1-9][0-9]{6,14}\Z")
_PREKEY_SIZE: Final = 3 + 32
PRIMARY_PREKEYS: Final = 100
"""One-time keys the phone makes at a time, when another device wants to encrypt for it."""

PendingKey = tuple[str, ...]


class PreKeys:
    """One-time prekeys as raw bytes, first in first out (35 bytes each: 3 of id, 32 of key)."""

    __slots__ = ("_head", "_raw")

    def __init__(self, raw: bytes = b"") -> None:
        self._raw = bytearray(raw)
        self._head = 0

    def __len__(self) -> int:
        return (len(self._raw) - self._head) // _PREKEY_SIZE

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for start in range(self._head, len(self._raw), _PREKEY_SIZE):
            yield bytes(self._raw[start : start + 3]), bytes(self._raw[start + 3 : start + _PREKEY_SIZE])

    def add(self, keys: list[tuple[bytes, bytes]]) -> None:
        """Add keys (id, value), dropping those whose id is already here."""
        known = {number for number, _ in self}
        for number, value in keys:
            if len(number) == 3 and len(value) == 32 and number not in known:
                self._raw += number + value

    def take(self) -> tuple[bytes, bytes] | None:
        """Remove and return the oldest key, if any."""
        if not len(self):
            return None
        start = self._head
        self._head += _PREKEY_SIZE
        key = bytes(self._raw[start : start + 3]), bytes(self._raw[start + 3 : self._head])
        if self._head >= 50 * _PREKEY_SIZE:
            del self._raw[: self._head]
            self._head = 0
        return key

    def raw(self) -> bytes:
        """Return the keys left, as stored."""
        return bytes(self._raw[self._head :])


@dataclass(slots=True)
class SignedPreKey:
    """A device's medium-term key: id (3 bytes), public key (32) and signature (64)."""

    number: bytes = b""
    value: bytes = b""
    signature: bytes = b""


@dataclass(slots=True)
class KeyBundle:
    """What another device needs to start an encrypted session with this one."""

    registration: bytes
    identity: bytes
    signed: SignedPreKey
    prekeys: PreKeys = field(default_factory=PreKeys)


@dataclass(slots=True, eq=False)
class Device:
    """A linked (companion) device of an account."""

    account: "Account"
    number: int
    noise_key: bytes
    keys: KeyBundle
    key_index: int
    identity_proof: bytes
    """The serialized ADVSignedDeviceIdentity, signed by phone and device."""
    platform: str = ""
    linked_at: float = field(default_factory=time.time)
    pending: dict[PendingKey, Node] = field(default_factory=dict)
    """Stanzas not yet acknowledged, oldest first; delivered again at the next login."""
    connection: "Connection | None" = None
    low_keys_told: bool = False
    count_asked: bool = False
    linked: bool = True

    @property
    def jid(self) -> JID:
        """The device's phone-number address."""
        return JID(self.account.phone, PN_SERVER, self.number)

    @property
    def lid(self) -> JID:
        """The device's hidden address."""
        return JID(self.account.lid, LID_SERVER, self.number)

    @property
    def online(self) -> bool:
        """Whether it is connected, logged in and asked for its messages."""
        return self.connection is not None and self.connection.active

    def __repr__(self) -> str:
        return f"<Device {self.jid}>"


@dataclass(slots=True, eq=False)
class Account:
    """A person: phone number, hidden id, the phone's keys, and the devices linked to it."""

    phone: str
    name: str
    identity: KeyPair = field(default_factory=KeyPair.generate)
    passkey_private: bytes = b""
    require_passkey: bool = False
    raw_id: int = field(default_factory=lambda: int.from_bytes(os.urandom(4), "big") & 0x7FFFFFFF)
    next_device: int = 1
    devices: dict[int, Device] = field(default_factory=dict)
    primary: KeyBundle | None = None
    privacy: dict[str, str] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)
    watchers: set[str] = field(default_factory=set)
    """Phone numbers that asked for this account's devices, and so may have cached the list."""

    @property
    def lid(self) -> str:
        """The user part of the hidden address."""
        return lid_of(self.phone)

    @property
    def jid(self) -> JID:
        """The phone-number address."""
        return JID(self.phone, PN_SERVER)

    @property
    def lid_jid(self) -> JID:
        """The hidden address."""
        return JID(self.lid, LID_SERVER)

    def in_form_of(self, other: JID, device: int = 0) -> JID:
        """Return this account's address on the same server (phone number or hidden) as another address."""
        user = self.lid if other.server == LID_SERVER else self.phone
        return JID(user, LID_SERVER if other.server == LID_SERVER else PN_SERVER, device)

    def primary_keys(self) -> KeyBundle:
        """Return the phone's own prekeys, made when first needed."""
        if self.primary is None:
            key = KeyPair.generate()
            signed = SignedPreKey(b"\0\0\1", key.public, sign(self.identity.private, b"\5" + key.public))
            self.primary = KeyBundle(os.urandom(3).rjust(4, b"\0"), self.identity.public, signed)
        if not len(self.primary.prekeys):
            fresh = [(number.to_bytes(3, "big"), KeyPair.generate().public) for number in range(1, PRIMARY_PREKEYS + 1)]
            self.primary.prekeys.add(fresh)
        return self.primary


class Accounts:
    """Every account, found by phone number or by address."""

    def __init__(self) -> None:
        self._by_phone: dict[str, Account] = {}
        self._by_lid: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_phone.values())

    def __len__(self) -> int:
        return len(self._by_phone)

    def create(self, phone: str, name: str | None = None) -> Account:
        """Return the account of a phone number (digits, with country code), making it when new.

        Raises:
            ValueError: it is not a phone number.
        """
        account = self._by_phone.get(phone)
        if account is None:
            if not _PHONE.match(phone):
                msg = f"not a phone number in international digits: {phone!r}"
                raise ValueError(msg)
            account = Account(phone, name or phone)
            self.add(account)
        elif name:
            account.name = name
        return account

    def add(self, account: Account) -> None:
        """Put an account in the register."""
        self._by_phone[account.phone] = account
        self._by_lid[account.lid] = account

    def by_phone(self, phone: str) -> Account | None:
        """Find an account by its digits."""
        return self._by_phone.get(phone)

    def find(self, jid: JID | None) -> Account | None:
        """Find the account of a phone-number or hidden address, with or without a device."""
        if jid is None:
            return None
        return (self._by_lid if jid.server == LID_SERVER else self._by_phone).get(jid.user)

    def device(self, jid: JID) -> Device | None:
        """Find a linked device by its address."""
        account = self.find(jid)
        return account.devices.get(jid.device) if account else None


@lru_cache(maxsize=65536)
def lid_of(phone: str) -> str:
    """Derive the hidden id of a phone number: 15 digits, always the same."""
    number = int.from_bytes(hashlib.sha256(b"lid:" + phone.encode()).digest()[:8], "big")
    return str(10**14 + number % (9 * 10**14))
