"""Messages that wait can be taken back; those on their way cannot."""

import asyncio
from typing import Any

import pytest
from tests.fixtures.conversations import CONTACT, conversations, events, inbound, messages, run_sql
from tests.fixtures.databases import on_sqlite
from tests.fixtures.inbox import Inbox
from tests.fixtures.sending import until

from prosa.clock import utc_now
from prosa.conversations import identity
from prosa.conversations.models import Author
from prosa.conversations.opening import open_or_create
from prosa.database.engine import WriteDb
from prosa.outbox import cancel
from prosa.outbox.cancel import cancel_unsent
from prosa.outbox.content import OutboundText
from prosa.outbox.queue import enqueue
from prosa.outbox.sender import Sender
from prosa.whatsapp.engine import EngineErrorCode


@pytest.fixture(autouse=True)
async def ai_on(inbox: Inbox) -> None:
    """The AI speaks on the number: else nothing of it would be sent."""
    await run_sql(inbox.database, "UPDATE whatsapp_sessions SET settings = '{}'")


async def say(inbox: Inbox, text: str, author: Author = Author.AI) -> Any:
    async def job(db: WriteDb) -> Any:
        opened = await open_or_create(db, "main", identity.address(CONTACT), at=utc_now())
        return await enqueue(db, opened.conversation, author=author, content=OutboundText(text))

    return await inbox.database.submit(job)


async def ask(inbox: Inbox, message_id: Any, status: int) -> Any:
    answer = await inbox.api.post(f"/messages/{message_id}/cancel")
    assert answer.status_code == status, answer.text
    return answer.json()


async def statuses(inbox: Inbox) -> list[tuple[str, str]]:
    return [(row.body, row.status) for row in await messages(inbox.database)]


async def test_a_message_that_waits_is_taken_back_once_and_for_all(inbox: Inbox) -> None:
    first = await say(inbox, "first")
    second = await say(inbox, "second")
    before = (await conversations(inbox.database))[0].version
    for _ in range(2):
        shown = await ask(inbox, second.id, 200)
        assert (shown["status"], shown["error_code"], shown["due_at"]) == ("cancelled", "cancelled", None)
    [conversation] = await conversations(inbox.database)
    assert (conversation.last_message_preview, conversation.version) == ("first", before + 1)
    told = [e.payload for e in await events(inbox.database, "message.status") if e.payload["status"] == "cancelled"]
    assert [(t["id"], t["error"]) for t in told] == [(str(second.id), cancel.BY_PERSON)]

    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()

    async def sent() -> bool:
        return ("first", "sent") in await statuses(inbox)

    await until(sent)
    await sender.stop()
    assert inbox.connection.texts() == ["first"]
    assert (await ask(inbox, first.id, 409))["code"] == "too_late"


@on_sqlite
async def test_a_message_on_its_way_goes_on_its_way(inbox: Inbox) -> None:
    answered = asyncio.Event()

    async def hold(_: str) -> None:
        await answered.wait()

    inbox.connection.before_send = hold
    message = await say(inbox, "now")
    sender = Sender(inbox.database, inbox.numbers._bus, inbox.numbers, inbox.files)
    inbox.numbers.opened("main")
    await sender.start()

    async def tried() -> bool:
        return bool(inbox.connection.sent)

    await until(tried)
    assert (await ask(inbox, message.id, 409))["code"] == "on_its_way"
    assert await inbox.database.submit(lambda db: cancel_unsent(db, message.conversation_id)) == []
    answered.set()

    async def sent() -> bool:
        return await statuses(inbox) == [("now", "sent")]

    await until(sent)
    await sender.stop()


@pytest.mark.parametrize(
    ("error", "status", "perhaps"),
    [
        (f"{EngineErrorCode.TIMEOUT.value}: no answer", "queued", True),
        (f"{EngineErrorCode.RATE_LIMITED.value}: slower", "queued", False),
        (None, "sending", True),  # its sender died
        (None, "queued", False),
    ],
)
async def test_what_may_have_arrived_says_so_and_a_receipt_corrects_it(
    inbox: Inbox, error: str | None, status: str, perhaps: bool
) -> None:
    message = await say(inbox, "hello")
    await run_sql(inbox.database, "UPDATE messages SET status = :status, error = :error", status=status, error=error)
    shown = await ask(inbox, message.id, 200)
    assert shown["error"] == cancel.BY_PERSON + (cancel.PERHAPS if perhaps else "")
    from datetime import UTC, datetime

    from prosa.whatsapp.engine import ReceiptType, ReceiptUpdate

    receipt = ReceiptUpdate(
        ReceiptType.DELIVERED, CONTACT, (message.wa_id,), datetime(2026, 3, 1, tzinfo=UTC), CONTACT,
        from_me=False, is_group=False,
    )  # fmt: skip
    await inbox.receive.receipt(inbox.session, receipt)
    shown = await inbox.get(f"/messages/{message.id}")
    assert (shown["status"], shown["error"]) == ("delivered", None)


@on_sqlite
async def test_what_failed_or_came_in_cannot_be_cancelled(inbox: Inbox) -> None:
    row = await inbox.hear("hi")
    assert "somebody else" in (await ask(inbox, row.id, 409))["detail"]
    message = await say(inbox, "hello")
    await run_sql(inbox.database, "UPDATE messages SET status = 'failed' WHERE from_me")
    assert "failed" in (await ask(inbox, message.id, 409))["detail"]
    theirs = await inbox.strangers.post(f"/messages/{message.id}/cancel")
    assert theirs.status_code == 404


@pytest.mark.parametrize("by", ["api", "phone"])
async def test_a_person_who_writes_silences_what_the_ai_has_not_said_yet(inbox: Inbox, by: str) -> None:
    await inbox.hear("are you there?")
    await say(inbox, "one")
    person = await say(inbox, "from a colleague", Author.PERSON)
    await say(inbox, "two")
    if by == "api":
        path = f"/conversations/{person.conversation_id}/messages"
        assert (await inbox.api.post(path, json={"text": "I am"})).status_code == 202
    else:
        await inbox.receive.message(inbox.session, inbound("I am", from_me=True))
    assert await statuses(inbox) == [
        ("are you there?", "received"), ("one", "cancelled"), ("from a colleague", "queued"), ("two", "cancelled"),
        ("I am", "queued" if by == "api" else "sent"),
    ]  # fmt: skip
    [conversation] = await conversations(inbox.database)
    assert conversation.last_message_preview == "I am"
    # The same message again changes nothing.
    await inbox.receive.message(inbox.session, inbound("👍", from_me=True, reacts_to="X"))
    assert ("from a colleague", "queued") in await statuses(inbox)
