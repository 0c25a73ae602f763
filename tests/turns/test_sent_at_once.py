"""Answers that are taken to be sent in the transaction that stores them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tests.fixtures.conversations import events, messages
from tests.fixtures.sending import Lines, SendingConnection
from tests.fixtures.turns import TurnStage, statements, turn_stage

from prosa.cache import Cache
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.holders import release_dead
from prosa.leases import process_name
from prosa.outbox import queue
from prosa.outbox import sender as outbox_sender
from prosa.outbox.content import OutboundText
from prosa.outbox.sender import Sender


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


@asynccontextmanager
async def sending(stage: TurnStage, folder: Path, connection: SendingConnection) -> AsyncIterator[Sender]:
    """Run a sender that has looked once, and lends slots."""
    numbers = OnlineNumbers(stage.bus, Lines(main=connection))
    numbers.opened("main")
    sender = Sender(stage.database, stage.bus, numbers, MediaFiles(folder / "media"))
    await sender.start()

    async def lends() -> bool:
        slot = sender.lend(stage.session)
        if slot is not None:
            sender.take_back(slot)
        return slot is not None

    await stage.until(lends)
    try:
        yield sender
    finally:
        await sender.stop()


async def all_sent(stage: TurnStage, count: int) -> bool:
    rows = [message for message in await messages(stage.database) if message.from_me]
    return [message.status for message in rows] == ["sent"] * count


async def looks_no_more(sender: Sender) -> None:
    """Let a sender send only what it is handed; what it was looking for just now is over."""
    sender._loops[0].cancel()
    await asyncio.gather(sender._loops[0], return_exceptions=True)


async def test_an_answer_goes_as_soon_as_it_is_stored(stage: TurnStage, tmp_path: Path) -> None:
    connection = SendingConnection()
    async with sending(stage, tmp_path, connection) as sender:
        await looks_no_more(sender)
        replier = stage.replier(slots=sender)
        with statements(stage.database) as seen:
            for number in range(1, 4):
                await stage.hear(f"question {number}")
                await stage.turn(replier)
                await stage.until(lambda n=number: all_sent(stage, n))  # type: ignore[misc]
    assert not any("UPDATE messages SET status=" in statement and "'sending'" in statement for statement in seen)
    assert len(connection.arrived) == 3
    told = [event.payload["status"] for event in await events(stage.database, "message.status")]
    assert told == ["queued"] * 3, "as of any other message"
    rows = [message for message in await messages(stage.database) if message.from_me]
    assert [(m.lease_owner, m.due_at, m.attempts) for m in rows] == [(None, None, 0)] * 3


async def test_what_waits_in_the_conversation_goes_first(stage: TurnStage, tmp_path: Path) -> None:
    connection = SendingConnection()
    async with sending(stage, tmp_path, connection) as sender:
        await looks_no_more(sender)
        await stage.hear("one")
        async with stage.database.write() as db:  # not by a person, who would keep the AI quiet
            await queue.enqueue(db, (await stage.talk()).id, author=Author.AUTOMATIC, content=OutboundText("first"))
        await stage.turn(stage.replier(slots=sender))
        rows = [message for message in await messages(stage.database) if message.from_me]
        assert [(row.status, row.lease_owner) for row in rows] == [("queued", None)] * 2
        async with sending(stage, tmp_path, connection):
            await stage.until(lambda: all_sent(stage, 2))
    assert connection.arrived == [row.wa_id for row in rows]


@pytest.mark.parametrize("why", ["offline", "slow", "paused", "typed", "busy"])
async def test_what_cannot_go_at_once_waits_in_the_outbox(
    stage: TurnStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    connection = SendingConnection()
    chosen = stage.session.settings.sending
    async with sending(stage, tmp_path, connection) as sender:
        await looks_no_more(sender)
        match why:
            case "offline":
                monkeypatch.setattr(sender._numbers, "connection", lambda _name: None)
            case "slow":
                stage.set(sending=chosen.model_copy(update={"messages_per_minute": 2}))
            case "paused":
                monkeypatch.setattr(sender._paces, "may_send", lambda _name, _now: False)
            case "typed":
                stage.set(sending=chosen.model_copy(update={"typing_min_seconds": 30.0}))
            case _:
                monkeypatch.setattr(outbox_sender, "TOTAL", 0)
        await stage.hear("one")
        await stage.turn(stage.replier(slots=sender))
        [row] = [message for message in await messages(stage.database) if message.from_me]
        assert (row.status, row.lease_owner) == ("queued", None)
        assert connection.sent == []


async def test_a_commit_whose_confirmation_was_lost_keeps_nobody_waiting(
    stage: TurnStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = SendingConnection()
    groups: Any = stage.database._writer._groups
    run, lost = groups.run, asyncio.Event()

    async def unconfirmed(jobs: Any) -> Any:
        done = await run(jobs)
        if not lost.is_set() and any(message.from_me for message in await messages(stage.database)):
            lost.set()
            raise OperationalError("COMMIT", None, ConnectionResetError())
        return done

    monkeypatch.setattr(outbox_sender, "POLL_SECONDS", 600.0)
    async with sending(stage, tmp_path, connection) as sender, stage.running(poll_seconds=0.1) as runner:
        runner._replier._slots = sender
        monkeypatch.setattr(groups, "run", unconfirmed)
        await stage.hear("does anybody know?")
        await stage.until(lambda: all_sent(stage, 1))
    assert lost.is_set()
    assert len(connection.arrived) == 1
    assert len(stage.gemini.requests.generations()) == 1


async def test_a_process_that_dies_between_the_commit_and_the_sending_is_taken_over(
    stage: TurnStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = SendingConnection()
    async with sending(stage, tmp_path, connection) as sender:
        await looks_no_more(sender)
        slot = sender.lend(stage.session)
        assert slot is not None
        slot.send = lambda _message: None
        monkeypatch.setattr(sender, "lend", lambda _session: slot)
        await stage.hear("anybody?")
        await stage.turn(stage.replier(slots=sender))
        [row] = [message for message in await messages(stage.database) if message.from_me]
        assert (row.status, row.lease_owner) == ("sending", sender._owner), "it is taken, and nobody sends it"
        async with sending(stage, tmp_path, connection):
            assert await stage.database.submit(lambda db: release_dead(db, processes=[process_name()])) == 1
            stage.bus.wake(queue.TOPIC)
            await stage.until(lambda: all_sent(stage, 1))
    assert connection.arrived == [row.wa_id]
