"""Conversations and messages over REST, on both databases: paging, search, reading, sending, erasing, scope."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import (
    CONTACT,
    CONTACT_LID,
    add_owner,
    add_session,
    inbound,
    known,
    messages,
    receiver,
)
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.conversations import endpoints as reading
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.service import ConversationService
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.outbox import endpoints as sending
from prosa.outbox.service import OutboxService
from prosa.sessions.facts import SessionFacts
from prosa.settings import Settings
from prosa.turns.manual import ManualMessages
from prosa.turns.receive import Receiver

OTHER = "5521988880002@s.whatsapp.net"


@dataclass(slots=True)
class Desk:
    api: httpx.AsyncClient
    other: httpx.AsyncClient
    receive: Receiver
    session: SessionFacts
    database: Database

    async def first(self) -> dict[str, Any]:
        return (await self.api.get("/conversations")).json()["items"][0]  # type: ignore[no-any-return]


@pytest.fixture
async def desk(database: Database, bus: Bus, settings: Settings, tmp_path: Path) -> AsyncIterator[Desk]:
    owner, stranger = await add_owner(database), await add_owner(database, "eve@example.com")
    session = await add_session(database, owner)
    files, numbers = MediaFiles(tmp_path / "media"), OnlineNumbers(bus, lambda _: None)
    fetcher = MediaFetcher(database, bus, files, numbers, max_bytes=2**20)
    provided = {
        ConversationService: ConversationService(database, files, fetcher, numbers),
        ManualMessages: ManualMessages(database, files, numbers, known(session)),
        OutboxService: OutboxService(database),
        MediaFiles: files,
        Settings: settings,
    }

    def app(caller: Caller) -> Any:
        return create_test_app(provided, (*reading.routers, sending.router), caller)

    async with client_of(app(owner)) as api, client_of(app(stranger)) as other:
        yield Desk(api, other, receiver(database, tmp_path / "media", unready="no_api_key"), session, database)


async def pages(api: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = (await api.get(path, params=params)).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


async def test_messages_are_paged_in_both_directions_while_new_ones_arrive(desk: Desk) -> None:
    for n in range(7):
        await desk.receive.message(desk.session, inbound(f"m{n}", wa_id=f"W{n}", minutes=n))
    path = f"/conversations/{(await desk.first())['id']}/messages"
    assert [m["body"] for m in await pages(desk.api, path, limit=3)] == [f"m{n}" for n in reversed(range(7))]
    assert [m["body"] for m in await pages(desk.api, path, limit=2, direction="newer")] == [f"m{n}" for n in range(7)]
    page = (await desk.api.get(path, params={"limit": 3})).json()
    await desk.receive.message(desk.session, inbound("new", wa_id="W9", minutes=9))
    rest = await pages(desk.api, path, limit=3, cursor=page["next_cursor"])
    assert [m["body"] for m in rest] == ["m3", "m2", "m1", "m0"]

    # from anywhere in it, both ways; and the one that another quotes
    seq = page["items"][2]["seq"]
    assert page["items"][2]["body"] == "m4"
    assert [m["body"] for m in await pages(desk.api, path, limit=3, from_seq=seq)] == ["m3", "m2", "m1", "m0"]
    later = await pages(desk.api, path, limit=2, from_seq=seq, direction="newer")
    assert [m["body"] for m in later] == ["m5", "m6", "new"]
    assert [m["body"] for m in await pages(desk.api, path, wa_id="W2")] == ["m2"]
    assert await pages(desk.api, path, wa_id="W99") == []


async def test_conversations_come_newest_first_and_are_found(desk: Desk) -> None:
    await desk.receive.message(desk.session, inbound("one", wa_id="A1", push_name="José Ávila"))
    await desk.receive.message(
        desk.session, inbound("two", wa_id="B1", chat=OTHER, sender=OTHER, push_name="Bia", minutes=5)
    )
    assert [c["contact_name"] for c in await pages(desk.api, "/conversations", limit=1)] == ["Bia", "José Ávila"]
    for query, wanted in (("jose", ["José Ávila"]), ("55219", ["Bia"]), ("nobody", [])):
        found = await pages(desk.api, "/conversations", q=query)
        assert [c["contact_name"] for c in found] == wanted, query
    assert len(await pages(desk.api, "/conversations", unread="true")) == 2
    read = await desk.api.post(f"/conversations/{(await desk.first())['id']}/read")
    assert read.json()["unread_count"] == 0
    assert [c["contact_name"] for c in await pages(desk.api, "/conversations", unread="true")] == ["José Ávila"]


@pytest.mark.parametrize(
    ("query", "hits"),
    [("sao", 1), ("SÃO paulo", 1), ("pau", 1), ("paulo sao", 1), ("ulo", 0), ('"; DROP', 0), ("ação", 1)],
)
async def test_search_knows_no_accents_and_no_case(desk: Desk, query: str, hits: int) -> None:
    await desk.receive.message(desk.session, inbound("Olá de São Paulo", wa_id="S1"))
    await desk.receive.message(desk.session, inbound("uma acao qualquer", wa_id="S2", minutes=1))
    answer = await desk.api.get("/messages/search", params={"q": query})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == hits
    assert (await desk.other.get("/messages/search", params={"q": query})).json()["items"] == []


async def test_what_is_sent_waits_in_the_outbox_once(desk: Desk) -> None:
    await desk.receive.message(desk.session, inbound("hello", wa_id="A1"))
    path = f"/conversations/{(await desk.first())['id']}/messages"
    key = {"Idempotency-Key": "k1"}
    first = await desk.api.post(path, json={"text": "hi"}, headers=key)
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    again = await desk.api.post(path, json={"text": "hi"}, headers=key)
    assert again.json()["id"] == first.json()["id"]
    assert (await desk.api.post(path, json={"text": "something else"}, headers=key)).status_code == 409
    assert [m.body for m in await messages(desk.database)] == ["hello", "hi"]
    upload = await desk.api.post(
        path.replace("messages", "media"), files={"file": ("a.txt", b"text", "text/plain")}, data={"caption": "see"}
    )
    assert (upload.status_code, upload.json()["type"]) == (202, "document")
    stored = await desk.api.get(f"/messages/{upload.json()['id']}/media")
    assert stored.content == b"text"
    assert "attachment" in stored.headers["content-disposition"]


async def test_a_lid_and_a_phone_number_are_one_conversation(desk: Desk) -> None:
    await desk.receive.message(desk.session, inbound("by lid", wa_id="L1", chat=CONTACT_LID, sender=CONTACT_LID))
    await desk.receive.message(
        desk.session, inbound("by both", wa_id="L2", chat=CONTACT_LID, chat_alt=CONTACT, sender=CONTACT_LID, minutes=1)
    )
    await desk.receive.message(desk.session, inbound("by phone", wa_id="L3", minutes=2))
    (conversation,) = await pages(desk.api, "/conversations")
    bodies = [m["body"] for m in await pages(desk.api, f"/conversations/{conversation['id']}/messages")]
    assert bodies == ["by phone", "by both", "by lid"]
    assert (conversation["contact_jid"], conversation["contact_lid"]) == (CONTACT, CONTACT_LID)


async def test_erasing_leaves_nothing(desk: Desk) -> None:
    await desk.receive.message(desk.session, inbound("secret", wa_id="A1"))
    conversation = (await desk.first())["id"]
    assert (await desk.api.delete(f"/conversations/{conversation}")).status_code == 204
    assert (await desk.api.get(f"/conversations/{conversation}")).status_code == 404
    assert await messages(desk.database) == []
    assert (await desk.api.get("/messages/search", params={"q": "secret"})).json()["items"] == []


async def test_strangers_find_nothing_and_change_nothing(desk: Desk) -> None:
    await desk.receive.message(desk.session, inbound("mine", wa_id="A1"))
    conversation = (await desk.first())["id"]
    message = (await pages(desk.api, f"/conversations/{conversation}/messages"))[0]["id"]
    assert (await desk.other.get("/conversations")).json()["items"] == []
    for method, path, body in (
        ("GET", f"/conversations/{conversation}", None),
        ("PATCH", f"/conversations/{conversation}", {"ai_enabled": False}),
        ("DELETE", f"/conversations/{conversation}", None),
        ("POST", f"/conversations/{conversation}/read", None),
        ("GET", f"/conversations/{conversation}/messages", None),
        ("POST", f"/conversations/{conversation}/messages", {"text": "x"}),
        ("GET", f"/messages/{message}", None),
        ("GET", f"/messages/{message}/media", None),
        ("POST", "/sessions/main/messages", {"to": "+5511999990001", "text": "x"}),
    ):
        answer = await desk.other.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await desk.first())["ai_enabled"] is True
    assert len(await messages(desk.database)) == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/sessions/main/messages", {"to": "abc", "text": "x"}, "body.to"),
        ("/sessions/main/messages", {"to": "+5511999990001", "text": ""}, "body.text"),
        ("/sessions/main/messages", {"to": "+5511999990001", "text": "a\u0000b"}, "body.text"),
        ("/sessions/main/messages", {"to": "+5511999990001"}, "body.text"),
        ("/sessions/main/messages", {"to": "+5511999990001", "text": "x", "more": 1}, "body.more"),
    ],
)
async def test_wrong_input_names_the_field(desk: Desk, path: str, body: dict[str, Any], field: str) -> None:
    answer = await desk.api.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_a_cursor_of_another_collection_is_refused(desk: Desk) -> None:
    answer = await desk.api.get("/conversations", params={"cursor": "WzFd"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor")


async def test_a_search_without_words_says_so(desk: Desk) -> None:
    answer = await desk.api.get("/messages/search", params={"q": "*"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.q")
