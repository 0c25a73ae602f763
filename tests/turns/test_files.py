"""Voice messages, pictures, documents and places: what the model is given of them, and what is kept."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import messages
from tests.fixtures.turns import PICTURE, TurnStage, end, hear_voice, turn_stage

from prosa.ai.notes import NOTE_TOKENS
from prosa.cache import Cache
from prosa.conversations.media import MediaFacts
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.settings import SessionSettings
from prosa.sessions.settings.understanding import UnderstandingSettings
from prosa.turns.files import MOST_FILES
from prosa.turns.policy.files import understood
from prosa.whatsapp.engine import EngineErrorCode, MediaInfo, MessageType
from prosa_simulator.gemini import answers as says


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


def files_sent(stage: TurnStage, number: int = -1) -> list[tuple[str, bytes]]:
    """Files in a request: type and content."""
    body: Any = stage.gemini.requests.generations()[number].body
    parts = [part["inlineData"] for content in body["contents"] for part in content["parts"] if "inlineData" in part]
    return [(part["mimeType"], base64.urlsafe_b64decode(part["data"])) for part in parts]


async def test_a_voice_message_is_heard_once_and_read_from_then_on(stage: TurnStage) -> None:
    stage.gemini.script.enqueue("[[file 1]] Do you open on Sunday?\n[[answer]]\nYes, from 9h.", "Until 18h.")
    await hear_voice(stage, b"OggS")
    await stage.turn()
    assert files_sent(stage) == [("audio/ogg", b"OggS")]
    assert await stage.answers_sent() == ["Yes, from 9h."]
    [heard, _] = await messages(stage.database)
    assert heard.media["transcript"] == "Do you open on Sunday?"
    [changed] = [told for told in await stage.told_events("message.status") if told.get("media")]
    assert (changed["id"], changed["media"]["transcript"]) == (str(heard.id), "Do you open on Sunday?")
    assert "path" not in changed["media"]
    await stage.hear("until when?")
    await stage.turn()
    assert files_sent(stage) == []
    assert "[voice message: Do you open on Sunday?]" in str(stage.gemini.requests.generations()[-1].body)
    [first, _] = await stage.usage()
    assert first.output_tokens > 0


async def test_what_a_model_noted_is_found_by_search(stage: TurnStage) -> None:
    from sqlalchemy import text

    stage.gemini.script.enqueue("[[file 1]] a purple bicycle\n[[answer]]\nNice!")
    await hear_voice(stage, b"JPEG", type=MessageType.IMAGE, media=PICTURE, body="this one?")
    await stage.turn()
    assert files_sent(stage) == [("image/jpeg", b"JPEG")]
    async with stage.database.read() as db:
        words = list((await db.execute(text("SELECT words FROM message_search"))).scalars())
    assert any("bicycle" in found and "this one" in found for found in words)


async def test_a_file_that_cannot_be_had_now_is_waited_for_then_done_without(stage: TurnStage) -> None:
    await hear_voice(stage, EngineErrorCode.TIMEOUT, EngineErrorCode.TIMEOUT, EngineErrorCode.TIMEOUT)
    for attempts in (1, 2):
        await stage.turn(ahead=600)
        talk = await stage.talk()
        assert (talk.ai_state, talk.attempts) == ("waiting", attempts)
        assert talk.ai_reason.startswith("file_unavailable")
    assert stage.gemini.requests.generations() == []
    await stage.turn(ahead=600)
    assert stage.asked() == ["[voice message]"]
    assert files_sent(stage) == []


async def test_a_file_that_is_gone_leaves_words(stage: TurnStage) -> None:
    await hear_voice(stage, EngineErrorCode.MEDIA_GONE)
    await stage.turn()
    assert stage.asked() == ["[voice message]"]


async def test_a_model_that_takes_no_files_answers_without_them(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Failure(400), "Please write it to me.")
    await hear_voice(stage, b"OggS")
    await stage.turn()
    assert files_sent(stage) == []
    assert await stage.answers_sent() == ["Please write it to me."]


@pytest.mark.parametrize(
    ("settings", "answers", "reason"),
    [
        ({}, ["[video]"], None),
        ({"otherwise": "text", "otherwise_text": "Please write."}, ["Please write."], None),
        ({"otherwise": "silence"}, [], "media_only"),
    ],
)
async def test_what_the_model_cannot_take(
    stage: TurnStage, settings: dict[str, Any], answers: list[str], reason: str | None
) -> None:
    stage.set(understanding=UnderstandingSettings(**settings))
    await hear_voice(stage, type=MessageType.VIDEO, media=MediaInfo("video/mp4", size=4))
    if answers:
        await stage.turn()
    else:
        assert await stage.claim_all() == []
    sent = await stage.answers_sent()
    assert len(sent) == len(answers)
    assert all(wanted in given for wanted, given in zip(answers, sent, strict=True))
    assert (await stage.talk()).ai_reason == reason
    if settings.get("otherwise") == "text":
        assert stage.gemini.requests.generations() == []
        assert (await messages(stage.database))[-1].ai["tier"] == "fallback"


async def test_words_beside_a_file_that_cannot_be_taken_are_answered(stage: TurnStage) -> None:
    stage.set(understanding=UnderstandingSettings(otherwise="text", otherwise_text="Please write."))
    await hear_voice(stage, type=MessageType.VIDEO, media=MediaInfo("video/mp4", size=4), body="how much is it?")
    await stage.turn()
    assert stage.asked() == ["[video: how much is it?]"]


async def test_a_place_is_given_in_words(stage: TurnStage) -> None:
    await stage.hear("Padaria\n-23.550520, -46.633308", type=MessageType.LOCATION)
    await stage.turn()
    assert stage.asked() == ["[location: Padaria\n-23.550520, -46.633308]"]


@pytest.mark.parametrize(
    ("changes", "type_", "mime_type", "size", "seconds", "expected"),
    [
        ({}, "audio", "audio/ogg; codecs=opus", 10, 5, "audio/ogg"),
        ({}, "audio", "audio/mpeg", None, None, "audio/mp3"),
        ({}, "audio", "audio/amr", 10, 5, None),
        ({}, "audio", "audio/ogg", 10, 301, None),
        ({"max_seconds": 400}, "audio", "audio/ogg", 10, 301, "audio/ogg"),
        ({"voice": False}, "audio", "audio/ogg", 10, 5, None),
        ({}, "image", "image/JPEG", 10, None, "image/jpeg"),
        ({}, "image", "image/svg+xml", 10, None, None),
        ({}, "image", "image/png", 8 * 2**20 + 1, None, None),
        ({"images": False}, "image", "image/png", 1, None, None),
        ({}, "document", "application/pdf", 1, None, "application/pdf"),
        ({}, "document", "application/zip", 1, None, None),
        ({}, "video", "video/mp4", 1, 1, None),
        ({"videos": True}, "video", "video/mp4", 1, 1, "video/mp4"),
        ({}, "sticker", "image/webp", 1, None, None),
    ],
)
def test_which_files_go_to_the_model(
    changes: dict[str, Any], type_: str, mime_type: str, size: int | None, seconds: int | None, expected: str | None
) -> None:
    settings = UnderstandingSettings(**changes)
    assert understood(settings, type_, mime_type=mime_type, size=size, seconds=seconds) == expected


def test_a_text_must_be_given_where_it_is_to_be_sent() -> None:
    with pytest.raises(ValueError, match="otherwise_text"):
        SessionSettings.model_validate({"understanding": {"otherwise": "text", "otherwise_text": None}})


def test_a_transcript_stays_with_the_file() -> None:
    facts = MediaFacts.model_validate({"state": "ready", "mime_type": "audio/ogg", "transcript": "hi"})
    assert facts.stored()["transcript"] == "hi"


def shown(stage: TurnStage) -> str:
    """The contact's part of the newest request, a file standing as its bytes between stars."""
    body: Any = stage.gemini.requests.generations()[-1].body
    parts = [part for content in body["contents"] for part in content["parts"]]
    read = base64.urlsafe_b64decode
    return "".join(p.get("text") or f"*{read(p['inlineData']['data']).decode()}*" for p in parts)


async def hear_pictures(stage: TurnStage, count: int) -> None:
    for number in range(count):
        await hear_voice(stage, type=MessageType.IMAGE, media=PICTURE, body=f"picture {number}.")
    assert stage.online.connection_of is not None
    stage.online.connection_of.files += [f"{number:04}".encode() for number in reversed(range(count))]


async def test_of_many_files_the_newest_go_along_in_order_each_behind_its_words(stage: TurnStage) -> None:
    stage.gemini.script.enqueue("[[file 1]] a bowl\n[[file 8]] a lamp\n[[answer]]\nNice!")
    await hear_pictures(stage, MOST_FILES + 2)
    await stage.turn()
    said = shown(stage)
    assert "[image: picture 1.]\n[image: picture 2.][file 1]*0002*" in said
    assert "[image: picture 9.][file 8]*0009*" in said
    assert len(files_sent(stage)) == MOST_FILES
    config: Any = stage.gemini.requests.generations()[-1].prompt
    assert config.config["maxOutputTokens"] == 1024 + MOST_FILES * NOTE_TOKENS, "there is room for what is noted"
    noted = [row.media.get("transcript") for row in await messages(stage.database) if row.media]
    assert noted == [None, None, "a bowl", *[None] * 6, "a lamp"]


async def test_files_too_large_together_go_without_the_oldest(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.turns.files.MOST_BYTES", 9)
    await hear_pictures(stage, 3)
    await stage.turn()
    assert [content for _, content in files_sent(stage)] == [b"0001", b"0002"]


async def test_a_file_that_is_larger_than_was_said_stays_away(stage: TurnStage) -> None:
    stage.set(understanding=UnderstandingSettings(max_mb=1))
    await hear_voice(stage, b"x" * (2**20 + 1), type=MessageType.IMAGE, media=PICTURE)
    await stage.turn()
    assert stage.asked() == ["[image]"]
    assert files_sent(stage) == []


async def test_of_a_file_that_is_deleted_while_it_is_answered_no_words_stay(stage: TurnStage) -> None:
    stage.gemini.script.enqueue(says.Hang(then=says.Text("[[file 1]] a secret\n[[answer]]\nI see.")))
    await hear_voice(stage, b"OggS")
    claimed = await stage.claim()
    task = asyncio.create_task(stage.replier().reply(claimed))
    await stage.until(lambda: stage.gemini.hanging == 1)
    await stage.hear("", revokes=(await messages(stage.database))[0].wa_id)
    await end(stage, task)
    assert "secret" not in str(await messages(stage.database))


async def test_words_beside_a_file_of_another_message_are_answered_too(stage: TurnStage) -> None:
    stage.set(understanding=UnderstandingSettings(otherwise="text", otherwise_text="Please write."))
    await hear_voice(stage, type=MessageType.VIDEO, media=MediaInfo("video/mp4", size=4))
    await stage.hear("how much is it?")
    await stage.turn()
    assert stage.asked() == ["[video]\nhow much is it?"]
