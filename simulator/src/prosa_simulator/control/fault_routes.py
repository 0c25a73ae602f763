"""The routes of faults."""

import asyncio

from aiohttp import web

from prosa_simulator.control.faults import KINDS, FaultBody, describe
from prosa_simulator.loopback import Refusal, answer_json, read
from prosa_simulator.network import Network


class FaultRoutes:
    """Faults on demand: ``POST /faults/{name}`` sets one or does it at once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._one_at_a_time = asyncio.Lock()  # two restarts at once would both stop the network, and both start it

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/faults", self._list, allow_head=False),
            web.post("/faults/{name}", self._set),
            web.delete("/faults", self._clear),
        ]

    async def _list(self, _request: web.Request) -> web.Response:
        """List the faults that wait for their occasion; "left" null: until cleared."""
        faults = self._network.faults
        return answer_json({"waiting": [describe(fault) for fault in faults.waiting], "qr_refs": faults.qr_refs})

    async def _set(self, request: web.Request) -> web.Response:
        """Set a fault, or do it at once; "faults" below says what each takes."""
        name = request.match_info["name"]
        kind = KINDS.get(name)
        if kind is None:
            raise Refusal(404, "unknown-fault", f"there is no fault {name!r}, only {', '.join(KINDS)}")
        fault = await read(request, kind)
        if isinstance(fault, FaultBody) and fault.phone is not None:
            self._check_phone(fault.phone)
        async with self._one_at_a_time:
            try:
                told = await fault.apply(self._network)
            except OSError as error:  # restart: somebody else took the port meanwhile
                raise Refusal(409, "not-restarted", str(error)) from error
        return answer_json({"fault": name, **told})

    async def _clear(self, request: web.Request) -> web.Response:
        """Forget the waiting faults, or with ?phone= those of one account; held messages are delivered."""
        phone = request.query.get("phone")
        if phone is not None:
            phone = phone.strip().removeprefix("+")  # "+" in a query may have become a space
            self._check_phone(phone)
        self._network.faults.clear(phone)
        return await self._list(request)

    def _check_phone(self, phone: str) -> None:
        if self._network.accounts.by_phone(phone) is None:
            raise Refusal(404, "unknown-phone", f"there is no phone {phone}; PUT /phones/{phone} creates it")
