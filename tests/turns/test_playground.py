"""Trying an answer: made like a real one, shown whole, and nothing of it sent or kept but its cost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, conversations
from tests.fixtures.embedding import SpellingEmbedder
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.turns import TurnStage, turn_stage

from prosa.answers.index import AnswerIndex, Number
from prosa.answers.learning import Learning
from prosa.answers.service import FrequentAnswerService, NewAnswer
from prosa.auth.caller import Caller
from prosa.auth.keys import Key
from prosa.cache import Cache
from prosa.database import Database
from prosa.embeddings import Embedders
from prosa.errors import UnavailableError
from prosa.events.bus import Bus
from prosa.knowledge.index import KnowledgeIndex
from prosa.knowledge.models import SourceKind
from prosa.knowledge.service import KnowledgeService
from prosa.sessions.settings.budget import BudgetSettings
from prosa.sessions.settings.frequent import FrequentSettings
from prosa.sessions.settings.knowledge import KnowledgeSettings
from prosa.settings import Settings
from prosa.tools.schemas import ToolCreate
from prosa.turns import endpoints
from prosa.turns.budget import BudgetUsedUpError
from prosa.turns.knowing import Knowing
from prosa.turns.playground import Playground
from prosa.turns.ready import ReadyAnswers
from prosa.turns.schemas import TryRequest, TrySaid
from prosa.usage import budgets as usage_budgets
from prosa.usage.budgets import Budget
from prosa_simulator.gemini import answers as says
from prosa_simulator.gemini import on_model


@dataclass
class Trying:
    stage: TurnStage
    api: httpx.AsyncClient
    strangers: httpx.AsyncClient
    keys: dict[str, Key]

    async def attempt(self, *texts: str, **more: Any) -> httpx.Response:
        said = [{"text": text, "author": "us" if place % 2 else "contact"} for place, text in enumerate(texts)]
        return await self.api.post("/sessions/main/try", json={"messages": said, **more})


@pytest.fixture
async def trying(sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[Trying]:
    async with turn_stage(sqlite_database, bus, cache, tmp_path, instructions="We sell bread.") as stage:
        keys: dict[str, Key] = {}
        playground = Playground(stage.database, stage.numbers, stage.answers, stage.tools, keys_of=lambda _: keys)
        other = await add_owner(stage.database, "bob@example.com")
        owner = Caller(stage.session.user_id, "owner")
        provided: dict[Any, object] = {Playground: playground}
        async with (
            client_of(create_test_app(provided, [endpoints.try_router], owner)) as api,
            client_of(create_test_app(provided, [endpoints.try_router], other)) as strangers,
        ):
            yield Trying(stage, api, strangers, keys)


async def test_an_answer_is_shown_with_its_prompt_and_cost_and_nothing_is_sent(trying: Trying) -> None:
    trying.stage.gemini.script.enqueue("Yes, **until 18h**.")
    tried = (await trying.attempt("hi", "Hello!", "Are you open?", contact_name="Maria")).json()
    assert (tried["text"], tried["bubbles"], tried["handed_over"]) == (
        "Yes, *until 18h*.", ["Yes, *until 18h*."], None,
    )  # fmt: skip
    assert (tried["ai"]["tier"], tried["ai"]["model"]) == ("model", "gemini-3.5-flash-lite")
    assert [part["part"] for part in tried["prompt"]] == ["system", "contact", "us", "contact", "facts"]
    assert "We sell bread." in tried["prompt"][0]["text"]
    assert "Maria" in tried["prompt"][-1]["text"]
    assert all(part["tokens"] > 0 for part in tried["prompt"])
    [request] = trying.stage.gemini.requests.generations()
    assert all(part["text"] in str(request.prompt) for part in tried["prompt"][1:]), "what is shown was asked"
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


async def test_services_are_asked_only_where_one_says_so(trying: Trying) -> None:
    tool = ToolCreate(name="order_status", description="Says where an order is.", url="https://shop.example/orders")
    await trying.stage.tools.create(trying.stage.caller, "main", tool)
    for use_tools in (True, False):
        await trying.attempt("hi", use_tools=use_tools)
        body = str(trying.stage.gemini.requests.generations()[-1].body)
        assert ("order_status" in body) is use_tools
        assert "hand_over" in body


async def test_handing_over_is_said_and_not_done(trying: Trying) -> None:
    trying.stage.gemini.script.enqueue(says.ToolCall("hand_over", {"reason": "angry"}), "A person will come.")
    tried = (await trying.attempt("I want a person")).json()
    assert (tried["handed_over"], [tool["name"] for tool in tried["ai"]["tools"]]) == ("angry", ["hand_over"])


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (says.Failure(503), 503, "provider_unavailable"),
        (says.Failure(403), 409, "bad_api_key"),
        (says.BlockedAnswer(), 409, "blocked"),
    ],
)
async def test_a_model_without_an_answer_is_told_in_words(trying: Trying, failure: Any, status: int, code: str) -> None:
    trying.stage.gemini.script.enqueue(failure)
    answer = await trying.attempt("hi")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert told["detail"]
    assert told["remedy"] not in {"", told["detail"]}
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


async def test_a_used_up_budget_is_told_and_no_model_is_asked(trying: Trying) -> None:
    trying.stage.set(budget=BudgetSettings(number_tokens=10, alert_share=0.5))
    assert (await trying.attempt("hi")).status_code == 200
    answer = await trying.attempt("hi")
    assert (answer.status_code, answer.json()["code"]) == (409, "budget_used_up")
    assert "number" in answer.json()["detail"]
    assert len(trying.stage.gemini.requests.generations()) == len(await trying.stage.usage()) == 1
    await trying.stage.hear("hi")
    await trying.stage.turn()
    assert (await trying.stage.talk()).ai_reason == "budget", "what was tried counts for conversations too"
    assert [alert["stopped"] for alert in await trying.stage.told_events("budget.alert")] == [True]
    trying.stage.set(budget=BudgetSettings())
    async with trying.stage.database.write() as db:
        await usage_budgets.put(db, trying.stage.session.user_id, Budget(usd=0.000_001))
    other = Playground(trying.stage.database, trying.stage.numbers, trying.stage.answers, trying.stage.tools)
    with pytest.raises(BudgetUsedUpError, match="numbers together"):
        await other.attempt(trying.stage.caller, "main", TryRequest(messages=[TrySaid(text="hi")]))


async def test_a_call_is_kept_within_its_limits(trying: Trying) -> None:
    said = [f"message {n} " + "words " * 100 for n in range(9)]
    tried = (await trying.attempt(*said, settings={"budget": {"reply_tokens": 1000}})).json()
    [request] = trying.stage.gemini.requests.generations()
    assert request.prompt is not None
    assert said[0] not in str(request.prompt) and said[8].strip() in str(request.prompt)  # noqa: PT018
    assert not any(said[0].strip() in part["text"] for part in tried["prompt"])
    assert request.prompt.config["maxOutputTokens"] < 512  # type: ignore[operator]
    refused = await trying.attempt("hi", settings={"budget": {"reply_usd": 0.000_001}})
    assert (refused.status_code, refused.json()["code"]) == (409, "budget_used_up")


async def test_the_owners_key_and_the_fallback_models_are_used(trying: Trying) -> None:
    trying.stage.gemini.api_key = "anas-own"
    assert (await trying.attempt("hi")).status_code == 409
    trying.keys["google"] = Key("anas-own")
    trying.stage.gemini.script.when(on_model("gemini-3.5-flash-lite"), says.Empty())
    tried = await trying.attempt("hi", settings={"fallback_models": ["gemini-3.8-flash"]})
    assert tried.json()["ai"]["model"] == "gemini-3.8-flash"
    failed = await trying.attempt("hi")
    assert failed.status_code == 503
    used = await trying.stage.usage()
    models = ["gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-3.5-flash-lite"]
    assert [(u.purpose, u.model) for u in used] == [("try", model) for model in models], "also calls without an answer"


async def test_what_was_answered_before_time_ran_out_is_paid_for(trying: Trying) -> None:
    stage = trying.stage
    stage.set(budget=BudgetSettings(number_tokens=10))
    stage.gemini.script.enqueue(says.ToolCall("hand_over", {"reason": "angry"}), says.Hang())
    body = TryRequest(messages=[TrySaid(text="I want a person")])
    hasty = Playground(stage.database, stage.numbers, stage.answers, stage.tools, seconds=2)
    with pytest.raises(UnavailableError, match="too long"):
        await hasty.attempt(stage.caller, "main", body)
    assert len(stage.gemini.requests.generations()) == 2
    [used] = await stage.usage()
    assert (used.purpose, used.cost_microusd > 0) == ("try", True)
    with pytest.raises(BudgetUsedUpError):
        await hasty.attempt(stage.caller, "main", body)


async def test_frequent_answers_and_documents_are_tried_as_in_a_conversation(
    trying: Trying, cache: Cache, tmp_path: Path
) -> None:
    stage = trying.stage
    embedders = Embedders(Settings(_env_file=None, data_dir=tmp_path), local=SpellingEmbedder())
    index, approved = KnowledgeIndex(stage.database, embedders), AnswerIndex(stage.database, embedders)
    service = FrequentAnswerService(stage.database, _nobody)
    ready = ReadyAnswers(stage.database, cache, approved, Learning(stage.database, approved, service))
    documents = KnowledgeService(stage.database, _nobody)
    playground = Playground(
        stage.database, stage.numbers, stage.answers, stage.tools, ready=ready, knowing=Knowing(index)
    )
    text = "Delivery to Santos costs 12 reais and takes two days."
    await documents.add_text(stage.caller, "main", "Delivery", text, SourceKind.MARKDOWN, None, embed=False)
    await service.create(stage.caller, NewAnswer("Do you sell cakes?", "Only on Fridays.", phrasings=["any cakes"]))
    stage.session = replace(stage.session, knowledge_version=1, answers_version=1)
    stage.numbers.facts["main"] = stage.session
    stage.set(frequent=FrequentSettings(mode="shadow"), knowledge=KnowledgeSettings(whole_tokens=0))
    await approved.ready(Number("main", stage.session.user_id, 1, "local"))
    stage.gemini.script.enqueue("Santos: 12 reais, two days.")
    body = TryRequest(messages=[TrySaid(text="How much is it to Santos?")])
    tried = await playground.attempt(stage.caller, "main", body)
    parts = {part.part: part.text for part in tried.prompt}
    assert "Only on Fridays." in parts["system"]
    assert text in parts["knowledge"]
    assert [source.title for source in tried.ai.sources] == ["Delivery"]
    await documents.stop()
    await index.stop()


async def _nobody(_: str) -> None:
    """Forget nothing."""


async def test_strangers_try_nothing(trying: Trying) -> None:
    body = {"messages": [{"text": "hi"}]}
    assert (await trying.strangers.post("/sessions/main/try", json=body)).status_code == 404
    assert (await trying.api.post("/sessions/none/try", json=body)).status_code == 404
