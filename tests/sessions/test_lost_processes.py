"""Whoever takes over the numbers of a process that is gone gives free whatever else it held, wherever it ran."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from tests.fixtures.turns import TurnStage, turn_stage

from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.ids import new_id
from prosa.sessions.repository import TABLE
from prosa.sessions.tenure import LeaseTimes, Tenure

GONE = "elsewhere:1:token"
LIVING = "elsewhere:2:token"


@pytest.fixture
async def stage(database: Database, bus: Bus, cache: Cache, tmp_path: Path) -> AsyncIterator[TurnStage]:
    async with turn_stage(database, bus, cache, tmp_path) as stage:
        yield stage


async def hold(stage: TurnStage, owner: str, *, seconds: float, another: float | None = None) -> None:
    """Let a holder have the number, and perhaps another number, until so many seconds from now."""
    now = utc_now()
    values = {"wanted": True, "due_at": now - timedelta(minutes=1), "lease_owner": owner}
    async with stage.database.write() as db:
        await db.execute(update(TABLE).values(**values, lease_until=now + timedelta(seconds=seconds)))
        if another is not None:
            until = now + timedelta(seconds=another)
            row = {"id": new_id(), "session_id": "another", "user_id": stage.session.user_id, "status": "open"}
            await db.execute(insert(TABLE).values(**row, **values, lease_until=until))


async def taken(stage: TurnStage) -> list[str]:
    tenure = Tenure(stage.database, "here:3:token.numbers", times=LeaseTimes())
    return [claimed.record.session_id for claimed in await tenure.claim(limit=10)]


async def test_turns_of_a_lost_process_are_free_at_once(stage: TurnStage) -> None:
    await stage.hear("hello")
    await stage.claim(f"{GONE}.turns", seconds=300)
    await hold(stage, f"{GONE}.numbers", seconds=-1)
    assert await stage.claim_all() == []
    assert await taken(stage) == [stage.session.session_id]
    assert (await stage.talk()).lease_owner is None
    assert len(await stage.claim_all()) == 1


async def test_a_process_that_still_renews_another_number_lives(stage: TurnStage) -> None:
    await stage.hear("hello")
    await stage.claim(f"{GONE}.turns", seconds=300)
    await hold(stage, f"{GONE}.numbers", seconds=-1, another=10)
    assert await taken(stage) == [stage.session.session_id]
    assert (await stage.talk()).lease_owner == f"{GONE}.turns"


async def test_what_others_hold_of_a_lost_number_stays_theirs(stage: TurnStage) -> None:
    await stage.hear("hello")
    await stage.claim(f"{LIVING}.turns", seconds=300)
    await hold(stage, f"{GONE}.numbers", seconds=-1)
    assert await taken(stage) == [stage.session.session_id]
    assert (await stage.talk()).lease_owner == f"{LIVING}.turns"


async def test_nothing_is_given_free_where_no_number_could_be_taken(stage: TurnStage) -> None:
    await stage.hear("hello")
    await stage.claim(f"{GONE}.turns", seconds=300)
    await hold(stage, f"{GONE}.numbers", seconds=-1)
    async with stage.database.write() as db:
        await db.execute(update(TABLE).values(wanted=False))
    assert await taken(stage) == []
    assert (await stage.talk()).lease_owner == f"{GONE}.turns"
