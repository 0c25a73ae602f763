"""One turn: what it leaves behind, and what it does not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.fixtures.conversations import CONTACT, inbound, messages, run_sql
from tests.fixtures.turns import TurnStage, begin, end, statements, turn_stage

from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.conversations.held import TABLE
from prosa.conversations.models import Author
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.leases import LeaseLostError
from prosa.outbox import queue
from prosa.outbox.content import OutboundText
from prosa.sessions.settings import SessionSettings
from prosa.sessions.settings.sending import SendingSettings
from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.whatsapp.engine import MediaInfo, MessageType
from prosa_simulator.gemini import answers as says

TRIES = SessionSettings().turns.most_tries


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


@pytest.fixture
def types_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.outbox.courtesies.TYPING_AFTER_SECONDS", 0)


@pytest.mark.usefixtures("types_at_once")
async def test_an_answer_its_mark_and_its_cost_are_committed_together(stage: TurnStage) -> None:
    stage.gemini.script.enqueue("Yes, **until 18h**.")
    wa_id = await stage.hear("Are you open?")
    claimed = await stage.turn()
    talk = await stage.talk()
    assert await stage.said() == [("contact", "Are you open?"), ("ai", "Yes, *until 18h*.")]
    assert (talk.answered_until, talk.last_seq, talk.ai_state, talk.ai_reason) == (1, 2, "idle", None)
    assert (talk.due_at, talk.lease_owner, talk.lease_until, talk.waiting_since) == (None,) * 4
    assert talk.attempts == 0
    assert (talk.unread_count, talk.read_until) == (0, 1)
    [usage] = await stage.usage()
    assert (usage.purpose, usage.provider, usage.model) == ("reply", "google", "gemini-3.5-flash-lite")
    assert usage.conversation_id == claimed.id
    assert usage.input_tokens > 0
    assert usage.cost_microusd > 0
    [replied] = await stage.told_events("ai.replied")
    assert replied["message_ids"] == [str(usage.message_id)]
    assert replied["cost_microusd"] == usage.cost_microusd
    ai = (await messages(stage.database))[-1].ai
    assert (ai["tier"], ai["model"], ai["cost_microusd"]) == ("model", usage.model, usage.cost_microusd)
    assert (ai["input_tokens"], ai["output_tokens"]) == (usage.input_tokens, usage.output_tokens)
    assert (ai["sources"], ai["tools"], ai["truncated"]) == ([], [], False)
    assert claimed.over
    await stage.until(lambda: ("read", CONTACT, (wa_id,)) in stage.told)
    assert stage.told[0] == ("typing", CONTACT, True)
    assert ("typing", CONTACT, False) in stage.told


async def test_an_answer_that_is_there_at_once_is_not_typed(stage: TurnStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prosa.outbox.courtesies.TYPING_AFTER_SECONDS", 5)
    await stage.hear()
    await stage.turn()
    await stage.until(lambda: bool(stage.told))
    assert {what for what, *_ in stage.told} == {"read"}


async def test_an_answer_that_takes_longer_is_typed_until_it_is_there(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.outbox.courtesies.TYPING_AFTER_SECONDS", 0.05)
    monkeypatch.setattr("prosa.outbox.courtesies.TYPING_SECONDS", 0.05)
    stage.gemini.script.enqueue(says.Hang(then=says.Text("Yes.")))
    await stage.hear()
    turn = asyncio.create_task(stage.turn())
    await stage.until(lambda: stage.told.count(("typing", CONTACT, True)) >= 3)
    stage.gemini.release()
    await turn
    await stage.until(lambda: ("typing", CONTACT, False) in stage.told)
    await asyncio.sleep(0.1)
    typed = [typing for what, _, typing in stage.told if what == "typing"]
    assert len(typed) > 3
    assert typed == [True] * (len(typed) - 1) + [False]


async def test_the_answer_waits_in_the_outbox_and_wakes_the_sender(stage: TurnStage, bus: Bus) -> None:
    await stage.hear()
    async with bus.listen("outbox") as signal:
        await signal.wait(0)
        await stage.turn()
        assert await signal.wait(1)
    async with stage.database.read() as db:
        row = (await db.execute(text("SELECT status, due_at, wa_id FROM messages WHERE author = 'ai'"))).one()
    assert row.status == "queued"
    assert row.due_at is not None
    assert row.wa_id.startswith("3EB0")


@pytest.mark.usefixtures("types_at_once")
async def test_a_long_answer_is_several_messages_typed_one_after_the_other(stage: TurnStage) -> None:
    stage.set(sending=SendingSettings(bubble_chars=50, typing_ms_per_char=100, typing_max_seconds=20, jitter=0))
    stage.gemini.script.enqueue("a" * 40 + ".\n\n" + "b" * 30 + ".")
    await stage.hear()
    await stage.turn()
    talk = await stage.talk()
    rows = [row for row in await messages(stage.database, talk.id) if row.author == "ai"]
    assert [(row.body[0], row.seq, row.status) for row in rows] == [("a", 2, "queued"), ("b", 3, "queued")]
    assert (talk.last_seq, talk.ai_state, talk.last_message_preview) == (3, "idle", "b" * 30 + ".")
    assert timedelta(0) < rows[0].due_at - rows[0].stored_at < timedelta(seconds=4.1)
    # Each was typed for its own length; only the first one's was shortened by the time that the model took.
    assert rows[1].due_at - rows[0].due_at == timedelta(seconds=3.1)
    assert [row.payload for row in rows] == [None, {"after": str(rows[0].id)}]
    assert [row.ai is not None for row in rows] == [True, False]
    [replied] = await stage.told_events("ai.replied")
    assert replied["message_ids"] == [str(row.id) for row in rows]
    [usage] = await stage.usage()
    assert usage.message_id == rows[0].id
    assert ("typing", CONTACT, False) not in stage.told
    await stage.hear("and?")
    with statements(stage.database) as seen:
        await stage.turn()
    assert "a" * 40 + ".\n" + "b" * 30 in "".join(stage.gemini.requests.generations()[-1].texts())
    assert [s for s in seen if s.startswith("SELECT") and "FROM messages" in s] == []


async def test_quick_messages_in_a_row_get_one_answer(stage: TurnStage) -> None:
    for body in ("Hi", "are you open", "on Sunday?"):
        await stage.hear(body)
    await stage.turn()
    assert stage.asked() == ["Hi\nare you open\non Sunday?"]
    assert len(await stage.answers_sent()) == 1
    assert await stage.claim_all() == []


async def test_the_model_sees_the_earlier_turns(stage: TurnStage) -> None:
    stage.set(instructions="You sell bread.")
    stage.gemini.script.enqueue("Hello Ana")
    await stage.hear("I am Ana")
    await stage.turn()
    await stage.hear("Who am I?")
    await stage.turn()
    prompt = stage.gemini.requests.generations()[-1].prompt
    assert prompt is not None
    assert "You sell bread." in prompt.system_text
    assert prompt.texts()[:2] == ["I am Ana", "Hello Ana"]
    assert prompt.last_user_text.startswith("Who am I?\n[20")
    assert prompt.last_user_text.endswith("; Maria]")


async def test_a_warm_turn_reads_no_history_and_costs_few_statements(stage: TurnStage) -> None:
    replier = stage.replier()
    await stage.hear("one")
    await stage.turn(replier)
    await stage.hear("two")
    claimed = await stage.claim()
    with statements(stage.database) as seen:
        await replier.reply(claimed)
    assert not [s for s in seen if s.startswith("SELECT messages")], "the history came from the cache"
    work = [s for s in seen if not s.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT"))]
    assert len(work) <= 6, work


async def test_no_transaction_is_open_while_the_model_is_asked(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    async with asyncio.timeout(5):
        async with stage.database.write() as db:
            await db.execute(TABLE.update().values(contact_name="Ana"))
        await asyncio.gather(*(stage.database.ping() for _ in range(30)))
    await end(stage, task)
    assert await stage.answers_sent() == ["the late answer"]


async def test_a_message_that_arrives_meanwhile_gets_its_own_turn(stage: TurnStage) -> None:
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.hear("two")
    await end(stage, task)
    talk = await stage.talk()
    assert (talk.answered_until, talk.ai_state, talk.unread_count, talk.read_until) == (1, "waiting", 1, 1)
    assert talk.due_at is not None
    await stage.turn()
    assert stage.asked() == ["one", "two"]
    assert [author for author, _ in await stage.said()] == ["contact", "contact", "ai", "ai"]
    talk = await stage.talk()
    assert (talk.answered_until, talk.ai_state, talk.unread_count, talk.due_at) == (2, "idle", 0, None)
    prompt = stage.gemini.requests.generations()[-1].prompt
    assert prompt is not None
    assert prompt.texts()[:2] == ["one", "the late answer"], "what is to be answered comes last"


async def test_a_message_that_can_be_read_only_while_an_answer_is_made_gets_its_own_turn(stage: TurnStage) -> None:
    late = inbound("late", timestamp=utc_now())
    await stage.receive.undecryptable(stage.session, late, "no session")
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.receive.message(stage.session, late)
    await end(stage, task)
    await stage.turn()
    assert stage.asked() == ["one", "late"]
    assert len(await stage.answers_sent()) == 2


async def test_a_lost_lease_drops_the_answer(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    await run_sql(stage.database, "UPDATE conversations SET lease_owner = 'somebody else'")
    with pytest.raises(LeaseLostError):
        await end(stage, task)
    assert await stage.answers_sent() == []
    assert await stage.usage() == []
    talk = await stage.talk()
    assert (talk.lease_owner, talk.answered_until) == ("somebody else", 0)


async def test_an_ended_lease_drops_the_answer_also_when_nobody_took_it(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    async with stage.database.write() as db:
        await db.execute(TABLE.update().values(lease_until=utc_now() - timedelta(seconds=1)))
    with pytest.raises(LeaseLostError):
        await end(stage, task)
    assert await stage.answers_sent() == []


async def test_an_erased_conversation_drops_the_answer(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    await run_sql(stage.database, "DELETE FROM conversations")
    with pytest.raises(LeaseLostError):
        await end(stage, task)


async def test_a_crash_before_the_commit_repeats_the_call_not_the_answer(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.hear()
    real = queue.enqueue_answer

    async def die(*args: Any, **kwargs: Any) -> Any:
        await real(*args, **kwargs)
        raise RuntimeError("the power went")

    monkeypatch.setattr(queue, "enqueue_answer", die)
    claimed = await stage.claim()
    with pytest.raises(RuntimeError):
        await stage.replier().reply(claimed)
    assert await stage.answers_sent() == []
    assert await stage.usage() == []
    assert (await stage.talk()).answered_until == 0
    monkeypatch.undo()
    async with stage.database.write() as db:  # the lease ends
        await db.execute(TABLE.update().values(lease_until=utc_now() - timedelta(seconds=1)))
    await stage.turn()
    assert len(await stage.answers_sent()) == 1
    assert len(stage.gemini.requests.generations()) == 2
    assert len(await stage.usage()) == 1


async def person_writes(stage: TurnStage, text: str = "I will take this one") -> None:
    talk = await stage.talk()

    async def write(db: Any) -> None:
        await queue.enqueue(db, talk.id, author=Author.PERSON, content=OutboundText(text))

    await stage.database.submit(write)


async def test_the_ai_does_not_talk_over_a_person(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    await person_writes(stage)
    await end(stage, task)
    assert await stage.answers_sent() == []
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.due_at) == ("skipped", "answered_by_person", None)
    [usage] = await stage.usage()
    assert usage.message_id is None, "the call was made, and is paid for"
    assert [e["reason"] for e in await stage.told_events("ai.skipped")] == ["answered_by_person"]


@pytest.mark.parametrize("by_phone", [True, False])
async def test_a_person_who_was_quicker_leaves_nothing_to_answer(stage: TurnStage, *, by_phone: bool) -> None:
    stage.set(takeover=TakeoverSettings(pause_minutes_after_person=0))
    await stage.hear()
    if by_phone:
        await stage.hear("on it", from_me=True)
    else:
        await person_writes(stage)
    await stage.turn()
    assert stage.gemini.requests.generations() == []
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.due_at) == ("skipped", "answered_by_person", None)
    await stage.hear("and tomorrow?")
    await stage.turn()
    assert stage.asked() == ["and tomorrow?"]


async def test_a_deleted_question_is_not_answered(stage: TurnStage) -> None:
    wa_id = await stage.hear("wrong chat")
    await stage.hear("", revokes=wa_id)
    await stage.turn()
    assert stage.gemini.requests.generations() == []
    assert (await stage.told_events("conversation.updated"))[-1]["ai_state"] == "idle"
    talk = await stage.talk()
    assert (talk.ai_state, talk.due_at, talk.lease_owner) == ("idle", None, None)


async def test_beside_a_deleted_question_there_is_nothing_to_answer(stage: TurnStage) -> None:
    wa_id = await stage.hear("wrong chat")
    await stage.hear("", type=MessageType.STICKER, media=MediaInfo("image/webp"))
    await stage.hear("", revokes=wa_id)
    await stage.turn()
    assert stage.gemini.requests.generations() == []


async def test_a_question_that_was_deleted_was_answered_by_nobody(stage: TurnStage) -> None:
    stage.set(takeover=TakeoverSettings(pause_minutes_after_person=0))
    await stage.hear("one")
    await stage.turn()
    await stage.hear("as a person", from_me=True)
    await stage.hear("", revokes=await stage.hear("two"))
    await stage.turn()
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason) == ("idle", None)


async def test_a_picture_is_seen_as_a_placeholder_beside_words(stage: TurnStage) -> None:
    await stage.hear("", type=MessageType.STICKER, media=MediaInfo("image/webp"))
    assert await stage.claim_all() == []
    assert (await stage.talk()).ai_reason == "media_only"
    await stage.hear("how much is this?")
    await stage.turn()
    assert stage.asked() == ["[sticker]\nhow much is this?"]


@pytest.mark.parametrize(("settings", "reason"), [({"ai_enabled": False}, "ai_off"), ({"model": "google:x"}, None)])
async def test_settings_are_looked_at_again_before_sending(
    stage: TurnStage, settings: dict[str, Any], reason: str | None
) -> None:
    await stage.hear()
    _, task = await begin(stage)
    stage.set(**settings)
    await end(stage, task)
    assert (await stage.talk()).ai_reason == reason
    assert await stage.answers_sent() == ([] if reason else ["the late answer"])


async def test_a_pause_during_the_answer_drops_it(stage: TurnStage) -> None:
    await stage.hear()
    _, task = await begin(stage)
    async with stage.database.write() as db:
        await db.execute(TABLE.update().values(ai_paused_until=utc_now() + timedelta(hours=1)))
    await end(stage, task)
    assert await stage.answers_sent() == []
    assert (await stage.talk()).ai_reason == "paused"


async def test_without_a_key_messages_are_stored_and_skipped(
    database: Database, bus: Bus, cache: Cache, tmp_path: Path
) -> None:
    async with turn_stage(database, bus, cache, tmp_path, unready="no_api_key") as stage:
        await stage.hear()
        talk = await stage.talk()
        assert (talk.ai_state, talk.ai_reason, talk.due_at) == ("skipped", "no_api_key", None)
        assert [e["reason"] for e in await stage.told_events("ai.skipped")] == ["no_api_key"]


async def test_a_key_that_went_away_skips_what_was_due(stage: TurnStage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.hear()
    monkeypatch.setattr(stage.answers, "unready", lambda *_: "no_api_key")
    await stage.turn()
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.due_at, talk.answered_until) == ("skipped", "no_api_key", None, 1)
    assert stage.gemini.requests.generations() == []


async def test_too_many_requests_are_tried_again_when_the_provider_said(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.RateLimited(retry_after=30))
    await stage.hear()
    before = utc_now()
    await stage.turn()
    talk = await stage.talk()
    assert timedelta(seconds=30) < talk.due_at - before < timedelta(seconds=36)
    assert (talk.ai_state, talk.attempts, talk.lease_owner, talk.answered_until) == ("waiting", 1, None, 0)
    assert talk.ai_reason.startswith("rate_limited: ")
    assert await stage.told_events("ai.failed") == [
        {"conversation_id": str(talk.id), "reason": "rate_limited", "will_retry": True}
    ]
    assert await stage.answers_sent() == []
    # Its pause is not over: the model is not asked, and no try is counted.
    await stage.turn(ahead=600)
    assert (await stage.talk()).attempts == 1
    assert len(stage.gemini.requests.generations()) == 1
    assert len(await stage.told_events("ai.failed")) == 1


async def test_a_long_delay_is_honoured_by_the_refused_turn_and_by_other_conversations(stage: TurnStage) -> None:
    other = "5511999990009@s.whatsapp.net"
    stage.gemini.script.enqueue(says.RateLimited(retry_after=600))
    await stage.hear()
    before = utc_now()
    await stage.turn()
    await stage.hear("and me?", chat=other, sender=other)
    await stage.turn(ahead=300)
    refused, held_back = await stage.talk(), await stage.talk(other)
    assert len(stage.gemini.requests.generations()) == 1, "nobody asks before the time it named"
    assert timedelta(seconds=600) < refused.due_at - before < timedelta(seconds=610)
    assert timedelta(seconds=590) < held_back.due_at - before
    assert (refused.attempts, held_back.attempts) == (1, 0), "who was not let through has lost no try"


async def test_a_provider_in_trouble_is_tried_a_few_times_then_a_person_must_look(stage: TurnStage) -> None:
    await stage.hear()
    stage.gemini.script.enqueue(*[says.internal_error()] * TRIES)
    waits = []
    for attempt in range(1, TRIES):
        before = utc_now()
        await stage.turn(ahead=600)
        talk = await stage.talk()
        assert (talk.ai_state, talk.attempts) == ("waiting", attempt)
        waits.append((talk.due_at - before).total_seconds())
    assert waits == sorted(waits)
    assert 1.9 < waits[0] < 5
    await stage.turn(ahead=600)
    talk = await stage.talk()
    assert (talk.ai_state, talk.due_at, talk.attempts, talk.answered_until) == ("failed", None, 0, 0)
    assert talk.ai_reason == "provider_unavailable: The provider is not available at the moment."
    assert [e["will_retry"] for e in await stage.told_events("ai.failed")] == [True] * (TRIES - 1) + [False]
    assert await stage.answers_sent() == []
    await stage.hear("hello?")
    await stage.turn()
    assert stage.asked()[-1] == "hello\nhello?", "the next message brings the unanswered ones along"
    assert (await stage.talk()).ai_state == "idle"


@pytest.mark.parametrize(
    ("said", "code", "paid"),
    [
        (says.BlockedPrompt(), "blocked", 1),
        (says.Failure(403, "denied"), "bad_api_key", 0),
        (says.Failure(404, "gone"), "bad_model", 0),
    ],
    ids=["blocked", "key", "model"],
)
async def test_what_cannot_be_mended_by_waiting_is_said_at_once(
    stage: TurnStage, said: says.Answer, code: str, paid: int
) -> None:
    stage.gemini.script.enqueue(said)
    await stage.hear()
    await stage.turn()
    talk = await stage.talk()
    assert (talk.ai_state, talk.due_at, talk.answered_until) == ("failed", None, 1)
    assert talk.ai_reason.startswith(f"{code}: ")
    [failed] = await stage.told_events("ai.failed")
    assert (failed["reason"], failed["will_retry"]) == (code, False)
    assert await stage.answers_sent() == [], "no provider's error reaches a contact"
    assert len(await stage.usage()) == paid


async def test_a_new_message_during_the_wait_does_not_cut_it_short(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.RateLimited(retry_after=60))
    await stage.hear("one")
    await stage.turn()
    due = (await stage.talk()).due_at
    await stage.hear("two")
    assert (await stage.talk()).due_at >= due


async def test_a_message_during_a_later_try_is_answered_where_the_clock_that_stored_it_is_behind(
    stage: TurnStage,
) -> None:
    stage.gemini.script.enqueue(says.internal_error())
    await stage.hear("one")
    await stage.turn()
    claimed, task = await begin(stage)
    assert claimed.attempts == 1
    assert claimed.due_at > utc_now(), "this is the clock that is behind"
    await stage.hear("two")
    await end(stage, task)
    await stage.turn()
    assert stage.asked()[-1] == "two"
    assert len(await stage.answers_sent()) == 2


@pytest.mark.usefixtures("types_at_once")
async def test_whatsapp_being_slow_or_broken_holds_no_answer_up(stage: TurnStage) -> None:
    assert stage.online.connection_of is not None
    stage.online.connection_of.broken = True
    await stage.hear()
    await stage.turn()
    stage.online.connection_of.broken = False
    stage.online.connection_of.hanging = True
    await stage.hear()
    replier = stage.replier()
    async with asyncio.timeout(3):
        await stage.turn(replier)
        await replier.close()
    stage.online.connection_of = None
    await stage.hear()
    await stage.turn()
    assert len(await stage.answers_sent()) == 3


@pytest.mark.usefixtures("types_at_once")
async def test_no_ticks_and_no_typing_where_they_are_switched_off(stage: TurnStage) -> None:
    stage.set(mark_read=False, show_typing=False)
    await stage.hear()
    await stage.turn()
    await asyncio.sleep(0.05)
    assert stage.told == []
    assert (await stage.talk()).unread_count == 1


async def test_a_number_that_was_erased(stage: TurnStage) -> None:
    await stage.hear()
    stage.numbers.facts.clear()
    claimed = await stage.turn()
    assert claimed.over
    assert stage.gemini.requests.generations() == []
