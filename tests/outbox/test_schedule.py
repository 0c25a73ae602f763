"""Messages to be sent later: no part of the conversation until their time comes, then a message like any other."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tests.fixtures.conversations import (
    CONTACT,
    CONTACT_LID,
    GROUP,
    conversations,
    events,
    inbound,
    known,
    messages,
    run_sql,
)
from tests.fixtures.databases import on_sqlite
from tests.fixtures.inbox import Inbox
from tests.fixtures.sending import until

from prosa.ai.context import PromptMessage, pending
from prosa.clock import utc_now
from prosa.database import ReadDb, WriteDb
from prosa.outbox import schedule
from prosa.outbox.scheduler import Scheduler
from prosa.outbox.sender import Sender

SOON = timedelta(hours=1)


def moment(**ahead: float) -> str:
    return (utc_now() + timedelta(**ahead)).isoformat()


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


def scheduler(inbox: Inbox, clock: Clock | None = None, **ahead: float) -> Scheduler:
    clock = clock or Clock()
    clock.ahead = timedelta(**ahead)
    return Scheduler(inbox.database, inbox.numbers._bus, known(inbox.session), clock=clock)


async def post(inbox: Inbox, text: str, *, status: int = 202, key: str | None = None, **more: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await inbox.api.post("/sessions/main/messages", json={"to": GROUP, "text": text} | more, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def stored(inbox: Inbox) -> list[tuple[str, str, int]]:
    return [(row.body, row.status, row.seq) for row in await messages(inbox.database)]


async def waiting(inbox: Inbox, **wanted: Any) -> list[str]:
    page = await inbox.get("/messages", status="scheduled", **wanted)
    return [item["body"] for item in page["items"]]


async def test_a_scheduled_message_takes_its_place_when_its_time_comes(inbox: Inbox) -> None:
    row = await inbox.hear("see you on Monday?")
    path = f"/conversations/{row.conversation_id}/messages"
    [before] = await conversations(inbox.database)
    answer = await inbox.api.post(path, json={"text": "Good morning!", "send_at": moment(hours=1), "pause_ai": True})
    assert answer.status_code == 202
    later = answer.json()
    assert (later["status"], later["seq"], later["wa_id"], later["author"]) == ("scheduled", 0, "", "scheduled")
    assert later["due_at"] is None
    assert later["scheduled_for"] is not None
    assert await inbox.get(f"/messages/{later['id']}") == later
    [after] = await conversations(inbox.database)
    unchanged = ("version", "last_seq", "last_message_at", "last_message_preview", "unread_count", "ai_paused_until")
    assert [getattr(after, name) for name in unchanged] == [getattr(before, name) for name in unchanged]
    [told] = await events(inbox.database, "message.status")
    assert (told.payload["status"], told.payload["body"]) == ("scheduled", "Good morning!")
    assert told.payload["scheduled_for"] == later["scheduled_for"]
    # It holds nobody up.
    await inbox.api.post(path, json={"text": "Yes!"})
    assert await scheduler(inbox).work() > 0
    assert await stored(inbox) == [("see you on Monday?", "received", 1), ("Yes!", "queued", 2)]
    assert await waiting(inbox) == ["Good morning!"]

    await scheduler(inbox, hours=2).work()
    assert (await stored(inbox))[2:] == [("Good morning!", "queued", 3)]
    assert await waiting(inbox) == []
    shown = await inbox.get(f"/messages/{later['id']}")
    assert (shown["status"], shown["seq"], shown["scheduled_for"]) == ("queued", 3, later["scheduled_for"])
    [conversation] = await conversations(inbox.database)
    assert (conversation.last_message_preview, conversation.unread_count) == ("Good morning!", 1)


async def test_it_is_sent_at_its_time_also_after_a_restart(inbox: Inbox) -> None:
    await post(inbox, "later", send_at=moment(hours=1))
    clock = Clock()
    first = scheduler(inbox, clock)
    await first.start()
    await first.stop()
    clock.ahead = SOON * 2
    second = scheduler(inbox, clock, hours=2)
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files, clock=clock)
    inbox.numbers.opened("main")
    await sender.start()
    await second.start()

    async def arrived() -> bool:
        return inbox.connection.texts() == ["later"]

    await until(arrived)
    await second.stop()
    await sender.stop()


@pytest.mark.parametrize("how", ["cancelled", "put off"])
async def test_who_changes_their_mind_at_the_last_moment_is_heard(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The scheduler has seen that the message is due, and has not put it into its conversation yet."""
    path = f"/messages/{(await post(inbox, 'later', send_at=moment(hours=1)))['id']}"
    due, looks = schedule.due, 0

    async def seen(db: ReadDb, now: datetime, limit: int) -> list[Any]:
        nonlocal looks
        found = await due(db, now, limit)
        looks += 1
        if looks == 1:
            assert found
            change = inbox.api.delete(path) if how == "cancelled" else inbox.api.patch(path, json=put_off)
            assert (await change).status_code in {200, 202}
        return found

    put_off = {"send_at": moment(hours=5)}
    monkeypatch.setattr(schedule, "due", seen)
    await scheduler(inbox, hours=2).work()
    assert await stored(inbox) == []
    assert (await inbox.get(path))["status"] == ("cancelled" if how == "cancelled" else "scheduled")


@on_sqlite
async def test_an_outage_at_its_time_does_not_cancel_it(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    later = await post(inbox, "later", send_at=moment(hours=1))
    promote, tries = schedule.promote, 0

    async def away(db: WriteDb, **arguments: Any) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OperationalError("DELETE", None, ConnectionResetError())
        return await promote(db, **arguments)

    monkeypatch.setattr(schedule, "promote", away)
    with pytest.raises(OperationalError):
        await scheduler(inbox, hours=2).work()
    assert (await inbox.get(f"/messages/{later['id']}"))["status"] == "scheduled"
    await scheduler(inbox, hours=2).work()
    assert await stored(inbox) == [("later", "queued", 1)]


@on_sqlite
async def test_a_message_that_is_scheduled_while_the_scheduler_runs_is_not_missed(inbox: Inbox) -> None:
    running = scheduler(inbox)
    await running.start()
    await post(inbox, "in a moment", send_at=moment(seconds=0.4))

    async def promoted() -> bool:
        return bool(await stored(inbox))

    await until(promoted)
    await running.stop()


@pytest.mark.parametrize(
    ("send_at", "status"),
    [
        ({"seconds": -30}, 202), ("2020-01-01T00:00:00Z", 422), ({"days": 400}, 422),
        ("2030-01-01T00:00:00", 422), ("9999-12-31T23:59:59-23:59", 422), ("0001-01-01T00:00:00+23:59", 422),
        ("tomorrow", 422),
    ],
)  # fmt: skip
@on_sqlite
async def test_only_a_moment_within_a_year_with_its_zone(inbox: Inbox, send_at: Any, status: int) -> None:
    at = moment(**send_at) if isinstance(send_at, dict) else send_at
    answer = await post(inbox, "x", send_at=at, status=status)
    if status == 202:
        assert (answer["status"], answer["author"]) == ("queued", "person")
        return
    assert answer["errors"][0]["field"] == "body.send_at"
    assert await stored(inbox) == []


async def test_it_can_be_changed_and_taken_back_until_its_time_comes(inbox: Inbox) -> None:
    one = await post(inbox, "one", send_at=moment(hours=2))
    two = await post(inbox, "two", send_at=moment(hours=1))
    assert await waiting(inbox) == ["two", "one"]
    path = f"/messages/{one['id']}"
    changed = await inbox.api.patch(path, json={"text": "first", "send_at": moment(minutes=30)})
    assert (changed.status_code, changed.json()["body"]) == (200, "first")
    assert await waiting(inbox) == ["first", "two"]
    for bad in ({}, {"text": " "}, {"send_at": "2020-01-01T00:00:00Z"}, {"text": None}, {"more": 1}):
        assert (await inbox.api.patch(path, json=bad)).status_code == 422
    for _ in range(2):
        cancelled = await inbox.api.post(f"{path}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    late = await inbox.api.patch(path, json={"text": "again"})
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    await scheduler(inbox, hours=3).work()
    assert [body for body, _, _ in await stored(inbox)] == ["two"]
    late = await inbox.api.patch(f"/messages/{two['id']}", json={"send_at": moment(hours=1)})
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    statuses = [e.payload["status"] for e in await events(inbox.database, "message.status")]
    assert statuses == ["scheduled", "scheduled", "scheduled", "cancelled", "queued"]


@on_sqlite
async def test_sending_it_now_after_all(inbox: Inbox) -> None:
    one = await post(inbox, "one", send_at=moment(hours=2))
    assert (await inbox.api.patch(f"/messages/{one['id']}", json={"send_at": moment(seconds=-1)})).status_code == 200
    await scheduler(inbox).work()
    assert await stored(inbox) == [("one", "queued", 1)]


@on_sqlite
async def test_a_queued_message_can_be_given_another_text(inbox: Inbox) -> None:
    one = await post(inbox, "helo")
    changed = await inbox.api.patch(f"/messages/{one['id']}", json={"text": "hello"})
    assert (changed.status_code, changed.json()["body"]) == (200, "hello")
    [conversation] = await conversations(inbox.database)
    assert conversation.last_message_preview == "hello"
    assert (await inbox.get("/messages/search", q="hello"))["items"]
    assert not (await inbox.get("/messages/search", q="helo"))["items"]


@on_sqlite
async def test_what_comes_too_late_fails_in_its_place(inbox: Inbox) -> None:
    await post(inbox, "missed", send_at=moment(hours=1))
    await scheduler(inbox, hours=26).work()
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files, clock=lambda: utc_now() + SOON * 26)
    inbox.numbers.opened("main")
    await sender.start()

    async def failed() -> bool:
        return await stored(inbox) == [("missed", "failed", 1)]

    await until(failed)
    await sender.stop()
    [row] = await messages(inbox.database)
    assert row.error.startswith("expired:")
    assert inbox.connection.sent == []


@on_sqlite
async def test_the_same_key_is_one_message_before_and_after_its_time(inbox: Inbox) -> None:
    at = moment(hours=1)
    answers = await asyncio.gather(*(post(inbox, "one", send_at=at, key="k") for _ in range(4)))
    assert len({answer["id"] for answer in answers}) == 1
    assert (await post(inbox, "one", key="k", status=409))["code"] == "conflict"
    await scheduler(inbox, hours=2).work()
    again = await post(inbox, "one", send_at=at, key="k")
    assert (again["id"], again["status"]) == (answers[0]["id"], "queued")
    assert len(await stored(inbox)) == 1


@on_sqlite
async def test_files_are_kept_and_erased_with_the_conversation(inbox: Inbox) -> None:
    answer = await inbox.api.post(
        "/sessions/main/media", files={"file": ("a.txt", b"content", "text/plain")},
        data={"to": GROUP, "caption": "look", "send_at": moment(hours=1)},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled")
    message = answer.json()
    assert (await inbox.api.get(f"/messages/{message['id']}/media")).content == b"content"
    assert (await inbox.api.patch(f"/messages/{message['id']}", json={"text": "see"})).json()["body"] == "see"
    await inbox.api.delete(f"/conversations/{message['conversation_id']}")
    assert (await inbox.api.get(f"/messages/{message['id']}")).status_code == 404
    assert [path for path in inbox.files.root.rglob("*") if path.is_file()] == []


@on_sqlite
async def test_one_that_cannot_be_sent_holds_up_no_other(inbox: Inbox) -> None:
    broken = await post(inbox, "broken", send_at=moment(minutes=1))
    await post(inbox, "fine", send_at=moment(minutes=2))
    await run_sql(inbox.database, "UPDATE scheduled_messages SET type = 'nonsense' WHERE body = 'broken'")
    await scheduler(inbox, hours=1).work()
    assert await stored(inbox) == [("fine", "queued", 1)]
    told = [e.payload for e in await events(inbox.database, "message.status") if e.payload["status"] == "cancelled"]
    assert [(t["id"], t["error"].partition(":")[0]) for t in told] == [(broken["id"], "internal")]


async def test_only_one_of_several_schedulers_sends_it(inbox: Inbox) -> None:
    for number in range(5):
        await post(inbox, f"{number}", send_at=moment(hours=1, seconds=number))
    await asyncio.gather(*(scheduler(inbox, hours=2).work() for _ in range(3)))
    assert await stored(inbox) == [(f"{number}", "queued", number + 1) for number in range(5)]


async def test_pages_filters_and_scope(inbox: Inbox) -> None:
    row = await inbox.hear("hi")
    for number in range(5):
        await post(inbox, f"{number}", send_at=moment(hours=1, minutes=number))
    path = f"/conversations/{row.conversation_id}/messages"
    await inbox.api.post(path, json={"text": "to Maria", "send_at": moment(minutes=30)})
    pages = await inbox.pages("/messages", 2)
    assert [[item["body"] for item in page] for page in pages] == [["to Maria", "0"], ["1", "2"], ["3", "4"]]
    assert await waiting(inbox, conversation=str(row.conversation_id)) == ["to Maria"]
    assert len(await waiting(inbox, session="main")) == 6
    assert (await inbox.strangers.get("/messages")).json()["items"] == []
    message = pages[0][0]["id"]
    for answer in (
        await inbox.strangers.get(f"/messages/{message}"),
        await inbox.strangers.patch(f"/messages/{message}", json={"text": "x"}),
        await inbox.strangers.post(f"/messages/{message}/cancel"),
        await inbox.strangers.get("/messages", params={"session": "main"}),
        await inbox.strangers.get("/messages", params={"conversation": str(row.conversation_id)}),
    ):
        assert answer.status_code == 404
    assert (await inbox.api.get("/messages", params={"status": "sent"})).status_code == 422
    assert (await inbox.api.get("/messages", params={"cursor": "WzFd"})).status_code == 422


async def test_it_follows_its_contact_into_another_conversation(inbox: Inbox) -> None:
    """Two conversations turn out to be with one contact; the one that it was scheduled in is gone."""
    inbox.lines.connections.clear()
    first = await inbox.hear("hi", chat=CONTACT_LID, sender=CONTACT_LID)
    for _ in range(2):
        await inbox.hear("hello")
    path = f"/conversations/{first.conversation_id}/messages"
    assert (await inbox.api.post(path, json={"text": "later", "send_at": moment(hours=1)})).status_code == 202
    await inbox.receive.message(inbox.session, inbound("it is me", chat_alt=CONTACT_LID))
    [conversation] = await conversations(inbox.database)
    assert conversation.contact_jid == CONTACT
    await scheduler(inbox, hours=2).work()
    assert (await messages(inbox.database, conversation.id))[-1].body == "later"


def test_it_is_nobodys_answer() -> None:
    """A reminder that goes out while a question waits does not make the AI keep quiet."""
    talk = [PromptMessage(1, "contact", "open?", asks=True), PromptMessage(2, "scheduled", "Reminder")]
    assert [message.seq for message in pending(talk, answered_until=0)] == [1]
