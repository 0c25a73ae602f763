"""What happens to groups: they are made, people come and go, the name changes; every device concerned is told.

Clients ask for it by iqs of the namespace ``w:g2`` (whatsmeow ``group.go``), tests and the control server by the
network's methods, as a person would on the phone.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prosa_simulator.network import stanzas
from prosa_simulator.network.accounts import Account, Device
from prosa_simulator.network.delivery import deliver
from prosa_simulator.network.groups import Addressing, Group, rename
from prosa_simulator.network.hub import Hub
from prosa_simulator.network.jid import parse_jid
from prosa_simulator.network.node import Node

if TYPE_CHECKING:
    from prosa_simulator.network.connection import Connection

_CHANGES: Final = frozenset({"add", "remove", "promote", "demote"})


class GroupBook:
    """The groups of a network, made and changed as people do on their phones; people are named by phone number."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __iter__(self) -> Iterator[Group]:
        return iter(self._hub.groups)

    def __getitem__(self, jid: str) -> Group:
        group = self._hub.groups.find(parse_jid(jid))
        if group is None:
            raise KeyError(jid)
        return group

    def create(self, subject: str, members: Iterable[str], *, by: str, addressing: Addressing = "lid") -> Group:
        """Make a group of the person `by`, its admin, and members.

        Args:
            subject: its name.
            members: phone numbers (digits).
            by: whose group it is.
            addressing: how it names its members: by hidden address, as groups of today do, or by phone number.

        Raises:
            KeyError: somebody has no account.
            ValueError: the name is empty or too long.
        """
        return create(self._hub, subject, self._person(by), self._people(members), addressing=addressing)

    def add(self, group: Group, *members: str, by: str | None = None) -> None:
        """Add people; by default its creator does it.

        Raises:
            KeyError: somebody has no account.
        """
        change(self._hub, group, self._actor(group, by), "add", self._people(members))

    def remove(self, group: Group, *members: str, by: str | None = None) -> None:
        """Remove people; by default its creator does it.

        Raises:
            KeyError: somebody has no account.
        """
        change(self._hub, group, self._actor(group, by), "remove", self._people(members))

    def rename(self, group: Group, subject: str, *, by: str | None = None) -> None:
        """Give it another name; by default its creator does it.

        Raises:
            KeyError: `by` has no account.
            ValueError: the name is empty or too long.
        """
        name(self._hub, group, self._actor(group, by), subject)

    def people(self, group: Group) -> list[Account]:
        """Return the members, in the order in which they came."""
        return group.people(self._hub.accounts)

    def _actor(self, group: Group, by: str | None) -> Account:
        return group.creator if by is None else self._person(by)

    def _people(self, numbers: Iterable[str]) -> list[Account]:
        return [self._person(number) for number in numbers]

    def _person(self, number: str) -> Account:
        account = self._hub.accounts.by_phone(number)
        if account is None:
            raise KeyError(number)
        return account


def create(
    hub: Hub, subject: str, creator: Account, members: list[Account], *, addressing: Addressing = "lid",
    by: Device | None = None,
) -> Group:  # fmt: skip
    """Make a group, and tell everybody in it but the device that asked.

    Raises:
        ValueError: the name is empty or too long.
    """
    group = hub.groups.create(subject, creator, members, addressing)
    made = Node("create", {"type": "new"}, [group.node(hub.accounts)])
    _tell(hub, group, creator, made, group.people(hub.accounts), by)
    return group


def change(hub: Hub, group: Group, actor: Account, what: str, people: list[Account], by: Device | None = None) -> Node:
    """Add, remove, promote or demote people; returns the change as everybody is told of it.

    Whoever was added is told the whole group instead, as one who joins; whoever was removed is told too.
    """
    told = group.people(hub.accounts)
    for account in people:
        if what == "remove":
            group.members.pop(account.phone, None)
        elif what == "add":
            group.members.setdefault(account.phone, False)
        elif account in group:
            group.members[account.phone] = what == "promote"
    news = Node(what, None, [group.participant(account) for account in people])
    _tell(hub, group, actor, news, told, by)
    joined = Node("create", None, [group.node(hub.accounts)])
    _tell(hub, group, actor, joined, [one for one in people if one in group and one not in told], by)
    return news


def name(hub: Hub, group: Group, actor: Account, subject: str, by: Device | None = None) -> None:
    """Give a group another name.

    Raises:
        ValueError: it is empty or too long.
    """
    rename(group, subject)
    news = Node("subject", {"subject": subject, "s_t": str(group.subject_at), "s_o": group.name(actor)})
    _tell(hub, group, actor, news, group.people(hub.accounts), by)


def handle(connection: "Connection", request: Node) -> Node:
    """Answer an iq of namespace ``w:g2``; what is not simulated (invitations, pictures, …) is refused."""
    hub, device = connection.hub, connection.device
    if device is None:
        return stanzas.error(request, 401)
    account = device.account
    if request.child("participating") is not None:
        groups = [group.node(hub.accounts) for group in hub.groups.of(account)]
        return stanzas.result(request, [Node("groups", None, groups)])
    made = request.child("create")
    left = request.child("leave")
    try:
        if made is not None:
            group = create(hub, made.text("subject"), account, _people(hub, made), by=device)
            return stanzas.result(request, [group.node(hub.accounts)])
        if left is not None:
            return _leave(hub, device, request, left)
        found = hub.groups.find(request.jid("to"))
        if found is None:
            return stanzas.error(request, 404)
        return _ask(hub, device, request, found) if account in found else stanzas.error(request, 403)
    except ValueError:
        return stanzas.error(request, 406)


def _ask(hub: Hub, device: Device, request: Node, group: Group) -> Node:
    """Answer a member who asks for a group, or asks to change it."""
    account = device.account
    if request.child("query") is not None:
        return stanzas.result(request, [group.node(hub.accounts)])
    subject = request.child("subject")
    if subject is not None:
        name(hub, group, account, subject.data.decode(errors="replace"), device)
        return stanzas.result(request)
    for wanted in request.children:
        if wanted.tag not in _CHANGES:
            continue
        if not group.members[account.phone]:
            return stanzas.error(request, 403)
        return stanzas.result(request, [change(hub, group, account, wanted.tag, _people(hub, wanted), device)])
    return stanzas.error(request, 400)


def _leave(hub: Hub, device: Device, request: Node, left: Node) -> Node:
    for asked in left.find("group"):
        group = hub.groups.find(asked.jid("id"))
        if group is not None and device.account in group:
            change(hub, group, device.account, "remove", [device.account], device)
    return stanzas.result(request, left.children)


def _people(hub: Hub, named: Node) -> list[Account]:
    found = (hub.accounts.find(participant.jid("jid")) for participant in named.find("participant"))
    return [account for account in found if account is not None]


def _tell(hub: Hub, group: Group, actor: Account, news: Node, people: Iterable[Account], by: Device | None) -> None:
    hub.changed = True
    number = secrets.token_hex(8)  # not one of the hub's, which begin anew where the state outlives the network
    attrs = group.authored(actor) | {"type": "w:gp2", "id": number, "t": stanzas.now(), "notify": actor.name}
    for account in people:
        for device in list(account.devices.values()):
            if device is not by:
                deliver(hub, device, ("notification", number, group.id), Node("notification", attrs, [news]))
