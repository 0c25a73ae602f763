"""What is not answered, or not at once: age, business hours, groups, overtaken answers, failures, and asking again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import CONTACT, GROUP, conversations, inbound, messages, receiver, run_sql
from tests.fixtures.turns import TurnStage, begin, end, turn_stage

from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.database import Database
from prosa.errors import ConflictError
from prosa.events.bus import Bus
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.settings.hours import HoursSettings
from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.sessions.settings.turns import TurnSettings
from prosa.sessions.settings.understanding import UnderstandingSettings
from prosa.turns.control import TurnControl
from prosa.turns.schemas import PauseRequest
from prosa.whatsapp.engine import MessageType
from prosa_simulator.gemini import answers as says

LATE = "Sorry, not now."


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


@pytest.fixture
async def small(sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    """The same, for what no database does differently."""
    async with turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        yield stage


async def marks(stage: TurnStage) -> list[tuple[str, str | None]]:
    rows = await messages(stage.database, (await stage.talk()).id)
    return [(row.body, row.skip_reason) for row in rows if row.author == "contact"]


async def skipped(stage: TurnStage) -> list[str]:
    return [event["reason"] for event in await stage.told_events("ai.skipped")]


async def automatic(stage: TurnStage) -> list[str]:
    return [row.body for row in await messages(stage.database) if row.author == "automatic"]


# --- Age ---


async def test_what_is_too_old_is_marked_and_told_and_can_be_asked_for(stage: TurnStage) -> None:
    await stage.hear("old", timestamp=utc_now() - timedelta(hours=13))
    await stage.hear("older", timestamp=utc_now() - timedelta(hours=14))
    await stage.turn()
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.answered_until, talk.skipped_from) == ("skipped", "too_old", 2, 0)
    assert await marks(stage) == [("old", "too_old"), ("older", "too_old")]
    assert await skipped(stage) == ["too_old"]
    assert stage.asked() == []

    shown = await stage.control.retry(stage.caller, talk.id)
    assert shown.ai_state == "waiting"
    await stage.turn()
    assert stage.asked() == ["old\nolder"], "a person asked for it"
    assert await marks(stage) == [("old", None), ("older", None)]
    assert (await stage.talk()).skipped_from is None


async def test_what_a_person_asked_for_stays_asked_for_when_the_model_fails(small: TurnStage) -> None:
    await small.hear("old", timestamp=utc_now() - timedelta(hours=13))
    await small.turn()
    await small.control.retry(small.caller, (await small.talk()).id)
    small.gemini.script.enqueue(says.internal_error())
    await small.turn()
    await small.turn()
    assert small.asked() == ["old", "old"]
    assert len(await small.answers_sent()) == 1
    await small.hear("older", timestamp=utc_now() - timedelta(hours=14))  # which nobody asked for
    await small.turn()
    assert (await marks(small))[-1] == ("older", "too_old")


async def test_who_writes_again_is_answered_on_the_old_too(small: TurnStage) -> None:
    await small.hear("old", timestamp=utc_now() - timedelta(hours=13))
    await small.hear("hello?")
    await small.hear("older", timestamp=utc_now() - timedelta(hours=14))  # on its way for longer
    await small.turn()
    assert small.asked() == ["old\nhello?\nolder"]


async def test_a_number_without_a_limit_answers_everything(small: TurnStage) -> None:
    small.set(turns=TurnSettings(catch_up_minutes=None))
    await small.hear("old", timestamp=utc_now() - timedelta(days=99))
    await small.turn()
    assert small.asked() == ["old"]


async def test_with_no_time_to_catch_up_what_came_while_away_is_left_and_what_comes_live_is_answered(
    small: TurnStage,
) -> None:
    small.set(turns=TurnSettings(catch_up_minutes=0))
    await small.hear("while away", timestamp=utc_now() - timedelta(minutes=10))
    await small.turn()
    assert await marks(small) == [("while away", "too_old")]
    await small.hear("live", timestamp=utc_now() - timedelta(seconds=20))
    small.gemini.script.enqueue(says.internal_error())
    await small.turn()
    await small.turn()
    assert small.asked() == ["while away\nlive"] * 2, "a try that failed makes it no older"
    assert len(await small.answers_sent()) == 1


async def test_with_no_time_to_catch_up_a_turn_that_a_crash_held_up_is_left(small: TurnStage) -> None:
    small.set(turns=TurnSettings(catch_up_minutes=0))
    await small.hear("stored, and then the power went")
    an_hour_ago = utc_now() - timedelta(hours=1)
    columns = "last_inbound_at = :at, waiting_since = :at, due_at = :at"
    await run_sql(small.database, f"UPDATE conversations SET {columns}", at=an_hour_ago)
    await small.turn()
    assert await marks(small) == [("stored, and then the power went", "too_old")]


async def test_with_no_time_to_catch_up_a_contact_still_hears_that_it_is_closed(small: TurnStage) -> None:
    in_days = f"{utc_now() + timedelta(days=3):%A}".lower()
    closed = {"enabled": True, "weekly": {in_days: ["10:00-11:00"]}, "message": "Closed."}
    small.set(turns=TurnSettings(catch_up_minutes=0), hours=HoursSettings.model_validate(closed))
    await small.hear("while away", timestamp=utc_now() - timedelta(minutes=10))
    assert await automatic(small) == []
    await small.hear("live", timestamp=utc_now() - timedelta(seconds=20))
    assert await automatic(small) == ["Closed."]


async def test_imported_history_is_never_answered(small: TurnStage) -> None:
    await small.hear("now")
    await small.turn()
    talk = await small.talk()
    await run_sql(small.database, "UPDATE messages SET seq = -1 WHERE author = 'contact'")
    with pytest.raises(ConflictError, match="nothing to answer"):
        await small.control.retry(small.caller, talk.id)
    await run_sql(small.database, "UPDATE conversations SET due_at = created_at")
    await small.turn()
    assert small.asked() == ["now"]


# --- Business hours ---

TUESDAY = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
CLOSED = "We are closed."


def hours(stage: TurnStage, **changes: Any) -> None:
    week = {"tuesday": ["09:00-18:00"], "wednesday": ["09:00-18:00"]}
    values = {"enabled": True, "weekly": week, "message": CLOSED} | changes
    stage.set(hours=HoursSettings.model_validate(values))


async def hear_at(stage: TurnStage, now: datetime, body: str, **changes: Any) -> None:
    receive = receiver(stage.database, Path("unused"), contexts=stage.contexts, clock=lambda: now)
    await receive.message(stage.session, inbound(body, **({"timestamp": now} | changes)))


async def test_out_of_hours_is_told_once_a_night_and_nothing_is_answered(stage: TurnStage) -> None:
    hours(stage)
    await hear_at(stage, TUESDAY, "hello")
    await hear_at(stage, TUESDAY + timedelta(hours=1), "anybody?")
    await hear_at(stage, TUESDAY + timedelta(hours=12), "good morning")
    assert await automatic(stage) == [CLOSED]
    assert await marks(stage) == [(body, "out_of_hours") for body in ("hello", "anybody?", "good morning")]
    assert await stage.claim_all(ahead=10**6) == []
    await hear_at(stage, TUESDAY + timedelta(hours=14), "open now?")
    [claimed] = await stage.claim_all(ahead=10**6)
    await hear_at(stage, TUESDAY + timedelta(hours=24), "again")
    assert await automatic(stage) == [CLOSED, CLOSED], "the next night is another one"
    assert claimed.kind == "contact"


async def test_out_of_hours_the_ai_may_answer_after_the_message(small: TurnStage) -> None:
    hours(small, outside="ai")
    for minute in range(2):
        await hear_at(small, TUESDAY + timedelta(minutes=minute), f"question {minute}")
        now = TUESDAY + timedelta(minutes=minute, seconds=1)
        claimed = await small.claim(ahead=10**6, seconds=10**7)
        await small.replier(clock=lambda now=now: now).reply(claimed)
    assert [author for author, _ in await small.said()] == ["contact", "automatic", "ai", "contact", "ai"]


async def test_a_turn_that_comes_when_it_has_closed(small: TurnStage) -> None:
    hours(small)
    await hear_at(small, TUESDAY - timedelta(hours=2, seconds=1), "just in time?")
    claimed = await small.claim(ahead=10**6, seconds=10**7)
    await small.replier(clock=lambda: TUESDAY - timedelta(hours=1)).reply(claimed)
    assert await automatic(small) == [CLOSED]
    assert await marks(small) == [("just in time?", "out_of_hours")]
    assert small.asked() == []


@pytest.mark.parametrize("what", ["old", "group", "paused", "silent"])
async def test_who_does_not_hear_that_it_is_closed(small: TurnStage, what: str) -> None:
    hours(small, message=None if what == "silent" else CLOSED)
    small.set(audience=AudienceSettings(groups="on"))
    if what == "paused":
        await hear_at(small, TUESDAY - timedelta(hours=3), "before")
        await run_sql(small.database, "UPDATE conversations SET ai_paused_until = '2099-01-01', due_at = NULL")
    written_at = TUESDAY - timedelta(days=1) if what == "old" else TUESDAY
    await hear_at(small, TUESDAY, "hi", chat=GROUP if what == "group" else CONTACT, timestamp=written_at)
    assert await automatic(small) == []
    assert (await skipped(small))[-1] == ("paused" if what == "paused" else "out_of_hours")


# --- Groups ---

ANA, RUI = "5511911110001@s.whatsapp.net", "5511911110002@s.whatsapp.net"


async def say_in_group(stage: TurnStage, sender: str, body: str, **changes: Any) -> str:
    names = {ANA: "Ana", RUI: None}
    values = {"chat": GROUP, "sender": sender, "is_group": True, "push_name": names[sender]}
    return await stage.hear(body, **(values | changes))


@pytest.mark.parametrize("by", ["number", "lid", "quote"])
async def test_a_group_is_answered_where_it_asks_us(stage: TurnStage, by: str) -> None:
    stage.set(audience=AudienceSettings(groups="mentioned"))
    stage.session = stage.numbers.facts["main"] = type(stage.session)(
        "main", stage.session.user_id, stage.session.status, "5511888880000:7@s.whatsapp.net", "777:7@lid",
        stage.session.settings,
    )  # fmt: skip
    await say_in_group(stage, ANA, "Lunch?")
    await say_in_group(stage, RUI, "At one")
    assert await stage.claim_all() == []
    assert await stage.told_events("ai.skipped") == [], "people who talk with each other"
    ours = None
    if by == "quote":
        ours = (await say_ours(stage)).wa_id
    mentions = {"number": ("5511888880000@s.whatsapp.net",), "lid": ("777@lid",), "quote": ()}[by]
    asked = await say_in_group(stage, ANA, "Are you open then?", mentions=mentions, quoted_wa_id=ours)
    await say_in_group(stage, RUI, "Good question")
    stage.gemini.script.enqueue("Yes, until 18h.")
    await stage.turn()
    answer = (await messages(stage.database, (await stage.talk(GROUP)).id))[-1]
    assert (answer.author, answer.body, answer.quoted_wa_id) == ("ai", "Yes, until 18h.", asked)
    assert answer.payload["quote"]["sender"] == ANA
    prompt = stage.gemini.requests.generations()[-1].prompt
    assert prompt is not None
    assert "Ana: Lunch?\n…0002: At one" in prompt.texts()[0]
    assert "Ana: Are you open then?\n…0002: Good question" in prompt.last_user_text
    assert "a group" in prompt.last_user_text
    assert not [what for what in stage.told if what[0] == "read"]
    talk = await stage.talk(GROUP)
    assert (talk.read_until, talk.unread_count) == ((3, 2) if by == "quote" else (0, 4)), "people still have it to read"
    await say_in_group(stage, RUI, "ok", quoted_wa_id=asked)
    assert await stage.claim_all() == [], "what it quotes is none of ours"


async def say_ours(stage: TurnStage) -> Any:
    """A person writes on the phone; long ago, so that nothing is paused."""
    await stage.hear("I am here", from_me=True, chat=GROUP, is_group=True, timestamp=utc_now() - timedelta(days=1))
    return (await messages(stage.database, (await stage.talk(GROUP)).id))[-1]


async def test_two_questions_in_a_group_get_an_answer_each(small: TurnStage) -> None:
    small.set(audience=AudienceSettings(groups="on"))
    first = await say_in_group(small, ANA, "one")
    _, task = await begin(small)
    second = await say_in_group(small, RUI, "two")
    await end(small, task)
    await small.turn()
    answers = [row for row in await messages(small.database) if row.author == "ai"]
    assert [row.quoted_wa_id for row in answers] == [first, second]


async def test_an_ignored_contact_is_ignored_in_groups_too(small: TurnStage) -> None:
    small.set(audience=AudienceSettings(groups="on", ignored=("551191111*", "5511999990001")))
    await say_in_group(small, ANA, "hello")
    await small.hear("hello")
    assert await skipped(small) == ["ignored", "ignored"]
    assert await small.claim_all() == []


# --- Overtaken ---


async def test_an_overtaken_answer_is_dropped_and_one_covers_both(stage: TurnStage) -> None:
    stage.set(turns=TurnSettings(when_overtaken="restart"))
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.hear("two")
    before = len(await stage.told_events("conversation.updated"))
    await end(stage, task)
    assert await stage.answers_sent() == []
    assert len(await stage.told_events("conversation.updated")) == before + 1
    talk = await stage.talk()
    assert (talk.answered_until, talk.ai_state, talk.ai_overtaken, talk.lease_owner) == (0, "waiting", 1, None)
    [usage] = await stage.usage()
    assert usage.message_id is None, "it was made, and is paid for"
    await stage.turn()
    assert stage.asked() == ["one", "one\ntwo"]
    assert len(await stage.answers_sent()) == 1
    talk = await stage.talk()
    assert (talk.answered_until, talk.ai_overtaken, talk.due_at) == (2, 0, None)


async def test_who_never_stops_writing_gets_an_answer_all_the_same(small: TurnStage) -> None:
    small.set(turns=TurnSettings(when_overtaken="restart"))
    await small.hear("message 0")
    for turn in range(1, 5):
        assert await small.answers_sent() == []
        _, task = await begin(small)
        await small.hear(f"message {turn}")
        await end(small, task)
    assert await small.answers_sent() == ["the late answer"]
    talk = await small.talk()
    assert (talk.answered_until, talk.ai_state, talk.ai_overtaken) == (4, "waiting", 0)


# --- Left out while an answer is made ---


async def test_what_is_left_out_while_an_answer_is_made_says_why(stage: TurnStage) -> None:
    stage.set(understanding=UnderstandingSettings(otherwise="silence"))
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.hear("", type=MessageType.STICKER)
    await end(stage, task)
    assert await marks(stage) == [("one", None), ("", "media_only")]
    assert await skipped(stage) == ["media_only"]
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.answered_until) == ("skipped", "media_only", 1)
    assert await stage.claim_all() == []

    await stage.hear("two")
    await stage.turn()
    assert await marks(stage) == [("one", None), ("", None), ("two", None)], "this answer is to both"
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.skipped_from) == ("idle", None, None)


async def test_what_comes_in_a_pause_while_an_answer_is_made_can_be_asked_for(stage: TurnStage) -> None:
    await stage.hear("one")
    _, task = await begin(stage)
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    await stage.hear("two")
    await end(stage, task)
    assert await marks(stage) == [("one", "paused"), ("two", "paused")]
    assert await skipped(stage) == ["paused", "paused"]
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    await stage.turn()
    assert stage.asked()[-1] == "one\ntwo"
    assert await marks(stage) == [("one", None), ("two", None)]


# --- Failures ---


async def fail(stage: TurnStage, body: str) -> None:
    stage.gemini.script.enqueue(says.BlockedPrompt())
    await stage.hear(body)
    await stage.turn()


async def test_a_failure_is_told_once_until_an_answer_succeeds(stage: TurnStage) -> None:
    stage.set(turns=TurnSettings(failure_message=LATE, most_tries=1))
    await fail(stage, "one")
    failed_at = (await stage.talk()).ai_failed_at
    assert failed_at is not None
    await fail(stage, "two")
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_failed_at, talk.skipped_from) == ("failed", failed_at, 0)
    assert await automatic(stage) == [LATE]
    await stage.hear("three")
    await stage.turn()
    assert ((await stage.talk()).ai_failed_at, (await stage.talk()).skipped_from) == (None, None)
    stage.gemini.script.enqueue(says.internal_error())
    await stage.hear("four")
    await stage.turn()
    assert (await stage.talk()).ai_state == "failed", "one try is all"
    assert await automatic(stage) == [LATE, LATE]


async def begin_in_vain(stage: TurnStage, how: says.Answer) -> "asyncio.Task[None]":
    """Begin a turn that fails once `stage.gemini` lets it go on."""
    stage.gemini.script.enqueue(says.Hang(then=how))
    task = asyncio.create_task(stage.replier().reply(await stage.claim()))
    await stage.until(lambda: stage.gemini.hanging == 1)
    return task


@pytest.mark.parametrize("temporary", [True, False])
async def test_who_writes_during_the_last_try_hears_of_the_failure_all_the_same(
    stage: TurnStage, *, temporary: bool
) -> None:
    stage.set(turns=TurnSettings(failure_message=LATE, most_tries=1))
    await stage.hear("one")
    how = says.internal_error() if temporary else says.BlockedPrompt()
    task = await begin_in_vain(stage, how)
    await stage.hear("two")
    await end(stage, task)
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_failed_at is None) == ("waiting", temporary)
    assert await automatic(stage) == ([] if temporary else [LATE]), "what is asked once more has not failed"
    assert [event["will_retry"] for event in await stage.told_events("ai.failed")] == [temporary]
    stage.gemini.script.enqueue(how)
    await stage.turn()
    talk = await stage.talk()
    assert (talk.ai_state, talk.due_at, talk.skipped_from) == ("failed", None, 0)
    assert talk.ai_failed_at is not None
    assert await automatic(stage) == [LATE]
    assert stage.asked()[-1] == ("one\ntwo" if temporary else "two")
    assert [event["will_retry"] for event in await stage.told_events("ai.failed")] == [temporary, False]


@pytest.mark.parametrize("how", ["message", "pause", "ai_off"])
async def test_nothing_is_told_of_a_failure_where_a_person_has_the_conversation(stage: TurnStage, how: str) -> None:
    stage.set(turns=TurnSettings(failure_message=LATE, most_tries=1))
    if how == "message":  # one that pauses nothing
        stage.set(takeover=TakeoverSettings(pause_minutes_after_person=0))
    await stage.hear("one")
    task = await begin_in_vain(stage, says.internal_error())
    if how == "message":
        await stage.hear("I am on it", from_me=True)
    elif how == "ai_off":
        stage.set(ai_enabled=False)
    else:
        await stage.control.pause(stage.caller, (await stage.talk()).id, PauseRequest(minutes=5))
    await end(stage, task)
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_failed_at) == ("skipped", None)
    assert talk.ai_reason == {"message": "answered_by_person", "pause": "paused"}.get(how, how)
    assert await automatic(stage) == []
    assert await stage.told_events("ai.failed") == []


async def test_a_failure_is_told_to_no_group(small: TurnStage) -> None:
    small.set(turns=TurnSettings(failure_message=LATE), audience=AudienceSettings(groups="on"))
    small.gemini.script.enqueue(says.BlockedPrompt())
    await say_in_group(small, ANA, "Lunch?")
    await small.turn()
    assert (await small.talk(GROUP)).ai_state == "failed"
    assert LATE not in [text for _, text in await small.said(GROUP)]


async def test_asking_again_after_a_failure(stage: TurnStage) -> None:
    stage.set(turns=TurnSettings(failure_message=LATE))
    await fail(stage, "one")
    talk = await stage.talk()
    stage.gemini.script.enqueue(says.BlockedPrompt())
    shown = await stage.control.retry(stage.caller, talk.id)
    assert (shown.ai_state, shown.ai_reason, shown.ai_failed_at) == ("waiting", None, None)
    await stage.turn()
    assert (await stage.talk()).ai_state == "failed"
    assert await automatic(stage) == [LATE], "the contact has heard it"
    await stage.control.retry(stage.caller, talk.id)
    await stage.turn()
    assert len(await stage.answers_sent()) == 1
    with pytest.raises(ConflictError, match="nothing to answer"):
        await stage.control.retry(stage.caller, talk.id)


async def test_asking_again_does_not_wait_for_the_next_try(small: TurnStage) -> None:
    small.gemini.script.enqueue(says.RateLimited(retry_after=3600))
    await small.hear("one")
    await small.turn()
    talk = await small.talk()
    await small.control.retry(small.caller, talk.id)
    again = await small.talk()
    assert again.due_at < talk.due_at
    assert again.attempts == 0


async def test_asking_again_wakes_the_runner_and_leaves_an_answer_in_the_making_alone(stage: TurnStage) -> None:
    await fail(stage, "one")
    talk = await stage.talk()
    async with stage.bus.listen("turns") as signal:
        await signal.wait(0)
        await stage.control.retry(stage.caller, talk.id)
        assert await signal.wait(1)
    _, task = await begin(stage)
    await stage.control.retry(stage.caller, talk.id)
    await end(stage, task)
    assert await stage.claim_all() == []
    assert len(await stage.answers_sent()) == 1


async def test_asking_again_without_a_key(small: TurnStage) -> None:
    await fail(small, "one")
    control = TurnControl(small.database, small.numbers, unready=lambda _: "no_api_key")
    with pytest.raises(ConflictError, match="no_api_key"):
        await control.retry(small.caller, (await small.talk()).id)
    await control.resume(small.caller, (await small.talk()).id, answer_waiting=True)
    assert await small.claim_all() == []


async def test_asking_again_where_the_ai_may_not_answer(small: TurnStage) -> None:
    small.set(ai_enabled=False)
    await small.hear("one")
    with pytest.raises(ConflictError) as caught:
        await small.control.retry(small.caller, (await small.talk()).id)
    assert "ai_off" in caught.value.detail
    assert "ai_enabled" in caught.value.remedy
    small.set(ai_enabled=True)
    await small.control.retry(small.caller, (await small.talk()).id)
    await small.turn()
    assert small.asked() == ["one"]


async def test_a_person_who_answers_clears_the_mark(small: TurnStage) -> None:
    await fail(small, "one")
    await small.hear("I will see", from_me=True)
    talk = await small.talk()
    assert (talk.ai_state, talk.ai_reason, talk.ai_failed_at, talk.skipped_from) == ("idle", None, None, None)


# --- Limits ---


async def test_a_number_makes_no_more_answers_at_a_time_than_it_may(small: TurnStage) -> None:
    small.set(turns=TurnSettings(most_parallel=2))
    small.gemini.script.default = lambda _: says.Hang(then=says.Text("let go"))
    async with small.running(concurrency=16, stop_seconds=0) as running:
        for number in range(6):
            await small.hear(chat=f"55119{number:08}@s.whatsapp.net")
        await small.until(lambda: small.gemini.hanging == 2)
        await asyncio.sleep(0.1)
        assert (running.running, small.gemini.hanging) == (2, 2)
        held = [row for row in await conversations(small.database) if row.lease_owner is not None]
        assert len(held) == 2, "what waits is free for other processes"
        small.gemini.script.default = lambda _: "done"
        small.gemini.release()
        await small.until(lambda: len(small.gemini.requests.generations()) == 6)
        await small.until(lambda: running.running == 0)
