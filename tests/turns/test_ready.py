"""Turns that need no model: approved answers and the same words again; and what must always go to the model."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.fixtures.conversations import CONTACT, GROUP, inbound, receiver
from tests.fixtures.embedding import SpellingEmbedder
from tests.fixtures.turns import KEY, TurnStage, statements, turn_stage

from prosa.ai.asking import AnswerRequest
from prosa.ai.context import PromptMessage
from prosa.answers.index import AnswerIndex
from prosa.answers.learning import Learning
from prosa.answers.models import FrequentQuestion
from prosa.answers.service import FrequentAnswerService, NewAnswer
from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.database import Database
from prosa.embeddings import Embedders
from prosa.events.bus import Bus
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.settings.frequent import FrequentSettings
from prosa.sessions.settings.takeover import TakeoverSettings
from prosa.settings import Settings
from prosa.turns.budget import Budgets
from prosa.turns.people import PeopleAnswers
from prosa.turns.ready import Asked, MatchCosts, ReadyAnswers
from prosa.whatsapp.engine import MessageType
from prosa_simulator.gemini import answers as says

PHRASINGS = ["when are you open", "at what time do you open", "opening hours please"]


@dataclass
class Shop:
    stage: TurnStage
    ready: ReadyAnswers
    index: AnswerIndex
    service: FrequentAnswerService
    learning: Learning
    embedder: SpellingEmbedder
    asked: int = field(default=0)

    async def approve(self, title: str = "What are your opening hours?", answer: str = "Nine to six.") -> None:
        await self.service.create(self.stage.caller, NewAnswer(title, answer, phrasings=PHRASINGS))
        session = replace(self.stage.session, answers_version=self.stage.session.answers_version + 1)
        self.stage.session = self.stage.numbers.facts[session.session_id] = session
        if session.settings.frequent.mode != "off":
            await self.index.ready(self.number)

    def set(self, **frequent: Any) -> None:
        self.stage.set(frequent=FrequentSettings(**frequent))

    @property
    def number(self) -> Any:
        session = self.stage.session
        from prosa.answers.index import Number

        return Number(
            session.session_id, session.user_id, session.answers_version, session.settings.frequent.embeddings
        )

    async def ask(self, text: str, contact: str | None = None, **changes: Any) -> str:
        """Let somebody ask; return the last answer, once all is kept. A new contact each time where none is given."""
        self.asked += 1
        contact = contact or f"55119{self.asked:08}@s.whatsapp.net"
        await self.stage.hear(text, **({"chat": contact, "sender": contact} | changes))
        await self.stage.turn(self.stage.replier(ready=self.ready))
        await self.stage.until(lambda: not self.ready._tasks)
        return (await self.stage.answers_sent(contact))[-1]

    async def kept(self, wanted: int) -> list[Any]:
        async def rows() -> list[Any]:
            async with self.stage.database.read() as db:
                return list(await db.execute(select(FrequentQuestion.__table__).order_by(FrequentQuestion.id)))

        async def enough() -> bool:
            return len(await rows()) >= wanted

        await self.stage.until(enough)
        return await rows()

    @property
    def calls(self) -> int:
        return len(self.stage.gemini.requests.generations())


@pytest.fixture
async def shop(sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[Shop]:
    async with turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        settings = Settings(
            _env_file=None, data_dir=tmp_path, gemini_api_key=KEY, gemini_base_url=stage.gemini.base_url
        )
        embedder = SpellingEmbedder()
        embedders = Embedders(settings, local=embedder)
        index = AnswerIndex(sqlite_database, embedders, spent=MatchCosts(sqlite_database, Budgets(sqlite_database)))

        async def forget(_: str) -> None:
            pass

        service = FrequentAnswerService(sqlite_database, forget)
        learning = Learning(sqlite_database, index, service)
        ready = ReadyAnswers(sqlite_database, cache, index, learning)
        yield Shop(stage, ready, index, service, learning, embedder)
        await ready.stop()
        await index.stop()
        await embedders.stop()


async def test_an_approved_answer_needs_no_model(shop: Shop) -> None:
    shop.set(mode="on", threshold=0.5)
    await shop.approve()
    assert await shop.ask("Hi! At what time do you open?") == "Nine to six."
    assert await shop.ask("at what time are you open") == "Nine to six."
    assert shop.calls == 0
    assert await shop.stage.usage() == []
    [said, _] = await shop.stage.told_events("ai.replied")
    assert (said["tier"], said["model"], said["sources"][0]["title"]) == (
        "approved", None, "What are your opening hours?",
    )  # fmt: skip
    rows = await shop.kept(2)
    assert {(row.answered_by, row.passed) for row in rows} == {("approved", True)}


async def test_in_shadow_the_model_answers_and_both_are_kept(shop: Shop) -> None:
    shop.set(mode="shadow", threshold=0.5)
    await shop.approve()
    shop.stage.gemini.script.enqueue("From nine to six.")
    assert await shop.ask("At what time do you open?") == "From nine to six."
    assert "- What are your opening hours?\n  Nine to six." in shop.stage.gemini.requests.generations()[-1].system_text
    [row] = await shop.kept(1)
    assert (row.answered_by, row.passed, row.reply) == ("model", True, "From nine to six.")
    assert row.likeness is not None
    assert row.cost_microusd is not None


@pytest.mark.parametrize(
    ("first", "text", "changes"),
    [
        (None, "at what time do you open on Sunday", {}),
        (None, "do you not open at what time", {}),
        (None, "a caption: when are you open", {"type": MessageType.IMAGE, "media": None}),
        ("I bought a lamp yesterday", "and when are you open", {}),
        ("I bought a lamp yesterday", "when does it open", {}),
        (None, "when are you open, my order is 1234567", {}),
        (None, "when are you open", {"quoted_wa_id": "AB12"}),
    ],
)
async def test_what_depends_on_more_goes_to_the_model(
    shop: Shop, first: str | None, text: str, changes: dict[str, Any]
) -> None:
    shop.set(mode="on", threshold=0.0, margin=0.0, exact_minutes=60)
    await shop.approve()
    if first:
        await shop.ask(first, CONTACT)
    before = shop.calls
    assert await shop.ask(text, CONTACT, **changes) != "Nine to six."
    assert shop.calls == before + 1


async def test_a_reply_to_a_question_of_ours_goes_to_the_model(shop: Shop) -> None:
    shop.set(mode="on", threshold=0.0, margin=0.0)
    await shop.approve()
    shop.stage.gemini.script.enqueue("Opening hours or prices: what do you want to know?")
    await shop.ask("I bought a lamp yesterday", CONTACT)
    before = shop.calls
    assert await shop.ask("tell me the opening hours please", CONTACT) != "Nine to six."
    assert shop.calls == before + 1


async def test_two_messages_at_once_go_to_the_model(shop: Shop) -> None:
    shop.set(mode="on", threshold=0.0)
    await shop.approve()
    await shop.stage.hear("when are you open", chat=CONTACT, sender=CONTACT)
    assert await shop.ask("when are you open?", CONTACT) != "Nine to six."
    assert shop.calls == 1


async def test_the_same_words_get_the_same_answer_for_a_time(shop: Shop) -> None:
    shop.set(exact_minutes=30)
    shop.stage.gemini.script.enqueue("Yes, behind the shop.")
    assert await shop.ask("Is there parking at the shop?") == "Yes, behind the shop."
    assert await shop.ask("hello, is there parking at the shop") == "Yes, behind the shop."
    assert shop.calls == 1
    assert (await shop.stage.told_events("ai.replied"))[-1]["tier"] == "exact"
    shop.stage.set(instructions="Say that parking costs 5.")
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 2
    shop.stage.session = shop.stage.numbers.facts["main"] = replace(shop.stage.session, knowledge_version=1)
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 3


async def test_the_same_words_are_kept_for_one_number_and_for_the_time_that_was_set(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[str, float]] = []
    cache = shop.ready._cache
    keep = cache.set

    async def noted(key: str, value: Any, seconds: float) -> None:
        kept.append((key, seconds))
        await keep(key, value, seconds)

    monkeypatch.setattr(cache, "set", noted)
    shop.set(exact_minutes=30)
    await shop.ask("Is there parking at the shop?")
    await shop.stage.until(lambda: any(key.startswith("exact:") for key, _ in kept))
    [(key, seconds)] = [(key, seconds) for key, seconds in kept if key.startswith("exact:")]
    assert seconds == 30 * 60
    await cache.delete(key)  # as when its time is over
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 2

    mine = Asked(
        shop.stage.session, PromptMessage(1, "contact", "Is there parking?"), AnswerRequest([], utc_now(), "Be brief.")
    )
    others = [
        replace(mine, session=replace(mine.session, session_id="other")),
        replace(mine, session=replace(mine.session, user_id=uuid.uuid4())),
        replace(mine, request=replace(mine.request, instructions="Be long.")),
        replace(mine, message=replace(mine.message, text="Is there no parking?")),
    ]
    assert len({mine.key, *(one.key for one in others)}) == 5


async def test_an_answer_for_one_contact_is_not_given_to_another(shop: Shop) -> None:
    shop.set(exact_minutes=30)
    shop.stage.gemini.script.enqueue("Yes Maria, there is.")
    await shop.ask("Is there parking at the shop?")
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 2


async def test_off_costs_nothing(shop: Shop) -> None:
    await shop.approve()
    await shop.ask("warm up the caches please", CONTACT)
    with statements(shop.stage.database) as seen:
        await shop.ask("what are your opening hours?", CONTACT)
    assert not [statement for statement in seen if "frequent" in statement]
    assert shop.embedder.asked == []


async def test_a_broken_model_of_meaning_leaves_the_answer_to_gemini(shop: Shop) -> None:
    shop.set(mode="on")
    await shop.approve()
    shop.embedder.broken = True
    assert await shop.ask("what time do you open in the day") != "Nine to six."
    assert await shop.ask("when are you open?") == "Nine to six."
    assert shop.calls == 1


async def test_what_a_person_answers_is_learnt(shop: Shop, tmp_path: Path) -> None:
    shop.set(mode="shadow")
    people = PeopleAnswers(shop.stage.database, shop.index, shop.learning)
    receive = receiver(shop.stage.database, tmp_path, contexts=shop.stage.contexts, people=people)
    session = shop.stage.session
    await receive.message(session, inbound("Is there parking at the shop?"))
    await receive.message(session, inbound("Yes, behind it.", from_me=True))
    [row] = await shop.kept(1)
    assert (row.text, row.reply, row.answered_by) == ("Is there parking at the shop?", "Yes, behind it.", "person")
    await receive.message(session, inbound("Thanks a lot"))
    await receive.message(session, inbound("and do you have a lift"))
    await receive.message(session, inbound("We do.", from_me=True))
    await shop.stage.until(lambda: not people._tasks)
    assert len(await shop.kept(1)) == 1
    await people.stop()


async def test_what_the_phone_says_by_itself_is_no_answer(shop: Shop, tmp_path: Path) -> None:
    shop.set(mode="shadow")
    people = PeopleAnswers(shop.stage.database, shop.index, shop.learning)
    receive = receiver(shop.stage.database, tmp_path, contexts=shop.stage.contexts, people=people)
    shop.stage.set(takeover=TakeoverSettings(phone_autoreplies=("We are away*",)))
    session, asked = shop.stage.session, utc_now()

    async def said(seconds: float, body: str, contact: str, **changes: Any) -> None:
        at = asked + timedelta(seconds=seconds)
        await receive.message(session, inbound(body, chat=contact, sender=contact, timestamp=at, **changes))
        await shop.stage.until(lambda: not people._tasks)

    async def phone_says(seconds: float, body: str, contact: str) -> None:
        await said(seconds, body, contact, from_me=True, sender_device=0)

    new, away, known = (f"551190000000{n}@s.whatsapp.net" for n in range(3))
    await said(0, "Is there parking at the shop?", new)
    await phone_says(1, "Welcome to the bakery, we write to you soon!", new)
    await said(0, "Is there parking at the shop?", away)
    await phone_says(60, "We are away until Monday.", away)
    await said(-600, "Hello there", known)
    await said(0, "Is there parking at the shop?", known)
    await phone_says(2, "Nobody is at the shop at this hour, sorry.", known)
    assert await shop.kept(0) == []
    await phone_says(90, "Yes, behind it.", new)
    [row] = await shop.kept(1)
    assert (row.text, row.reply) == ("Is there parking at the shop?", "Yes, behind it."), (
        "the greeting is looked through"
    )
    await people.stop()


async def test_erasing_a_conversation_erases_its_questions(shop: Shop) -> None:
    shop.set(mode="shadow")
    await shop.ask("Is there parking at the shop?", CONTACT)
    [row] = await shop.kept(1)
    async with shop.stage.database.write() as db:
        from sqlalchemy import delete

        from prosa.conversations.held import TABLE

        await db.execute(delete(TABLE).where(TABLE.c.id == row.conversation_id))
    async with shop.stage.database.read() as db:
        assert list(await db.execute(select(FrequentQuestion.__table__))) == []


async def test_gemini_compares_meanings_where_it_is_set(shop: Shop) -> None:
    shop.set(mode="on", embeddings="gemini", threshold=0.5, margin=0.2)
    await shop.approve()
    assert await shop.ask("at what time are you open") == "Nine to six."
    assert shop.embedder.asked == []

    async def recorded() -> bool:
        return bool([row for row in await shop.stage.usage() if row.purpose == "answer_match"])

    await shop.stage.until(recorded)
    rows = await shop.stage.usage()
    assert {row.model for row in rows} == {"gemini-embedding-001-768"}


async def test_what_a_conversation_made_an_answer_of_is_given_to_nobody_else(shop: Shop) -> None:
    shop.set(exact_minutes=30)
    await shop.ask("I live behind the station, third floor", CONTACT)
    shop.stage.gemini.script.enqueue("To the third floor behind the station.")
    await shop.ask("Where do you deliver my cake on request?", CONTACT)
    assert "station" not in await shop.ask("Where do you deliver my cake on request?")
    assert shop.calls == 3
    await shop.ask("Where do you deliver my cake on request?")
    assert shop.calls == 3, "an answer made of the question alone is given again"


@pytest.mark.parametrize(
    "said", [(says.ToolCall("nothing", {}), "It was sent."), (says.Truncated("It was sent. And then it"),)]
)
async def test_what_a_tool_said_and_what_was_cut_short_is_not_given_again(shop: Shop, said: tuple[Any, ...]) -> None:
    shop.set(exact_minutes=30)
    shop.stage.gemini.script.enqueue(*said)
    assert await shop.ask("Where is the parcel that was ordered?") == "It was sent."
    before = shop.calls
    assert await shop.ask("Where is the parcel that was ordered?") != "It was sent."
    assert shop.calls == before + 1


async def test_a_quotation_is_not_answered_for_others(shop: Shop) -> None:
    shop.set(exact_minutes=30)
    shop.stage.gemini.script.enqueue("That lamp costs 30.")
    await shop.ask("How much does the lamp cost please?", quoted_wa_id="AB12")
    assert await shop.ask("How much does the lamp cost please?") != "That lamp costs 30."
    assert shop.calls == 2


async def test_the_same_words_are_answered_anew_once_an_answer_of_the_owners_changed(shop: Shop) -> None:
    shop.set(exact_minutes=30)
    await shop.ask("Is there parking at the shop?")
    session = replace(shop.stage.session, answers_version=shop.stage.session.answers_version + 1)
    shop.stage.session = shop.stage.numbers.facts["main"] = session
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 2
    shop.stage.set(model="gemini-3.8-flash")
    await shop.ask("Is there parking at the shop?")
    assert shop.calls == 3


async def test_groups_are_answered_by_the_model(shop: Shop) -> None:
    shop.set(mode="on", threshold=0.0, margin=0.0, exact_minutes=30)
    shop.stage.set(audience=AudienceSettings(groups="on"))
    await shop.approve()
    for calls in (1, 2):
        assert await shop.ask("when are you open", GROUP, sender=CONTACT, is_group=True) != "Nine to six."
        assert shop.calls == calls
