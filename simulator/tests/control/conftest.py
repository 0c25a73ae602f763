"""One world for each file of tests, driven over HTTP as curl and pages do."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from prosa.errors import ConfigurationError
from prosa.whatsapp.process import find_binary
from prosa_simulator.product.world import World

CONSOLE = "http://127.0.0.1:8000"
"""An origin whose pages may drive the world."""


@dataclass(frozen=True)
class Answer:
    """What the control server answered."""

    status: int
    json: Any
    headers: Mapping[str, str]


class Control:
    """Asks the control server."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Ask anything; `body` is JSON, `options` are aiohttp's."""
        if body is not None:
            options["json"] = body
        async with self.http.request(method, self.url + path, **options) as response:
            text = await response.text()
            parsed = await response.json() if response.content_type == "application/json" else text
            return Answer(response.status, parsed, response.headers)

    async def get(self, path: str) -> Any:
        """GET what must be there."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """POST what must be accepted."""
        answer = await self.ask("POST", path, {} if body is None and "data" not in options else body, **options)
        assert answer.status in {200, 201}, answer
        return answer.json

    async def link(self, number: str, name: str) -> str:
        """Link a contact; returns the path of its routes."""
        assert (await self.post("/contacts", {"phone": number, "name": name}))["online"] is True
        return f"/contacts/{number}"

    async def wait(self, contact: str, wanted: Any) -> Any:
        """Return what a contact's phone shows once `wanted` is true of it, asking as a page would: by long polls."""
        shown = await self.get(f"{contact}/messages")
        try:
            async with asyncio.timeout(60):
                while not wanted(shown):
                    await self.get(f"{contact}/messages?after={shown['cursor']}&wait=10")
                    shown = await self.get(f"{contact}/messages")
        except TimeoutError:
            raise AssertionError(f"{contact} never showed it: {shown}") from None
        return shown


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    try:
        find_binary(None)
    except ConfigurationError as error:
        pytest.skip(f"{error.detail} {error.remedy}")
    async with World(control_origins=[CONSOLE]) as world:
        yield world


@pytest.fixture(scope="module")
async def control(world: World) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as http:
        yield Control(world.control_url, http)
