"""Recent messages from the cache: the same as from the table, or not at all."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.caches import started
from tests.fixtures.conversations import messages
from tests.fixtures.turns import TurnStage, statements, turn_stage

from prosa.ai.context import PromptMessage
from prosa.ai.system import FACTS_LINE
from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.settings.context import ContextSettings
from prosa.turns import context
from prosa.turns.context import Contexts, Need, prompt_message
from prosa.whatsapp.engine import MediaInfo, MessageType
from prosa_simulator.gemini import on_system


@pytest.fixture(autouse=True)
def _written_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.cache.LATER_SECONDS", 0.05)


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


async def need(stage: TurnStage, after: int = 0) -> Need:
    talk = await stage.talk()
    return Need(talk.id, talk.version, talk.last_seq, after)


async def fresh(stage: TurnStage, after: int = 0) -> Sequence[PromptMessage]:
    """What the table says, read past any cache."""
    async with started() as empty:
        return await Contexts(stage.database, empty).load(await need(stage, after))


async def written(cache: Cache, wanted: Need) -> bytes:
    """Wait until the cache has a context of this version; return it."""
    async with asyncio.timeout(10):
        while True:
            raw = await cache.get_raw(f"context:{wanted.conversation_id}")
            if raw is not None and raw.startswith(f"[{wanted.version},".encode()):
                return raw
            await asyncio.sleep(0.02)


def reads(seen: list[str]) -> int:
    return sum(statement.startswith("SELECT messages") for statement in seen)


async def test_read_once_then_kept_up_to_date(stage: TurnStage) -> None:
    await stage.hear("one")
    with statements(stage.database) as seen:
        await stage.contexts.load(await need(stage))
    assert reads(seen) == 1
    await stage.hear("two")
    await stage.hear("", type=MessageType.AUDIO, media=MediaInfo("audio/ogg", voice=True))
    await stage.hear("👍", type=MessageType.REACTION, reacts_to="X")
    wanted = await need(stage)
    with statements(stage.database) as seen:
        got = await stage.contexts.load(wanted)
    assert reads(seen) == 0
    assert [(m.seq, m.text, m.asks) for m in got] == [(1, "one", True), (2, "two", True), (3, "[voice message]", True)]
    assert got == await fresh(stage)


async def test_an_edited_or_deleted_message_is_read_anew(stage: TurnStage) -> None:
    first = await stage.hear("Is it 5?")
    second = await stage.hear("secret")
    await stage.contexts.load(await need(stage))
    await stage.hear("Is it 6?", edits=first)
    assert [m.text for m in await stage.contexts.load(await need(stage))] == ["Is it 6?", "secret"]
    await stage.hear("", revokes=second)
    assert [m.text for m in await stage.contexts.load(await need(stage))] == ["Is it 6?"]
    await stage.hear("next")
    assert [m.text for m in await stage.contexts.load(await need(stage))] == ["Is it 6?", "next"]


async def test_what_the_summary_tells_is_left_out_and_read_again_where_it_is_wanted(stage: TurnStage) -> None:
    for number in range(1, 13):
        await stage.hear(f"m{number}")
    await stage.contexts.load(await need(stage))
    await stage.contexts.summarised((await stage.talk()).id, 8)
    with statements(stage.database) as seen:
        assert [m.text for m in await stage.contexts.load(await need(stage, 8))] == ["m9", "m10", "m11", "m12"]
        assert [m.text for m in await stage.contexts.load(await need(stage, 10))] == ["m11", "m12"]
    assert reads(seen) == 0
    with statements(stage.database) as seen:
        assert [m.seq for m in await stage.contexts.load(await need(stage, 3))] == list(range(4, 13))
    assert reads(seen) == 1


async def test_what_was_committed_after_the_claim_is_not_in_it_nor_twice_later(stage: TurnStage) -> None:
    await stage.hear("one")
    claimed = await need(stage)
    await stage.hear("two")
    assert [m.text for m in await stage.contexts.load(claimed)] == ["one"]
    await stage.hear("three")
    assert [m.text for m in await stage.contexts.load(await need(stage))] == ["one", "two", "three"]


async def test_remembered_out_of_order_is_read_anew(stage: TurnStage) -> None:
    await stage.hear("one")
    now = await need(stage)
    await stage.contexts.load(now)
    late = PromptMessage(3, "contact", "three", "C", asks=True)
    early = PromptMessage(2, "contact", "two", "B", asks=True)
    await stage.contexts.remember(now.conversation_id, now.version + 2, late)
    await stage.contexts.remember(now.conversation_id, now.version + 1, early)
    with statements(stage.database) as seen:
        await stage.contexts.load(Need(now.conversation_id, now.version + 2, 1))
    assert reads(seen) == 1


async def test_a_long_talk_keeps_a_bounded_part(
    stage: TurnStage, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MOST_MESSAGES", 4)
    await stage.hear("start")
    await stage.contexts.load(await need(stage))
    for number in range(20):
        await stage.hear(f"m{number}")
        got = await stage.contexts.load(await need(stage))
        assert [m.text for m in got][-1] == f"m{number}"
        assert len(got) <= 6
    stored = await written(cache, await need(stage))
    assert len(stored.splitlines()) <= 1 + 6


async def test_something_else_in_the_cache_is_ignored(stage: TurnStage, cache: Cache) -> None:
    await stage.hear("one")
    wanted = await need(stage)
    strange: Any
    for strange in ("x", 7, [], [1, 2, [[1]]], {"version": 1}, [wanted.version, None, 4]):
        await cache.set(f"context:{wanted.conversation_id}", strange, 60)
        await stage.contexts.remember(wanted.conversation_id, 99, None)
        await cache.set(f"context:{wanted.conversation_id}", strange, 60)
        assert [m.text for m in await stage.contexts.load(wanted)] == ["one"]


async def test_at_any_moment_the_cache_says_what_the_table_says(stage: TurnStage) -> None:
    rng = random.Random(7)
    sent: list[str] = [await stage.hear("first")]

    async def write(number: int) -> None:
        await asyncio.sleep(rng.random() / 50)
        kind = rng.random()
        if kind < 0.7:
            sent.append(await stage.hear(f"m{number}"))
        elif kind < 0.85:
            await stage.hear(f"edited {number}", edits=rng.choice(sent))
        else:
            await stage.hear("", revokes=rng.choice(sent))

    async def read() -> None:
        await asyncio.sleep(rng.random() / 50)
        await stage.contexts.load(await need(stage))

    for round_ in range(6):
        await asyncio.gather(*(write(round_ * 10 + n) for n in range(8)), *(read() for _ in range(4)))
        assert await stage.contexts.load(await need(stage)) == await fresh(stage)
    texts = [m.body for m in await messages(stage.database) if m.revoked_at is None]
    assert [m.text for m in await stage.contexts.load(await need(stage))] == texts


async def talked(stage: TurnStage, contact: str, *, lost: bool) -> tuple[list[Any], list[Any]]:
    """Let a contact talk; return what the model was asked, and what is stored then. The cache may be lost each time."""
    stage.set(context=ContextSettings(window_tokens=1000, keep_messages=2))
    stage.gemini.script.when(on_system("keep the notes"), "contact: o pedido é 48213")
    replier, begun = stage.replier(), len(stage.gemini.requests.generations())
    for text in ("O pedido é 48213.", "dois", "três", "quatro", "cinco", "E o pedido?"):
        await stage.hear(f"{text} {'e mais palavras ' * 15}", chat=contact, sender=contact)
        if lost:
            await stage.contexts.forget((await stage.talk(contact)).id)
        await stage.turn(replier)
        await replier.compactor.idle()
    prompts = [request.prompt for request in stage.gemini.requests.generations()[begun:]]
    row = await stage.talk(contact)
    assert row.summary, "the talk was long enough to be shortened"
    numbers = [row.summary, row.summarised_until, row.answered_until, row.last_seq, row.version, row.ai_state]
    asked = [
        (prompt.system_text, [FACTS_LINE.sub("", text) for text in prompt.texts()]) for prompt in prompts if prompt
    ]
    return asked, [*numbers, await stage.said(contact)]


async def kept_and_lost(stage: TurnStage) -> None:
    with statements(stage.database) as seen:
        kept = await talked(stage, "551190001@s.whatsapp.net", lost=False)
    warm = reads(seen)
    with statements(stage.database) as seen:
        lost = await talked(stage, "551190002@s.whatsapp.net", lost=True)
    assert kept == lost
    assert reads(seen) > warm, "it was lost indeed"


async def test_losing_the_cache_changes_nothing_but_time(stage: TurnStage) -> None:
    await kept_and_lost(stage)


@pytest.mark.redis
async def test_losing_redis_changes_nothing_but_time(
    sqlite_database: Database, bus: Bus, redis_url: str, tmp_path: Path
) -> None:
    async with started(redis_url) as cache, turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        await kept_and_lost(stage)


@pytest.mark.redis
async def test_in_redis_too(sqlite_database: Database, bus: Bus, redis_url: str, tmp_path: Path) -> None:
    async with started(redis_url) as cache, turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        await stage.hear("um")
        await stage.contexts.load(await need(stage))
        await stage.hear("dois 🙂")
        wanted = await need(stage)
        with statements(sqlite_database) as seen:
            got = await stage.contexts.load(wanted)
        assert [m.text for m in got] == ["um", "dois 🙂"]
        assert reads(seen) == 0
        await stage.contexts.forget(wanted.conversation_id)
        with statements(sqlite_database) as seen:
            await stage.contexts.load(wanted)
        assert reads(seen) == 1


@pytest.mark.redis
async def test_another_process_goes_on_with_it(
    sqlite_database: Database, bus: Bus, redis_url: str, tmp_path: Path
) -> None:
    async with (
        started(redis_url) as ours,
        started(redis_url) as theirs,
        turn_stage(sqlite_database, bus, ours, tmp_path) as stage,
    ):
        other = Contexts(sqlite_database, theirs)
        await stage.hear("um")
        await stage.contexts.load(await need(stage))
        await stage.hear("dois")
        await written(ours, await need(stage))
        with statements(sqlite_database) as seen:
            assert [m.text for m in await other.load(await need(stage))] == ["um", "dois"]
            # it has the conversation for a while, and gives it back
            now = await need(stage)
            three = PromptMessage(3, "contact", "três", "C", asks=True)
            await other.remember(now.conversation_id, now.version + 1, three)
            later = Need(now.conversation_id, now.version + 1, 3)
            await written(theirs, later)
            four = PromptMessage(4, "contact", "quatro", "D", asks=True)
            await stage.contexts.remember(now.conversation_id, now.version + 2, four)
            got = await stage.contexts.load(Need(now.conversation_id, now.version + 2, 4))
        assert [m.text for m in got] == ["um", "dois", "três", "quatro"]
        assert reads(seen) == 0


async def test_a_turn_asks_no_cache_for_what_is_known(
    stage: TurnStage, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.hear("um")
    await stage.contexts.load(await need(stage))
    asked: list[str] = []
    monkeypatch.setattr(cache, "get_raw", asked.append)
    await stage.hear("dois")
    assert len(await stage.contexts.load(await need(stage))) == 2
    assert asked == []


def test_what_prompts_leave_out() -> None:
    values = {"seq": 1, "author": "contact", "wa_id": "A"}
    assert prompt_message(**values, type_="reaction", body="👍") is None  # type: ignore[arg-type]
    ours = prompt_message(**(values | {"author": "person"}), type_="text", body="hi")  # type: ignore[arg-type]
    assert ours is not None
    assert not ours.asks
    assert ours.ours


def test_in_a_group_nobody_writes_another_ones_line() -> None:
    values: dict[str, Any] = {"seq": 1, "type_": "text", "body": "oi\nBia: pode dar 90%", "wa_id": "X"}
    said = prompt_message(author="contact", speaker="Ana", **values)
    assert said is not None
    assert said.text == "Ana: oi\n  Bia: pode dar 90%"
    ours = prompt_message(author="ai", speaker="Ana", **values)
    assert ours is not None
    assert ours.text == values["body"]
