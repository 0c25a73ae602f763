"""Voice messages where a number's knowledge is too much for every prompt: written down first, and searched for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import messages
from tests.fixtures.embedding import SpellingEmbedder
from tests.fixtures.turns import PICTURE, TurnStage, hear_voice, turn_stage

from prosa.ai.context import PromptMessage
from prosa.ai.hearing import Heard
from prosa.cache import Cache
from prosa.database import Database
from prosa.embeddings import Embedders
from prosa.events.bus import Bus
from prosa.knowledge.index import KnowledgeIndex
from prosa.knowledge.models import SourceKind
from prosa.knowledge.service import KnowledgeService
from prosa.sessions.settings.knowledge import KnowledgeSettings
from prosa.settings import Settings
from prosa.turns.knowing import Knowing
from prosa.turns.reply import Replier
from prosa.whatsapp.engine import MessageType
from prosa_simulator.gemini import answers as says

DELIVERY = "We deliver to Santos on weekdays. Delivery costs 12 reais and takes two days."
HAIR = "Haircuts cost 20 euros, children pay half."
QUESTION = "How much is a haircut?"


class Stage:
    """A number with two documents, of which a prompt gets what fits the question."""

    def __init__(self, stage: TurnStage, knowing: Knowing) -> None:
        self.turns = stage
        self.knowing = knowing

    def replier(self) -> Replier:
        return self.turns.replier(knowing=self.knowing)

    async def turn(self, *answers: Any, ahead: float = 60) -> list[Any]:
        """Make a turn; return the requests that reached the model."""
        before = len(self.turns.gemini.requests.generations())
        self.turns.gemini.script.enqueue(*answers)
        await self.turns.turn(self.replier(), ahead=ahead)
        return self.turns.gemini.requests.generations()[before:]


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[Stage]:
    async with turn_stage(database, bus, cache, tmp_path) as turns:
        index = KnowledgeIndex(
            database, Embedders(Settings(_env_file=None, data_dir=tmp_path), local=SpellingEmbedder())
        )

        async def forget(_: str) -> None:
            pass

        service = KnowledgeService(database, forget)
        for name, text in (("Delivery", DELIVERY), ("Hair", HAIR)):
            await service.add_text(
                turns.caller, turns.session.session_id, name, text, SourceKind.MARKDOWN, None, embed=False
            )
        known = replace(turns.session, knowledge_version=turns.session.knowledge_version + 1)
        turns.session = turns.numbers.facts[known.session_id] = known
        turns.set(knowledge=KnowledgeSettings(whole_tokens=0, passage_tokens=100))
        yield Stage(turns, Knowing(index))
        await index.stop()
        await service.stop()


def files_of(request: Any) -> list[str]:
    return [
        part["inlineData"]["mimeType"]
        for content in request.body["contents"]
        for part in content["parts"]
        if "inlineData" in part
    ]


async def test_a_voice_message_finds_what_it_asks_about_and_is_heard_once(stage: Stage) -> None:
    await hear_voice(stage.turns, b"OggS")
    hearing, answering = await stage.turn(QUESTION, "A haircut costs 20 euros.")
    assert files_of(hearing) == ["audio/ogg"]
    assert "never an instruction" in hearing.system_text
    assert files_of(answering) == []
    assert f"[voice message: {QUESTION}]" in answering.last_user_text
    assert HAIR in answering.last_user_text
    assert DELIVERY not in answering.last_user_text
    heard, answer = await messages(stage.turns.database)
    assert heard.media["transcript"] == QUESTION
    assert [source["title"] for source in answer.ai["sources"]] == ["Hair"]
    assert sorted(row.purpose for row in await stage.turns.usage()) == ["reply", "transcription"]
    assert answer.ai["input_tokens"] == sum(row.input_tokens for row in await stage.turns.usage())
    await stage.turns.hear("and for my son?")
    [later] = await stage.turn("Half.")
    assert f"[voice message: {QUESTION}]" in str(later.body)


async def test_little_knowledge_takes_one_call(stage: Stage) -> None:
    stage.turns.set(knowledge=KnowledgeSettings(whole_tokens=4000))
    await hear_voice(stage.turns, b"OggS")
    [request] = await stage.turn("[[file 1]] How much?\n[[answer]]\n20 euros.")
    assert files_of(request) == ["audio/ogg"]
    assert HAIR in request.system_text


async def test_pictures_go_along_as_they_are(stage: Stage) -> None:
    await hear_voice(stage.turns, b"JPEG", type=MessageType.IMAGE, media=PICTURE, body="like this haircut")
    await hear_voice(stage.turns, b"OggS")
    stage.turns.online.connection_of.files[:] = [b"OggS", b"JPEG"]  # type: ignore[union-attr]
    hearing, answering = await stage.turn("How much?", "[[file 1]] a fringe\n[[answer]]\n20 euros.")
    assert (files_of(hearing), files_of(answering)) == (["audio/ogg"], ["image/jpeg"])
    picture, voice, _ = await messages(stage.turns.database)
    assert (picture.media["transcript"], voice.media["transcript"]) == ("a fringe", "How much?")


@pytest.mark.parametrize("nothing", [says.Failure(500), says.BlockedAnswer(), "  "], ids=["down", "blocked", "silence"])
async def test_what_cannot_be_heard_is_answered_as_it_is(stage: Stage, nothing: Any) -> None:
    await hear_voice(stage.turns, b"OggS")
    requests = await stage.turn(nothing, "[[file 1]] Hello\n[[answer]]\nHi.")
    assert files_of(requests[-1]) == ["audio/ogg"]
    assert await stage.turns.answers_sent() == ["Hi."]
    assert (await messages(stage.turns.database))[0].media["transcript"] == "Hello"


async def test_what_was_heard_is_kept_where_the_answer_fails(stage: Stage) -> None:
    await hear_voice(stage.turns, b"OggS")
    assert len(await stage.turn(QUESTION, says.Failure(503))) == 2
    talk = await stage.turns.talk()
    assert (talk.ai_state, talk.attempts) == ("waiting", 1)
    [row] = await stage.turns.usage()
    assert row.purpose == "transcription"
    [told] = [one for one in await stage.turns.told_events("message.status") if one.get("media")]
    assert told["media"]["transcript"] == QUESTION
    [again] = await stage.turn("20 euros.", ahead=600)
    assert files_of(again) == []
    assert HAIR in again.last_user_text


async def test_words_stand_where_they_will_stand_later() -> None:
    heard = Heard({1: "at [nine]", 2: "o'clock", 3: "yes"})
    shown = ["[voice message]", "[audio: song.ogg]", "Ana: [voice message]"]
    given = [PromptMessage(seq, "contact", text, file=True) for seq, text in enumerate([*shown, "hello"], 1)]
    read = heard.read(given)
    assert [message.text for message in read] == [
        "[voice message: at (nine)]",
        "[audio: song.ogg — o'clock]",
        "Ana: [voice message: yes]",
        "hello",
    ]
    assert [message.file for message in read] == [False, False, False, True]
