"""API keys that are limited to some numbers: what else their owner has is to them as if it were not there.

Two numbers of one owner hold the same things; a key of the first one tries to reach the second by every way there is.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.engine import URL
from tests.fixtures.conversations import add_session, inbound, receiver
from tests.fixtures.http import client_of
from tests.fixtures.installation import whole_app
from tests.fixtures.serving import served
from tests.http.test_key_rights import ENDPOINTS, made_up

from prosa.answers import asked
from prosa.answers.asked import NewQuestion
from prosa.answers.models import AnsweredBy
from prosa.answers.repository import key_of
from prosa.auth.caller import Access, Caller
from prosa.clock import utc_now
from prosa.conversations.media import MediaFiles
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.events.log import Position, read_after
from prosa.http.key_rights import needs_all_numbers
from prosa.http.pagination import encode_cursor
from prosa.sessions.facts import SessionFacts
from prosa.usage import repository as usage
from prosa.usage.repository import NewUsage
from prosa.users.api_keys import ApiKeyService
from prosa.users.service import COMMAND_LINE, UserService
from prosa.webhooks import repository as webhooks
from prosa.whatsapp.engine import MessageType

NOBODY = "5511900000009"
LATER = f"{utc_now() + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Things:
    """What one number has; the ids as paths name them."""

    session_id: str
    facts: SessionFacts
    ids: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    """A message that waits for its time."""
    wa_id: str = ""


@dataclass
class World:
    app: Any
    database: Database
    owner: Caller
    keys: ApiKeyService
    person: httpx.AsyncClient
    limited: httpx.AsyncClient
    shop: Things
    salon: Things
    everywhere: str = ""
    """A frequent answer of all numbers."""

    def key(self, *numbers: str, access: Access = Access.FULL) -> Any:
        return self.keys.create(self.owner, name="one", access=access, days=None, session_ids=numbers)


async def done(call: Any) -> Any:
    answer = await call
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def ask_around(owner: Caller, of: Things, db: WriteDb) -> None:
    now = utc_now()
    group = await asked.new_group(db, owner.user_id, of.session_id, b"", "none", now=now)
    for words in ("where to park", "is there parking", f"do you have parking at {of.session_id}"):
        question = NewQuestion(
            owner.user_id, of.session_id, None, words, key_of(words), f"Yes, {of.session_id} has.", AnsweredBy.MODEL,
            now, suggestion_id=group,
        )  # fmt: skip
        await asked.add(db, question)


async def furnish(world: World, of: Things) -> None:
    """Give a number one of everything."""
    api, number = world.person, f"/sessions/{of.session_id}"
    receive = receiver(world.database, world.app.state.provided[MediaFiles].root)
    message = inbound(f"a secret of {of.session_id}", type=MessageType.TEXT)
    await receive.message(of.facts, message)
    conversation = (await done(api.get("/conversations", params={"session": of.session_id})))["items"][0]
    of.ids["conversation_id"], of.wa_id = conversation["id"], message.wa_id
    path = f"/conversations/{conversation['id']}"
    of.ids["message_id"] = (await done(api.get(f"{path}/messages")))["items"][0]["id"]
    file = {"file": ("menu.txt", of.session_id.encode() * 20, "text/plain")}
    later = {"text": f"later from {of.session_id}", "send_at": LATER}
    of.waiting = (await done(api.post(f"{path}/messages", json=later, headers={"Idempotency-Key": "same"})))["id"]
    of.ids["file"] = (await done(api.post(f"{path}/media", files=file)))["id"]
    tool = {"name": "order_status", "description": "of an order", "url": "https://shop.example/orders"}
    of.ids["tool_id"] = (await done(api.post(f"{number}/tools", json=tool)))["id"]
    prices = {"name": "Prices", "text": f"All about {of.session_id}: haircut 20.", "format": "text"}
    of.ids["source_id"] = (await done(api.post(f"{number}/knowledge", json=prices)))["id"]
    answer = {"title": "What is the secret?", "answer": f"It is {of.session_id}.", "session_id": of.session_id}
    of.ids["answer_id"] = (await done(api.post("/frequent-answers", json=answer)))["id"]
    ways = (await done(api.get(f"/frequent-answers/{of.ids['answer_id']}/phrasings")))["items"]
    of.ids["phrasing_id"] = ways[0]["id"]
    await world.database.submit(partial(ask_around, world.owner, of))
    of.ids["question_id"] = (await questions(api, of.session_id))[0]["id"]
    found = await done(api.get("/frequent-answers/suggestions", params={"session": of.session_id, "least": 1}))
    of.ids["suggestion_id"] = found["items"][0]["id"]
    call = NewUsage(
        user_id=world.owner.user_id, created_at=utc_now(), session_id=of.session_id, conversation_id=None,
        message_id=None, purpose="reply", provider="google", model="m", input_tokens=100, cached_tokens=0,
        output_tokens=10, cost_microusd=55, latency_ms=800,
    )  # fmt: skip
    await world.database.submit(lambda db: usage.add(db, call))
    await furnish_webhook(world, of)


async def furnish_webhook(world: World, of: Things) -> None:
    """Add a webhook with a key of a number, switched off, as if it had delivered."""
    key = await world.key(of.session_id)
    async with client_of(world.app, token=key.secret) as api:
        body = {"url": f"https://shop.example/{of.session_id}", "enabled": False}
        of.ids["webhook_id"] = (await done(api.post("/webhooks", json=body)))["id"]
    delivery = {
        "id": uuid.uuid4(), "webhook_id": uuid.UUID(of.ids["webhook_id"]), "event_id": "0-1", "envelope": None,
        "event": "message.received", "session": of.session_id, "state": "delivered", "attempts": 1, "status": 204,
        "error": None, "response": None, "duration_ms": 5, "created_at": utc_now(), "due_at": None,
        "delivered_at": utc_now(),
    }  # fmt: skip
    await world.database.submit(lambda db: webhooks.note(db, [delivery]))
    of.ids["delivery_id"] = str(delivery["id"])


async def questions(api: httpx.AsyncClient, session_id: str | None = None) -> list[dict[str, Any]]:
    params = {"session": session_id} if session_id else {}
    items: list[dict[str, Any]] = (await done(api.get("/frequent-answers/questions", params=params)))["items"]
    return items


@pytest.fixture
async def world(database_url: URL, database: Database, tmp_path: Path) -> AsyncIterator[World]:
    url = database_url.set(drivername=database_url.get_backend_name()).render_as_string(hide_password=False)
    with whole_app(tmp_path, database_url=url) as app:
        async with served(app):
            users: UserService = app.state.provided[UserService]
            keys: ApiKeyService = app.state.provided[ApiKeyService]
            user = await users.create(COMMAND_LINE, email="ana@example.com", password="correct horse battery")
            owner = Caller(user.id, user.role)
            names: dict[str, Any] = {"knowledge": {"embeddings": "off"}, "ai_enabled": False}
            shop = Things("shop", await add_session(database, owner, "shop", **names))
            salon = Things("salon", await add_session(database, owner, "salon", **names))
            key = await keys.create(owner, name="shop", access=Access.FULL, days=None, session_ids=["shop"])
            full = await keys.create(owner, name="all", access=Access.FULL, days=None)
            async with client_of(app, token=full.secret) as person, client_of(app, token=key.secret) as limited:
                world = World(app, database, owner, keys, person, limited, shop, salon)
                await furnish(world, shop)
                await furnish(world, salon)
                everywhere = {"title": "Where are you?", "answer": "All over the town."}
                world.everywhere = (await done(person.post("/frequent-answers", json=everywhere)))["id"]
                yield world


def paths_of(of: Things, path: str) -> str:
    for name, value in {"session_id": of.session_id, **of.ids}.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, path
    return path


def filled(method: str, path: str) -> dict[str, Any]:
    """Return what a request needs so that it would do something, were it allowed."""
    bodies: dict[str, Any] = {
        "PATCH /sessions/{session_id}": {"name": "mine"},
        "POST /sessions/{session_id}/passkey": {
            "id": "a", "rawId": "YQ", "type": "public-key",
            "response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": "YQ", "userHandle": "YQ"},
        },
        "POST /sessions/{session_id}/messages": {"to": NOBODY, "text": "hi"},
        "POST /sessions/{session_id}/try": {"messages": [{"text": "hi"}]},
        "POST /sessions/{session_id}/tools": {"name": "x", "description": "xyz", "url": "https://a.example/"},
        "PATCH /sessions/{session_id}/tools/{tool_id}": {"enabled": False},
        "POST /sessions/{session_id}/tools/{tool_id}/try": {"arguments": {}},
        "POST /sessions/{session_id}/knowledge": {"name": "x", "text": "x"},
        "PATCH /conversations/{conversation_id}": {"contact_name": "mine"},
        "POST /conversations/{conversation_id}/pause": {"minutes": 5},
        "POST /conversations/{conversation_id}/messages": {"text": "hi"},
        "PATCH /messages/{message_id}": {"text": "mine"},
        "POST /messages/{message_id}/react": {"emoji": "👍"},
        "PUT /frequent-answers/questions/{question_id}/verdict": {"verdict": "wrong"},
        "POST /frequent-answers/suggestions/{suggestion_id}/approve": {"answer": "mine"},
        "PATCH /frequent-answers/{answer_id}": {"answer": "mine"},
        "POST /frequent-answers/{answer_id}/phrasings": {"texts": ["is it mine"]},
        "PATCH /webhooks/{webhook_id}": {"url": "https://evil.example/", "session_ids": ["shop"]},
    }  # fmt: skip
    file = {"file": ("x.txt", b"hello", "text/plain")}
    forms: dict[str, Any] = {
        "POST /sessions/{session_id}/media": {"files": file, "data": {"to": NOBODY}},
        "POST /sessions/{session_id}/knowledge/documents": {"files": file},
        "POST /conversations/{conversation_id}/media": {"files": file},
        "GET /sessions/{session_id}/knowledge/search": {"params": {"q": "haircut"}},
    }
    one = f"{method} {path}"
    if one in bodies:
        return {"json": bodies[one]}
    return dict(forms.get(one, {}))


OF_ONE = [(method, path) for method, path in ENDPOINTS if "{" in path and not needs_all_numbers(method, path)]


def told(answer: httpx.Response) -> tuple[int, Any]:
    """Return what an answer tells, but for the name that was asked for."""
    problem = answer.json() if answer.content else {}
    problem.pop("request_id", None)
    return answer.status_code, json.loads(json.dumps(problem).replace("nothing", "salon"))


async def everything(world: World) -> dict[str, Any]:
    """Return all that the second number has, as its owner sees it."""
    api, ids = world.person, world.salon.ids
    found = {}
    for path in (
        "/sessions/salon", "/sessions/salon/tools", "/sessions/salon/knowledge", "/sessions/salon/tool-calls",
        f"/conversations/{ids['conversation_id']}", f"/conversations/{ids['conversation_id']}/messages",
        f"/messages/{world.salon.waiting}", f"/messages/{ids['message_id']}/changes",
        f"/frequent-answers/{ids['answer_id']}", f"/frequent-answers/{ids['answer_id']}/phrasings",
        f"/frequent-answers/{world.everywhere}", "/frequent-answers/questions?session=salon",
        "/frequent-answers/suggestions?session=salon&least=1", "/frequent-answers",
        f"/webhooks/{ids['webhook_id']}", f"/webhooks/{ids['webhook_id']}/secret",
        f"/webhooks/{ids['webhook_id']}/deliveries",
    ):  # fmt: skip
        found[path] = await done(api.get(path))
    found["/frequent-answers"] = [one for one in found["/frequent-answers"]["items"] if one["session_id"] != "shop"]
    return found


async def test_what_another_number_has_is_as_if_it_were_not_there(world: World) -> None:
    before = await everything(world)
    assert len(OF_ONE) > 40
    # those that end what others need come last
    for method, path in sorted(OF_ONE, key=lambda one: one[0] == "DELETE"):
        what = f"{method} {path}"
        tried = await world.limited.request(method, paths_of(world.salon, path), **filled(method, path))
        nothing = await world.limited.request(method, made_up(path), **filled(method, path))
        assert tried.status_code == 404, (what, tried.text)
        assert told(tried) == told(nothing), what
    for path in (f"/messages/{world.salon.ids['file']}/media", f"/messages/{world.salon.waiting}"):
        assert (await world.limited.get(path)).status_code == 404, path
        assert (await world.person.get(path)).status_code == 200, path
    for method in ("PATCH", "DELETE"):
        body: dict[str, Any] = {"json": {"text": "mine"}} if method == "PATCH" else {}
        assert (await world.limited.request(method, f"/messages/{world.salon.waiting}", **body)).status_code == 404
        one = f"/frequent-answers/{world.everywhere}"
        body = {"json": {"answer": "mine"}} if method == "PATCH" else {}
        assert (await world.limited.request(method, one, **body)).status_code == 404
    assert await everything(world) == before


async def test_its_own_number_is_whole(world: World) -> None:
    for method, path in sorted(OF_ONE, key=lambda one: (one[0] == "DELETE", one[1].count("/"), one[1]), reverse=False):
        if method == "GET" and path not in {"/messages/{message_id}/media", "/sessions/{session_id}/qr",
                                            "/sessions/{session_id}/passkey"}:  # fmt: skip
            answer = await world.limited.get(paths_of(world.shop, path), **filled(method, path))
            assert answer.status_code == 200, (path, answer.text)
    path = f"/conversations/{world.shop.ids['conversation_id']}"
    assert (await done(world.limited.post(f"{path}/messages", json={"text": "Hello"})))["body"] == "Hello"
    assert (await done(world.limited.post("/sessions/shop/messages", json={"to": NOBODY, "text": "x"})))["body"] == "x"
    assert (await done(world.limited.patch("/sessions/shop", json={"name": "Mine"})))["name"] == "Mine"
    assert await done(world.limited.post(f"{path}/pause", json={"minutes": 5}))
    assert (await world.limited.get(f"/messages/{world.shop.ids['file']}/media")).content == b"shop" * 20
    one = f"/frequent-answers/{world.shop.ids['answer_id']}"
    assert (await done(world.limited.patch(one, json={"answer": "Mine."})))["answer"] == "Mine."


async def test_lists_and_sums_are_of_its_number_only(world: World) -> None:
    api = world.limited

    async def items(path: str, **params: Any) -> list[Any]:
        found: list[Any] = (await done(api.get(path, params={"limit": 100, **params})))["items"]
        return found

    assert [one["session_id"] for one in await items("/sessions")] == ["shop"]
    assert [one["session_id"] for one in await items("/conversations")] == ["shop"]
    assert [one["id"] for one in await items("/messages")] == [world.shop.waiting]
    assert [one["message"]["body"] for one in await items("/messages/search", q="secret")] == ["a secret of shop"]
    assert [one["session_id"] for one in await items("/frequent-answers")] == ["shop"]
    assert {one["session_id"] for one in await items("/frequent-answers/questions")} == {"shop"}
    assert [one["session_id"] for one in await items("/frequent-answers/suggestions", least=1)] == ["shop"]
    assert (await done(api.get("/frequent-answers/report")))["questions"] == 3
    exported = (await api.get("/frequent-answers/export")).text
    assert "It is shop." in exported
    assert "salon" not in exported
    assert "All over the town." not in exported
    report = await done(api.get("/usage", params={"group": "session"}))
    assert (report["calls"], [one["session_id"] for one in report["items"]]) == (1, ["shop"])
    assert "salon" not in (await api.get("/usage.csv", params={"group": "session"})).text
    assert [one["session_ids"] for one in await done(api.get("/webhooks"))] == [["shop"]]
    assert len(await done(world.person.get("/webhooks"))) == 2
    traffic = await done(api.get("/usage/messages", params={"group": "session"}))
    assert [one["session_id"] for one in traffic["items"]] == ["shop"]
    assert "salon" not in (await api.get("/usage/messages.csv", params={"group": "session"})).text
    assert (await done(world.person.get("/usage")))["calls"] == 2


FILTERED = (
    "/conversations", "/messages", "/messages/search?q=secret", "/frequent-answers", "/frequent-answers/export",
    "/frequent-answers/questions", "/frequent-answers/suggestions", "/frequent-answers/report",
)  # fmt: skip


async def test_a_filter_does_not_reach_another_number(world: World) -> None:
    for path in FILTERED:
        own, hidden, nothing = [
            await world.limited.get(f"{path}{'&' if '?' in path else '?'}session={session}")
            for session in ("shop", "salon", "nothing")
        ]
        assert own.status_code == 200, path
        assert hidden.status_code == 404, path
        assert told(hidden) == told(nothing), path


async def test_filters_that_know_no_number_find_nothing_of_another(world: World) -> None:
    for path in ("/usage", "/usage/messages"):
        hidden, nothing = [await done(world.limited.get(path, params={"session": one})) for one in ("salon", "nothing")]
        assert hidden == nothing
        assert hidden["items"] == []
    for path in ("/messages", "/messages/search"):
        params = {"conversation": world.salon.ids["conversation_id"]} | ({"q": "secret"} if "search" in path else {})
        assert (await world.limited.get(path, params=params)).status_code == 404


async def test_cursors_lead_to_no_other_number(world: World) -> None:
    """A cursor says where to read on, and never in what; one that another key got is worth nothing more."""
    last = uuid.UUID(int=2**128 - 1)
    far: dict[str, tuple[str | int, ...]] = {
        "/sessions": (str(uuid.UUID(int=0)),),
        "/conversations": (4_000_000_000_000_000, str(last)),
        "/messages": (0, str(uuid.UUID(int=0))),
        "/messages/search?q=secret": (2**31 - 1,),
        "/frequent-answers": (str(last),),
        "/frequent-answers/questions": (str(last),),
        "/frequent-answers/suggestions?least=1": (2**31 - 1, str(last)),
    }
    for path, place in far.items():
        cursor = encode_cursor(path.partition("?")[0], *place)
        answer = await world.limited.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json()["items"], path
        assert "salon" not in answer.text, path
    page = await done(world.person.get("/messages/search", params={"q": "secret", "limit": 1}))
    assert page["items"][0]["message"]["body"] == "a secret of salon"
    answer = await world.limited.get("/messages/search", params={"q": "secret", "cursor": page["next_cursor"]})
    assert [one["message"]["body"] for one in answer.json()["items"]] == ["a secret of shop"]


async def test_bodies_name_nothing_of_another_number(world: World) -> None:
    mine, theirs = world.shop.ids, world.salon.ids
    path = f"/conversations/{mine['conversation_id']}"
    quoting = {"text": "so that it is shown", "quoted_message_id": theirs["message_id"]}
    file = {"file": ("x.txt", b"hello", "text/plain")}
    for call in (
        world.limited.post(f"{path}/messages", json=quoting),
        world.limited.post("/sessions/shop/messages", json={**quoting, "to": NOBODY}),
        world.limited.post(f"{path}/media", files=file, data={"quoted_message_id": theirs["message_id"]}),
        world.limited.patch(f"/frequent-answers/{mine['answer_id']}", json={"session_id": "salon"}),
        world.limited.post("/frequent-answers", json={"title": "Who?", "answer": "I.", "session_id": "salon"}),
        world.limited.post("/frequent-answers/try", json={"session_id": "salon", "text": "What is the secret?"}),
        world.limited.post(
            f"/frequent-answers/suggestions/{mine['suggestion_id']}/approve", json={"answer_id": theirs["answer_id"]}
        ),
        world.limited.post(
            f"/frequent-answers/suggestions/{mine['suggestion_id']}/approve", json={"answer_id": world.everywhere}
        ),
        world.limited.get(f"{path}/messages", params={"wa_id": world.salon.wa_id}),
    ):
        answer = await call
        if answer.status_code != 404:
            assert answer.json()["items"] == []
        assert "salon" not in answer.text


async def test_a_question_shows_no_answer_that_is_another_numbers(world: World) -> None:
    """An answer may have been moved to another number after it was the best one for a question."""
    for answer, shown in ((world.salon.ids["answer_id"], False), (world.everywhere, True)):
        statement = text("UPDATE frequent_questions SET answer_id = :answer, passed = true WHERE session_id = 'shop'")
        async with world.database.write() as db:
            await db.connection.execute(statement.bindparams(bindparam("answer", uuid.UUID(answer), Uuid())))
        assert {one["answer"] for one in await questions(world.person)} > {None}
        found = {one["answer"] for one in await questions(world.limited)}
        assert found == ({"All over the town."} if shown else {None})
        best = (await done(world.limited.get("/frequent-answers/report")))["by_answer"]
        assert [one["title"] for one in best] == (["Where are you?"] if shown else [])


async def test_what_is_for_all_numbers_is_refused_and_says_why(world: World) -> None:
    approve = f"/frequent-answers/suggestions/{world.shop.ids['suggestion_id']}/approve"
    for call in (
        world.limited.post("/frequent-answers", json={"title": "Who?", "answer": "I."}),
        world.limited.patch(f"/frequent-answers/{world.shop.ids['answer_id']}", json={"session_id": None}),
        world.limited.post(approve, json={"everywhere": True}),
        world.limited.post("/sessions", json={"session_id": "more"}),
        world.limited.delete("/sessions/shop"),
        world.limited.get("/usage/budget"),
        world.limited.get("/system"),
        world.limited.get("/auth/me"),
    ):
        answer = await call
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (403, "limited_key") or "/auth/me" in str(answer.url), problem
        assert "limited to some" in problem["detail"]
        assert "POST /api-keys" in problem["remedy"]
    assert (await done(world.person.get("/sessions/shop")))["session_id"] == "shop"


async def test_an_idempotency_key_of_another_number_is_a_new_one(world: World) -> None:
    again = {"text": "later from salon", "send_at": LATER}
    path = f"/conversations/{world.salon.ids['conversation_id']}/messages"
    assert (await world.limited.post(path, json=again, headers={"Idempotency-Key": "same"})).status_code == 404
    sent = await done(world.person.post(path, json=again, headers={"Idempotency-Key": "only-there"}))
    own = f"/conversations/{world.shop.ids['conversation_id']}/messages"
    made = await done(world.limited.post(own, json=again, headers={"Idempotency-Key": "only-there"}))
    assert made["id"] != sent["id"]
    assert made["conversation_id"] == world.shop.ids["conversation_id"]


async def test_a_key_that_reads_is_limited_too(world: World) -> None:
    key = await world.key("shop", access=Access.READ)
    async with client_of(world.app, token=key.secret) as reads:
        assert [one["session_id"] for one in (await done(reads.get("/sessions")))["items"]] == ["shop"]
        assert (await reads.get("/sessions/salon")).status_code == 404
        refused = await reads.patch("/sessions/shop", json={"name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "read_only_key")


async def test_where_the_numbers_are_deleted_nothing_is_left_rather_than_everything(world: World) -> None:
    await done(world.person.delete("/sessions/shop"))
    assert (await done(world.limited.get("/sessions")))["items"] == []
    assert (await done(world.limited.get("/conversations")))["items"] == []
    assert (await done(world.limited.get("/messages/search", params={"q": "secret"})))["items"] == []
    assert (await done(world.limited.get("/frequent-answers")))["items"] == []
    assert (await done(world.limited.get("/usage")))["calls"] == 0
    assert await done(world.limited.get("/webhooks")) == []
    assert (await world.limited.get("/sessions/salon")).status_code == 404
    assert (await world.limited.post("/sessions", json={"session_id": "shop"})).status_code == 403

    await done(world.person.post("/sessions", json={"session_id": "shop"}))  # another one by the same name
    assert (await done(world.limited.get("/sessions")))["items"] == []
    assert (await world.limited.get("/sessions/shop")).status_code == 404


async def test_a_new_number_has_nothing_of_the_old_one_of_its_name(world: World) -> None:
    """Its key would be sent them: a client may say that it last saw what was long ago."""
    async with world.database.read() as db:
        before = await read_after(db, Position(0, 0), user_id=world.owner.user_id, sessions=["shop"])
    assert "a secret of shop" in str(before)
    await done(world.person.delete("/sessions/shop"))
    await done(world.person.post("/sessions", json={"session_id": "shop"}))
    async with world.database.read() as db:
        left = await read_after(db, Position(0, 0), user_id=world.owner.user_id, sessions=["shop"])
        others = await read_after(db, Position(0, 0), user_id=world.owner.user_id, sessions=["salon"])
    key = await world.key("shop")
    async with client_of(world.app, token=key.secret) as new:
        assert (await done(new.get("/usage")))["calls"] == 0
        assert (await done(world.person.get("/usage", params={"session": "shop"})))["calls"] == 1  # it is on the bill
        assert await done(new.get("/webhooks")) == []
    path = f"/webhooks/{world.shop.ids['webhook_id']}"
    assert (await done(world.person.get(path)))["session_ids"] == []
    assert (await done(world.person.get(f"{path}/deliveries")))["items"] == []
    assert len((await done(world.person.get(f"/webhooks/{world.salon.ids['webhook_id']}/deliveries")))["items"]) == 1
    assert {event.type for event in left} <= {"session.status"}
    assert [event.payload["reason"] for event in left][:1] == ["deleted"]
    assert "a secret of salon" in str(others)


async def test_several_numbers_go_one_by_one(world: World) -> None:
    key = await world.key("shop", "salon")
    async with client_of(world.app, token=key.secret) as both:
        assert len((await done(both.get("/conversations")))["items"]) == 2
        await done(world.person.delete("/sessions/salon"))
        assert [one["session_id"] for one in (await done(both.get("/conversations")))["items"]] == ["shop"]


async def test_at_the_same_time_each_key_sees_its_own(world: World) -> None:
    key = await world.key("salon")
    async with client_of(world.app, token=key.secret) as other:
        found = await asyncio.gather(*(client.get("/conversations") for client in [world.limited, other] * 10))
    names = [[one["session_id"] for one in answer.json()["items"]] for answer in found]
    assert names == [["shop"], ["salon"]] * 10
