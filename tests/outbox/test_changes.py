"""Reactions, edits and deletions of messages that WhatsApp has: durable like messages, and shown once they are sent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.fixtures.conversations import CONTACT, GROUP, conversations, events, messages, run_sql
from tests.fixtures.databases import on_sqlite
from tests.fixtures.inbox import Inbox
from tests.fixtures.sending import SERVER_TIME, Lines, SendingConnection, until

from prosa import leases
from prosa.clock import utc_now
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.outbox import changer as changer_module
from prosa.outbox.changer import MAX_ATTEMPTS, Changer
from prosa.outbox.sender import Sender
from prosa.whatsapp.engine import EditContent, EngineError, EngineErrorCode, ReactionContent, RevokeContent


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changer_module, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(changer_module, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(changer_module, "SLOWER_SECONDS", 0.1)
    monkeypatch.setattr(leases, "backoff", lambda *_a, **_k: timedelta(milliseconds=30))


def changer(inbox: Inbox, **more: Any) -> Changer:
    return Changer(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files, **more)


async def sent(inbox: Inbox, text: str = "helo", **form: Any) -> Any:
    """Return a message of ours that WhatsApp has, as it is shown."""
    if form:
        answer = await inbox.api.post("/sessions/main/media", **form)
    else:
        answer = await inbox.api.post("/sessions/main/messages", json={"to": CONTACT, "text": text})
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()
    path = f"/messages/{answer.json()['id']}"

    async def done() -> bool:
        return bool((await inbox.get(path))["status"] == "sent")

    await until(done)
    await sender.stop()
    await run_sql(inbox.database, "UPDATE messages SET created_at = stored_at")
    return await inbox.get(path)


async def settled(inbox: Inbox, message_id: str, **more: Any) -> list[Any]:
    """Let the changes of a message be sent; return them, the newest first."""
    working = changer(inbox, **more)
    inbox.numbers.opened("main")
    await working.start()

    async def done() -> bool:
        page = await inbox.get(f"/messages/{message_id}/changes")
        return all(change["status"] != "queued" for change in page["items"])

    await until(done)
    await working.stop()
    items: list[Any] = (await inbox.get(f"/messages/{message_id}/changes"))["items"]
    return items


async def test_an_edit_is_shown_once_whatsapp_has_it(inbox: Inbox) -> None:
    message = await sent(inbox)
    path = f"/messages/{message['id']}"
    for text in ("hello", "hello!"):
        answer = await inbox.api.patch(path, json={"text": text})
        assert (answer.status_code, answer.json()["body"]) == (202, "helo")
    changes = await settled(inbox, message["id"])
    assert [(change["body"], change["status"]) for change in changes] == [("hello!", "sent"), ("hello", "sent")]
    assert [content for _, _, content in inbox.connection.sent[1:]] == [
        EditContent(message["wa_id"], "hello"), EditContent(message["wa_id"], "hello!"),
    ]  # fmt: skip
    ids = [wa_id for _, wa_id, _ in inbox.connection.sent]
    assert len(set(ids)) == 3
    shown = await inbox.get(path)
    assert (shown["body"], shown["edited_at"] is not None) == ("hello!", True)
    [conversation] = await conversations(inbox.database)
    assert conversation.last_message_preview == "hello!"
    told = [e.payload["body"] for e in await events(inbox.database, "message.status") if e.payload["edited_at"]]
    assert told == ["hello", "hello!"]


async def test_a_message_is_deleted_for_everyone_with_its_file(inbox: Inbox) -> None:
    message = await sent(inbox, files={"file": ("a.txt", b"content", "text/plain")}, data={"to": CONTACT})
    path = f"/messages/{message['id']}"
    for _ in range(2):
        assert (await inbox.api.delete(path)).status_code == 202
    [change] = await settled(inbox, message["id"])
    assert (change["kind"], change["status"]) == ("revoke", "sent")
    assert inbox.connection.sent[-1][2] == RevokeContent(message["wa_id"])
    shown = await inbox.get(path)
    assert (shown["body"], shown["media"], shown["revoked_at"] is not None) == ("", None, True)
    assert [path for path in inbox.files.root.rglob("*") if path.is_file()] == []
    again = await inbox.api.delete(path)
    assert again.status_code == 200
    assert (await inbox.api.patch(path, json={"text": "x"})).json()["code"] == "too_late"


async def test_a_reaction_comes_changes_and_goes(inbox: Inbox) -> None:
    row = await inbox.hear("thank you")
    path = f"/messages/{row.id}/react"
    for emoji in ("👍", "❤️", ""):
        answer = await inbox.api.post(path, json={"emoji": emoji})
        assert (answer.status_code, answer.json()["kind"]) == (202, "react")
        await settled(inbox, str(row.id))
        [_, reaction] = await messages(inbox.database)
        assert (reaction.type, reaction.body, reaction.author) == ("reaction", emoji, Author.PERSON.value)
        assert (reaction.quoted_wa_id, reaction.status) == (row.wa_id, "sent")
    assert (await messages(inbox.database))[1].revoked_at is not None
    assert [content for _, _, content in inbox.connection.sent] == [
        ReactionContent(row.wa_id, target_from_me=False, sender=CONTACT, emoji=emoji) for emoji in ("👍", "❤️", "")
    ]
    [conversation] = await conversations(inbox.database)
    assert (conversation.last_message_preview, conversation.unread_count) == ("thank you", 1)
    [told] = await events(inbox.database, "message.sent")
    assert (told.payload["type"], told.payload["body"]) == ("reaction", "👍")


@on_sqlite
async def test_in_a_group_the_author_of_the_message_is_named(inbox: Inbox) -> None:
    row = await inbox.hear("who comes?", chat=GROUP, sender=CONTACT, is_group=True)
    await inbox.api.post(f"/messages/{row.id}/react", json={"emoji": "✋"})
    await settled(inbox, str(row.id))
    [(to, _, content)] = inbox.connection.sent
    assert (to, content) == (GROUP, ReactionContent(row.wa_id, target_from_me=False, sender=CONTACT, emoji="✋"))


@pytest.mark.parametrize(
    "failures",
    [
        [EngineErrorCode.TIMEOUT, EngineErrorCode.INTERNAL], [EngineErrorCode.NOT_CONNECTED] * 12,
        [EngineErrorCode.RATE_LIMITED] * 12,
    ],
)  # fmt: skip
@on_sqlite
async def test_a_retry_has_the_same_id(inbox: Inbox, failures: list[EngineErrorCode]) -> None:
    row = await inbox.hear("thank you")
    inbox.connection.failures.extend(failures)
    await inbox.api.post(f"/messages/{row.id}/react", json={"emoji": "👍"})
    [change] = await settled(inbox, str(row.id))
    assert change["status"] == "sent"
    assert len(inbox.connection.sent) == len(failures) + 1
    assert len({wa_id for _, wa_id, _ in inbox.connection.sent}) == 1


@on_sqlite
async def test_a_change_does_not_overtake_one_of_the_same_message_that_is_tried_again(inbox: Inbox) -> None:
    message = await sent(inbox)
    for text in ("hello", "hello!"):
        await inbox.api.patch(f"/messages/{message['id']}", json={"text": text})
    inbox.connection.failures.extend([EngineErrorCode.INTERNAL] * 2)
    await settled(inbox, message["id"])
    tried = [content for _, _, content in inbox.connection.sent[1:]]
    first, last = EditContent(message["wa_id"], "hello"), EditContent(message["wa_id"], "hello!")
    assert tried == [first, first, first, last], "or the contact would be left with the first"
    assert (await inbox.get(f"/messages/{message['id']}"))["body"] == "hello!"


@pytest.mark.parametrize(("code", "tries"), [(EngineErrorCode.REJECTED, 1), (EngineErrorCode.INTERNAL, MAX_ATTEMPTS)])
@on_sqlite
async def test_what_whatsapp_refuses_is_told_and_changes_nothing(
    inbox: Inbox, code: EngineErrorCode, tries: int
) -> None:
    message = await sent(inbox)
    inbox.connection.failures.extend([code] * tries)
    await inbox.api.patch(f"/messages/{message['id']}", json={"text": "hello"})
    [change] = await settled(inbox, message["id"])
    assert (change["status"], change["error"]) == ("failed", f"{code.value}: as the test wants")
    assert (await inbox.get(f"/messages/{message['id']}"))["body"] == "helo"
    [told] = await events(inbox.database, "message.change_failed")
    assert (told.payload["change"], told.payload["id"]) == ("edit", message["id"])


@on_sqlite
async def test_an_edit_that_waited_for_too_long_is_given_up(inbox: Inbox) -> None:
    message = await sent(inbox)
    await inbox.api.patch(f"/messages/{message['id']}", json={"text": "hello"})
    [change] = await settled(inbox, message["id"], clock=lambda: utc_now() + timedelta(minutes=20))
    assert change["error"].startswith("expired:")


async def test_it_survives_a_restart(inbox: Inbox) -> None:
    row = await inbox.hear("thank you")
    await inbox.api.post(f"/messages/{row.id}/react", json={"emoji": "👍"})
    inbox.numbers.opened("main")
    first = changer(inbox)
    taken = await first._take()
    assert len(taken) == 1
    assert await changer(inbox)._take() == []
    await first.stop()
    assert (await settled(inbox, str(row.id)))[0]["status"] == "sent"


@on_sqlite
async def test_what_cannot_be_changed_says_why(inbox: Inbox) -> None:
    row = await inbox.hear("hi")
    message = await sent(inbox)
    file = await sent(inbox, files={"file": ("a.txt", b"content", "text/plain")}, data={"to": CONTACT})
    for answer, words in (
        (await inbox.api.patch(f"/messages/{row.id}", json={"text": "x"}), "somebody else's"),
        (await inbox.api.delete(f"/messages/{row.id}"), "somebody else's"),
        (await inbox.api.patch(f"/messages/{file['id']}", json={"text": "x"}), "Only texts"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
        assert words in answer.json()["detail"]
    for bad in ("ok", "👍 ", "a👍", "👍" * 40, "[", "1", ":-)"):
        assert (await inbox.api.post(f"/messages/{row.id}/react", json={"emoji": bad})).status_code == 422
    await run_sql(inbox.database, "UPDATE messages SET created_at = :old", old=SERVER_TIME - timedelta(days=365))
    for answer in (
        await inbox.api.patch(f"/messages/{message['id']}", json={"text": "x"}),
        await inbox.api.delete(f"/messages/{message['id']}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    waiting = (await inbox.api.post("/sessions/main/messages", json={"to": CONTACT, "text": "x"})).json()
    answer = await inbox.api.post(f"/messages/{waiting['id']}/react", json={"emoji": "👍"})
    assert "does not have" in answer.json()["detail"]
    gone = await inbox.api.delete(f"/messages/{waiting['id']}")
    assert (gone.status_code, gone.json()["status"]) == (200, "cancelled")
    for path in (f"/messages/{message['id']}", f"/messages/{waiting['id']}"):
        assert (await inbox.strangers.delete(path)).status_code == 404
        assert (await inbox.strangers.get(f"{path}/changes")).status_code == 404
        assert (await inbox.strangers.post(f"{path}/react", json={"emoji": "👍"})).status_code == 404


@on_sqlite
@pytest.mark.parametrize("outcome", [None, EngineErrorCode.TIMEOUT, EngineErrorCode.REJECTED])
async def test_what_was_frozen_writes_nothing_over_what_another_one_sent(
    inbox: Inbox, outcome: EngineErrorCode | None
) -> None:
    message = await sent(inbox)
    path = f"/messages/{message['id']}"
    await inbox.api.patch(path, json={"text": "hello"})
    tried, frozen = asyncio.Event(), asyncio.Event()

    async def freeze(_: str) -> None:
        tried.set()
        await frozen.wait()
        if outcome is not None:
            raise EngineError(outcome, "too late")

    inbox.connection.before_send = freeze
    former = changer(inbox)
    await former.start()
    await asyncio.wait_for(tried.wait(), 20)

    second = SendingConnection()
    numbers = OnlineNumbers(inbox.numbers._bus, Lines(main=second))
    numbers.opened("main")
    later = Changer(
        inbox.database, inbox.numbers._bus, numbers, inbox.files, clock=lambda: utc_now() + changer_module.LEASE * 2
    )  # fmt: skip
    await later.start()

    async def done() -> bool:
        [change] = (await inbox.get(f"{path}/changes"))["items"]
        return bool(change["status"] == "sent")

    await until(done)
    told = await events(inbox.database, "message.status")
    [running] = former._sending
    frozen.set()
    await asyncio.wait([running], timeout=20)
    await later.stop()
    await former.stop()
    assert [wa_id for _, wa_id, _ in second.sent] == [wa_id for _, wa_id, _ in inbox.connection.sent[1:]]
    assert await done()
    assert await events(inbox.database, "message.status") == told
    assert await events(inbox.database, "message.change_failed") == []
