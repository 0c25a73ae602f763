"""What may be spent: told once when it is nearly spent, and then no more is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.databases import watched
from tests.fixtures.turns import TurnStage, turn_stage

from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.settings.budget import BudgetSettings
from prosa.turns.budget import Budgets
from prosa.usage import budgets as usage_budgets
from prosa.usage.budgets import Budget


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        stage.gemini.script.default = "Sim."
        yield stage


async def ask(stage: TurnStage, times: int = 1, replier: Any = None) -> Any:
    replier = replier or stage.replier()
    for _ in range(times):
        await stage.hear("Está aberto?")
        await stage.turn(replier)
    return replier


def set_budget(stage: TurnStage, **values: Any) -> None:
    stage.set(budget=BudgetSettings(**values))


@pytest.mark.parametrize("scope", ["conversation", "number", "owner"])
async def test_a_spent_budget_stops_the_model_and_says_so_once(stage: TurnStage, scope: str) -> None:
    settings: dict[str, Any] = {"message": "Volto logo.", "alert_share": 0.5}
    if scope == "owner":
        async with stage.database.write() as db:
            await usage_budgets.put(db, stage.session.user_id, Budget(tokens=500, alert_share=0.5))
    else:
        settings[f"{scope}_tokens"] = 500
    set_budget(stage, **settings)
    await ask(stage, 4)
    used = [u.input_tokens + u.output_tokens for u in await stage.usage()]
    assert len(used) == 2, "one call is some 300 tokens, and the second one passes the limit"
    assert sum(used) >= 500
    assert (await stage.talk()).ai_reason == "budget"
    assert [text for _, text in await stage.said()].count("Volto logo.") == 1
    alerts = await stage.told_events("budget.alert")
    assert [(a["scope"], a["stopped"]) for a in alerts] == [(scope, False), (scope, True)]
    assert alerts[1]["tokens"] == sum(used)
    assert alerts[1]["most_tokens"] == 500


async def test_money_counts_too_and_a_restart_forgets_nothing(stage: TurnStage) -> None:
    await ask(stage)
    [usage] = await stage.usage()
    set_budget(stage, number_usd=usage.cost_microusd / 1_000_000)
    await ask(stage, replier=stage.replier())
    assert len(await stage.usage()) == 1
    assert (await stage.talk()).ai_reason == "budget"
    set_budget(stage, number_usd=1)
    await ask(stage)
    assert len(await stage.usage()) == 2
    assert (await stage.talk()).ai_state == "idle"


async def test_budgets_cost_no_query_a_turn(stage: TurnStage) -> None:
    set_budget(stage, number_tokens=10**9, conversation_tokens=10**9)
    replier = await ask(stage)
    await stage.hear("e amanhã?")
    claimed = await stage.claim()
    with watched(stage.database) as seen:
        await replier.reply(claimed)
    assert not [statement for statement, _ in seen if "sum(" in statement.lower() or "owner_budgets" in statement]


async def test_a_new_month_begins_at_nothing_and_other_processes_are_seen(stage: TurnStage) -> None:
    await ask(stage)
    talk = await stage.talk()
    moment, elapsed = datetime(2026, 11, 24, tzinfo=UTC), 0.0
    [usage] = await stage.usage()
    moment = usage.created_at
    budgets = Budgets(stage.database, lambda: moment, lambda: elapsed)
    set_budget(stage, number_tokens=usage.input_tokens + usage.output_tokens + 1)
    assert not await budgets.stops(stage.session, talk.id)
    await ask(stage)
    assert not await budgets.stops(stage.session, talk.id), "not looked again yet"
    elapsed = 31.0
    assert await budgets.stops(stage.session, talk.id)
    moment = datetime(moment.year + 1, 1, 1, tzinfo=UTC)
    assert not await budgets.stops(stage.session, talk.id)


async def test_a_call_is_kept_within_its_limits(stage: TurnStage) -> None:
    set_budget(stage, reply_tokens=800)
    await ask(stage)
    [request] = stage.gemini.requests.generations()
    assert request.prompt is not None
    assert 64 <= request.prompt.config["maxOutputTokens"] < 500  # type: ignore[operator]
    set_budget(stage, reply_usd=0.000_001)
    await ask(stage)
    assert len(stage.gemini.requests.generations()) == 1
    assert (await stage.talk()).ai_reason == "budget"


async def test_a_long_talk_is_cut_to_the_limit_of_a_call(stage: TurnStage) -> None:
    replier = stage.replier()
    for n in range(6):
        await stage.hear(f"pergunta {n} " + "palavras " * 60)
        await stage.turn(replier)
    set_budget(stage, reply_tokens=1000)
    await ask(stage, replier=replier)
    prompt = stage.gemini.requests.generations()[-1].prompt
    assert prompt is not None
    assert len("".join(prompt.texts()) + prompt.system_text) // 4 < 800
    assert len(await stage.answers_sent()) == 7
