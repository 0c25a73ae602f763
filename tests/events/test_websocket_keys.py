"""`/ws` with API keys: wherever a token goes a key does, and it ends there when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.fixtures.http import create_test_app
from tests.fixtures.people import PASSWORD, People
from tests.fixtures.serving import served
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Access, Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.events import log, websocket
from prosa.events.bus import Bus
from prosa.events.hub import EventHub
from prosa.events.log import NewEvent
from prosa.events.types import SessionStatusPayload
from prosa.users.api_keys import MadeKey
from prosa.users.service import COMMAND_LINE


@dataclass
class Place:
    """A WebSocket with real sign-ins and keys, and a person."""

    url: str
    people: People
    owner: Caller

    async def key(self, access: Access = Access.FULL, days: int | None = None) -> MadeKey:
        return await self.people.keys.create(self.owner, name="n8n", access=access, days=days)

    async def happen(self, status: str) -> None:
        async with self.people.database.write() as db:
            await log.append(db, NewEvent(self.owner.user_id, "s1", SessionStatusPayload(status=status)))


@pytest.fixture
async def place(database: Database, bus: Bus, cache: Cache) -> AsyncIterator[Place]:
    people = People(database, cache)
    await people.users.create(COMMAND_LINE, email="first@example.com", password=PASSWORD)
    user = await people.users.create(COMMAND_LINE, email="ana@example.com", password=PASSWORD)
    hub = EventHub(database, bus, retention=timedelta(hours=1))
    await hub.start()
    provided = {Authenticator: people.authenticator, EventHub: hub, Database: database}
    async with served(create_test_app(provided, [websocket.router])) as address:
        yield Place(f"ws://{address}/ws", people, Caller(user.id, user.role))
    await hub.stop()
    await people.authenticator.key_uses.stop()


async def read(client: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), 10))
    return frame


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await asyncio.wait_for(client.recv(), 15)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("way", ["bearer", "header", "frame"])
async def test_a_key_hears_its_owners_events(place: Place, way: str, access: Access) -> None:
    key = (await place.key(access)).secret
    headers = {"bearer": {"Authorization": f"Bearer {key}"}, "header": {"X-Api-Key": key}}.get(way, {})
    async with connect(place.url, additional_headers=headers) as client:
        if way == "frame":
            await client.send(json.dumps({"type": "auth", "token": key}))
        assert (await read(client))["event"] == "ready"
        await place.happen("open")
        assert (await read(client))["payload"]["status"] == "open"


@pytest.mark.parametrize("how", ["revoked", "run out", "deleted"])
async def test_a_key_that_ends_closes_the_connection(place: Place, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RECHECK_SECONDS", 0.1)
    made = await place.key(days=1)
    async with connect(place.url, additional_headers={"X-Api-Key": made.secret}) as client:
        await read(client)
        if how == "revoked":
            await place.people.keys.revoke(place.owner, made.row.id)
        elif how == "run out":
            place.people.clock.advance(86_400)
        else:
            await place.people.users.delete(COMMAND_LINE, place.owner.user_id)
        code, reason = await closed(client)
    assert code == websocket.NOT_AUTHENTICATED
    assert (
        reason
        == {
            "revoked": "api_key_ended: This API key was revoked.",
            "run out": "api_key_ended: This API key has run out.",
            "deleted": "api_key_not_valid: This API key is not valid",
        }[how]
    )
    async with connect(place.url, additional_headers={"X-Api-Key": made.secret}) as client:
        assert (await closed(client))[0] == websocket.NOT_AUTHENTICATED


async def test_a_key_that_reads_does_not_show_a_number_online(place: Place, bus: Bus) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.hear("watching", heard.put_nowait)
    full, reads = (await place.key(Access.FULL)).secret, (await place.key(Access.READ)).secret
    async with connect(place.url, additional_headers={"X-Api-Key": reads}) as client:
        await read(client)
        await client.send('{"type": "ping"}')
        assert await read(client) == {"event": "pong"}
        await client.send('{"type": "watching"}')
        assert await closed(client) == (websocket.FORBIDDEN, websocket.READ_ONLY)
    async with connect(place.url, additional_headers={"X-Api-Key": full}) as client:
        await read(client)
        await client.send('{"type": "watching"}')
        assert await asyncio.wait_for(heard.get(), 10) == {"user_id": str(place.owner.user_id)}
        await client.send(json.dumps({"type": "auth", "token": reads}))  # what holds is the newest
        await client.send('{"type": "watching"}')
        assert (await closed(client))[0] == websocket.FORBIDDEN
    assert heard.empty()


@pytest.mark.parametrize("name", ["token", "api_key", "X-Api-Key"])
async def test_a_key_in_the_address_is_refused(place: Place, name: str) -> None:
    async with connect(f"{place.url}?{name}={(await place.key()).secret}") as client:
        assert await closed(client) == (websocket.BAD_FRAME, websocket.UNKNOWN_PARAMETER)
