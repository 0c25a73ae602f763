"""Turns that are claimed in the transaction that stores their message."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests.fixtures.conversations import CONTACT, run_sql
from tests.fixtures.turns import TurnStage, statements, turn_stage

from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.holders import release_dead
from prosa.leases import new_owner, process_name
from prosa.turns import claims
from prosa.turns.runner import TurnRunner
from prosa_simulator.gemini import answers as says

FOREVER = 600.0
"""Between two looks of the runner: what is answered without a wake-up was begun at once."""


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


async def leases(stage: TurnStage) -> list[str | None]:
    async with stage.database.read() as db:
        return list((await db.execute(text("SELECT lease_owner FROM conversations"))).scalars())


async def lending(stage: TurnStage, runner: TurnRunner) -> None:
    """Wait until the runner has looked once and lends slots, and have messages use them."""

    async def lends() -> bool:
        slot = runner.lend(stage.session)
        if slot is not None:
            runner.take_back(stage.session, slot)
        return slot is not None

    await stage.until(lends)
    stage.receive.slots = runner


async def said(stage: TurnStage, count: int) -> bool:
    return len(await stage.answers_sent()) == count


async def test_a_turn_begins_with_its_message_and_needs_no_claim(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.running(poll_seconds=FOREVER) as runner:
        await lending(stage, runner)
        monkeypatch.setattr(stage.bus, "wake_all", lambda _topics: None)
        with statements(stage.database) as seen:
            for number in range(1, 4):
                await stage.hear(f"question {number}")
                await stage.until(lambda n=number: said(stage, n))  # type: ignore[misc]
                await stage.until(lambda: not runner._running)  # it is done a little after its answer is sent
    assert not any(statement.startswith("UPDATE conversations SET lease_owner") for statement in seen)
    assert [author for author, _ in await stage.said()] == ["contact", "ai"] * 3
    assert await leases(stage) == [None]


async def test_without_room_it_waits_for_its_turn_and_nothing_goes_first(stage: TurnStage) -> None:
    first, second, third = (f"55119{n:08}@s.whatsapp.net" for n in range(3))
    stage.gemini.script.enqueue(says.Hang(then=says.Text("late")))
    async with stage.running(concurrency=1) as runner:
        await lending(stage, runner)
        await stage.hear("one", chat=first)
        await stage.until(lambda: stage.gemini.hanging == 1)
        await stage.hear("two", chat=second)
        assert runner.lend(stage.session) is None, "there is no room"
        stage.gemini.release()
        await stage.hear("three", chat=third)

        async def all_answered() -> bool:
            return all([await stage.answers_sent(who) for who in (first, second, third)])

        await stage.until(all_answered)
    assert stage.asked() == ["one", "two", "three"]


async def test_a_number_makes_no_more_answers_at_once_than_it_may(stage: TurnStage) -> None:
    turns = stage.session.settings.turns.model_copy(update={"most_parallel": 2})
    stage.set(turns=turns)
    async with stage.running() as runner:
        await lending(stage, runner)
        lent = [runner.lend(stage.session) for _ in range(3)]
        assert [slot is not None for slot in lent] == [True, True, False]
        for slot in lent[:2]:
            assert slot is not None
            runner.take_back(stage.session, slot)
        assert runner.lend(stage.session) is not None


async def test_room_that_was_lent_for_nothing_keeps_a_number_waiting_no_longer(stage: TurnStage) -> None:
    stage.set(turns=stage.session.settings.turns.model_copy(update={"most_parallel": 1}))
    async with stage.running(poll_seconds=0.05) as runner:
        await lending(stage, runner)
        stage.receive.slots = None
        lent = runner.lend(stage.session)
        assert lent is not None
        await stage.hear("anybody?")  # due, while another message of the number is being stored
        await asyncio.sleep(0.2)
        assert not await stage.answers_sent()
        runner.take_back(stage.session, lent)
        await stage.until(lambda: said(stage, 1))


async def test_a_message_that_comes_while_an_answer_is_made_begins_no_second_turn(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Hang(then=says.Text("late")))
    async with stage.running() as runner:
        await lending(stage, runner)
        await stage.hear("one")
        await stage.until(lambda: stage.gemini.hanging == 1)
        await stage.hear("two")
        assert runner.running == 1
        stage.gemini.release()
        await stage.until(lambda: said(stage, 2))
    assert [author for author, _ in await stage.said()] == ["contact", "contact", "ai", "ai"]
    assert "two" in (await stage.said())[-1][1]
    assert len(stage.gemini.requests.generations()) == 2


async def test_what_another_process_answers_is_not_claimed(stage: TurnStage) -> None:
    await stage.hear("one")
    await stage.claim("another")
    async with stage.running() as runner:
        await lending(stage, runner)
        await stage.hear("two")
        assert runner.running == 0
        assert await leases(stage) == ["another"]


async def test_only_what_is_ones_own_is_given_back(stage: TurnStage) -> None:
    await stage.hear("one")
    claimed = await stage.claim("another")
    await stage.database.submit(lambda db: claims.give_back(db, [claimed.id], owner="test"))
    assert await leases(stage) == ["another"]
    await stage.database.submit(lambda db: claims.give_back(db, [claimed.id], owner="another"))
    assert await leases(stage) == [None]


async def test_a_turn_that_begins_with_its_message_knows_what_was_said_before(stage: TurnStage) -> None:
    await stage.hear("my name is Ana")
    await stage.turn()
    await run_sql(
        stage.database,
        "UPDATE conversations SET summary = 'Her name is Ana.', summarised_until = 2",
    )
    async with stage.running() as runner:
        await lending(stage, runner)
        await stage.hear("who am I?")
        await stage.until(lambda: said(stage, 2))
    prompt = stage.gemini.requests.generations()[-1].prompt
    assert prompt is not None
    assert "Her name is Ana." in "".join(prompt.texts()) + (prompt.system_text or "")


async def test_a_commit_whose_confirmation_was_lost_keeps_nobody_waiting(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: Any = stage.database._writer._groups
    run, lost = groups.run, asyncio.Event()

    async def unconfirmed(jobs: Any) -> Any:
        done = await run(jobs)
        if not lost.is_set() and await leases(stage) not in ([], [None]):
            lost.set()
            raise OperationalError("COMMIT", None, ConnectionResetError())
        return done

    async with stage.running(poll_seconds=FOREVER) as runner:
        await lending(stage, runner)
        monkeypatch.setattr(groups, "run", unconfirmed)
        with pytest.raises(OperationalError):  # so WhatsApp delivers it again
            await stage.hear("does anybody know?")
        await stage.until(lambda: said(stage, 1))
    assert lost.is_set()
    assert [author for author, _ in await stage.said()] == ["contact", "ai"]


async def test_a_process_that_dies_between_the_commit_and_the_turn_is_taken_over(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = new_owner()
    async with stage.running(dead, poll_seconds=FOREVER) as runner:
        await lending(stage, runner)
        slot = runner.lend(stage.session)
        assert slot is not None
        slot.begin = lambda _claimed, _back: None
        monkeypatch.setattr(runner, "lend", lambda _session: slot)
        await stage.hear("anybody?")
        assert await leases(stage) == [dead], "it is claimed, and nobody works on it"
        async with stage.running("another", poll_seconds=0.05):
            assert await stage.database.submit(lambda db: release_dead(db, processes=[process_name()])) == 1
            await stage.until(lambda: said(stage, 1))
    assert [author for author, _ in await stage.said(CONTACT)] == ["contact", "ai"]
