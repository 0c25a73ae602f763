"""`/ws`: signed in, scoped, replayed, bounded."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from tests.fixtures.http import create_test_app
from tests.fixtures.serving import served
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from prosa.auth.authenticator import Authenticator
from prosa.auth.caller import Caller
from prosa.clock import utc_now
from prosa.database import Database, ReadDb
from prosa.errors import NotAuthenticatedError
from prosa.events import hub as hub_module
from prosa.events import log, websocket
from prosa.events.bus import Bus
from prosa.events.hub import EventHub
from prosa.events.log import NewEvent, Position
from prosa.events.types import ChatTypingPayload, SessionStatusPayload
from prosa.ids import new_id
from prosa.users.models import User


class Tokens:
    """Knows the tokens that a test hands out."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}

    async def authenticate(self, token: str) -> Caller:
        if token not in self.callers:
            raise NotAuthenticatedError
        return self.callers[token]


class Server:
    def __init__(self, address: str, database: Database, tokens: Tokens, hub: EventHub) -> None:
        self.address = address
        self.hub = hub
        self.database = database
        self.tokens = tokens

    async def person(self, token: str) -> uuid.UUID:
        now = utc_now()
        user = User(id=new_id(), email=f"{new_id()}@example.com", role="owner", created_at=now, updated_at=now)
        async with self.database.write() as db:
            db.orm.add(user)
        self.tokens.callers[token] = Caller(user.id, "owner")
        return user.id

    async def happen(self, user_id: uuid.UUID, *names: str, session: str = "s1") -> None:
        async with self.database.write() as db:
            await log.append(db, *(NewEvent(user_id, session, SessionStatusPayload(status=name)) for name in names))

    @asynccontextmanager
    async def client(self, token: str, last: str | None = None, **auth: Any) -> AsyncIterator[ClientConnection]:
        async with connect(f"ws://{self.address}/ws") as client:
            await client.send(json.dumps({"type": "auth", "token": token, "last_event_id": last, **auth}))
            yield client


async def read(client: ClientConnection) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(await asyncio.wait_for(client.recv(), 5)))


async def statuses(client: ClientConnection, count: int) -> list[str]:
    return [(await read(client))["payload"]["status"] for _ in range(count)]


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await asyncio.wait_for(client.recv(), 15)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.fixture
async def server(database: Database, bus: Bus) -> AsyncIterator[Server]:
    tokens = Tokens()
    hub = EventHub(database, bus, retention=timedelta(hours=1))
    await hub.start()
    app = create_test_app({Authenticator: tokens, EventHub: hub, Database: database}, [websocket.router])
    async with served(app) as address:
        yield Server(address, database, tokens, hub)
    await hub.stop()


async def test_events_arrive_in_their_envelope(server: Server) -> None:
    user = await server.person("t")
    async with server.client("t") as client:
        ready = await read(client)
        assert (ready["event"], ready["replayed"], ready["complete"]) == ("ready", 0, True)
        await server.happen(user, "open")
        event = await read(client)
        assert event["event"] == "session.status"
        assert event["session"] == "s1"
        assert event["payload"]["status"] == "open"
        assert abs(event["timestamp"] / 1000 - utc_now().timestamp()) < 10
        assert isinstance(event["id"], str)


async def test_an_event_of_the_moment_reaches_its_owner_and_is_stored_nowhere(server: Server) -> None:
    user, other = await server.person("t"), await server.person("o")
    typing = ChatTypingPayload(contact_jid="1@lid", sender_jid="1@lid", typing=True, recording=False)
    async with server.client("t") as client, server.client("o") as others, server.client("t", sessions=["s2"]) as of_s2:
        for one in (client, others, of_s2):
            await read(one)
        await server.happen(user, "open")
        stored = await read(client)
        server.hub.pass_on(user, "s1", typing)
        server.hub.pass_on(user, "s2", typing)
        server.hub.pass_on(other, "s1", typing)
        passing = await read(client)
        assert (passing["event"], passing["id"], passing["session"]) == ("chat.typing", stored["id"], "s1")
        assert passing["payload"] == {"contact_jid": "1@lid", "sender_jid": "1@lid", "typing": True, "recording": False}
        assert (await read(of_s2))["session"] == "s2"  # s1 is not of interest to it
        assert (await read(others))["event"] == "chat.typing"
    async with server.client("t", stored["id"]) as client:
        assert (await read(client))["replayed"] == 0


async def test_a_client_says_that_a_person_watches(server: Server, bus: Bus) -> None:
    user = await server.person("t")
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.hear("watching", heard.put_nowait)
    async with server.client("t") as client:
        await read(client)
        await client.send('{"type": "watching"}')
        assert await asyncio.wait_for(heard.get(), 5) == {"user_id": str(user)}


async def test_the_log_is_read_only_while_somebody_listens(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    read_after = log.read_after

    async def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read_after(*arguments, **options)

    monkeypatch.setattr(log, "read_after", counted)
    user = await server.person("a")
    await server.happen(user, "unheard")
    async with server.client("a") as client:
        await read(client)
        await server.happen(user, "heard")
        assert await statuses(client, 1) == ["heard"]
    while server.hub.subscribers:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    before = reads
    for n in range(3):
        await server.happen(user, f"unheard {n}")
        await asyncio.sleep(2 * hub_module.GATHER_SECONDS)
    assert reads == before
    async with server.client("a") as client:
        await read(client)
        await server.happen(user, "heard again")
        assert await statuses(client, 1) == ["heard again"]


async def test_a_client_that_reconnects_gets_what_it_missed_once_and_in_order(server: Server) -> None:
    user = await server.person("t")
    async with server.client("t") as client:
        last = (await read(client))["last_event_id"]
        await server.happen(user, "1", "2")
        await read(client)
        last = (await read(client))["id"]
    await server.happen(user, "3", "4")
    async with server.client("t", last) as client:
        ready = await read(client)
        assert (ready["replayed"], ready["complete"]) == (2, True)
        await server.happen(user, "5")
        assert await statuses(client, 3) == ["3", "4", "5"]


async def test_nothing_is_lost_or_doubled_while_a_replay_races_with_new_events(server: Server) -> None:
    user = await server.person("t")
    async with server.client("t") as client:
        last = (await read(client))["last_event_id"]

    async def keep_happening() -> None:
        for n in range(60):
            await server.happen(user, str(n))

    happening = asyncio.create_task(keep_happening())
    names: list[str] = []
    while len(names) < 60:
        async with server.client("t", last) as client:
            assert (await read(client))["complete"] is True
            for _ in range(7):
                if len(names) == 60:
                    break
                event = await read(client)
                names.append(event["payload"]["status"])
                last = event["id"]
    await happening
    assert names == [str(n) for n in range(60)]


async def test_what_happens_in_the_midst_of_a_replay_comes_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await server.person("t")
    await server.happen(user, "seen")
    async with server.client("t", "0-0") as client:
        await read(client)
        last = (await read(client))["id"]
    await server.happen(user, "missed")
    end, asked = log.end, 0

    async def moving_end(db: ReadDb) -> Position:
        nonlocal asked
        asked += 1
        place = await end(db)
        if asked == 2:  # first the hub asks, then the replay
            await server.happen(user, "in the midst")
        return place

    monkeypatch.setattr(log, "end", moving_end)
    async with server.client("t", last) as client:
        await read(client)
        assert await statuses(client, 2) == ["missed", "in the midst"]
        await server.happen(user, "after")
        assert await statuses(client, 1) == ["after"]
    assert asked == 2


async def test_a_place_that_this_log_never_had_is_said(server: Server) -> None:
    """As after a backup was restored: what the client saw last is lost, and nobody knows what else it missed."""
    user = await server.person("t")
    await server.happen(user, "here")
    async with server.client("t", f"{10**12}-7") as client:
        assert (await read(client))["complete"] is False


async def test_too_much_missed_is_said_and_not_replayed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_REPLAY", 5)
    user = await server.person("t")
    async with server.client("t") as client:
        last = (await read(client))["last_event_id"]
    await server.happen(user, *map(str, range(6)))
    async with server.client("t", last) as client:
        ready = await read(client)
        assert (ready["replayed"], ready["complete"]) == (0, False)
        assert "REST" in ready["detail"]
        await server.happen(user, "next")
        assert await statuses(client, 1) == ["next"]


async def test_forgotten_events_are_said(server: Server) -> None:
    user = await server.person("t")
    await server.happen(user, "first")
    async with server.client("t") as client:
        last = (await read(client))["last_event_id"]
    await server.happen(user, "forgotten")
    async with server.database.write() as db:
        await log.prune(db, before=utc_now() + timedelta(seconds=1))
    await server.happen(user, "kept")
    async with server.client("t", last) as client:
        assert (await read(client))["complete"] is False


async def test_each_owner_sees_only_their_own(server: Server) -> None:
    mine, other = await server.person("mine"), await server.person("other")
    async with server.client("mine") as client:
        await read(client)
        await server.happen(other, "secret")
        await server.happen(mine, "hello")
        assert await statuses(client, 1) == ["hello"]
    async with server.client("mine", "0-0") as client:
        await read(client)
        assert await statuses(client, 1) == ["hello"]


async def test_only_the_numbers_asked_for(server: Server) -> None:
    user = await server.person("t")
    async with server.client("t", sessions=["s2"]) as client:
        await read(client)
        await server.happen(user, "no", session="s1")
        await server.happen(user, "yes", session="s2")
        assert await statuses(client, 1) == ["yes"]


async def test_programs_may_sign_in_by_header(server: Server) -> None:
    user = await server.person("t")
    async with connect(f"ws://{server.address}/ws", additional_headers={"Authorization": "Bearer t"}) as client:
        assert (await read(client))["event"] == "ready"
        await server.happen(user, "open")
        assert await statuses(client, 1) == ["open"]


async def test_ping_is_answered(server: Server) -> None:
    await server.person("t")
    async with server.client("t") as client:
        await read(client)
        await client.send('{"type": "ping"}')
        assert await read(client) == {"event": "pong"}


@pytest.mark.parametrize(
    "frame",
    ["", "x", "[]", "{}", '{"type": "auth"}', '{"type": "ping"}', '{"type": "auth", "token": "wrong"}', '{"type": 1}'],
)
async def test_who_is_not_signed_in_is_closed_with_a_reason(server: Server, frame: str) -> None:
    async with connect(f"ws://{server.address}/ws") as client:
        await client.send(frame)
        code, reason = await closed(client)
        assert code in {websocket.NOT_AUTHENTICATED, websocket.BAD_FRAME}
        assert reason


@pytest.mark.parametrize("frame", ["x" * 10_000, '{"type": "unknown"}', "\x00"])
async def test_bad_frames_are_closed_with_a_reason(server: Server, frame: str) -> None:
    await server.person("t")
    async with server.client("t") as client:
        await read(client)
        await client.send(frame)
        code, reason = await closed(client)
        assert code == websocket.BAD_FRAME
        assert reason


async def test_a_binary_frame_is_refused(server: Server) -> None:
    await server.person("t")
    async with server.client("t") as client:
        await read(client)
        await client.send(b"\x00\x01")
        assert (await closed(client))[0] == websocket.BAD_FRAME


@pytest.mark.parametrize("last", ["x", "1", "9-"])
async def test_a_bad_last_event_id_is_said(server: Server, last: str) -> None:
    await server.person("t")
    async with server.client("t", last) as client:
        code, reason = await closed(client)
        assert (code, "bad_last_event_id" in reason) == (websocket.BAD_FRAME, True)


async def test_a_plain_request_is_told_what_the_address_is(server: Server) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{server.address}/ws")
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_needed")
    assert (answer.headers["upgrade"], "proxy" in answer.json()["remedy"]) == ("websocket", True)


@pytest.mark.parametrize("query", ["token=t1", "access_token=t1", "since=1-1", "last_event_id=1-1&last_event=1"])
async def test_a_parameter_that_is_not_known_is_said(server: Server, query: str) -> None:
    async with connect(f"ws://{server.address}/ws?{query}") as client:
        assert await closed(client) == (websocket.BAD_FRAME, websocket.UNKNOWN_PARAMETER)


async def test_a_token_that_ends_closes_the_connection_and_a_new_one_keeps_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "RECHECK_SECONDS", 0.2)
    await server.person("old")
    server.tokens.callers["new"] = server.tokens.callers["old"]
    async with server.client("old") as client:
        await read(client)
        await client.send('{"type": "auth", "token": "new"}')
        await asyncio.sleep(0.1)
        del server.tokens.callers["old"]
        await asyncio.sleep(0.4)
        await client.send('{"type": "ping"}')
        assert await read(client) == {"event": "pong"}
        del server.tokens.callers["new"]
        assert (await closed(client))[0] == websocket.NOT_AUTHENTICATED


async def test_a_client_that_does_not_keep_up_is_cut_off_with_a_reason(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MAX_WAITING", 20)
    monkeypatch.setattr(websocket, "SEND_SECONDS", 1.0)
    user = await server.person("t")
    async with connect(f"ws://{server.address}/ws", max_queue=1) as client:
        await client.send('{"type": "auth", "token": "t"}')
        await read(client)
        for _ in range(40):  # far more than sockets buffer; nobody reads
            await server.happen(user, *["x" * 60_000] * 10)
        code, reason = await closed(client)
        assert (code, "too_slow" in reason) == (websocket.TOO_SLOW, True)
