"""Groups: who is in them, and how stanzas describe them (whatsmeow ``group.go``: ``parseGroupNode``).

A group names its members by their hidden addresses (``lid``, as groups made today do) or by phone number (``pn``).
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from prosa_simulator.network.accounts import Account, Accounts, Device
from prosa_simulator.network.jid import GROUP_SERVER, JID, LID_SERVER, PN_SERVER
from prosa_simulator.network.node import Node

Addressing = Literal["lid", "pn"]

ADDRESSINGS: Final[tuple[Addressing, ...]] = get_args(Addressing)
MAX_SUBJECT: Final = 100
"""Characters in a group's name, as WhatsApp's apps take them."""


@dataclass(slots=True, eq=False)
class Group:
    """A group: its name, and its members by phone number (with whether each is an admin)."""

    id: str
    subject: str
    creator: Account
    members: dict[str, bool]
    addressing: Addressing = "lid"
    created_at: int = field(default_factory=lambda: int(time.time()))
    subject_at: int = field(default_factory=lambda: int(time.time()))

    def __repr__(self) -> str:
        return f"<Group {self.jid} {self.subject!r}>"

    @property
    def jid(self) -> JID:
        """The group's address."""
        return JID(self.id, GROUP_SERVER)

    @property
    def kind(self) -> JID:
        """Some address of the kind by which this group names people; for `Account.in_form_of`."""
        return JID("", LID_SERVER if self.addressing == "lid" else PN_SERVER)

    def __contains__(self, account: Account) -> bool:
        return account.phone in self.members

    def name(self, account: Account, device: int = 0) -> JID:
        """Return the address by which the group names a person."""
        return account.in_form_of(self.kind, device)

    def other_name(self, account: Account) -> JID:
        """Return a person's address of the other kind."""
        return account.jid if self.addressing == "lid" else account.lid_jid

    def authored(self, account: Account, device: int = 0) -> dict[str, str | JID]:
        """Return the attributes of a stanza from the group that somebody in it caused."""
        alternative = "participant_pn" if self.addressing == "lid" else "participant_lid"
        return {
            "from": self.jid,
            "participant": self.name(account, device),
            alternative: self.other_name(account),
            "addressing_mode": self.addressing,
        }

    def participant(self, account: Account) -> Node:
        """Describe one person, of the group or not."""
        attrs: dict[str, str | JID] = {
            "jid": self.name(account),
            "phone_number" if self.addressing == "lid" else "lid": self.other_name(account),
        }
        if self.members.get(account.phone):
            attrs["type"] = "superadmin" if account is self.creator else "admin"
        return Node("participant", attrs)

    def node(self, accounts: Accounts) -> Node:
        """Describe the group."""
        attrs: dict[str, str | JID] = {
            "id": self.id, "subject": self.subject, "creation": str(self.created_at), "s_t": str(self.subject_at),
            "creator": self.name(self.creator), "s_o": self.name(self.creator), "size": str(len(self.members)),
            "addressing_mode": self.addressing, "p_v_id": str(self.created_at), "a_v_id": str(self.created_at),
        }  # fmt: skip
        if self.addressing == "lid":
            attrs |= {"creator_pn": self.creator.jid, "s_o_pn": self.creator.jid}
        return Node("group", attrs, [self.participant(account) for account in self.people(accounts)])

    def people(self, accounts: Accounts) -> list[Account]:
        """Return the members, in the order in which they came."""
        return [account for phone in self.members if (account := accounts.by_phone(phone))]

    def devices(self, accounts: Accounts) -> Iterator[Device]:
        """Go through every linked device of every member."""
        for account in self.people(accounts):
            yield from list(account.devices.values())

    def hash_of(self, accounts: Accounts, *, with_phones: bool) -> str:
        """Return the hash by which a sender tells whom it wrote to (whatsmeow ``participantListHashV2``)."""
        names = [
            self.name(account, number)
            for account in self.people(accounts)
            for number in ([0] if with_phones else []) + list(account.devices)
        ]
        listed = "".join(sorted(f"{name.user}.0:{name.device}@{name.server}" for name in names))
        return "2:" + base64.b64encode(hashlib.sha256(listed.encode()).digest()[:6]).decode().rstrip("=")


class Groups:
    """Every group, by id."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def __len__(self) -> int:
        return len(self._groups)

    def create(self, subject: str, creator: Account, members: list[Account], addressing: Addressing = "lid") -> Group:
        """Make a group; whoever makes it is its first member and admin.

        Raises:
            ValueError: the name is empty or too long.
        """
        people = {creator.phone: True} | {account.phone: False for account in members if account is not creator}
        group = Group(f"120363{10**11 + secrets.randbelow(9 * 10**11)}", "", creator, people, addressing)
        rename(group, subject)
        self.add(group)
        return group

    def add(self, group: Group) -> None:
        """Put a group in the register."""
        self._groups[group.id] = group

    def find(self, jid: JID | None) -> Group | None:
        """Find a group by its address."""
        return self._groups.get(jid.user) if jid is not None and jid.server == GROUP_SERVER else None

    def of(self, account: Account) -> list[Group]:
        """Return the groups somebody is in."""
        return [group for group in self if account in group]


def rename(group: Group, subject: str) -> None:
    """Give a group another name.

    Raises:
        ValueError: it is empty or too long.
    """
    if not 0 < len(subject) <= MAX_SUBJECT:
        msg = f"a group's name has 1 to {MAX_SUBJECT} characters"
        raise ValueError(msg)
    group.subject, group.subject_at = subject, int(time.time())


def dump(group: Group) -> dict[str, Any]:
    """Return a group as it is saved."""
    return {
        "id": group.id,
        "subject": group.subject,
        "creator": group.creator.phone,
        "members": group.members,
        "addressing": group.addressing,
        "created_at": group.created_at,
        "subject_at": group.subject_at,
    }


def load(item: dict[str, Any], accounts: Accounts) -> Group:
    """Return a group that was saved.

    Raises:
        KeyError: something is missing, such as the account of whoever made it.
    """
    creator = accounts.by_phone(item["creator"])
    if creator is None:
        raise KeyError(item["creator"])
    return Group(**item | {"creator": creator, "members": dict(item["members"])})
