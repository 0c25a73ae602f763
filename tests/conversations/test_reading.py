"""Conversations and messages over REST: lists, pages, changes, reading, erasing; each owner sees their own."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.conftest import Inbox
from tests.fixtures.conversations import CONTACT, GROUP, OWN, events, messages

from prosa.http.pagination import encode_cursor
from prosa.whatsapp.engine import MediaInfo, MessageType


async def test_conversations_newest_first_in_pages(inbox: Inbox) -> None:
    for i in range(7):
        await inbox.hear(f"{i}", chat=f"5511{i:09}@s.whatsapp.net", minutes=i // 2)
    pages = await inbox.pages("/conversations", 3)
    assert [len(page) for page in pages] == [3, 3, 1]
    names = [row["contact_phone"] for page in pages for row in page]
    assert len(set(names)) == 7
    times = [row["last_message_at"] for page in pages for row in page]
    assert times == sorted(times, reverse=True)
    shown = pages[0][0]
    assert shown["contact_name"] == "Maria"
    assert shown["last_message_preview"] == "6"
    assert (shown["unread_count"], shown["kind"], shown["session_id"]) == (1, "contact", "main")
    assert (shown["ai_state"], shown["ai_reason"]) == ("skipped", "ai_off")


async def test_filters(inbox: Inbox) -> None:
    await inbox.hear(push_name="José da Silva")
    await inbox.hear(chat="5511222222222@s.whatsapp.net", push_name="Ana_Maria 100%")
    await inbox.hear(chat=GROUP, sender=CONTACT, is_group=True)
    await inbox.hear("mine", chat="5511333333333@s.whatsapp.net", from_me=True, sender=OWN)

    async def found(**params: Any) -> int:
        return len((await inbox.get("/conversations", **params))["items"])

    assert await found() == 4
    assert await found(session="main") == 4
    assert await found(kind="group") == 1
    assert await found(unread="false") == 1
    assert await found(unread="true") == 3
    assert await found(q="jose SILVA") == 1
    assert await found(q="JOSÉ") == 1
    assert await found(q="maria 100%") == 1
    assert await found(q="_") == 4
    assert await found(q="222222") == 1
    assert await found(q="nobody") == 0
    assert (await inbox.api.get("/conversations", params={"session": "theirs"})).status_code == 404
    assert (await inbox.api.get("/conversations", params={"session": "none"})).status_code == 404


async def test_messages_in_pages_both_ways_while_new_ones_arrive(inbox: Inbox) -> None:
    row = await inbox.hear("1")
    for i in range(2, 11):
        row = await inbox.hear(f"{i}")
    path = f"/conversations/{row.conversation_id}/messages"
    first = await inbox.get(path, limit=4)
    assert [m["body"] for m in first["items"]] == ["10", "9", "8", "7"]
    await inbox.hear("11")
    second = await inbox.get(path, limit=4, cursor=first["next_cursor"])
    assert [m["body"] for m in second["items"]] == ["6", "5", "4", "3"]
    third = await inbox.get(path, limit=4, cursor=second["next_cursor"])
    assert [m["body"] for m in third["items"]] == ["2", "1"]
    assert third["next_cursor"] is None
    newer = await inbox.pages(path, 4, direction="newer")
    assert [m["body"] for page in newer for m in page] == [str(i) for i in range(1, 12)]
    one = await inbox.get(f"/messages/{row.id}")
    assert one == first["items"][0]


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIl0", "WzFd", "WzEsInoiXQ", "bnVsbA", "W1tdXQ"])
async def test_a_wrong_cursor_is_said_to_be_wrong(inbox: Inbox, cursor: str) -> None:
    answer = await inbox.api.get("/conversations", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor")


@pytest.mark.parametrize(
    "values", [(), ("a",), (1,), (1, "z"), (1e300, "1"), (2**63 - 1, "x"), (1, str(uuid.uuid4()), 1)]
)
async def test_a_cursor_that_holds_something_else_is_said_to_be_wrong(inbox: Inbox, values: tuple[Any, ...]) -> None:
    answer = await inbox.api.get("/conversations", params={"cursor": encode_cursor("/conversations", *values)})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor")


async def test_a_cursor_out_of_range_is_said_to_be_wrong(inbox: Inbox) -> None:
    row = await inbox.hear()
    path = f"/conversations/{row.conversation_id}/messages"
    answer = await inbox.api.get(path, params={"cursor": encode_cursor(path, 1e30)})
    assert answer.status_code == 422
    path = "/messages/search"
    huge = await inbox.api.get(path, params={"q": "hello", "cursor": encode_cursor(path, 2**32)})
    assert huge.status_code == 422


async def test_a_cursor_is_good_for_the_list_that_it_was_made_for_alone(inbox: Inbox) -> None:
    one = f"/conversations/{(await inbox.hear('hello 1')).conversation_id}/messages"
    await inbox.hear("hello 2")
    other = (
        f"/conversations/{(await inbox.hear('hello 3', chat='5511000000009@s.whatsapp.net')).conversation_id}/messages"
    )
    cursor = (await inbox.get(one, limit=1))["next_cursor"]
    assert [m["body"] for m in (await inbox.get(one, cursor=cursor))["items"]] == ["hello 1"]
    for path, more in ((other, {}), ("/messages/search", {"q": "hello"}), ("/messages", {}), ("/conversations", {})):
        answer = await inbox.api.get(path, params={"cursor": cursor, **more})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.cursor"), path
        assert "this list" in answer.json()["errors"][0]["message"]
    found = (await inbox.get("/messages/search", q="hello", limit=1))["next_cursor"]
    assert len((await inbox.get("/messages/search", q="hello", cursor=found))["items"]) == 2
    assert (await inbox.api.get(one, params={"cursor": found})).status_code == 422


async def test_changing_a_conversation(inbox: Inbox) -> None:
    row = await inbox.hear()
    path = f"/conversations/{row.conversation_id}"
    until = "2099-03-02T12:00:00Z"
    changed = await inbox.api.patch(
        path, json={"contact_name": "  Big   customer ", "ai_enabled": False, "ai_paused_until": until}
    )
    assert changed.status_code == 200
    body = changed.json()
    assert (body["contact_name"], body["ai_enabled"], body["ai_paused_until"]) == ("Big customer", False, until)
    await inbox.hear(push_name="Other name")
    assert (await inbox.get(path))["contact_name"] == "Big customer"
    assert len((await inbox.get("/conversations", q="big cust"))["items"]) == 1
    told = [e.payload for e in await events(inbox.database, "conversation.updated")]
    assert (told[1]["contact_name"], told[1]["ai_enabled"]) == ("Big customer", False)
    back = await inbox.api.patch(path, json={"contact_name": None, "ai_paused_until": None})
    assert back.json()["ai_paused_until"] is None
    await inbox.hear(push_name="Other name")
    assert (await inbox.get(path))["contact_name"] == "Other name"


@pytest.mark.parametrize(
    "body",
    [
        {"ai_enabled": None}, {"unknown": 1}, {"contact_name": "x" * 201}, {"contact_name": "a\u0000b"},
        {"ai_paused_until": "2026-01-01T00:00:00"}, {"ai_paused_until": "soon"}, [], {"ai_enabled": "perhaps"},
    ],
)  # fmt: skip
async def test_changes_that_make_no_sense(inbox: Inbox, body: Any) -> None:
    row = await inbox.hear()
    assert (await inbox.api.patch(f"/conversations/{row.conversation_id}", json=body)).status_code == 422


async def test_reading_sends_receipts_once(inbox: Inbox) -> None:
    first = await inbox.hear("1")
    second = await inbox.hear("2")
    path = f"/conversations/{first.conversation_id}/read"
    answer = await inbox.api.post(path)
    assert answer.json()["unread_count"] == 0
    assert inbox.connection.read == [(CONTACT, (second.wa_id, first.wa_id), None)]
    assert (await inbox.api.post(path)).status_code == 200
    assert len(inbox.connection.read) == 1
    shown = (await inbox.get(f"/conversations/{first.conversation_id}/messages"))["items"]
    assert [m["status"] for m in shown] == ["read", "read"]
    third = await inbox.hear("3")
    assert (await inbox.get(f"/messages/{third.id}"))["status"] == "received"
    inbox.lines.connections.clear()
    assert (await inbox.api.post(path)).json()["unread_count"] == 0


async def test_in_groups_receipts_name_the_author(inbox: Inbox) -> None:
    row = await inbox.hear("1@lid", chat=GROUP, sender="1@lid", is_group=True)
    await inbox.hear("2@lid", chat=GROUP, sender="2@lid", is_group=True)
    await inbox.api.post(f"/conversations/{row.conversation_id}/read")
    assert sorted((chat, sender or "") for chat, _, sender in inbox.connection.read) == [
        (GROUP, "1@lid"), (GROUP, "2@lid"),
    ]  # fmt: skip


async def test_erasing_leaves_nothing(inbox: Inbox) -> None:
    info = MediaInfo(mime_type="image/png", size=4)
    kept = await inbox.hear("kept", chat="5511222222222@s.whatsapp.net")
    row = await inbox.hear("secret words", type=MessageType.IMAGE, media=info, payload={"imageMessage": {}})
    inbox.connection.files.append(b"data")
    assert (await inbox.api.get(f"/messages/{row.id}/media")).content == b"data"
    file = inbox.files.path(inbox.files.place("main", row.conversation_id, row.id))
    assert await asyncio.to_thread(file.is_file)
    path = f"/conversations/{row.conversation_id}"
    assert (await inbox.api.delete(path)).status_code == 204
    assert (await inbox.api.delete(path)).status_code == 404
    assert [m.id for m in await messages(inbox.database)] == [kept.id]
    assert not await asyncio.to_thread(file.exists)
    assert not await asyncio.to_thread(file.parent.exists)
    assert (await inbox.get("/messages/search", q="secret"))["items"] == []
    left = await events(inbox.database)
    assert "secret" not in str([e.payload for e in left])
    assert [e.type for e in left][-1] == "conversation.deleted"
    assert {e.payload.get("conversation_id") for e in left} <= {None, str(kept.conversation_id)}
    again = await inbox.hear("hello again")
    assert again.conversation_id != row.conversation_id


async def test_strangers_find_nothing(inbox: Inbox) -> None:
    row = await inbox.hear("secret", type=MessageType.IMAGE, media=MediaInfo("image/png", 4), payload={"a": 1})
    conversation, message = f"/conversations/{row.conversation_id}", f"/messages/{row.id}"
    file = {"file": ("a.png", b"x", "image/png")}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", conversation, {}),
        ("PATCH", conversation, {"json": {"ai_enabled": True}}),
        ("DELETE", conversation, {}),
        ("POST", f"{conversation}/read", {}),
        ("GET", f"{conversation}/messages", {}),
        ("POST", f"{conversation}/messages", {"json": {"text": "hi"}}),
        ("POST", f"{conversation}/media", {"files": file}),
        ("GET", message, {}),
        ("GET", f"{message}/media", {}),
        ("GET", f"/messages/search?q=secret&conversation={row.conversation_id}", {}),
        ("GET", "/messages/search?q=secret&session=main", {}),
        ("GET", "/conversations?session=main", {}),
        ("POST", "/sessions/main/messages", {"json": {"to": CONTACT, "text": "hi"}}),
        ("POST", "/sessions/main/media", {"files": file, "data": {"to": CONTACT}}),
        (
            "POST",
            "/sessions/theirs/messages",
            {"json": {"to": CONTACT, "text": "hi", "quoted_message_id": str(row.id)}},
        ),
    ]
    for method, path, more in calls:
        answer = await inbox.strangers.request(method, path, **more)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
    for path in ("/conversations", "/messages/search?q=secret"):
        assert (await inbox.strangers.get(path)).json()["items"] == []
    assert len(await messages(inbox.database)) == 1
    assert inbox.connection.read == []


async def test_what_does_not_exist_is_not_found(inbox: Inbox) -> None:
    nowhere = uuid.uuid4()
    for path in (f"/conversations/{nowhere}", f"/messages/{nowhere}", f"/messages/{nowhere}/media"):
        assert (await inbox.api.get(path)).status_code == 404
    assert (await inbox.api.get("/messages/none")).status_code == 422


async def test_the_path_of_a_file_is_nobodys_business(inbox: Inbox, tmp_path: Path) -> None:
    info = MediaInfo(mime_type="image/png", size=4, thumbnail="AAAA")
    row = await inbox.hear("look", type=MessageType.IMAGE, media=info, payload={"imageMessage": {}})
    inbox.connection.files.append(b"data")
    await inbox.api.get(f"/messages/{row.id}/media")
    shown = (await inbox.get(f"/messages/{row.id}"))["media"]
    assert (shown["state"], shown["size"], shown["thumbnail"]) == ("ready", 4, "AAAA")
    assert "path" not in shown
    assert str(tmp_path) not in str(shown)
    assert "thumbnail" not in (await events(inbox.database, "message.received"))[0].payload["media"]


async def test_people_keep_notes_on_a_contact(inbox: Inbox) -> None:
    row = await inbox.hear("hi")
    path = f"/conversations/{row.conversation_id}"
    assert (await inbox.get(path))["notes"] is None
    changed = await inbox.api.patch(path, json={"notes": "  Pays on the 5th.\n"})
    assert changed.json()["notes"] == "Pays on the 5th."
    assert (await inbox.api.patch(path, json={"ai_enabled": False})).json()["notes"] == "Pays on the 5th."
    assert (await inbox.api.patch(path, json={"notes": None})).json()["notes"] is None
    assert (await inbox.api.patch(path, json={"notes": "x" * 4001})).status_code == 422
    assert (await inbox.strangers.patch(path, json={"notes": "mine"})).status_code == 404


async def test_a_conversation_is_marked_as_unread_until_it_is_read(inbox: Inbox) -> None:
    row = await inbox.hear("hi")
    path = f"/conversations/{row.conversation_id}"
    assert (await inbox.api.post(f"{path}/read")).json()["unread_count"] == 0
    assert (await inbox.api.post(f"{path}/unread")).json()["unread_count"] == 1
    assert (await inbox.api.post(f"{path}/unread")).json()["unread_count"] == 1
    assert (await inbox.get("/conversations", unread=True))["items"][0]["id"] == str(row.conversation_id)
    assert (await inbox.api.post(f"{path}/read")).json()["unread_count"] == 0
    assert (await inbox.strangers.post(f"{path}/unread")).status_code == 404
