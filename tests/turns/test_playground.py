"""Trying an answer: made like a real one, shown whole, and nothing of it sent or kept but its cost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, conversations
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.turns import TurnStage, turn_stage

from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.turns import endpoints
from prosa.turns.playground import Playground
from prosa_simulator.gemini import answers as says


@dataclass
class Trying:
    stage: TurnStage
    api: httpx.AsyncClient
    strangers: httpx.AsyncClient

    async def attempt(self, *texts: str, **more: Any) -> httpx.Response:
        said = [{"text": text, "author": "us" if place % 2 else "contact"} for place, text in enumerate(texts)]
        return await self.api.post("/sessions/main/try", json={"messages": said, **more})


@pytest.fixture
async def trying(sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[Trying]:
    async with turn_stage(sqlite_database, bus, cache, tmp_path, instructions="We sell bread.") as stage:
        playground = Playground(stage.database, stage.numbers, stage.answers, stage.tools)
        other = await add_owner(stage.database, "bob@example.com")
        owner = Caller(stage.session.user_id, "owner")
        provided: dict[Any, object] = {Playground: playground}
        async with (
            client_of(create_test_app(provided, [endpoints.try_router], owner)) as api,
            client_of(create_test_app(provided, [endpoints.try_router], other)) as strangers,
        ):
            yield Trying(stage, api, strangers)


async def test_an_answer_is_shown_with_its_prompt_and_cost_and_nothing_is_sent(trying: Trying) -> None:
    trying.stage.gemini.script.enqueue("Yes, **until 18h**.")
    tried = (await trying.attempt("hi", "Hello!", "Are you open?", contact_name="Maria")).json()
    assert (tried["text"], tried["bubbles"], tried["handed_over"]) == (
        "Yes, *until 18h*.", ["Yes, *until 18h*."], None,
    )  # fmt: skip
    assert (tried["ai"]["tier"], tried["ai"]["model"]) == ("model", "gemini-3.5-flash-lite")
    assert [part["part"] for part in tried["prompt"]] == ["system", "contact", "us", "contact"]
    assert "We sell bread." in tried["prompt"][0]["text"]
    assert all(part["tokens"] > 0 for part in tried["prompt"])
    assert await conversations(trying.stage.database) == []
    [used] = await trying.stage.usage()
    assert (used.purpose, used.conversation_id) == ("try", None)
    assert used.cost_microusd == tried["ai"]["cost_microusd"] > 0


async def test_settings_are_tried_before_they_are_saved(trying: Trying) -> None:
    tried = (await trying.attempt("hi", settings={"instructions": "We sell boats."})).json()
    assert "We sell boats." in tried["prompt"][0]["text"]
    assert "We sell bread." not in str(trying.stage.gemini.requests.generations()[-1].body)
    again = (await trying.attempt("hi")).json()
    assert "We sell bread." in again["prompt"][0]["text"]


async def test_handing_over_is_said_and_not_done(trying: Trying) -> None:
    trying.stage.gemini.script.enqueue(says.ToolCall("hand_over", {"reason": "angry"}), "A person will come.")
    tried = (await trying.attempt("I want a person")).json()
    assert (tried["handed_over"], [tool["name"] for tool in tried["ai"]["tools"]]) == ("angry", ["hand_over"])


@pytest.mark.parametrize(
    ("failure", "status"), [(says.Failure(503), 503), (says.Failure(403), 409), (says.BlockedAnswer(), 409)]
)
async def test_a_model_without_an_answer_is_told_in_words(trying: Trying, failure: Any, status: int) -> None:
    trying.stage.gemini.script.enqueue(failure)
    answer = await trying.attempt("hi")
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [{"text": ""}]},
        {"messages": [{"text": "  "}]},
        {"messages": [{"text": "hi", "author": "us"}]},
        {"messages": [{"text": "hi"}], "settings": {"nonsense": 1}},
        {"messages": [{"text": "hi"}] * 41},
    ],
)
async def test_what_cannot_be_tried_is_refused(trying: Trying, body: dict[str, Any]) -> None:
    assert (await trying.api.post("/sessions/main/try", json=body)).status_code == 422
    assert trying.stage.gemini.requests.generations() == []


async def test_strangers_try_nothing(trying: Trying) -> None:
    body = {"messages": [{"text": "hi"}]}
    assert (await trying.strangers.post("/sessions/main/try", json=body)).status_code == 404
    assert (await trying.api.post("/sessions/none/try", json=body)).status_code == 404
