"""People's messages over REST: accepted at once, stored once, whatever the number is doing."""

import asyncio
import hashlib
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.conftest import Inbox
from tests.fixtures.conversations import CONTACT, CONTACT_LID, GROUP, conversations, messages
from tests.fixtures.http import client_of
from tests.fixtures.sending import until

from prosa.clock import utc_now
from prosa.outbox.content import Instructions
from prosa.outbox.sender import Sender
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import MediaContent, ResolvedUser, TextContent

PHONE = "+5511999990001"


def known(inbox: Inbox, jid: str = CONTACT, lid: str | None = CONTACT_LID) -> None:
    inbox.connection.users[PHONE] = ResolvedUser(PHONE, on_whatsapp=True, jid=jid, lid=lid)


async def send(inbox: Inbox, body: dict[str, Any], *, status: int = 202, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await inbox.api.post("/sessions/main/messages", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_first_message_to_a_number_asks_whatsapp_who_that_is(inbox: Inbox) -> None:
    known(inbox, "551199990001@s.whatsapp.net")
    sent = await send(inbox, {"to": "+55 11 99999-0001", "text": "Olá"})
    assert (sent["status"], sent["author"], sent["from_me"], sent["body"]) == ("queued", "person", True, "Olá")
    [conversation] = await conversations(inbox.database)
    assert (conversation.contact_jid, conversation.contact_lid) == ("551199990001@s.whatsapp.net", CONTACT_LID)
    assert conversation.last_message_preview == "Olá"
    await send(inbox, {"to": CONTACT_LID, "text": "again"})
    await send(inbox, {"to": "551199990001@s.whatsapp.net", "text": "again"})
    assert len(await conversations(inbox.database)) == 1
    assert inbox.connection.resolved == [PHONE]


async def test_a_known_contact_is_not_asked_about(inbox: Inbox) -> None:
    await inbox.hear(chat_alt=CONTACT_LID)
    await send(inbox, {"to": PHONE, "text": "hi"})
    assert inbox.connection.resolved == []
    assert len(await conversations(inbox.database)) == 1


@pytest.mark.parametrize("more", [{}, {"send_at": "2100"}])
@pytest.mark.parametrize("path", ["/sessions/main", "/conversations/{id}"])
async def test_a_number_that_was_never_linked_sends_nothing(inbox: Inbox, path: str, more: dict[str, str]) -> None:
    row = await inbox.hear()
    inbox.session = replace(inbox.session, status=SessionStatus.CONNECTING, jid=None, ever_linked=False)
    later = {name: (utc_now() + timedelta(days=1)).isoformat() for name in more}
    to = {"to": PHONE} if path.startswith("/sessions") else {}
    path = path.format(id=row.conversation_id)
    async with client_of(inbox.app(inbox.owner)) as api:
        text = await api.post(f"{path}/messages", json={"text": "hi"} | to | later)
        file = await api.post(f"{path}/media", data=to | later, files={"file": ("a.txt", b"hi", "text/plain")})
    for answer in (text, file):
        assert (answer.status_code, answer.json()["code"]) == (409, "never_linked")
        assert "“main” was never linked" in answer.json()["detail"]
        assert "POST /sessions/{id}/connect" in answer.json()["remedy"]
    assert [row.from_me for row in await messages(inbox.database)] == [False]
    assert [path for path in inbox.files.root.rglob("*") if path.is_file()] == []


async def test_while_offline_it_is_accepted_and_joined_later(inbox: Inbox) -> None:
    connection = inbox.lines.connections.pop("main")
    connection.users[PHONE] = ResolvedUser(PHONE, on_whatsapp=True, jid=CONTACT, lid=CONTACT_LID)
    await inbox.hear("hi", chat=CONTACT_LID)
    sent = await send(inbox, {"to": PHONE, "text": "hello"})
    assert len(await conversations(inbox.database)) == 2
    row = next(m for m in await messages(inbox.database) if m.from_me)
    assert Instructions.read(row.payload).resolve == PHONE
    inbox.lines.connections["main"] = connection
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()

    async def arrived() -> bool:
        return bool((await inbox.get(f"/messages/{sent['id']}"))["status"] == "sent")

    await until(arrived)
    await sender.stop()
    [conversation] = await conversations(inbox.database)
    assert [m.body for m in await messages(inbox.database, conversation.id)] == ["hi", "hello"]


async def test_a_number_that_is_not_on_whatsapp_is_accepted_and_fails_later(inbox: Inbox) -> None:
    await send(inbox, {"to": PHONE, "text": "hi"})
    [row] = await messages(inbox.database)
    assert Instructions.read(row.payload).resolve == PHONE


@pytest.mark.parametrize(
    "body",
    [
        {"to": "(11) 99999-0001", "text": "x"}, {"to": "12", "text": "x"}, {"to": "maria", "text": "x"},
        {"to": "status@broadcast", "text": "x"}, {"to": "1203@newsletter", "text": "x"}, {"to": "@lid", "text": "x"},
        {"to": "abc@s.whatsapp.net", "text": "x"}, {"to": "a@b@c", "text": "x"}, {"to": "867051@bot", "text": "x"},
        {"to": "x@g.us", "text": "x"},
        {"to": PHONE, "text": ""}, {"to": PHONE, "text": "   "}, {"to": PHONE, "text": "a\u0000"},
        {"to": PHONE, "text": "x" * 65_537}, {"to": PHONE}, {"to": PHONE, "text": "x", "more": 1},
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_refused_with_the_field(inbox: Inbox, body: Any) -> None:
    problem = await send(inbox, body, status=422)
    assert problem["errors"][0]["field"].startswith("body.")
    assert await messages(inbox.database) == []


async def test_the_same_key_is_one_message(inbox: Inbox) -> None:
    known(inbox)
    body = {"to": PHONE, "text": "order 1"}
    answers = await asyncio.gather(*(send(inbox, body, key="order-1") for _ in range(8)))
    assert len({answer["id"] for answer in answers}) == 1
    assert (await send(inbox, body, key="order-1"))["id"] == answers[0]["id"]
    assert len(await messages(inbox.database)) == 1
    for other in ({"to": PHONE, "text": "order 2"}, {"to": GROUP, "text": "order 1"}):
        assert (await send(inbox, other, key="order-1", status=409))["code"] == "conflict"
    await send(inbox, body, key="order-2")
    await send(inbox, body)
    assert len(await messages(inbox.database)) == 3


async def test_a_key_belongs_to_its_number(inbox: Inbox) -> None:
    await send(inbox, {"to": GROUP, "text": "x"}, key="k")
    theirs = await inbox.strangers.post(
        "/sessions/theirs/messages", json={"to": GROUP, "text": "y"}, headers={"Idempotency-Key": "k"}
    )
    assert theirs.status_code == 202
    bad = await inbox.api.post(
        "/sessions/main/messages", json={"to": GROUP, "text": "y"}, headers={"Idempotency-Key": "a b"}
    )
    assert bad.status_code == 422


async def test_an_answer_quotes_a_message_of_the_conversation(inbox: Inbox) -> None:
    question = await inbox.hear("question")
    elsewhere = await inbox.hear("elsewhere", chat="5511222222222@s.whatsapp.net")
    path = f"/conversations/{question.conversation_id}/messages"
    sent = await inbox.api.post(path, json={"text": "answer", "quoted_message_id": str(question.id)})
    assert sent.json()["quoted_wa_id"] == question.wa_id
    wrong = await inbox.api.post(path, json={"text": "answer", "quoted_message_id": str(elsewhere.id)})
    assert wrong.status_code == 404
    file = {"file": ("a.png", b"content", "image/png")}
    form = {"quoted_message_id": str(question.id)}
    sent = await inbox.api.post(f"/conversations/{question.conversation_id}/media", files=file, data=form)
    assert sent.json()["quoted_wa_id"] == question.wa_id
    wrong = await inbox.api.post(
        "/sessions/main/messages", json={"to": GROUP, "text": "x", "quoted_message_id": str(question.id)}
    )
    assert wrong.status_code == 404


async def upload(inbox: Inbox, name: str, content: bytes, mime: str, **form: str) -> Any:
    return await inbox.api.post(
        "/sessions/main/media", files={"file": (name, content, mime)}, data={"to": GROUP} | form
    )


@pytest.mark.parametrize(
    ("name", "mime", "form", "type_", "shown_mime"),
    [
        ("a.png", "image/png", {}, "image", "image/png"),
        ("a.svg", "image/svg+xml", {}, "document", "image/svg+xml"),
        ("a.mp4", "video/mp4", {}, "video", "video/mp4"),
        ("a.ogg", "audio/ogg", {"voice": "true"}, "audio", "audio/ogg; codecs=opus"),
        ("a.mp3", "audio/mpeg", {}, "audio", "audio/mpeg"),
        ("a.pdf", "application/octet-stream", {}, "document", "application/pdf"),
        ("a.webp", "image/webp", {"type": "sticker"}, "sticker", "image/webp"),
        ("a.bin", "nonsense", {}, "document", "application/octet-stream"),
    ],
)
async def test_files_are_stored_and_sent(
    inbox: Inbox, name: str, mime: str, form: dict[str, str], type_: str, shown_mime: str
) -> None:
    answer = await upload(inbox, name, b"content", mime, caption="look", **form)
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert (sent["type"], sent["body"], sent["media"]["mime_type"]) == (type_, "look", shown_mime)
    assert (sent["media"]["size"], sent["media"]["file_name"], sent["media"]["state"]) == (7, name, "ready")
    fetched = await inbox.api.get(f"/messages/{sent['id']}/media")
    assert fetched.content == b"content"
    assert list((inbox.files.root / ".incoming").iterdir()) == []
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()

    async def arrived() -> bool:
        return len(inbox.connection.arrived) == 1

    await until(arrived)
    await sender.stop()
    [(to, _, content)] = inbox.connection.sent
    assert isinstance(content, MediaContent)
    assert (to, content.caption, content.type.value, content.info.voice) == (GROUP, "look", type_, "voice" in form)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/abs/olute", "a\u0000b", "x" * 500, ""])
async def test_a_name_is_never_a_path(inbox: Inbox, name: str) -> None:
    answer = await upload(inbox, name or "n", b"content", "text/plain")
    assert answer.status_code == 202
    shown = answer.json()["media"]["file_name"]
    assert len(shown) <= 200
    assert not set(shown) & {"/", "\\", "\0"}
    files = [path for path in inbox.files.root.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert files[0].name == answer.json()["id"].replace("-", "")


async def test_a_file_that_is_too_large_or_empty_is_refused(inbox: Inbox) -> None:
    large = await upload(inbox, "a.bin", b"x" * (2**20 + 1), "application/x")
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert (await upload(inbox, "a.bin", b"", "application/x")).status_code == 422
    assert (await upload(inbox, "a.png", b"x", "image/png", voice="true", type="image")).status_code == 422
    assert (await upload(inbox, "a.png", b"x", "image/png", type="gif")).status_code == 422
    assert await messages(inbox.database) == []
    assert [path for path in inbox.files.root.rglob("*") if path.is_file()] == []


async def test_the_same_key_keeps_one_file(inbox: Inbox) -> None:
    async def once(content: bytes) -> Any:
        return await inbox.api.post(
            "/sessions/main/media", files={"file": ("a.txt", content, "text/plain")}, data={"to": GROUP},
            headers={"Idempotency-Key": "file-1"},
        )  # fmt: skip

    answers = await asyncio.gather(*(once(b"one") for _ in range(4)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await once(b"two")).status_code == 409
    assert len([path for path in inbox.files.root.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("key", [None, "once-1"])
async def test_a_commit_whose_confirmation_was_lost_is_not_a_second_message(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    submit = inbox.database.submit

    async def twice(job: Any, **options: Any) -> Any:
        """As after a connection that broke during the commit: the group writer runs the job again, by itself."""
        await submit(job, **options)
        return await submit(job, **options)

    monkeypatch.setattr(inbox.database, "submit", twice)
    answer = await inbox.api.post(
        "/sessions/main/media", files={"file": ("a.txt", b"one", "text/plain")}, data={"to": GROUP},
        headers={"Idempotency-Key": key} if key else {},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    assert len(await messages(inbox.database)) == 1
    assert (await inbox.api.get(f"/messages/{answer.json()['id']}/media")).content == b"one"


async def test_texts_reach_the_connection(inbox: Inbox, tmp_path: Path) -> None:
    row = await inbox.hear("hi")
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()
    await inbox.api.post(f"/conversations/{row.conversation_id}/messages", json={"text": "*bold*"})

    async def arrived() -> bool:
        return len(inbox.connection.arrived) == 1

    await until(arrived)
    await sender.stop()
    assert [content for _, _, content in inbox.connection.sent] == [TextContent("*bold*")]


def test_hashes_are_what_whatsapp_writes(tmp_path: Path) -> None:
    from prosa.conversations.media import MediaFiles

    file = tmp_path / "x"
    file.write_bytes(b"data")
    digest = b64encode(hashlib.sha256(b"data").digest()).decode()
    files = MediaFiles(tmp_path)
    assert files.matches(file, digest)
    assert files.matches(file, None)
    assert not files.matches(file, "AAAA")
    assert not files.matches(file, "not base64!")
