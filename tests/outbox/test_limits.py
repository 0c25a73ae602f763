"""A number sends no faster than it should, and forgets none of that in a restart. The clock is the test's."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import (
    CONTACT,
    add_session,
    conversations,
    events,
    inbound,
    messages,
    receiver,
    run_sql,
)
from tests.fixtures.databases import on_sqlite
from tests.fixtures.sending import until
from tests.outbox.conftest import Office

from prosa.auth.caller import Caller
from prosa.clock import utc_now
from prosa.conversations.models import Conversation
from prosa.outbox import ahead, limits
from prosa.outbox import sender as sender_module
from prosa.outbox.sender import Sender
from prosa.whatsapp.engine import EngineErrorCode

DAY = timedelta(hours=24)


def chat(number: int) -> str:
    return f"55110000{number:04}@s.whatsapp.net"


async def at(office: Office, seconds: float, sender: Sender | None = None) -> list[str]:
    """Return the texts of the messages that are taken to be sent at a moment; nothing sends them."""
    office.now_offset = timedelta(seconds=seconds)
    return [message.body for message in await (sender or office.sender)._take()]


async def wrote(office: Office, folder: Path, *chats: str, ago: timedelta = timedelta()) -> None:
    """Let contacts write."""
    receive = receiver(office.database, folder, unready="no_api_key")
    for who in chats:
        await receive.message(office.session, inbound("hi", chat=who, sender=who, timestamp=utc_now() - ago))


async def test_messages_of_a_number_are_spread_over_the_minute(office: Office) -> None:
    office.set(messages_per_minute=6, jitter=0)
    office.numbers.opened("main")
    for number in range(4):
        await office.queue(f"{number}", chat(number))
    # What was sent before the start is not known, so the first one waits too.
    assert await at(office, 0) == []
    assert await at(office, 8) == []
    assert await at(office, 11) == ["0"]
    assert await at(office, 20) == []
    assert await at(office, 21.5) == ["1"]
    # Nothing is leased meanwhile, and another process keeps the pace.
    assert [row.lease_owner is not None for row in await messages(office.database)] == [True, True, False, False]
    later = office.make_sender()
    assert await at(office, 22, later) == []
    assert await at(office, 33, later) == ["2"]


@on_sqlite
async def test_without_a_limit_everything_goes_at_once(office: Office) -> None:
    office.numbers.opened("main")
    for number in range(4):
        await office.queue(f"{number}", chat(number))
    assert sorted(await at(office, 0)) == ["0", "1", "2", "3"]


async def test_replies_go_first_and_new_contacts_last(office: Office, tmp_path: Path) -> None:
    office.set(messages_per_minute=60, jitter=0)
    office.numbers.opened("main")
    await wrote(office, tmp_path, chat(2), ago=DAY * 3)
    await wrote(office, tmp_path, chat(3), CONTACT)
    for number, text in enumerate(("new", "newer", "old friend", "just wrote")):
        await office.queue(text, chat(number))
    await office.answer("answer")
    assert await at(office, 0) == []
    taken = [(await at(office, 1.5 + second * 1.1))[0] for second in range(5)]
    assert set(taken[:2]) == {"just wrote", "answer"}
    assert taken[2:] == ["old friend", "new", "newer"]


@on_sqlite
async def test_a_limit_that_is_set_now_holds_within_seconds(office: Office) -> None:
    office.numbers.opened("main")
    await office.queue("first", chat(0))
    assert await at(office, 0) == ["first"]
    office.set(messages_per_minute=6, jitter=0)
    for number in range(1, 4):
        await office.queue(f"{number}", chat(number))
    assert await at(office, 6) == ["1"]
    assert [row.status for row in await messages(office.database)] == ["sending", "sending", "queued", "queued"]
    assert await at(office, 15) == []
    assert await at(office, 17) == ["2"]


async def test_only_so_many_new_contacts_a_day_and_replies_never_count(office: Office, tmp_path: Path) -> None:
    office.set(new_contacts_per_day=2)
    office.numbers.opened("main")
    await add_session(office.database, Caller(office.session.user_id, "owner"), "other")
    async with office.database.write() as db:  # what another number does is not counted
        db.orm.add(Conversation(session_id="other", contact_jid=chat(0), approached_at=utc_now()))
    await wrote(office, tmp_path, chat(9))
    for number in range(4):
        await office.queue(f"{number}", chat(number))
        await office.queue(f"{number} again", chat(number))
    await office.queue("reply", chat(9))
    assert sorted(await at(office, 0)) == ["0", "1", "reply"]
    waiting = {row.body: row for row in await messages(office.database) if row.body in {"2", "3"}}
    for row in waiting.values():
        assert (row.status, row.lease_owner, row.attempts) == ("queued", None, 0)
        assert row.error.startswith("new_contacts: the number has written to 2 new contacts")
        assert row.due_at - row.stored_at > DAY - timedelta(minutes=1)
        assert row.expires_at - row.due_at > DAY - timedelta(minutes=1)
    told = [e.payload["id"] for e in await events(office.database, "message.status") if e.payload["error"]]
    assert sorted(told) == sorted(str(row.id) for row in waiting.values())
    # Another message to a contact who was counted already is free.
    sent = "UPDATE messages SET status = 'sent', due_at = NULL WHERE status = 'sending'"
    await run_sql(office.database, sent)
    assert sorted(await at(office, 60)) == ["0 again", "1 again"]
    # Whoever writes is nobody new any more.
    await wrote(office, tmp_path, chat(2))
    assert await at(office, 61) == ["2"]
    # A day later there is room again.
    await run_sql(office.database, sent)
    assert sorted(await at(office, 24 * 3600 + 120, office.make_sender())) == ["2 again", "3"]
    mine = [row for row in await conversations(office.database) if row.session_id == "main"]
    assert [row.approached_at is not None for row in mine].count(True) == 3


@pytest.mark.parametrize("more", [2, None])
async def test_room_that_is_made_for_new_contacts_is_used_within_seconds(office: Office, more: int | None) -> None:
    office.set(new_contacts_per_day=1)
    office.numbers.opened("main")
    for number in range(3):
        await office.queue(f"{number}", chat(number))
    assert await at(office, 0) == ["0"]
    ends = {row.body: row.expires_at for row in await messages(office.database)}
    # The number has nothing else to send, so nothing else makes it look its settings up.
    office.set(new_contacts_per_day=more)
    assert await at(office, 10) == (["1"] if more else ["1", "2"])
    told = [e.payload["error"] for e in await events(office.database, "message.status") if e.payload["error"]]
    assert len(told) == (3 if more else 2), "why one waits is told when that changes"
    # A sender that begins now looks at all of them once, and gives them no more time for it.
    office.set(new_contacts_per_day=1)
    later = office.make_sender()
    assert await at(office, 11, later) == []
    assert await at(office, 18, later) == []
    for row in await messages(office.database):
        if row.status == "queued":
            assert abs(row.expires_at - ends[row.body]) < timedelta(minutes=1)
    office.set(new_contacts_per_day=3)
    assert await at(office, 25, later) == (["2"] if more else [])


@on_sqlite
async def test_no_limit_of_new_contacts_costs_no_mark(office: Office) -> None:
    office.set(new_contacts_per_day=None)
    office.numbers.opened("main")
    for number in range(5):
        await office.queue(f"{number}", chat(number))
    assert len(await at(office, 0)) == 5
    assert {row.approached_at for row in await conversations(office.database)} == {None}


async def test_what_was_on_its_way_when_whatsapp_said_slower_makes_the_pause_no_longer(office: Office) -> None:
    both = asyncio.Event()

    async def together(_: str) -> None:
        if len(office.connection.sent) == 2:
            both.set()
        await both.wait()

    office.set(rate_limit_pause_seconds=60, jitter=0)
    office.connection.before_send = together
    office.connection.failures.extend([EngineErrorCode.RATE_LIMITED] * 2)
    for number in range(2):
        await office.queue(f"{number}", chat(number))
    office.numbers.opened("main")
    await office.sender.start()

    async def put_off() -> bool:
        return all(row.error is not None for row in await messages(office.database))

    await until(put_off)
    assert [told.payload["strikes"] for told in await events(office.database, "session.sending_paused")] == [1]


async def test_a_pause_is_no_longer_than_an_hour(office: Office) -> None:
    before = limits.Pause(utc_now() - timedelta(seconds=1), strikes=20)
    await office.database.submit(lambda db: limits.write_pause(db, "main", before))
    office.connection.failures.append(EngineErrorCode.RATE_LIMITED)
    await office.queue("one")
    office.numbers.opened("main")
    await office.sender.start()

    async def paused() -> bool:
        return len(await events(office.database, "session.sending_paused")) == 2

    await until(paused)
    until_ = (await events(office.database, "session.sending_paused"))[-1].payload["until"]
    assert datetime.fromisoformat(until_) < utc_now() + timedelta(hours=1.5)


async def test_whatsapp_says_slower_and_the_number_is_silent_for_a_while(office: Office) -> None:
    office.set(rate_limit_pause_seconds=60, jitter=0)
    office.connection.failures.append(EngineErrorCode.RATE_LIMITED)
    first = await office.queue("first", chat(0))
    office.numbers.opened("main")
    await office.sender.start()

    async def put_off() -> bool:
        return (await office.row(first)).error is not None

    await until(put_off)
    row = await office.row(first)
    assert (row.status, row.attempts, row.error) == ("queued", 0, "rate_limited: as the test wants")
    assert timedelta(seconds=50) < row.due_at - row.stored_at < timedelta(seconds=90)
    [paused] = await events(office.database, "session.sending_paused")
    assert (paused.payload["reason"], paused.payload["strikes"]) == ("rate_limited", 1)
    await office.queue("second", chat(1))
    await office.sender.stop()
    # A restart does not end the pause.
    office.sender = office.make_sender()
    assert await at(office, 30) == []
    assert len(office.connection.sent) == 1
    # The next time it lasts twice as long, and then all is forgotten.
    office.connection.failures.append(EngineErrorCode.RATE_LIMITED)
    office.now_offset = timedelta(seconds=95)
    await office.sender.start()

    async def tried_again() -> bool:
        pause = office.sender._paces._paces["main"].pause
        return pause is not None and pause.strikes == 2

    await until(tried_again)
    office.now_offset = timedelta(seconds=95 + 90)
    assert office.sender._paces.is_paused("main")
    office.now_offset = timedelta(seconds=95 + 150)
    await office.sent(2)
    assert await office.statuses() == ["sent", "sent"]

    async def forgotten() -> bool:
        fresh = office.make_sender()  # asks the database
        await fresh._paces.know(["main"])
        return fresh._paces._paces["main"].pause is None

    await until(forgotten)
    assert office.sender._paces._paces["main"].pause is None


@on_sqlite
async def test_what_was_taken_before_the_number_was_paused_waits_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "PER_NUMBER", 1)
    office.set(rate_limit_pause_seconds=60, jitter=0)
    office.connection.failures.append(EngineErrorCode.RATE_LIMITED)
    for number in range(3):
        await office.queue(f"{number}", chat(number))
    office.numbers.opened("main")
    await office.sender.start()

    async def given_back() -> bool:
        return await office.statuses() == ["queued"] * 3 and bool(office.connection.sent)

    await until(given_back)
    assert len(office.connection.sent) == 1
    assert [row.attempts for row in await messages(office.database)] == [0] * 3


@on_sqlite
async def test_the_contact_sees_typing_while_an_answer_is_due(office: Office) -> None:
    office.set(typing_ms_per_char=1000, typing_max_seconds=20, jitter=0)
    office.numbers.opened("main")
    await office.answer("aaaaaaaaaa", "bbbbb", due=timedelta(seconds=5), after=timedelta(seconds=8))
    await office.queue("of a person", chat(1))
    await office.sender.start()

    async def shown(times: int) -> bool:
        return len(office.connection.typed) >= times

    await until(lambda: shown(1))
    assert office.connection.texts() == ["of a person"]
    office.now_offset = timedelta(seconds=8.5)
    await until(lambda: shown(2))
    assert office.connection.texts()[1:] == ["aaaaaaaaaa"]
    office.now_offset = timedelta(seconds=14)
    await office.sent(3)
    assert office.connection.typed == [(CONTACT, True)] * 2


@on_sqlite
async def test_a_message_is_sent_when_it_is_due_not_at_the_next_poll(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 3600)
    office.set(messages_per_minute=1200, jitter=0)
    office.numbers.opened("main")
    await office.sender.start()
    await office.answer("soon", after=timedelta(seconds=0.3))
    for number in range(3):
        await office.queue(f"{number}", chat(number))
    await office.sent(4)
    assert len(office.connection.arrived) == 4


@on_sqlite
async def test_what_becomes_due_between_two_looks_is_not_left_to_the_next_poll(office: Office) -> None:
    """Looking takes its time too: nothing was due when the outbox was asked, and something is when that is over."""
    office.numbers.opened("main")
    office.set(messages_per_minute=6, jitter=0)
    await office.queue("slow", chat(0))
    assert await at(office, 0) == []
    office.now_offset = timedelta(seconds=11)
    assert await office.sender._ahead.wait(60, taken_at=office.sender._taken_at) == 0
    assert await at(office, 11) == ["slow"]

    office.set(jitter=0)
    office.sender = office.make_sender()
    await office.answer("typed", after=timedelta(seconds=15))
    assert await at(office, 14) == []
    office.now_offset = timedelta(seconds=16)
    assert await office.sender._ahead.wait(60, taken_at=office.sender._taken_at) == 0
    assert await at(office, 16) == ["typed"]
    assert await office.sender._ahead.wait(60, taken_at=office.sender._taken_at) > 0


@on_sqlite
async def test_an_answer_that_was_due_does_not_keep_the_sender_busy(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 60)
    take, taken = office.sender._take, 0

    async def counted() -> Any:
        nonlocal taken
        taken += 1
        return await take()

    monkeypatch.setattr(office.sender, "_take", counted)
    office.set()
    office.numbers.opened("main")
    await office.sender.start()
    await office.answer("in", "a", "moment", after=timedelta(seconds=0.2), due=timedelta(seconds=0.2))
    await office.sent(3)
    await asyncio.sleep(0.5)
    assert taken < 20


@on_sqlite
async def test_settings_that_cannot_be_read_do_not_stop_sending(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.numbers.opened("main")
    await office.queue("one", chat(0))
    assert await at(office, 0) == ["one"]

    async def away(_: str) -> Any:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(office, "get", away)
    await office.queue("two", chat(1))
    assert await at(office, 10) == ["two"]
