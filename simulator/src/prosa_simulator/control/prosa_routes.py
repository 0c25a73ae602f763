"""The routes of the Prosas in the world: what their consoles show a camera, and pulling their plug."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from prosa_simulator.loopback import Body, Refusal, answer_json, read
from prosa_simulator.product.process import ProsaProcess


class ProsaRoutes:
    """The Prosas that this world started; a Prosa that was only led here by its settings is not among them."""

    def __init__(self, processes: Callable[[], Sequence[ProsaProcess]]) -> None:
        self._processes = processes
        self._one_at_a_time = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/codes", self._codes, allow_head=False),
            web.post("/prosa/crash", self._crash),
        ]

    async def codes(self) -> list[str]:
        """Return the QR codes that are on any console now."""
        found = [await asyncio.to_thread(process.codes) for process in self._processes()]
        return [code for codes in found for code in codes]

    def describe(self) -> list[dict[str, Any]]:
        """Return where each is, and whether it runs."""
        return [{"url": process.url, "running": process.running} for process in self._processes()]

    async def _codes(self, _request: web.Request) -> web.Response:
        """Show the QR codes that are on the world's consoles now, to scan: {"codes": [text]}, the newest first."""
        return answer_json({"codes": await self.codes()})

    async def _crash(self, request: web.Request) -> web.Response:
        """Kill the world's Prosa as a power cut would, start it again after {"seconds"?: 2.0}, and answer then."""
        body = await read(request, _Crash)
        async with self._one_at_a_time:
            running = [process for process in self._processes() if process.running]
            if not running:
                raise Refusal(409, "no-prosa", "this world started no Prosa, or it does not run")
            await asyncio.gather(*(process.kill() for process in running))
            await asyncio.sleep(body.seconds)
            try:
                await asyncio.gather(*(process.start() for process in running))
            except RuntimeError as error:
                raise Refusal(409, "not-started", str(error)) from error
        return answer_json({"killed": len(running)})


class _Crash(Body):
    seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
