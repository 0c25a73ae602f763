"""What model calls cost, added up; on both databases and over HTTP."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.database import Database
from prosa.errors import InvalidInputError
from prosa.usage import repository
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
