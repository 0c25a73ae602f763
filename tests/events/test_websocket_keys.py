"""`/ws` with API keys: wherever a token goes a key does, and it ends there when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from tests.fixtures.conversations import add_session
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
from prosa.events.types import ChatTypingPayload, SessionStatusPayload
from prosa.sessions.models import WhatsAppSession
from prosa.users.api_keys import ApiKeyChanges, MadeKey
from prosa.users.service import COMMAND_LINE

CHAT = "5511999990001@s.whatsapp.net"


@dataclass
class Place:
    """A WebSocket with real sign-ins and keys, and a person."""

    url: str
    people: People
    owner: Caller

    hub: EventHub

    async def key(
        self, access: Access = Access.FULL, days: int | None = None, numbers: list[str] | None = None
    ) -> MadeKey:
        return await self.people.keys.create(self.owner, name="n8n", access=access, days=days, session_ids=numbers)

    async def happen(self, status: str, session: str | None = "s1") -> None:
        async with self.people.database.write() as db:
            await log.append(db, NewEvent(self.owner.user_id, session, SessionStatusPayload(status=status)))


@pytest.fixture
async def place(database: Database, bus: Bus, cache: Cache) -> AsyncIterator[Place]:
    people = People(database, cache)
    await people.users.create(COMMAND_LINE, email="first@example.com", password=PASSWORD)
    user = await people.users.create(COMMAND_LINE, email="ana@example.com", password=PASSWORD)
    hub = EventHub(database, bus, retention=timedelta(hours=1))
    await hub.start()
    provided = {Authenticator: people.authenticator, EventHub: hub, Database: database}
    async with served(create_test_app(provided, [websocket.router])) as address:
        yield Place(f"ws://{address}/ws", people, Caller(user.id, user.role), hub)
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


def with_key(made: MadeKey) -> dict[str, str]:
    return {"X-Api-Key": made.secret}


async def heard_of(client: ClientConnection, last: str) -> list[tuple[str | None, str]]:
    """Return number and status of what comes, up to the status `last`."""
    told: list[tuple[str | None, str]] = []
    while not told or told[-1][1] != last:
        event = await read(client)
        told.append((event["session"], event["payload"].get("status") or event["event"]))
    return told


@pytest.fixture
async def numbers(place: Place) -> None:
    for number in ("s1", "s2"):
        await add_session(place.people.database, place.owner, number)


@pytest.mark.usefixtures("numbers")
async def test_a_key_of_some_numbers_hears_of_these_only(place: Place) -> None:
    made = await place.key(numbers=["s1"])
    async with connect(place.url, additional_headers=with_key(made)) as client:
        await read(client)
        typing = ChatTypingPayload(contact_jid=CHAT, sender_jid=CHAT, typing=True, recording=False)
        for session in ("s2", None, "s1"):
            place.hub.pass_on(place.owner.user_id, session, typing)
            await place.happen(f"of {session}", session)
        await place.happen("last")
        assert sorted(await heard_of(client, "last"), key=str) == [
            ("s1", "chat.typing"), ("s1", "last"), ("s1", "of s1"),
        ]  # fmt: skip
    async with connect(place.url) as client:  # asking for others in the first frame does not help
        await client.send(json.dumps({"type": "auth", "token": made.secret, "sessions": ["s1", "s2"]}))
        await read(client)
        await place.happen("hidden", "s2")
        await client.send(json.dumps({"type": "auth", "sessions": ["s2"]}))
        await client.send('{"type": "ping"}')
        assert await read(client) == {"event": "pong"}
        await place.happen("not wanted", "s1")
        await place.happen("hidden", "s2")
        await client.send(json.dumps({"type": "auth", "sessions": ["s1"]}))
        await client.send('{"type": "ping"}')
        seen = [await read(client)]
        while seen[-1] != {"event": "pong"}:
            seen.append(await read(client))
        await place.happen("end", "s1")
        rest = await heard_of(client, "end")
        assert {session for session, _ in rest} == {"s1"}
        assert all(one.get("session", "s1") == "s1" for one in seen)


@pytest.mark.usefixtures("numbers")
async def test_what_a_key_of_some_numbers_missed_is_of_these_only(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_REPLAY", 3)
    made = await place.key(numbers=["s1"])
    await place.happen("seen", "s1")
    async with connect(place.url, additional_headers=with_key(made)) as client:
        last = (await read(client))["last_event_id"]
    for number in range(5):
        await place.happen(f"hidden {number}", "s2")
        await place.happen("of nobody", None)
    await place.happen("one", "s1")
    await place.happen("two", "s1")
    async with connect(f"{place.url}?last_event_id={last}", additional_headers=with_key(made)) as client:
        ready = await read(client)
        assert (ready["complete"], ready["replayed"]) == (True, 2)  # what it does not see does not count either
        await place.happen("three", "s1")
        assert await heard_of(client, "three") == [("s1", "one"), ("s1", "two"), ("s1", "three")]


@pytest.mark.usefixtures("numbers")
async def test_where_the_numbers_of_a_key_are_deleted_it_hears_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await place.key(numbers=["s1"])
    monkeypatch.setattr(websocket, "RECHECK_SECONDS", 0.05)
    async with connect(place.url, additional_headers=with_key(made)) as client:
        last = (await read(client))["last_event_id"]
        async with place.people.database.write() as db:
            await db.execute(delete(WhatsAppSession).where(WhatsAppSession.session_id == "s1"))
        await asyncio.sleep(0.5)
        for session in ("s1", "s2", None):
            await place.happen("hidden", session)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 1.5)
    async with connect(f"{place.url}?last_event_id={last}", additional_headers=with_key(made)) as client:
        assert (await read(client))["replayed"] == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.5)


@pytest.mark.usefixtures("numbers")
async def test_other_numbers_of_a_key_hold_at_once_for_who_listens_with_it(place: Place) -> None:
    made = await place.key(numbers=["s1"])

    async def give(*numbers: str) -> None:
        changes = ApiKeyChanges(renumber=True, session_ids=numbers or None)
        await place.people.keys.update(place.owner, made.row.id, changes)
        await asyncio.sleep(0.5)  # far less than what is waited for otherwise

    async with connect(place.url, additional_headers=with_key(made)) as client:
        await read(client)
        every: list[str | None] = ["s1", "s2", None]
        for numbers, heard in ((["s2"], ["s2"]), (["s2", "s1"], ["s1", "s2"]), ([], every), (["s1"], ["s1"])):
            await give(*numbers)
            now = f"open to {numbers}"
            for session in every:
                await place.happen(now, session)
            await place.happen("last", heard[0])
            told = await heard_of(client, "last")
            # what happened just before a change may come after it, and then as it is then
            assert [session for session, status in told if status == now] == heard


async def test_a_key_that_is_revoked_closes_the_connection_at_once(place: Place) -> None:
    made, other = await place.key(), await place.key()
    async with connect(place.url, additional_headers=with_key(made)) as client:
        await read(client)
        async with connect(place.url, additional_headers=with_key(other)) as stays:
            await read(stays)
            await place.people.keys.revoke(place.owner, made.row.id)
            assert (await closed(client))[0] == websocket.NOT_AUTHENTICATED
            await stays.send('{"type": "ping"}')
            assert await read(stays) == {"event": "pong"}


@pytest.mark.usefixtures("numbers")
async def test_a_key_of_some_numbers_shows_these_only_as_online(place: Place, bus: Bus) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.hear("watching", heard.put_nowait)
    async with connect(place.url, additional_headers=with_key(await place.key(numbers=["s1"]))) as client:
        await read(client)
        await client.send('{"type": "watching"}')
        told = await asyncio.wait_for(heard.get(), 10)
    assert told == {"user_id": str(place.owner.user_id), "sessions": ["s1"]}


@pytest.mark.usefixtures("numbers")
async def test_another_key_on_the_same_connection_is_as_limited_as_it_is(place: Place) -> None:
    one, both = await place.key(numbers=["s1"]), await place.key()
    async with connect(place.url, additional_headers=with_key(both)) as client:
        await read(client)
        await place.happen("first", "s2")
        assert await heard_of(client, "first") == [("s2", "first")]
        await client.send(json.dumps({"type": "auth", "token": one.secret}))
        await client.send('{"type": "ping"}')
        assert await read(client) == {"event": "pong"}
        await place.happen("hidden", "s2")
        await place.happen("last", "s1")
        assert await heard_of(client, "last") == [("s1", "last")]
