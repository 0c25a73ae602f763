"""The runner of turns: one answer a turn, in order, whatever happens to processes, leases and the database."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from tests.fixtures.conversations import CONTACT, run_sql
from tests.fixtures.turns import TurnStage, statements, turn_stage

from prosa.ai.answer import Answer, AnswerRequest
from prosa.cache import Cache
from prosa.conversations.held import TABLE
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.settings.turns import TurnSettings
from prosa.turns import claims
from prosa.turns.claimed import ClaimedConversation
from prosa.turns.runner import TurnRunner
from prosa_simulator.gemini import answers as says


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


def contact(number: int) -> str:
    return f"55119{number:08}@s.whatsapp.net"


async def idle(stage: TurnStage) -> bool:
    async with stage.database.read() as db:
        statement = text("SELECT count(*) FROM conversations WHERE due_at IS NOT NULL OR lease_owner IS NOT NULL")
        return bool((await db.execute(statement)).scalar_one() == 0)


async def answered(stage: TurnStage, count: int, who: str = CONTACT) -> bool:
    return len(await stage.answers_sent(who)) >= count


async def test_many_contacts_at_once_each_in_order(stage: TurnStage) -> None:
    contacts = [contact(n) for n in range(12)]
    async with stage.running():
        for round_ in range(3):
            await asyncio.gather(*(stage.hear(f"q{round_} of {who}", chat=who) for who in contacts))
            for who in contacts:
                await stage.until(lambda who=who, n=round_ + 1: answered(stage, n, who))  # type: ignore[misc]
    for who in contacts:
        said = await stage.said(who)
        assert [author for author, _ in said] == ["contact", "ai"] * 3
        for round_ in range(3):
            assert said[2 * round_][1] == f"q{round_} of {who}"
            assert f"q{round_} of {who}" in said[2 * round_ + 1][1], "the answer is to this contact's question"
    assert len(stage.gemini.requests.generations()) == 36
    assert await idle(stage)


async def test_two_processes_share_the_work_and_answer_once(stage: TurnStage) -> None:
    stage.gemini.latency = 0.02
    contacts = [contact(n) for n in range(30)]
    async with stage.running("one", concurrency=4), stage.running("two", concurrency=4):
        await asyncio.gather(*(stage.hear(f"from {who}", chat=who) for who in contacts))
        await stage.until(lambda: idle(stage), 20)
    counts = Counter(question for question in stage.asked())
    assert len(counts) == 30
    assert set(counts.values()) == {1}
    for who in contacts:
        assert len(await stage.answers_sent(who)) == 1


async def test_what_is_due_is_made_where_its_number_is_held(stage: TurnStage) -> None:
    stage.set(debounce_seconds=0.1)
    contacts = [contact(n) for n in range(10)]
    made = Counter[str]()
    async with (
        stage.running("holder", held=lambda: ["elsewhere", stage.session.session_id]) as holder,
        stage.running("other", held=lambda: ["elsewhere"]) as other,
    ):
        for name, runner in (("holder", holder), ("other", other)):
            _count(runner, made, name)
        await asyncio.gather(*(stage.hear(f"from {who}", chat=who) for who in contacts))
        await stage.until(lambda: idle(stage), 20)
    assert made == {"holder": 10}


async def test_what_the_holder_leaves_lying_is_made_by_another_process(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "OTHERS_AFTER", timedelta(seconds=0.5))
    loop = asyncio.get_running_loop()
    async with stage.running("other", held=lambda: ["elsewhere"]):
        began = loop.time()
        await stage.hear("anybody?")
        await stage.until(lambda: answered(stage, 1))
    assert loop.time() - began >= 0.5


def _count(runner: TurnRunner, made: Counter[str], name: str) -> None:
    begin = runner._begin

    def counted(claimed: ClaimedConversation, *more: Any) -> None:
        made[name] += 1
        begin(claimed, *more)

    runner._begin = counted  # type: ignore[method-assign, assignment]


async def test_quick_messages_in_a_row_are_waited_for(stage: TurnStage) -> None:
    stage.set(debounce_seconds=0.25)
    async with stage.running(poll_seconds=30):
        for body in ("Hi", "one thing", "are you open?"):
            await stage.hear(body)
            await asyncio.sleep(0.1)
        await stage.until(lambda: answered(stage, 1), 20)
        await asyncio.sleep(0.4)
    assert stage.asked() == ["Hi\none thing\nare you open?"]


async def test_a_turn_begins_when_it_is_due_not_when_the_table_is_polled(stage: TurnStage) -> None:
    stage.set(debounce_seconds=0.3)
    loop = asyncio.get_running_loop()
    async with stage.running(poll_seconds=30):
        await asyncio.sleep(0.1)
        before = loop.time()
        await stage.hear()
        await stage.until(lambda: len(stage.gemini.requests) > 0, 20)
        assert loop.time() - before > 0.28


async def test_a_lost_wake_up_costs_a_poll_and_nothing_else(stage: TurnStage) -> None:
    async with stage.running(poll_seconds=0.1):
        await asyncio.sleep(0.05)
        stage.database.on_wake = None
        await stage.hear()
        await stage.until(lambda: answered(stage, 1), 20)


async def test_long_answers_keep_their_lease(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Text("slowly", latency=1.6))
    async with (
        stage.running("one", lease_seconds=0.6, renew_seconds=0.15),
        stage.running("two", lease_seconds=0.6, renew_seconds=0.15),
    ):
        await stage.hear()
        await stage.until(lambda: answered(stage, 1), 10)
        await asyncio.sleep(0.3)
    assert await stage.answers_sent() == ["slowly"]
    assert len(stage.gemini.requests.generations()) == 1


async def kill(running: Any) -> list["asyncio.Task[None]"]:
    """Stop a runner's loops as a killed or frozen process would: nothing is given back. Return its frozen turns."""
    for loop in running._loops:
        loop.cancel()
    await asyncio.gather(*running._loops, return_exceptions=True)
    return [task for _, task in running._running.values()]


async def test_another_process_takes_over_and_the_frozen_one_comes_back_too_late(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Hang(then=says.Text("too late")), says.Text("in time"))
    async with stage.running("frozen", lease_seconds=0.5, stop_seconds=0) as frozen:
        await stage.hear()
        await stage.until(lambda: stage.gemini.hanging == 1)
        [turn] = await kill(frozen)
        async with stage.running("other"):
            await stage.until(lambda: answered(stage, 1), 10)
            stage.gemini.release()
            with structlog.testing.capture_logs() as logs:
                await turn
            assert any("dropped" in line["event"] for line in logs)
    assert await stage.answers_sent() == ["in time"]
    assert len(await stage.usage()) == 1


async def test_a_turn_whose_lease_is_gone_is_stopped(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Hang())
    async with stage.running(renew_seconds=0.05, concurrency=1) as running:
        await stage.hear()
        await stage.until(lambda: stage.gemini.hanging == 1)
        await run_sql(stage.database, "UPDATE conversations SET lease_owner = 'somebody else'")
        await stage.until(lambda: running.running == 0, 8)  # before the model is given up
        await stage.until(lambda: stage.gemini.hanging == 0)
    assert await stage.answers_sent() == []
    assert (await stage.talk()).lease_owner == "somebody else"


async def test_a_conversation_claimed_again_here_drops_the_former_turn(stage: TurnStage) -> None:
    # As after two conversations became one: the lease was taken away, and this process claims it anew.
    stage.gemini.script.enqueue(says.Hang(then=says.Text("former")), says.Text("newer"))
    async with stage.running(renew_seconds=30, concurrency=4):
        await stage.hear()
        await stage.until(lambda: stage.gemini.hanging == 1)
        await run_sql(stage.database, "UPDATE conversations SET lease_owner = NULL, lease_until = NULL")
        await stage.until(lambda: answered(stage, 1))
        stage.gemini.release()
        await asyncio.sleep(0.2)
    assert await stage.answers_sent() == ["newer"]


async def test_a_stop_finishes_what_is_nearly_done(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Text("nearly", latency=0.3))
    async with stage.running(stop_seconds=5):
        await stage.hear()
        await stage.until(lambda: len(stage.gemini.requests) == 1)
    assert await stage.answers_sent() == ["nearly"]


async def test_a_stop_gives_back_what_is_not(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Hang())
    async with stage.running(stop_seconds=0.1):
        await stage.hear()
        await stage.until(lambda: stage.gemini.hanging == 1)
    talk = await stage.talk()
    assert (talk.lease_owner, talk.attempts) == (None, 0)
    assert talk.due_at is not None
    async with stage.running("next"):
        await stage.until(lambda: answered(stage, 1), 20)
    assert len(await stage.answers_sent()) == 1


async def test_no_more_turns_at_a_time_than_allowed(stage: TurnStage) -> None:
    stage.gemini.script.default = says_hang
    async with stage.running(concurrency=3, stop_seconds=0) as running:
        for number in range(8):
            await stage.hear(chat=contact(number))
        await stage.until(lambda: stage.gemini.hanging == 3)
        await asyncio.sleep(0.3)
        assert (running.running, stage.gemini.hanging) == (3, 3)
        stage.gemini.script.default = lambda _: "done"
        stage.gemini.release()
        await stage.until(lambda: idle(stage))
    assert len(stage.gemini.requests.generations()) == 8


@pytest.mark.parametrize("why", ["answering", "full"])
async def test_what_cannot_be_claimed_now_is_not_looked_for_all_the_time(stage: TurnStage, why: str) -> None:
    stage.set(turns=TurnSettings(most_parallel=1))
    stage.gemini.script.default = says_hang
    async with stage.running(poll_seconds=0.4, stop_seconds=0) as running:
        for number in range(2 if why == "full" else 1):
            await stage.hear(chat=contact(number))
        await stage.until(lambda: stage.gemini.hanging == 1)
        await asyncio.sleep(0.2)
        with statements(stage.database) as seen:
            await asyncio.sleep(1)
        claims = [statement for statement in seen if statement.startswith("UPDATE conversations SET lease_owner")]
        assert 0 < len(claims) <= 4
        assert running.running == 1


def says_hang(_prompt: Any) -> says.Answer:
    return says.Hang(then=says.Text("let go"))


async def test_the_database_being_away_for_a_while(stage: TurnStage, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = stage.database.submit
    away = True

    async def maybe(job: Callable[..., Awaitable[Any]], **options: Any) -> Any:
        if away:
            raise ConnectionRefusedError
        return await submit(job, **options)

    async with stage.running(poll_seconds=0.05, lease_seconds=1, renew_seconds=0.05):
        await stage.hear("one")
        await stage.until(lambda: answered(stage, 1))
        await stage.hear("two")
        monkeypatch.setattr(stage.database, "submit", maybe)
        with structlog.testing.capture_logs() as logs:
            await asyncio.sleep(0.3)
        away = False
        await stage.until(lambda: answered(stage, 2))
    assert len(await stage.answers_sent()) == 2
    assert len(logs) < 40, "an outage does not flood the log"


async def test_what_nobody_foresaw_is_tried_again_and_not_for_ever(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_request: AnswerRequest) -> Answer:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(stage.answers, "answer", broken)
    with structlog.testing.capture_logs():
        async with stage.running():
            await stage.hear()
            for attempt in range(1, 5):
                await stage.until(lambda n=attempt: tried(stage, n))  # type: ignore[misc]
                async with stage.database.write() as db:
                    await db.execute(TABLE.update().values(due_at=stage.replier().clock()))
                stage.bus.wake("turns")
            await stage.until(lambda: given_up(stage))
    talk = await stage.talk()
    assert talk.ai_reason.startswith("internal: ")
    assert await stage.answers_sent() == []


async def tried(stage: TurnStage, attempts: int) -> bool:
    talk = await stage.talk()
    return bool(talk.attempts == attempts and talk.lease_owner is None)


async def given_up(stage: TurnStage) -> bool:
    return bool((await stage.talk()).ai_state == "failed")
