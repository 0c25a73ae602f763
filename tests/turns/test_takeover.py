"""A person writes, and the AI keeps quiet; a contact asks for a person, and for the AI again."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import (
    CONTACT,
    CONTACT_LID,
    GROUP,
    OWN,
    add_owner,
    add_session,
    conversations,
    inbound,
    messages,
    receiver,
    run_sql,
)
from tests.fixtures.sending import Lines, SendingConnection
from tests.fixtures.turns import AT_ONCE, TurnStage, begin, end, turn_stage

from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.pauses import FOREVER
from prosa.conversations.schemas import ConversationUpdate
from prosa.conversations.service import ConversationService
from prosa.database import Database, WriteDb
from prosa.errors import ConflictError
from prosa.events.bus import Bus
from prosa.outbox.sender import Sender
from prosa.sessions import repository
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.schemas import SessionUpdate
from prosa.sessions.service import SessionService
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.settings.hours import HoursSettings
from prosa.sessions.settings.sending import SendingSettings
from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.turns.control import TurnControl
from prosa.turns.drafts import Draft, ToConversation
from prosa.turns.manual import ManualMessages
from prosa.turns.schemas import PauseRequest
from prosa.turns.takeover import silence, silence_number
from prosa.whatsapp.engine import LidMapped, MessageType
from prosa_simulator.gemini import answers as says

HOUR = timedelta(hours=1)


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


@pytest.fixture
async def small(sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    """The same, for what no database does differently."""
    async with turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        yield stage


def takeover(stage: TurnStage, **settings: Any) -> None:
    stage.set(takeover=TakeoverSettings(**settings))


async def phone_says(stage: TurnStage, body: str = "This one is mine", **changes: Any) -> str:
    return await stage.hear(body, **({"from_me": True, "sender": OWN, "push_name": "Me"} | changes))


async def person_says(
    stage: TurnStage, body: str = "I will take this one", contact: str = CONTACT, **draft: Any
) -> None:
    files, numbers = MediaFiles(Path("unused")), OnlineNumbers(stage.bus, lambda _: None)
    manual = ManualMessages(stage.database, files, numbers, stage.numbers, contexts=stage.contexts)
    await manual.send(stage.caller, ToConversation((await stage.talk(contact)).id), Draft(body, **draft))


async def rows(stage: TurnStage) -> list[Any]:
    return await messages(stage.database, (await stage.talk()).id)


async def sent(stage: TurnStage) -> None:
    """Everything that waits is sent."""
    await run_sql(stage.database, "UPDATE messages SET status = 'sent', due_at = NULL WHERE status = 'queued'")


async def marks(stage: TurnStage) -> dict[str, str | None]:
    return {row.body: row.skip_reason for row in await rows(stage)}


@pytest.mark.parametrize("by", ["phone", "person"])
async def test_a_persons_message_pauses_and_takes_back_what_is_not_said(stage: TurnStage, by: str) -> None:
    await stage.hear("one")
    await stage.turn()
    assert [row.status for row in await rows(stage)] == ["received", "queued"]
    before = utc_now()
    await (phone_says(stage) if by == "phone" else person_says(stage))
    talk = await stage.talk()
    assert before + HOUR - timedelta(seconds=1) <= talk.ai_paused_until <= utc_now() + HOUR
    assert (talk.ai_paused_by, talk.ai_paused_reason) == (by, "message")
    assert talk.ai_paused_user_id == (stage.session.user_id if by == "person" else None)
    assert talk.ai_paused_at is not None
    assert (await rows(stage))[1].status == "cancelled"
    [told] = await stage.told_events("conversation.paused")
    assert (told["id"], told["by"], told["reason"]) == (str(talk.id), by, "message")
    assert told["user_id"] == (str(stage.session.user_id) if by == "person" else None)

    await stage.hear("two")
    assert await stage.claim_all() == []
    assert ((await stage.talk()).ai_state, (await stage.talk()).ai_reason) == ("skipped", "paused")
    assert (await marks(stage))["two"] == "paused"

    await (phone_says(stage, "again") if by == "phone" else person_says(stage, "again"))
    later = await stage.talk()
    assert later.ai_paused_until > talk.ai_paused_until, "each message counts anew"
    assert (later.ai_state, later.ai_reason) == ("idle", None)


async def test_a_pause_that_ends_by_itself_brings_nothing_old_back(stage: TurnStage) -> None:
    await stage.hear("one")
    await stage.turn()
    await phone_says(stage, timestamp=utc_now() - timedelta(minutes=59, seconds=59))
    await stage.hear("two")
    assert (await stage.talk()).ai_reason == "paused"
    await asyncio.sleep(1.1)
    assert await stage.claim_all() == [], "nothing happens by itself"
    await stage.hear("three")
    await stage.turn()
    assert stage.asked() == ["one", "two\nthree"], "the model sees it as what was said before"
    assert (await stage.talk()).skipped_from is None
    assert await marks(stage) == {
        "one": None, "two": "paused", "three": None, "This one is mine": None,
    } | dict.fromkeys(await stage.answers_sent())  # fmt: skip


async def test_what_the_phone_sent_hours_ago_pauses_nothing_now(small: TurnStage) -> None:
    await small.hear("one")
    await phone_says(small, timestamp=utc_now() - timedelta(hours=3))
    assert (await small.talk()).ai_paused_until is None
    assert await small.told_events("conversation.paused") == []


@pytest.mark.parametrize("type_", [MessageType.REACTION, MessageType.SYSTEM])
async def test_what_is_no_message_pauses_nothing(small: TurnStage, type_: MessageType) -> None:
    wa_id = await small.hear("one")
    await phone_says(small, "👍", type=type_, reacts_to=wa_id if type_ is MessageType.REACTION else None)
    assert (await small.talk()).ai_paused_until is None


@pytest.mark.parametrize("when", ["due", "being made", "queued"])
async def test_a_notification_of_a_program_is_no_takeover(stage: TurnStage, when: str) -> None:
    await stage.hear("one")
    task = (await begin(stage))[1] if when == "being made" else None
    if when == "queued":
        await stage.turn()
    await person_says(stage, "Your order has left", pauses_ai=False)
    if when == "due":
        await stage.turn()
    elif task is not None:
        await end(stage, task)
    talk = await stage.talk()
    assert (talk.ai_paused_until, talk.ai_state, talk.skipped_from) == (None, "idle", None)
    found = await rows(stage)
    said = ["ai", "program"] if when == "queued" else ["program", "ai"]
    assert [(row.author, row.status) for row in found[1:]] == [(author, "queued") for author in said]
    await stage.hear("where is it?")
    await stage.turn()
    assert stage.asked()[-1].endswith("where is it?")


async def test_a_notification_of_a_program_leaves_what_a_person_is_to_see_to(small: TurnStage) -> None:
    await small.hear("one")
    small.gemini.script.enqueue(says.BlockedPrompt())
    await small.turn()
    await person_says(small, "Your order has left", pauses_ai=False)
    talk = await small.talk()
    assert (talk.ai_state, talk.skipped_from) == ("failed", 0)
    assert talk.ai_failed_at is not None


async def test_a_person_takes_over_and_leaves_a_programs_notification(small: TurnStage) -> None:
    await small.hear("one")
    await small.turn()
    await person_says(small, "Your order has left", pauses_ai=False)
    await person_says(small)
    assert [row.status for row in (await rows(small))[1:]] == ["cancelled", "queued", "queued"]


@pytest.mark.parametrize("author", ["ai", "person", "program", "automatic", "scheduled"])
async def test_our_own_message_under_another_address_is_no_person(stage: TurnStage, author: str) -> None:
    await stage.hear("one")
    await stage.turn()
    await run_sql(stage.database, "UPDATE messages SET author = :author WHERE from_me", author=author)
    ours = (await rows(stage))[-1]
    await phone_says(stage, ours.body, wa_id=ours.wa_id)
    await phone_says(stage, ours.body, wa_id=ours.wa_id, chat=CONTACT_LID)
    assert (await stage.talk()).ai_paused_until is None
    [talk] = await conversations(stage.database)
    assert [row.author for row in await messages(stage.database)] == ["contact", author]
    assert talk.contact_jid == CONTACT
    bobs = await add_session(stage.database, await add_owner(stage.database, "bob@example.com"), "bobs")
    await stage.receive.message(bobs, inbound(ours.body, wa_id=ours.wa_id, sender=OWN, from_me=True))
    assert len(await conversations(stage.database)) == 2, "it is nobody's but this number's"


@pytest.mark.parametrize("how", ["greeting", "text"])
async def test_what_the_phone_sends_by_itself_is_no_person(small: TurnStage, how: str) -> None:
    takeover(small, phone_autoreplies=("We are closed*",), detect_phone_greeting=how == "greeting")
    await small.hear("Hello, how much is a cake?")
    await phone_says(small, "We are closed and will write to you tomorrow.")
    talk = await small.talk()
    assert (talk.ai_paused_until, talk.unread_count) == (None, 1)
    assert [row.author for row in await rows(small)] == ["contact", "automatic"]
    await small.turn()
    assert small.asked() == ["Hello, how much is a cake?"]
    assert len(await small.answers_sent()) == 1


@pytest.mark.parametrize("where", ["device", "group"])
async def test_what_only_a_person_can_have_sent_is_no_greeting(small: TurnStage, where: str) -> None:
    chat = GROUP if where == "group" else CONTACT
    await small.hear("Hello, how much is a cake?", chat=chat, sender=CONTACT)
    await phone_says(
        small, "We are closed and will write to you tomorrow.", chat=chat, sender_device=0 if where == "group" else 2
    )
    assert (await small.talk(chat)).ai_paused_by == "phone"


async def test_a_reaction_breaks_no_silence_before_a_greeting(small: TurnStage) -> None:
    wa_id = await small.hear("Hello", timestamp=utc_now() - timedelta(days=20))
    three_days_ago = utc_now() - timedelta(days=3)
    await small.hear("👍", type=MessageType.REACTION, reacts_to=wa_id, timestamp=three_days_ago)
    await small.hear("How much is a cake?")
    await phone_says(small, "We are closed and will write to you tomorrow.")
    assert (await rows(small))[-1].author == "automatic"


async def test_the_same_text_later_is_a_persons(small: TurnStage) -> None:
    await small.hear("Hello", timestamp=utc_now() - timedelta(seconds=30))
    await phone_says(small, "We are closed and will write to you tomorrow.")
    assert (await small.talk()).ai_paused_by == "phone"


async def test_a_pause_between_the_answer_and_its_sending(stage: TurnStage, tmp_path: Path) -> None:
    await stage.hear("one")
    await stage.turn()
    other = Database(stage.database.url)
    await TurnControl(other, stage.numbers).pause(
        stage.caller, (await stage.talk()).id, PauseRequest(indefinitely=True, note="mine")
    )
    await other.close()
    talk = await stage.talk()
    assert (talk.ai_paused_until, talk.ai_paused_by, talk.ai_paused_reason) == (FOREVER, "person", "asked: mine")

    connection = SendingConnection()
    numbers = OnlineNumbers(stage.bus, Lines(main=connection))
    numbers.opened("main")
    sender = Sender(stage.database, stage.bus, numbers, MediaFiles(tmp_path / "media"))
    await sender.start()
    await person_says(stage, "it is me now")
    await stage.until(lambda: len(connection.arrived) == 1)
    await sender.stop()
    assert connection.texts() == ["it is me now"]
    assert (await stage.talk()).ai_paused_until == FOREVER, "a message shortens no pause that was asked for"


async def test_a_pause_by_another_process_while_the_model_thinks(stage: TurnStage) -> None:
    await stage.hear("one")
    _, task = await begin(stage)
    other = Database(stage.database.url)
    await TurnControl(other, stage.numbers).pause(stage.caller, (await stage.talk()).id, PauseRequest(minutes=5))
    await other.close()
    await end(stage, task)
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.skipped_from) == ("skipped", "paused", 0)
    assert await stage.answers_sent() == []
    assert await marks(stage) == {"one": "paused"}


@pytest.mark.parametrize("by", ["phone", "person"])
async def test_a_person_writes_while_the_model_thinks(stage: TurnStage, by: str) -> None:
    await stage.hear("one")
    _, task = await begin(stage)
    await (phone_says(stage) if by == "phone" else person_says(stage))
    await end(stage, task)
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.skipped_from) == ("skipped", "answered_by_person", None)
    assert await stage.answers_sent() == []
    assert set((await marks(stage)).values()) == {None}, "the person answered it"
    [usage] = await stage.usage()
    assert usage.message_id is None


async def test_a_persons_reaction_while_the_model_thinks_answers_nothing(small: TurnStage) -> None:
    wa_id = await small.hear("one")
    _, task = await begin(small)
    await phone_says(small, "👍", type=MessageType.REACTION, reacts_to=wa_id)
    await end(small, task)
    assert len(await small.answers_sent()) == 1


async def test_whenever_a_person_writes_the_ai_says_nothing_after_them(stage: TurnStage, tmp_path: Path) -> None:
    stage.gemini.latency = 0.03
    other = Database(stage.database.url)
    phone = receiver(other, tmp_path / "media")
    contacts = [f"55119{number:08}@s.whatsapp.net" for number in range(24)]

    async def talk(number: int, contact: str) -> None:
        await stage.hear("hello", chat=contact)
        await asyncio.sleep(number * 0.004)
        await phone.message(
            stage.session, inbound("I am here", chat=contact, sender=OWN, from_me=True, timestamp=utc_now())
        )

    async with stage.running("one", concurrency=8), stage.running("two", concurrency=8):
        await asyncio.gather(*(talk(number, contact) for number, contact in enumerate(contacts)))
        await stage.until(lambda: idle(stage), 30)
    await other.close()
    for contact in contacts:
        found = await messages(stage.database, (await stage.talk(contact)).id)
        person = next(row.seq for row in found if row.author == "phone")
        answers = [row for row in found if row.author == "ai"]
        assert all(row.seq < person and row.status == "cancelled" for row in answers)


async def idle(stage: TurnStage) -> bool:
    return all(row.due_at is None and row.lease_owner is None for row in await conversations(stage.database))


class Dying(SessionDirectory):
    """The process dies as soon as a number's row is changed: nothing after that commit happens."""

    async def forget(self, session_id: str) -> None:
        raise ConnectionAbortedError


async def is_on(stage: TurnStage) -> bool:
    async with stage.database.read() as db:
        record = await repository.find(db, "main")
    assert record is not None
    return record.settings.ai_enabled


async def test_a_crash_while_a_number_is_switched_off_leaves_nothing_to_be_said_later(
    stage: TurnStage, cache: Cache
) -> None:
    stage.set(sending=SendingSettings(split=False))
    await stage.hear("one")
    await stage.turn()
    service = SessionService(
        stage.database, Dying(stage.database, cache), None, stage.bus,  # type: ignore[arg-type]
        ai_ready=lambda _: None, on_ai_off=silence_number,
    )  # fmt: skip
    off = SessionUpdate.model_validate({"settings": {"ai_enabled": False}})
    with pytest.raises(ConnectionAbortedError):
        await service.update(stage.caller, "main", off)
    assert not await is_on(stage)
    assert [row.status for row in await rows(stage)] == ["received", "cancelled"]


async def test_a_number_whose_messages_cannot_be_taken_back_is_not_switched_off(small: TurnStage, cache: Cache) -> None:
    async def broken(db: WriteDb, session_id: str, owner: uuid.UUID) -> None:
        raise ConnectionAbortedError

    directory = SessionDirectory(small.database, cache)
    service = SessionService(
        small.database, directory, None, small.bus, ai_ready=lambda _: None, on_ai_off=broken  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(ConnectionAbortedError):
        await service.update(small.caller, "main", SessionUpdate.model_validate({"settings": {"ai_enabled": False}}))
    assert await is_on(small)


async def test_a_number_that_is_switched_off_takes_back_what_it_has_not_said(small: TurnStage) -> None:
    bobs = await add_session(small.database, await add_owner(small.database, "bob@example.com"), "bobs", **AT_ONCE)
    small.numbers.facts["bobs"] = bobs
    chats = [f"551190000000{number}@s.whatsapp.net" for number in range(3)]
    for chat, number in zip(chats, (small.session, small.session, bobs), strict=True):
        await small.receive.message(number, inbound("hello", chat=chat, timestamp=utc_now()))
    for claimed in await small.claim_all():
        await small.replier().reply(claimed)
    await person_says(small, "mine", chats[0], pauses_ai=False)
    await small.hear("again", chat=chats[0])
    await small.turn()
    async with small.database.write() as db:
        await silence_number(db, "main", small.session.user_id)
    wanted = (["cancelled", "queued", "cancelled"], ["cancelled"], ["queued"])
    for chat, statuses in zip(chats, wanted, strict=True):
        found = await messages(small.database, (await small.talk(chat)).id)
        assert [row.status for row in found if row.from_me] == statuses


async def test_resuming_answers_what_waited_only_when_asked_to(stage: TurnStage) -> None:
    await stage.hear("one")
    await stage.turn()
    await sent(stage)
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    await stage.hear("two")
    await stage.hear("three")
    shown = await stage.control.resume(stage.caller, talk.id, answer_waiting=False)
    assert (shown.ai_paused_until, shown.ai_state) == (None, "idle")
    assert await stage.claim_all() == []
    [told] = await stage.told_events("conversation.resumed")
    assert (told["by"], told["reason"], told["user_id"]) == ("person", "asked", str(stage.session.user_id))

    shown = await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    assert shown.ai_state == "waiting"
    await stage.turn()
    assert stage.asked() == ["one", "two\nthree"]
    assert set((await marks(stage)).values()) == {None}
    assert len(await stage.told_events("conversation.resumed")) == 1
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    assert await stage.claim_all() == [], "everything is answered"
    stage.set(ai_enabled=False)
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    await stage.hear("four")
    shown = await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    assert shown.ai_state != "waiting"
    assert await stage.claim_all() == [], "the AI is off"


async def test_what_was_taken_back_can_be_asked_for_again(stage: TurnStage) -> None:
    await stage.hear("one")
    await stage.turn()
    await sent(stage)
    await stage.hear("two")
    await stage.turn()
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    await stage.turn()
    assert stage.asked() == ["one", "two", "two"]
    assert [row.status for row in await rows(stage) if row.author == "ai"] == ["sent", "cancelled", "queued"]


async def test_what_was_asked_before_the_last_answer_and_taken_back_can_be_asked_for_again(stage: TurnStage) -> None:
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.hear("two")
    await end(stage, task)
    await sent(stage)
    await stage.turn()
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    await stage.turn()
    assert stage.asked() == ["one", "two", "two"]


async def test_half_an_answer_that_was_said_is_not_asked_for_again(stage: TurnStage) -> None:
    stage.set(sending=SendingSettings(bubble_chars=50))
    stage.gemini.script.enqueue("a" * 40 + ".\n\n" + "b" * 30 + ".")
    await stage.hear("one")
    await stage.turn()
    await run_sql(stage.database, "UPDATE messages SET status = 'sent', due_at = NULL WHERE seq = 2")
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    assert [row.status for row in await rows(stage) if row.author == "ai"] == ["sent", "cancelled"]
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    assert await stage.claim_all() == []


async def test_what_prosa_said_by_itself_is_taken_back_and_answers_nothing(stage: TurnStage) -> None:
    in_days = f"{utc_now() + 3 * 24 * HOUR:%A}".lower()
    stage.set(
        hours=HoursSettings.model_validate(
            {"enabled": True, "weekly": {in_days: ["10:00-11:00"]}, "message": "Closed."}
        )
    )
    await stage.hear("one")
    await sent(stage)
    await run_sql(stage.database, "UPDATE conversations SET closed_notice_at = NULL")
    await stage.hear("two")
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    assert [row.status for row in await rows(stage) if row.author == "automatic"] == ["sent", "cancelled"]
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    await stage.turn()
    assert stage.asked() == ["one\ntwo"]


async def test_what_was_said_before_the_number_was_linked_is_not_asked_for_again(stage: TurnStage) -> None:
    long_ago = utc_now() - timedelta(days=30)
    await stage.hear("old", timestamp=long_ago)
    await phone_says(stage, "old, too", timestamp=long_ago)
    await run_sql(stage.database, "UPDATE messages SET seq = seq - 9")
    await run_sql(stage.database, "UPDATE conversations SET due_at = NULL")
    await stage.hear("now")
    await stage.turn()
    talk = await stage.talk()
    await stage.control.pause(stage.caller, talk.id, PauseRequest(minutes=5))
    assert (await stage.talk()).skipped_from == 0
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    claimed = await stage.claim()
    assert claimed.answered_until == 0


async def test_a_keyword_stops_the_ai_in_the_middle_of_an_answer(stage: TurnStage) -> None:
    takeover(stage, stop_keywords=("stop",))
    await stage.hear("one")
    _, task = await begin(stage)
    await stage.hear("stop")
    await end(stage, task)
    assert await stage.answers_sent() == []
    assert await marks(stage) == {"one": "paused", "stop": "stop_keyword"}
    talk = await stage.talk()
    assert (talk.ai_state, talk.ai_reason, talk.due_at) == ("skipped", "paused", None)


async def test_a_keyword_is_nothing_to_answer_later(stage: TurnStage) -> None:
    takeover(stage, stop_keywords=("stop",))
    await stage.hear("stop")
    talk = await stage.talk()
    await stage.control.resume(stage.caller, talk.id, answer_waiting=True)
    assert await stage.claim_all() == []
    with pytest.raises(ConflictError, match="nothing to answer"):
        await stage.control.retry(stage.caller, talk.id)


async def test_a_keyword_stops_the_ai_and_another_one_resumes_it(stage: TurnStage) -> None:
    takeover(
        stage, stop_keywords=("Pessoa",), resume_keywords=("robô",), stop_reply="A person will answer.",
        resume_reply="Here I am.",
    )  # fmt: skip
    await stage.hear("robô")
    await stage.turn()
    assert stage.asked() == ["robô"], "while nothing is stopped it is a word like any other"
    await stage.hear(" PESSOA! ")
    talk = await stage.talk()
    assert (talk.ai_stopped_until, talk.ai_paused_until, talk.ai_paused_by) == (FOREVER, None, None)
    assert talk.ai_stopped_at is not None
    assert (talk.ai_state, talk.ai_reason) == ("skipped", "stop_keyword")
    said = await rows(stage)
    assert [(row.author, row.body, row.status) for row in said[1:]] == [
        ("ai", said[1].body, "cancelled"), ("contact", " PESSOA! ", "received"),
        ("automatic", "A person will answer.", "queued"),
    ]  # fmt: skip
    await stage.hear("pessoa")
    await stage.hear("still there?")
    assert len(await rows(stage)) == 6, "it is confirmed once"
    await stage.hear("Robo")
    assert (await stage.talk()).ai_stopped_until is None
    assert (await rows(stage))[-1].body == "Here I am."
    assert await stage.claim_all() == []
    await stage.hear("thanks")
    await stage.turn()
    assert stage.asked()[-1] == "thanks"
    told = [(e["by"], e["reason"]) for e in await stage.told_events("conversation.paused")]
    assert told == [("contact", "keyword")]
    assert [e["by"] for e in await stage.told_events("conversation.resumed")] == ["contact"]
    order = [e["body"] for e in await stage.told_events("message.received")]
    assert order[1] == " PESSOA! "


async def test_a_resume_keyword_without_a_text_is_answered_by_the_ai(small: TurnStage) -> None:
    takeover(small, stop_keywords=("stop",), resume_keywords=("bot",), stop_minutes=10)
    await small.hear("stop")
    assert (await small.talk()).ai_stopped_until < utc_now() + timedelta(minutes=10)
    await small.hear("bot")
    await small.turn()
    assert small.asked() == ["stop\nbot"], "both are part of the conversation"


async def person_pauses(stage: TurnStage, how: str) -> None:
    """A person has the conversation for some time, said in one of the ways there are."""
    id_ = (await stage.talk()).id
    if how == "phone":
        await phone_says(stage)
    elif how == "message":
        await person_says(stage)
    elif how == "handed_over":
        later = utc_now() + HOUR
        await run_sql(
            stage.database,
            "UPDATE conversations SET ai_paused_until = :later, ai_paused_by = 'ai', ai_paused_reason = 'handed_over'",
            later=later,
        )
    else:
        request = PauseRequest(minutes=60) if how == "asked" else PauseRequest(indefinitely=True, note="mine")
        await stage.control.pause(stage.caller, id_, request)


def pause_of(talk: Any) -> tuple[Any, ...]:
    return (talk.ai_paused_until, talk.ai_paused_by, talk.ai_paused_reason, talk.ai_paused_user_id)


@pytest.mark.parametrize("stop_minutes", [None, 10])
@pytest.mark.parametrize("how", ["phone", "message", "asked", "for ever", "handed_over"])
async def test_a_contact_takes_back_its_own_stop_and_no_pause_of_a_person(
    small: TurnStage, how: str, stop_minutes: int | None
) -> None:
    takeover(
        small, stop_keywords=("stop",), resume_keywords=("bot",), stop_minutes=stop_minutes, resume_reply="I am back.",
    )  # fmt: skip
    await small.hear("one")
    await small.turn()
    await person_pauses(small, how)
    pause = pause_of(await small.talk())
    await small.hear("bot")
    assert pause_of(await small.talk()) == pause, "there is nothing of its own to take back"
    await small.hear("stop")
    talk = await small.talk()
    assert pause_of(talk) == pause
    assert talk.ai_stopped_until > utc_now()
    await small.hear("bot")
    talk = await small.talk()
    assert (pause_of(talk), talk.ai_stopped_until) == (pause, None)
    assert "I am back." not in [row.body for row in await rows(small)], "it is not"
    assert await small.told_events("conversation.resumed") == []
    assert (await small.told_events("conversation.updated"))[-1]["ai_stopped_until"] is None
    await small.hear("hello?")
    assert await small.claim_all() == []
    assert (await marks(small))["hello?"] == "paused"
    await small.control.resume(small.caller, talk.id, answer_waiting=False)
    await small.hear("and now?")
    await small.turn()
    assert len(small.asked()) == 2


@pytest.mark.parametrize("first", ["stop", "pause"])
@pytest.mark.parametrize("how", ["phone", "message", "asked"])
async def test_a_pause_that_ends_leaves_what_the_contact_stopped(small: TurnStage, how: str, first: str) -> None:
    takeover(small, stop_keywords=("stop",), resume_keywords=("bot",), stop_minutes=10)
    await small.hear("one")
    await small.turn()
    if first == "pause":
        await person_pauses(small, how)
    await small.hear("stop")
    if first == "stop":
        await person_pauses(small, how)
    await run_sql(small.database, "UPDATE conversations SET ai_paused_until = :now", now=utc_now())
    await small.hear("is anybody there?")
    assert await small.claim_all() == []
    assert (await marks(small))["is anybody there?"] == "paused"
    await small.hear("bot")
    assert [e["by"] for e in await small.told_events("conversation.resumed")] == ["contact"]
    await small.turn()
    assert small.asked()[-1].endswith("bot")


async def test_a_person_who_resumes_ends_both_and_who_ends_the_pause_ends_that(small: TurnStage) -> None:
    takeover(small, stop_keywords=("stop",))
    service = ConversationService(small.database, None, None, None, silence=silence)  # type: ignore[arg-type]
    await small.hear("stop")
    await person_pauses(small, "for ever")
    talk = await small.talk()
    shown = await service.update(small.caller, talk.id, ConversationUpdate(ai_paused_until=None))
    assert (shown.ai_paused_until, shown.ai_stopped_until) == (None, FOREVER)
    assert await small.told_events("conversation.resumed") == [], "the AI is as silent as before"
    await person_pauses(small, "for ever")
    shown = await small.control.resume(small.caller, talk.id, answer_waiting=False)
    assert (shown.ai_paused_until, shown.ai_stopped_until, shown.ai_state) == (None, None, "idle")
    assert [e["by"] for e in await small.told_events("conversation.resumed")] == ["person"]


async def test_a_stop_outlives_two_conversations_becoming_one(small: TurnStage) -> None:
    takeover(small, stop_keywords=("stop",))
    await small.hear("by number")
    await phone_says(small)
    await small.hear("stop", chat=CONTACT_LID)
    await small.receive.lid_mapped(small.session, LidMapped(CONTACT_LID, CONTACT))
    [talk] = await conversations(small.database)
    assert (talk.ai_stopped_until, talk.ai_paused_by) == (FOREVER, "phone")


@pytest.mark.parametrize(("how", "code"), [("phone", "taken_over"), ("asked", "ai_off"), ("stop", "ai_off")])
async def test_what_was_taken_back_says_why(small: TurnStage, how: str, code: str) -> None:
    takeover(small, stop_keywords=("stop",))
    await small.hear("one")
    await small.turn()
    await (small.hear("stop") if how == "stop" else person_pauses(small, how))
    [error] = [row.error for row in await rows(small) if row.author == "ai"]
    assert error.partition(":")[0] == code


@pytest.mark.parametrize("where", ["group", "group_off", "off", "ignored", "edit", "caption"])
async def test_keywords_count_only_where_the_ai_answers(small: TurnStage, where: str) -> None:
    takeover(small, stop_keywords=("stop",), stop_reply="done")
    wa_id = await small.hear("one")
    await small.turn()
    chat = GROUP if where.startswith("group") else CONTACT
    if where == "group":
        small.set(audience=AudienceSettings(groups="on"))
    if where == "off":
        small.set(ai_enabled=False)
    if where == "ignored":
        small.set(audience=small.session.settings.audience.model_copy(update={"ignored": ("5511*",)}))
    type_ = MessageType.IMAGE if where == "caption" else MessageType.TEXT
    await small.hear("stop", chat=chat, sender=CONTACT, type=type_, edits=wa_id if where == "edit" else None)
    assert await small.told_events("conversation.paused") == []
    assert "done" not in [row.body for row in await messages(small.database)]


async def test_a_pause_outlives_two_conversations_becoming_one(stage: TurnStage) -> None:
    await stage.hear("by number")
    await stage.hear("by number, too")
    await stage.hear("by lid", chat=CONTACT_LID)
    await phone_says(stage, chat=CONTACT_LID)
    await stage.receive.lid_mapped(stage.session, LidMapped(CONTACT_LID, CONTACT))
    [talk] = await conversations(stage.database)
    assert (talk.ai_paused_by, talk.ai_paused_reason) == ("phone", "message")
    assert talk.ai_paused_until > utc_now()
    assert talk.last_inbound_at is not None
    await stage.turn()
    assert stage.asked() == []
    assert (await stage.talk()).ai_reason in {"paused", "answered_by_person"}
