"""Messages are sent once, in order, under the id that was stored before the first try."""

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fixtures.conversations import (
    CONTACT,
    CONTACT_LID,
    add_owner,
    add_session,
    conversations,
    events,
    inbound,
    messages,
    receiver,
    run_sql,
)
from tests.fixtures.databases import on_sqlite
from tests.fixtures.sending import SERVER_TIME, Lines, SendingConnection, until
from tests.outbox.conftest import Office

from prosa.clock import utc_now
from prosa.conversations import identity
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.opening import open_or_create
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.events.bus import Bus
from prosa.outbox import attempts, claims
from prosa.outbox import sender as sender_module
from prosa.outbox.cancel import PERHAPS, SWITCHED_OFF
from prosa.outbox.content import Instructions, OutboundMedia, OutboundText
from prosa.outbox.queue import enqueue
from prosa.outbox.sender import Sender
from prosa.stopping import Grace
from prosa.whatsapp.engine import (
    EngineError,
    EngineErrorCode,
    MediaInfo,
    MessageType,
    ReceiptType,
    ReceiptUpdate,
    ResolvedUser,
)


async def test_a_message_is_stored_then_sent_under_its_id(office: Office) -> None:
    queued = await office.queue("hello")
    row = await office.row(queued)
    assert (row.status, row.wa_id, row.author, row.seq) == ("queued", queued.wa_id, "person", 1)
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    row = await office.row(queued)
    assert (row.status, row.due_at, row.lease_owner, row.error) == ("sent", None, None, None)
    assert (row.sent_at, row.created_at) == (SERVER_TIME, SERVER_TIME)
    assert row.sender_jid == "5511888880000@s.whatsapp.net"
    [(to, wa_id, _)] = office.connection.sent
    assert (to, wa_id) == (CONTACT, queued.wa_id)
    kinds = [event.type for event in await events(office.database)]
    assert kinds == ["message.status", "conversation.updated", "message.sent"]
    [told] = await events(office.database, "message.sent")
    assert (told.payload["body"], told.payload["contact_jid"]) == ("hello", CONTACT)


async def test_order_within_a_conversation_and_parallel_across(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "PER_NUMBER", 3)

    async def slow(_: str) -> None:
        await asyncio.sleep(0.02)

    office.connection.before_send = slow
    office.numbers.opened("main")
    await office.sender.start()
    chats = [f"55110000000{i}@s.whatsapp.net" for i in range(6)]
    await asyncio.gather(*(office.queue(f"{c}:{n}", chat) for n in range(6) for c, chat in enumerate(chats)))
    await office.sent(36)
    expected = {row.wa_id: (row.conversation_id, row.seq) for row in await messages(office.database)}
    seen: dict[uuid.UUID, list[int]] = {}
    for wa_id in office.connection.arrived:
        seen.setdefault(expected[wa_id][0], []).append(expected[wa_id][1])
    assert list(seen.values()) == [[1, 2, 3, 4, 5, 6]] * 6
    assert office.connection.most_at_once == 3


async def test_a_number_with_much_to_send_or_a_dead_line_does_not_hold_up_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "TOTAL", 16)
    monkeypatch.setattr(sender_module, "PER_NUMBER", 4)
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 60)
    answered = asyncio.Event()

    async def wait(_: str) -> None:
        await answered.wait()

    office.connection.before_send = wait
    other = office.lines.connections["other"] = SendingConnection("other")
    await add_session(office.database, await add_owner(office.database, "b@example.com"), "other")
    for number in range(40):
        await office.queue(f"{number}", f"55110000{number:04}@s.whatsapp.net")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(4)
    office.numbers.opened("other")

    async def answer(db: WriteDb) -> None:
        opened = await open_or_create(db, "other", identity.address(CONTACT), at=utc_now())
        await enqueue(db, opened.conversation, author=Author.AI, content=OutboundText("at once"))

    await office.database.submit(answer)

    async def arrived() -> bool:
        return other.texts() == ["at once"]

    await until(arrived)
    assert len(office.connection.sent) == 4
    answered.set()
    await office.sent(41)
    assert len(set(office.connection.arrived)) == 40


async def test_a_backlog_of_one_conversation_goes_without_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 60)
    for i in range(10):
        await office.queue(f"{i}")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(10)
    assert office.connection.texts() == [f"{i}" for i in range(10)]


@pytest.mark.parametrize("code", [EngineErrorCode.TIMEOUT, EngineErrorCode.INTERNAL])
async def test_a_retry_has_the_same_id_and_later_messages_wait(office: Office, code: EngineErrorCode) -> None:
    office.connection.failures.extend([code, code])
    office.numbers.opened("main")
    first = await office.queue("first")
    await office.queue("second")
    await office.sender.start()
    await office.sent(2)
    assert office.connection.texts() == ["first", "first", "first", "second"]
    assert {wa_id for _, wa_id, _ in office.connection.sent[:3]} == {first.wa_id}
    assert await office.statuses() == ["sent", "sent"]
    assert (await office.row(first)).attempts == 0
    told = [e.payload for e in await events(office.database, "message.status")]
    why = [(t["id"], t["status"], t["error"]) for t in told if t["error"]]
    assert why == [(str(first.id), "queued", f"{code.value}: as the test wants")], "once, as long as it is the same"


async def test_a_permanent_failure_says_why_and_the_next_one_goes(office: Office) -> None:
    office.connection.failures.append(EngineErrorCode.REJECTED)
    first = await office.queue("first")
    await office.queue("second")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(2)
    row = await office.row(first)
    assert (row.status, row.error, row.due_at) == ("failed", "rejected: as the test wants", None)
    assert await office.statuses() == ["failed", "sent"]
    told = [e.payload for e in await events(office.database, "message.status") if e.payload["status"] == "failed"]
    assert [t["error"] for t in told] == ["rejected: as the test wants"]


async def test_it_gives_up_after_some_tries(office: Office) -> None:
    office.connection.failures.extend([EngineErrorCode.TIMEOUT] * 20)
    await office.queue("first")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    assert len(office.connection.sent) == attempts.MAX_ATTEMPTS
    [row] = await messages(office.database)
    assert (row.status, row.attempts) == ("failed", attempts.MAX_ATTEMPTS)


async def test_an_unexpected_error_is_tried_again(office: Office) -> None:
    office.connection.failures.append(ValueError("a bug"))
    await office.queue("first")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    assert await office.statuses() == ["sent"]


async def test_an_offline_number_keeps_its_messages_without_burning_tries(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "OFFLINE_SECONDS", 60)
    connection = office.lines.connections.pop("main")
    queued = await office.queue("later")
    await office.sender.start()
    await asyncio.sleep(0.3)
    assert (await office.row(queued)).status == "queued"
    connection.failures.extend([EngineErrorCode.NOT_CONNECTED] * 2)
    office.lines.connections["main"] = connection
    office.numbers.opened("main")
    await office.tried(1)

    async def given_back() -> bool:
        return str((await office.row(queued)).status) == "queued"

    await until(given_back)
    assert (await office.row(queued)).attempts == 0
    await asyncio.sleep(0.3)
    assert len(connection.sent) == 1, "it is left alone until it comes online again"
    monkeypatch.setattr(attempts, "OFFLINE_SECONDS", 0.3)  # or for a while
    office.numbers.opened("main")
    await office.tried(2)
    await office.sent(1)
    assert await office.statuses() == ["sent"]
    assert len(connection.sent) == 3


async def test_only_numbers_that_are_online_here_are_sent_for(office: Office) -> None:
    await office.queue("mine")
    office.lines.connections["other"] = SendingConnection("other")
    office.lines.connections.pop("main")
    office.numbers.opened("other")
    office.numbers.opened("main")
    await office.sender.start()
    await asyncio.sleep(0.3)
    assert await office.statuses() == ["queued"]


@pytest.mark.parametrize("outcome", [None, EngineErrorCode.TIMEOUT, EngineErrorCode.REJECTED])
async def test_a_frozen_sender_that_lost_its_lease_writes_nothing(
    office: Office, bus: Bus, outcome: EngineErrorCode | None
) -> None:
    """As if the process had been stopped (SIGSTOP) while WhatsApp answered: another one sends meanwhile.

    Whatever came of its own try, sent, to be tried again or refused, is not written over what the other one wrote.
    """
    frozen = asyncio.Event()

    async def freeze(_: str) -> None:
        await frozen.wait()
        if outcome is not None:
            raise EngineError(outcome, "too late")

    office.connection.before_send = freeze
    queued = await office.queue("once")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)

    second = SendingConnection()
    numbers = OnlineNumbers(bus, Lines(main=second))
    later = Sender(
        office.database, bus, numbers, office.files, clock=lambda: utc_now() + sender_module.LEASE * 2
    )  # fmt: skip
    numbers.opened("main")
    await later.start()
    await office.sent(1)
    sent = await events(office.database, "message.sent")
    frozen.set()
    await asyncio.sleep(0.2)
    await later.stop()
    assert [wa_id for _, wa_id, _ in second.sent] == [wa_id for _, wa_id, _ in office.connection.sent]
    assert await events(office.database, "message.sent") == sent
    assert (await office.row(queued)).status == "sent"


async def test_two_senders_never_send_one_message_twice(office: Office, bus: Bus) -> None:
    other = Database(office.database.url)
    second = Sender(other, bus, office.numbers, office.files)
    office.numbers.opened("main")
    await asyncio.gather(office.sender.start(), second.start())
    await asyncio.gather(*(office.queue(f"{i}", f"55110000{i % 7:03}@s.whatsapp.net") for i in range(40)))
    await office.sent(40)
    await second.stop()
    await other.close()
    assert len(office.connection.arrived) == len(set(office.connection.arrived)) == 40


async def test_stopping_gives_back_what_is_on_its_way(office: Office) -> None:
    async def hang(_: str) -> None:
        await asyncio.Event().wait()

    office.connection.before_send = hang
    queued = await office.queue("hanging")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)
    await office.sender.stop()
    row = await office.row(queued)
    assert (row.lease_owner, row.status) == (None, "sending")
    office.connection.before_send = None
    await office.sender.start()
    await office.sent(1)
    assert {wa_id for _, wa_id, _ in office.connection.sent} == {queued.wa_id}


@on_sqlite
async def test_stopping_waits_for_what_is_on_its_way(office: Office) -> None:
    async def take_a_moment(_: str) -> None:
        await asyncio.sleep(0.3)

    office.connection.before_send = take_a_moment
    office.sender = office.make_sender(grace=Grace(5))
    await office.queue("almost there")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)
    await office.sender.stop()
    assert await office.statuses() == ["sent"]


@on_sqlite
async def test_a_lease_is_renewed_for_as_long_as_sending_takes(
    office: Office, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(sender_module, "RENEW_SECONDS", 0.2)
    answered = asyncio.Event()

    async def wait(_: str) -> None:
        await answered.wait()

    office.connection.before_send = wait
    await office.queue("a large picture")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)
    other = SendingConnection()
    numbers = OnlineNumbers(bus, Lines(main=other))
    numbers.opened("main")
    second = Sender(office.database, bus, numbers, office.files)
    await second.start()
    await asyncio.sleep(1.5)
    answered.set()
    await office.sent(1)
    await second.stop()
    assert other.sent == []


async def test_a_message_of_yesterday_is_not_sent(office: Office) -> None:
    queued = await office.queue("old")
    office.now_offset = timedelta(hours=25)
    await office.sender.start()
    await office.sent(1)
    row = await office.row(queued)
    assert (row.status, row.error) == ("failed", "expired: it could not be sent in time")
    assert office.connection.sent == []
    [told] = [e.payload for e in await events(office.database, "message.status") if e.payload["status"] == "failed"]
    assert (told["id"], told["error"]) == (str(queued.id), row.error)


@on_sqlite
async def test_a_message_that_expired_since_the_last_look_is_not_sent(office: Office) -> None:
    await office.sender.start()
    await asyncio.sleep(0.2)  # it has looked for old ones, and does so again in a minute
    await office.queue("old")
    await run_sql(office.database, "UPDATE messages SET expires_at = :past", past=utc_now() - timedelta(seconds=1))
    office.numbers.opened("main")
    await office.sent(1)
    assert (await office.statuses(), office.connection.sent) == (["failed"], [])


@on_sqlite
async def test_what_is_being_sent_does_not_expire_meanwhile(office: Office) -> None:
    answered = asyncio.Event()

    async def wait(_: str) -> None:
        await answered.wait()

    office.connection.before_send = wait
    queued = await office.queue("just in time")
    office.numbers.opened("main")
    await office.sender.start()
    await office.tried(1)
    await run_sql(office.database, "UPDATE messages SET expires_at = :past", past=utc_now() - timedelta(seconds=1))
    await office.database.submit(office.sender._give_up_old)
    assert (await office.row(queued)).status == "sending"
    answered.set()
    await office.sent(1)
    assert await office.statuses() == ["sent"]


@on_sqlite
async def test_what_another_one_holds_by_now_is_not_given_back(office: Office) -> None:
    """A message whose lease ended before it could be given back, and which somebody else is sending."""
    queued = await office.queue("mine")
    await run_sql(
        office.database, "UPDATE messages SET status = 'sending', lease_owner = 'another', lease_until = :later",
        later=utc_now() + timedelta(minutes=1),
    )  # fmt: skip
    await office.database.submit(lambda db: claims.give_back(db, [queued.id], owner="me"))
    assert (await office.row(queued)).lease_owner == "another"


@on_sqlite
async def test_the_messages_of_an_answer_come_in_order_each_at_its_time(office: Office) -> None:
    office.now_offset = timedelta(hours=-2)
    await office.answer("one", "two", "three", due=timedelta(hours=1))
    office.numbers.opened("main")
    await office.sender.start()
    for hours, expected in ((0, ["one"]), (1, ["one", "two"]), (2.1, ["one", "two", "three"])):
        office.now_offset = timedelta(hours=hours)
        await office.sent(len(expected))
        assert office.connection.texts() == expected


async def test_without_its_beginning_the_rest_of_an_answer_is_not_sent(office: Office) -> None:
    office.connection.failures.extend([EngineErrorCode.REJECTED])
    await office.answer("one", "two", "three")
    await office.queue("something else")
    await office.answer("four", "five")
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(6)
    assert await office.statuses() == ["failed", "cancelled", "cancelled", "sent", "sent", "sent"]
    assert office.connection.texts() == ["one", "something else", "four", "five"]
    errors = [row.error for row in await messages(office.database)]
    assert [e and e.partition(":")[0] for e in errors[:4]] == [
        "rejected", "answer_incomplete", "answer_incomplete", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        "conversations SET ai_enabled = false",
        "conversations SET ai_paused_until = :later",
        "conversations SET ai_stopped_until = :later, ai_paused_until = :later, ai_paused_by = 'ai'",
        """whatsapp_sessions SET settings = '{"ai_enabled": false}'""",
    ],
)
async def test_an_answer_is_not_sent_once_the_ai_was_switched_off(office: Office, how: str) -> None:
    await office.answer("one", "two")
    await office.queue("a person will answer you", author=Author.AUTOMATIC)
    later = {"later": utc_now() + timedelta(hours=1)} if "later" in how else {}
    await run_sql(office.database, f"UPDATE {how}", **later)
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(3)
    assert office.connection.texts() == ["a person will answer you"]
    assert await office.statuses() == ["cancelled", "cancelled", "sent"]
    told = [e.payload for e in await events(office.database, "message.status") if e.payload["status"] == "cancelled"]
    assert {t["error"].partition(":")[0] for t in told} <= {"ai_off", "answer_incomplete"}
    assert len(told) == 2


@on_sqlite
async def test_an_answer_that_hands_the_conversation_over_is_heard(office: Office) -> None:
    await office.answer("a colleague will write to you")
    later = utc_now() + timedelta(hours=1)
    await run_sql(
        office.database, "UPDATE conversations SET ai_paused_until = :later, ai_paused_by = 'ai'", later=later
    )
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    assert await office.statuses() == ["sent"]


async def test_what_was_never_said_leaves_the_conversation_as_it_was(office: Office, tmp_path: Path) -> None:
    """An answer whose sender died, and whose conversation was taken over before another one could send it."""
    await receiver(office.database, tmp_path).message(office.session, inbound("open on Sunday?"))
    await office.answer("yes", "until noon")
    taken = "UPDATE messages SET status = 'sending', error = :error WHERE body = 'yes'"
    await run_sql(office.database, taken, error="timeout: no answer")
    await run_sql(office.database, "UPDATE conversations SET ai_enabled = false")
    [before] = await conversations(office.database)
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(2)
    assert office.connection.sent == []
    rows = [row for row in await messages(office.database) if row.from_me]
    assert [(row.status, row.error, row.lease_owner) for row in rows] == [
        ("cancelled", SWITCHED_OFF + PERHAPS, None), ("cancelled", SWITCHED_OFF, None),
    ]  # fmt: skip
    [after] = await conversations(office.database)
    assert after.last_message_preview == "open on Sunday?"
    assert after.version > before.version, "a context in the cache that holds the answer is out of date"


async def test_a_receipt_before_the_answer_is_not_undone(office: Office, tmp_path: Path) -> None:
    receive = receiver(office.database, tmp_path)

    async def receipt_first(wa_id: str) -> None:
        await receive.receipt(
            office.session,
            ReceiptUpdate(
                ReceiptType.DELIVERED, CONTACT, (wa_id,), SERVER_TIME, CONTACT, from_me=False, is_group=False
            ),
        )

    office.connection.before_send = receipt_first
    await office.queue("fast")
    office.numbers.opened("main")
    await office.sender.start()

    async def told() -> bool:
        return bool(await events(office.database, "message.sent"))

    await until(told)
    assert await office.statuses() == ["delivered"]


async def test_an_unknown_number_is_asked_about_and_joined(office: Office, tmp_path: Path) -> None:
    """A Brazilian number whose JID lacks the ninth digit, written to while offline; the contact had written before."""
    jid = "551199990001@s.whatsapp.net"
    await receiver(office.database, tmp_path).message(office.session, inbound("hi", chat=CONTACT_LID))
    queued = await office.queue(
        "hello", "5511999990001@s.whatsapp.net", instructions=Instructions(resolve="+5511999990001")
    )
    office.connection.users["+5511999990001"] = ResolvedUser(
        "+5511999990001", on_whatsapp=True, jid=jid, lid=CONTACT_LID
    )
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    [conversation] = await conversations(office.database)
    assert (conversation.contact_jid, conversation.contact_lid) == (jid, CONTACT_LID)
    assert [m.body for m in await messages(office.database, conversation.id)] == ["hi", "hello"]
    assert [to for to, _, _ in office.connection.sent] == [jid]
    [told] = await events(office.database, "message.sent")
    assert (told.payload["contact_jid"], told.payload["contact_lid"]) == (jid, CONTACT_LID)
    assert (await office.row(queued)).status == "sent"


async def test_a_number_that_is_not_on_whatsapp_fails_with_that_reason(office: Office) -> None:
    queued = await office.queue("hello", instructions=Instructions(resolve="+5511999990001"))
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    row = await office.row(queued)
    assert (row.status, row.error.partition(":")[0]) == ("failed", "recipient_unknown")
    assert office.connection.sent == []


async def test_a_file_is_uploaded_once(office: Office) -> None:
    place = office.files.place("main", uuid.uuid4(), uuid.uuid4())
    office.files.prepare(place).write_bytes(b"picture")
    info = MediaInfo(mime_type="image/png", size=7)
    office.connection.failures.append(EngineErrorCode.TIMEOUT)
    queued = await office.queue(OutboundMedia(MessageType.IMAGE, place, info, "look"))
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    assert len(office.connection.uploads) == 1
    assert len(office.connection.sent) == 2
    row = await office.row(queued)
    assert (row.type, row.body, row.status, row.media["state"]) == ("image", "look", "sent", "ready")


async def test_a_file_that_is_gone_fails(office: Office) -> None:
    info = MediaInfo(mime_type="image/png", size=7)
    await office.queue(OutboundMedia(MessageType.IMAGE, office.files.place("main", uuid.uuid4(), uuid.uuid4()), info))
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    assert await office.statuses() == ["failed"]


async def test_an_answer_quotes_the_message(office: Office, tmp_path: Path) -> None:
    question = inbound("question?")
    await receiver(office.database, tmp_path).message(office.session, question)
    await office.queue("answer", quoted_wa_id=question.wa_id)
    office.numbers.opened("main")
    await office.sender.start()
    await office.sent(1)
    [(_, _, content)] = office.connection.sent
    quote = getattr(content, "quote", None)
    assert quote is not None
    assert (quote.wa_id, quote.sender, quote.text) == (question.wa_id, CONTACT, "question?")
