"""Pausing, resuming and asking again over REST, each scoped to its owner."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import (
    CONTACT,
    KnownNumbers,
    add_owner,
    add_session,
    conversations,
    events,
    inbound,
    known,
    receiver,
    run_sql,
)
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.clock import utc_now
from prosa.conversations import endpoints as reading
from prosa.conversations.service import ConversationService
from prosa.database import Database
from prosa.turns import endpoints
from prosa.turns.control import TurnControl
from prosa.turns.takeover import silence


@pytest.fixture
async def numbers(sqlite_database: Database) -> KnownNumbers:
    return known(await add_session(sqlite_database, await add_owner(sqlite_database), debounce_seconds=0))


@pytest.fixture
async def talk(sqlite_database: Database, numbers: KnownNumbers, tmp_path: Any) -> str:
    """A conversation's path."""
    receive = receiver(sqlite_database, tmp_path)
    await receive.message(numbers.facts["main"], inbound("hello"))
    return f"/conversations/{(await conversations(sqlite_database))[0].id}"


@pytest.fixture
async def clients(
    sqlite_database: Database, numbers: KnownNumbers
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    service: Any = ConversationService(sqlite_database, None, None, None, silence=silence)  # type: ignore[arg-type]
    provided = {TurnControl: TurnControl(sqlite_database, numbers), ConversationService: service}

    def app(caller: Caller) -> Any:
        return create_test_app(provided, (endpoints.router, *reading.routers), caller)

    owner = Caller(numbers.facts["main"].user_id, "owner")
    stranger = await add_owner(sqlite_database, "eve@example.com")
    async with client_of(app(owner)) as api, client_of(app(stranger)) as other:
        yield api, other


@pytest.fixture
def api(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> httpx.AsyncClient:
    return clients[0]


async def told(database: Database) -> list[tuple[str, dict[str, Any]]]:
    names = {"conversation.paused", "conversation.resumed"}
    return [(e.type, e.payload) for e in await events(database) if e.type in names]


@pytest.mark.parametrize(
    ("body", "until"),
    [
        ({"minutes": 90}, 90),
        ({"until": "2099-01-01T09:00:00-03:00"}, datetime(2099, 1, 1, 12, 0, tzinfo=UTC)),
        ({"indefinitely": True}, datetime(9999, 1, 1, tzinfo=UTC)),
        ({"until": "9999-12-31T23:59:59Z"}, datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)
async def test_pausing(api: httpx.AsyncClient, sqlite_database: Database, talk: str, body: Any, until: Any) -> None:
    answer = await api.post(f"{talk}/pause", json=body | {"note": " Ana   calls back "})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    ends = datetime.fromisoformat(shown["ai_paused_until"])
    if isinstance(until, int):
        assert abs(ends - utc_now() - timedelta(minutes=until)) < timedelta(minutes=2)
    else:
        assert ends == until
    assert shown["ai_paused_by"] == "person"
    assert shown["ai_paused_user_id"] is not None
    assert shown["ai_paused_reason"] == "asked: Ana calls back"
    assert (await api.post(f"{talk}/pause", json=body | {"note": "Ana calls back"})).status_code == 200
    [(kind, payload), *_] = await told(sqlite_database)
    assert kind == "conversation.paused"
    assert payload["contact_jid"] == CONTACT
    assert datetime.fromisoformat(payload["until"]) == ends
    [updated] = [e for e in await events(sqlite_database, "conversation.updated") if e.payload["ai_paused_by"]][:1]
    assert updated.payload["ai_paused_reason"] == shown["ai_paused_reason"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"minutes": 5, "indefinitely": True}, "body"),
        ({"minutes": 0}, "body.minutes"),
        ({"until": "2020-01-01T00:00:00Z"}, "body.until"),
        ({"until": "2099-01-01T00:00:00"}, "body.until"),
        ({"minutes": 5, "note": "a\0b"}, "body.note"),
        ({"minutes": 5, "reason": "x"}, "body.reason"),
    ],
)
async def test_pauses_that_make_no_sense(api: httpx.AsyncClient, talk: str, body: Any, field: str) -> None:
    answer = await api.post(f"{talk}/pause", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.json()["errors"][0]["message"]


async def test_resuming_and_asking_again(api: httpx.AsyncClient, sqlite_database: Database, talk: str) -> None:
    await api.post(f"{talk}/pause", json={"indefinitely": True})
    refused = await api.post(f"{talk}/retry")
    assert refused.status_code == 409
    assert "resume" in refused.json()["remedy"]
    assert (await api.post(f"{talk}/resume")).json()["ai_paused_until"] is None
    again = await api.post(f"{talk}/resume", json={"answer_waiting": True})
    assert again.json()["ai_state"] == "waiting"
    assert [kind for kind, _ in await told(sqlite_database)] == ["conversation.paused", "conversation.resumed"]
    asked = await api.post(f"{talk}/retry")
    assert (asked.status_code, asked.json()["ai_state"]) == (200, "waiting")


async def test_the_older_way_to_pause_is_told_too(api: httpx.AsyncClient, sqlite_database: Database, talk: str) -> None:
    shown = await api.patch(talk, json={"ai_paused_until": "2099-01-01T00:00:00Z"})
    assert shown.json()["ai_paused_by"] == "person"
    assert (await api.patch(talk, json={"ai_paused_until": None})).json()["ai_paused_until"] is None
    assert [kind for kind, _ in await told(sqlite_database)] == ["conversation.paused", "conversation.resumed"]


@pytest.mark.parametrize("what", ["pause", "resume", "retry"])
async def test_anothers_conversation_is_not_found(
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient], talk: str, what: str
) -> None:
    body = {"minutes": 5} if what == "pause" else None
    assert (await clients[1].post(f"{talk}/{what}", json=body)).status_code == 404
    nobody = "/conversations/0198c2f4-7e1b-7d3a-9f46-2b6a1d5c8e01"
    assert (await clients[0].post(f"{nobody}/{what}", json=body)).status_code == 404


async def test_conversations_that_a_person_should_look_at_are_listed(
    api: httpx.AsyncClient, sqlite_database: Database, talk: str
) -> None:
    async def listed(**params: Any) -> int:
        answer = await api.get("/conversations", params=params)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["items"])

    assert [await listed(failed=True), await listed(failed=False)] == [0, 1]
    await run_sql(sqlite_database, "UPDATE conversations SET ai_failed_at = created_at")
    assert [await listed(failed=True), await listed(failed=False), await listed(failed=True, session="main")] == [
        1,
        0,
        1,
    ]
