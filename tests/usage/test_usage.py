"""What model calls cost, added up; on both databases and over HTTP."""

import csv
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from tests.fixtures.conversations import add_owner, add_session, conversations, inbound, receiver
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.errors import InvalidInputError
from prosa.outbox import queue
from prosa.outbox.content import OutboundText
from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.usage import budgets, repository, traffic
from prosa.usage.budgets import Scope
from prosa.usage.endpoints import router
from prosa.usage.repository import NewUsage
from prosa.usage.service import UsageService
from prosa.users.models import User

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


async def person(database: Database) -> Caller:
    user_id = uuid.uuid4()
    async with database.write() as db:
        await db.execute(insert(User).values(id=user_id, email=f"{user_id}@example.com", role="owner"))
    return Caller(user_id, "owner")


async def call(database: Database, caller: Caller, at: datetime = NOW, **values: Any) -> None:
    defaults: dict[str, Any] = {
        "session_id": "shop", "conversation_id": None, "message_id": None, "purpose": "reply",
        "provider": "google", "model": "gemini-3.5-flash-lite", "input_tokens": 100, "cached_tokens": 40,
        "output_tokens": 10, "cost_microusd": 55, "latency_ms": 800,
    }  # fmt: skip
    usage = NewUsage(user_id=caller.user_id, created_at=at, **(defaults | values))
    await database.submit(lambda db: repository.add(db, usage))


@pytest.fixture
def service(database: Database) -> UsageService:
    return UsageService(database, clock=lambda: NOW)


async def test_totals_by_day_and_model(database: Database, service: UsageService) -> None:
    caller, other = await person(database), await person(database)
    await call(database, caller)
    await call(database, caller, input_tokens=300, latency_ms=400, cost_microusd=None)
    await call(database, caller, model="gemini-3.8-flash", session_id="home")
    await call(database, caller, NOW - timedelta(days=1))
    await call(database, caller, NOW - timedelta(days=40))
    await call(database, other)

    totals = await service.totals(caller)
    assert [(t.day, t.model, t.calls) for t in totals] == [
        (date(2026, 11, 24), "gemini-3.5-flash-lite", 2),
        (date(2026, 11, 24), "gemini-3.8-flash", 1),
        (date(2026, 11, 23), "gemini-3.5-flash-lite", 1),
    ]
    first = totals[0]
    assert (first.input_tokens, first.cached_tokens, first.output_tokens) == (400, 80, 20)
    assert (first.cost_microusd, first.unpriced_calls, first.latency_ms) == (55, 1, 600)
    assert [t.model for t in await service.totals(caller, session_id="home")] == ["gemini-3.8-flash"]


async def test_days_begin_and_end_at_midnight_utc(database: Database, service: UsageService) -> None:
    caller = await person(database)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    await call(database, caller, midnight)
    await call(database, caller, midnight - timedelta(microseconds=1))
    day = date(2026, 11, 24)
    assert [t.day for t in await service.totals(caller, first=day, last=day)] == [day]
    assert [t.day for t in await service.totals(caller)] == [day, day - timedelta(days=1)]


async def test_impossible_periods(service: UsageService, database: Database) -> None:
    caller = await person(database)
    for first, last in (
        (date(2026, 1, 2), date(2026, 1, 1)),
        (date(2020, 1, 1), date(2026, 1, 1)),
        (None, date.max),
        (None, date.min),
    ):
        with pytest.raises(InvalidInputError):
            await service.totals(caller, first=first, last=last)
    assert await service.totals(caller, first=date.min, last=date.min) == []


async def test_over_http(database: Database, service: UsageService) -> None:
    caller = await person(database)
    await call(database, caller)
    await call(database, caller, cost_microusd=None)
    app = create_test_app({UsageService: service}, [router], caller)
    async with client_of(app) as client:
        report = (await client.get("/usage", params={"from": "2026-11-01", "to": "2026-11-30"})).json()
        assert report["items"][0]["day"] == "2026-11-24"
        assert report["items"][0]["purpose"] == "reply"
        assert (report["calls"], report["input_tokens"], report["cost_microusd"], report["unpriced_calls"]) == (
            2, 200, 55, 1,
        )  # fmt: skip
        for bad in ({"from": "yesterday"}, {"from": "2026-12-01", "to": "2026-11-01"}, {"session": "a\x00b"}):
            assert (await client.get("/usage", params=bad)).status_code == 422


async def test_grouped_as_one_likes_and_as_a_table(database: Database, service: UsageService) -> None:
    caller = await person(database)
    await call(database, caller, saved_tokens=1000)
    await call(database, caller, session_id="home", purpose="summary")
    await call(database, caller, NOW - timedelta(days=1))
    app = create_test_app({UsageService: service}, [router], caller)
    async with client_of(app) as client:
        query = {"from": "2026-11-01", "to": "2026-11-30"}
        by_number = (await client.get("/usage", params={**query, "group": ["session", "session"]})).json()
        assert [(t["session_id"], t["day"], t["calls"]) for t in by_number["items"]] == [
            ("home", None, 1),
            ("shop", None, 2),
        ]
        assert by_number["saved_tokens"] == 1000
        assert (by_number["reply_p50_ms"], by_number["reply_p95_ms"], by_number["answers"]) == (800, 800, {})
        table = await client.get("/usage.csv", params={**query, "group": ["day", "purpose"]})
        assert table.headers["content-type"].startswith("text/csv")
        assert table.text.startswith("\ufeffday,"), "spreadsheets need the mark to read UTF-8"
        lines = table.content.decode("utf-8-sig").splitlines()
        assert lines[0].startswith("day,session_id,provider,model,purpose,calls,")
        assert [line.split(",")[:6] for line in lines[1:]] == [
            ["2026-11-24", "", "", "", "reply", "1"], ["2026-11-24", "", "", "", "summary", "1"],
            ["2026-11-23", "", "", "", "reply", "1"],
        ]  # fmt: skip
        assert (await client.get("/usage", params={"group": "weather"})).status_code == 422


async def test_a_table_holds_no_formula(database: Database, service: UsageService) -> None:
    """Models' names are typed in by people: those of a spreadsheet's owner, who opens everybody's."""
    caller = await person(database)
    await call(database, caller, session_id="-shop", model='=HYPERLINK("https://evil.example")')
    await call(database, caller, provider="@evil", model="+1")
    app = create_test_app({UsageService: service}, [router], caller)
    async with client_of(app) as client:
        query = {"from": "2026-11-01", "to": "2026-11-30", "group": ["session", "provider", "model"]}
        table = await client.get("/usage.csv", params=query)
    rows = list(csv.reader(table.content.decode("utf-8-sig").splitlines()))[1:]
    assert sorted((row[1], row[2], row[3], row[5]) for row in rows) == [
        ("'-shop", "google", "'=HYPERLINK(\"https://evil.example\")", "1"), ("shop", "'@evil", "'+1", "1"),
    ]  # fmt: skip


async def test_answers_by_where_they_came_from_are_the_owners_own(database: Database, service: UsageService) -> None:
    owner, other = await add_owner(database), await add_owner(database, "bia@example.com")
    for person_, name in ((owner, "main"), (other, "hers")):
        session = await add_session(database, person_, name)
        await receiver(database, Path("unused")).message(session, inbound())
    talks = await conversations(database)
    for index, tier in enumerate(["model", "model", "exact"]):
        async with database.write() as db:
            now = [NOW - timedelta(days=40), NOW, NOW][index]
            await enqueue_answer(db, talks[0].id, tier, now)
            await enqueue_answer(db, talks[1].id, "fallback", now)
    report = await service.report(owner)
    assert report.answers == {"model": 1, "exact": 1}
    assert (await service.report(owner, session_id="hers")).answers == {}


async def enqueue_answer(db: WriteDb, talk: uuid.UUID, tier: str, at: datetime) -> None:
    sent = await queue.enqueue(db, talk, author=Author.AI, content=OutboundText("oi"), ai={"tier": tier})
    await db.execute(MESSAGES.update().where(MESSAGES.c.id == sent.id).values(stored_at=at))


async def test_messages_are_counted_and_waits_told(database: Database, service: UsageService) -> None:
    owner, other = await add_owner(database), await add_owner(database, "bia@example.com")
    for person_, name in ((owner, "main"), (other, "hers")):
        session = await add_session(database, person_, name)
        await receiver(database, Path("unused")).message(session, inbound())
    talk = (await conversations(database))[0].id
    async with database.write() as db:
        await db.execute(MESSAGES.update().values(stored_at=NOW))
        said = ((4, Author.AI, "model"), (6, Author.AI, None), (9, Author.PERSON, None), (9, Author.PROGRAM, None))
        for seconds, author, tier in said:
            ai = {"tier": tier} if tier else None
            sent = await queue.enqueue(db, talk, author=author, content=OutboundText("oi"), ai=ai)
            at = NOW + timedelta(seconds=seconds)
            await db.execute(MESSAGES.update().where(MESSAGES.c.id == sent.id).values(stored_at=at))
        yesterday = NOW - timedelta(days=1)
        for type_, seq in (("reaction", None), ("text", -1)):  # neither counts
            sent = await queue.enqueue(db, talk, author=Author.PHONE, content=OutboundText("oi"))
            change = {"stored_at": yesterday, "type": type_} | ({"seq": seq} if seq else {})
            await db.execute(MESSAGES.update().where(MESSAGES.c.id == sent.id).values(**change))
    app = create_test_app({UsageService: service}, [router], owner)
    async with client_of(app) as client:
        query = {"from": "2026-11-01", "to": "2026-11-30", "group": ["session", "day"]}
        report = (await client.get("/usage/messages", params=query)).json()
        assert report == {
            "items": [
                {
                    "day": "2026-11-24", "session_id": "main", "received": 1, "sent_ai": 2, "sent_person": 2,
                    "sent_phone": 0, "sent_automatic": 0, "answers": {"model": 1},
                }
            ],
            "wait_ai": {"answers": 1, "p50_ms": 4000, "p95_ms": 4000},
            "wait_people": {"answers": 0, "p50_ms": None, "p95_ms": None},
        }  # fmt: skip
        lines = (await client.get("/usage/messages.csv", params=query)).text.splitlines()
        assert lines[1:] == ["2026-11-24,main,1,2,2,0,0,1,0,0,0"]
        assert (await client.get("/usage/messages", params={"session": "hers"})).json()["items"] == []
    async with database.read() as db:
        if db.dialect == "sqlite":
            where = f"session_id = 'main' AND stored_at >= '2026-11-01' AND {traffic.COUNTED}"
            plan = (await db.execute(text(f"EXPLAIN QUERY PLAN SELECT count(*) FROM messages WHERE {where}"))).all()
            assert "ix_messages_session_id_stored_at" in str(plan)


async def test_saved_tokens_have_a_price(database: Database) -> None:
    asked: list[tuple[str, str, int, float]] = []

    def price(*what: Any) -> int | None:
        asked.append(what)
        return None if what[1] == "unknown" else what[2] // 10

    service, caller = UsageService(database, lambda: NOW, price), await person(database)
    await call(database, caller, saved_tokens=1000)
    await call(database, caller, saved_tokens=500, session_id="home", latency_ms=200)
    await call(database, caller, saved_tokens=500, model="unknown")
    [total] = await service.totals(caller, group=("day",))
    assert (total.saved_tokens, total.saved_microusd, total.calls, total.model) == (2000, 150, 3, None)
    assert total.latency_ms == 600
    assert sorted(asked) == [
        ("google", "gemini-3.5-flash-lite", 1500, 0.4), ("google", "unknown", 500, 0.4),
    ]  # fmt: skip


async def test_ones_own_budget(database: Database, service: UsageService) -> None:
    caller, other = await person(database), await person(database)
    await call(database, caller)
    await call(database, other)
    app = create_test_app({UsageService: service}, [router], caller)
    async with client_of(app) as client:
        assert (await client.get("/usage/budget")).json() == {
            "tokens": None, "usd": None, "alert_share": 0.8, "spent_tokens": 110, "spent_microusd": 55,
        }  # fmt: skip
        for body in ({"usd": 20.5}, {"usd": 20.5, "tokens": 5, "alert_share": 0.5}):
            shown = (await client.put("/usage/budget", json=body)).json()
            assert {name: shown[name] for name in body} == body
        for bad in ({"usd": 0}, {"tokens": -1}, {"alert_share": 2}, {"euros": 1}):
            assert (await client.put("/usage/budget", json=bad)).status_code == 422


async def test_each_scope_counts_its_own_calls_only(database: Database) -> None:
    caller, other = await person(database), await person(database)
    await add_session(database, caller, "shop")
    await add_session(database, caller, "home")
    for session_id in ("shop", "home"):
        session = SessionFacts(session_id, caller.user_id, SessionStatus.OPEN, None, None, SessionSettings())
        await receiver(database, Path("unused")).message(session, inbound())
    mine, elsewhere = [talk.id for talk in await conversations(database)]
    await call(database, caller, conversation_id=mine, input_tokens=1)
    await call(database, caller, input_tokens=10)
    await call(database, caller, session_id="home", conversation_id=elsewhere, input_tokens=100)
    await call(database, other, input_tokens=1000)
    await call(database, caller, NOW - timedelta(days=30), conversation_id=mine, input_tokens=10_000)
    scopes = (Scope(caller.user_id, "shop", mine), Scope(caller.user_id, "shop"), Scope(caller.user_id))
    async with database.read() as db:
        spent = [await budgets.spent(db, scope, begin=NOW - timedelta(days=24)) for scope in scopes]
    assert [one.tokens for one in spent] == [1 + 10, 1 + 10 + 10 + 10, 1 + 10 + 10 + 10 + 100 + 10]
    assert [one.microusd for one in spent] == [55, 110, 165]
