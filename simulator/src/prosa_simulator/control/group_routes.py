"""The routes of groups: make them, and change who is in them and what they are called."""

from typing import Any

from aiohttp import web
from pydantic import Field

from prosa_simulator.control.addresses import Number
from prosa_simulator.loopback import Body, Refusal, answer_json, read
from prosa_simulator.network import Network
from prosa_simulator.network.groups import MAX_SUBJECT, Addressing, Group


class GroupRoutes:
    """The groups of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/groups", self._list, allow_head=False),
            web.post("/groups", self._create),
            web.get("/groups/{jid}", self._show, allow_head=False),
            web.put("/groups/{jid}", self._change),
        ]

    def describe(self) -> list[dict[str, Any]]:
        """Return every group, as the list shows them."""
        return [self._describe(group) for group in self._network.groups]

    async def _list(self, _request: web.Request) -> web.Response:
        """List the groups."""
        return answer_json(self.describe())

    async def _create(self, request: web.Request) -> web.Response:
        """Make a group of people who have a phone: {"name", "by", "members", "addressing"?: "lid" or "pn"}."""
        body = await read(request, _Create)
        groups = self._network.groups
        try:
            group = groups.create(body.name, body.members, by=body.by, addressing=body.addressing)
        except KeyError as error:
            raise _nobody(error) from error
        return answer_json(self._describe(group), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        """Show one group."""
        return answer_json(self._describe(self._find(request)))

    async def _change(self, request: web.Request) -> web.Response:
        """Change a group: {"name"?, "add"?: numbers, "remove"?: numbers, "by"?: its creator otherwise}."""
        group, body = self._find(request), await read(request, _Change)
        groups = self._network.groups
        try:
            if body.add:
                groups.add(group, *body.add, by=body.by)
            if body.remove:
                groups.remove(group, *body.remove, by=body.by)
            if body.name:
                groups.rename(group, body.name, by=body.by)
        except KeyError as error:
            raise _nobody(error) from error
        return answer_json(self._describe(group))

    def _find(self, request: web.Request) -> Group:
        jid = request.match_info["jid"]
        try:
            return self._network.groups[jid]
        except (KeyError, ValueError):
            raise Refusal(404, "unknown-group", f"no group {jid}") from None

    def _describe(self, group: Group) -> dict[str, Any]:
        return {
            "jid": str(group.jid),
            "name": group.subject,
            "by": group.creator.phone,
            "addressing": group.addressing,
            "members": [account.phone for account in self._network.groups.people(group)],
        }


class _Create(Body):
    name: str = Field(min_length=1, max_length=MAX_SUBJECT)
    by: Number
    members: list[Number]
    addressing: Addressing = "lid"


class _Change(Body):
    name: str | None = Field(None, min_length=1, max_length=MAX_SUBJECT)
    add: list[Number] = Field([])
    remove: list[Number] = Field([])
    by: Number | None = None


def _nobody(error: KeyError) -> Refusal:
    return Refusal(404, "unknown-phone", f"nobody has the number {error.args[0]}; PUT /phones/{{number}} makes a phone")
