"""What may be spent: told once when it is nearly spent, and then no more is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import CONTACT, GROUP
from tests.fixtures.databases import watched
from tests.fixtures.turns import TurnStage, end, turn_stage

from prosa.answers.index import Number
from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.embeddings import Embedded
from prosa.embeddings.gemini import GeminiEmbedder
from prosa.events.bus import Bus
from prosa.sessions.settings.audience import AudienceSettings
from prosa.sessions.settings.budget import BudgetSettings
from prosa.sessions.settings.context import ContextSettings
from prosa.sessions.settings.turns import TurnSettings
from prosa.settings import Settings
from prosa.turns.budget import Budgets
from prosa.turns.ready import MatchCosts
from prosa.turns.reply import Replier
from prosa.usage import budgets as usage_budgets
from prosa.usage.budgets import Budget, Scope, Spent
from prosa.usage.service import UsageService
from prosa_simulator.gemini import answers as says
from prosa_simulator.gemini import on_system


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


async def test_a_group_is_told_of_no_budget(stage: TurnStage) -> None:
    set_budget(stage, message="Volto logo.", conversation_tokens=1)
    stage.set(audience=AudienceSettings(groups="on"))
    for body in ("um", "dois"):
        await stage.hear(body, chat=GROUP, sender=CONTACT, is_group=True)
        await stage.turn()
    talk = await stage.talk(GROUP)
    assert (talk.ai_state, talk.ai_reason) == ("skipped", "budget")
    assert [author for author, _ in await stage.said(GROUP)] == ["contact", "ai", "contact"]


async def test_nothing_is_said_of_a_budget_to_whom_a_person_has_just_written(
    stage: TurnStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budget(stage, message="Volto logo.", conversation_tokens=1)
    await ask(stage)
    of_number = stage.tools.of_number

    async def slowly(session_id: str) -> Any:
        await stage.hear("Já respondo eu", from_me=True)
        return await of_number(session_id)

    monkeypatch.setattr(stage.tools, "of_number", slowly)
    await ask(stage)
    assert (await stage.talk()).ai_reason == "answered_by_person"
    assert "Volto logo." not in [text for _, text in await stage.said()]


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


async def add_answer(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    await ask(stage, replier=replier)


async def fail(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    stage.gemini.script.enqueue(says.BlockedAnswer(text="não"))
    await ask(stage, replier=replier)
    assert (await stage.talk()).ai_state == "failed"


async def overtake(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    stage.set(turns=TurnSettings(when_overtaken="restart"))
    await drop(stage, replier, "e amanhã?")
    assert (await stage.talk()).ai_overtaken == 1


async def forbid(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    await drop(stage, replier, ai_enabled=False)
    assert (await stage.talk()).ai_state == "skipped"


async def drop(stage: TurnStage, replier: Replier, *more: str, **changes: Any) -> None:
    """Begin an answer that is no longer wanted when it comes: more was written, or the settings changed."""
    stage.gemini.script.enqueue(says.Hang(then=says.Text("tarde")))
    await stage.hear("Está aberto?")
    claimed = await stage.claim()
    task = asyncio.create_task(replier.reply(claimed))
    await stage.until(lambda: stage.gemini.hanging == 1)
    for text in more:
        await stage.hear(text)
    stage.set(**changes)
    await end(stage, task)


async def summarise(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    stage.set(context=ContextSettings(window_tokens=400, keep_messages=2))
    stage.gemini.script.when(on_system("keep the notes"), "contact: o pedido é 48213")
    for _ in range(3):
        await stage.hear("O pedido é 48213. " + "palavras sem importância " * 30)
        await stage.turn(replier)
        await replier.compactor.idle()
    assert "summary" in {usage.purpose for usage in await stage.usage()}


async def compare(stage: TurnStage, replier: Replier, budgets: Budgets) -> None:
    number = Number(stage.session.session_id, stage.session.user_id, 1, "gemini")
    embedder = GeminiEmbedder(Settings(_env_file=None, gemini_api_key="k"))
    await MatchCosts(stage.database, budgets)(number, embedder, Embedded([], input_tokens=70, cost_microusd=9))


@pytest.mark.parametrize("spend", [add_answer, fail, overtake, forbid, summarise, compare])
@pytest.mark.parametrize("scope", ["number", "owner"])
async def test_whatever_is_recorded_counts_at_once(stage: TurnStage, spend: Any, scope: str) -> None:
    budgets = Budgets(stage.database, now=lambda: 0.0)  # sums are never read a second time
    whose = Scope(stage.session.user_id, stage.session.session_id if scope == "number" else None)
    replier = stage.replier(budgets=budgets)
    await ask(stage, replier=replier)
    before = await budgets._spent(whose)
    await spend(stage, replier, budgets)
    used = await stage.usage()
    spent = await budgets._spent(whose)
    assert spent.tokens == sum(u.input_tokens + u.output_tokens for u in used) > before.tokens
    assert spent.microusd == sum(u.cost_microusd or 0 for u in used) > before.microusd


async def test_what_is_recorded_while_a_sum_is_read_is_not_lost(stage: TurnStage, monkeypatch: Any) -> None:
    budgets, scope = Budgets(stage.database), Scope(stage.session.user_id)
    read = usage_budgets.spent

    async def slowly(*args: Any, **options: Any) -> Spent:
        found = await read(*args, **options)
        budgets.add(scope, tokens=5, microusd=1)
        return found

    monkeypatch.setattr(usage_budgets, "spent", slowly)
    assert await budgets._spent(scope) == Spent(5, 1)
    monkeypatch.undo()
    assert await budgets._spent(scope) == Spent(5, 1)


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


@pytest.mark.parametrize("limit", ["reply_tokens", "reply_usd"])
async def test_a_reply_that_comes_near_its_limit_is_told_once(stage: TurnStage, limit: str) -> None:
    await ask(stage)
    [usage] = await stage.usage()
    tokens = usage.input_tokens + usage.output_tokens
    cost = usage.cost_microusd / 1_000_000
    set_budget(stage, **{limit: {"reply_tokens": 10_000_000, "reply_usd": cost * 1000}[limit]})
    await ask(stage)
    assert await stage.told_events("budget.alert") == [], "far from it"
    share = {"reply_tokens": tokens / 20_000, "reply_usd": 0.0005}[limit]
    set_budget(stage, alert_share=share, **{limit: {"reply_tokens": 20_000, "reply_usd": cost * 1000}[limit]})
    await ask(stage, 2)
    [alert] = await stage.told_events("budget.alert")
    assert (alert["scope"], alert["stopped"], alert["conversation_id"]) == ("reply", False, None)
    assert alert["tokens"] >= tokens
    assert alert["most_tokens"] == (20_000 if limit == "reply_tokens" else None)
    assert (await stage.talk()).ai_state == "idle", "it is answered all the same"


async def test_a_budget_that_is_set_holds_at_once(stage: TurnStage, bus: Bus) -> None:
    budgets = Budgets(stage.database, now=lambda: 0.0, bus=bus)  # never looked up a second time by itself
    await ask(stage)
    talk = await stage.talk()
    assert not await budgets.stops(stage.session, talk.id)
    service, caller = UsageService(stage.database, bus=bus), Caller(stage.session.user_id, "owner")
    await service.set_budget(caller, Budget(tokens=1))
    assert await budgets.stops(stage.session, talk.id)
    await service.set_budget(caller, Budget(tokens=10**9))
    assert not await budgets.stops(stage.session, talk.id)


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


@pytest.mark.parametrize("scope", ["conversation", "number", "owner"])
async def test_an_alert_comes_at_the_share_that_was_set(stage: TurnStage, scope: str) -> None:
    await ask(stage)
    [usage] = await stage.usage()
    most = 8 * (usage.input_tokens + usage.output_tokens)

    async def alert_at(share: float) -> list[str]:
        if scope == "owner":
            async with stage.database.write() as db:
                await usage_budgets.put(db, stage.session.user_id, Budget(tokens=most, alert_share=share))
        else:
            set_budget(stage, alert_share=share, **{f"{scope}_tokens": most})
        await ask(stage)
        return [alert["scope"] for alert in await stage.told_events("budget.alert")]

    assert await alert_at(0.7) == []
    assert await alert_at(0.2) == [scope]
