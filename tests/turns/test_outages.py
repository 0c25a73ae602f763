"""The database away in the middle of a turn: the answer is kept, paid for once and given once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.fixtures.turns import turn_stage

from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa_simulator.gemini import answers as says


class Switch:
    """Lets a database be away: for reading, writing, or both."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self.refused = 0
        submit, read = database.submit, database.read

        async def maybe_submit(job: Callable[..., Awaitable[Any]], **options: Any) -> Any:
            self._refuse()
            return await submit(job, **options)

        def maybe_read() -> Any:
            self._refuse()
            return read()

        monkeypatch.setattr(database, "submit", maybe_submit)
        monkeypatch.setattr(database, "read", maybe_read)

    def _refuse(self) -> None:
        if self.away:
            self.refused += 1
            raise ConnectionRefusedError


async def test_an_answer_waits_for_the_database_and_the_model_is_asked_once(
    sqlite_database: Database, bus: Bus, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with turn_stage(sqlite_database, bus, cache, tmp_path) as stage:
        switch = Switch(sqlite_database, monkeypatch)
        stage.gemini.script.enqueue(says.Hang(then=says.Text("kept")))
        with structlog.testing.capture_logs() as logs:
            async with stage.running(poll_seconds=0.05, renew_seconds=0.1):
                await stage.hear()
                await stage.until(lambda: stage.gemini.hanging == 1)
                switch.away = True
                stage.gemini.release()
                await stage.until(lambda: switch.refused > 8)
                switch.away = False
                await stage.until(stage.answers_sent)
                switch.away = True  # and before the next turn has read anything
                await asyncio.sleep(0.1)
                switch.away = False
                await stage.hear("and again")
                await stage.until(lambda: _answers(stage, 2))
        talk = await stage.talk()
        usage = await stage.usage()
    assert len(stage.gemini.requests.generations()) == 2
    assert (talk.ai_state, talk.attempts, talk.due_at) == ("idle", 0, None)
    assert len(usage) == 2
    assert not await _failed(stage), "an outage of the database is no failure of the model"
    away = [line for line in logs if line["event"] == "database_away"]
    assert away
    assert len(away) < 12, "an outage does not flood the log"
    assert not [line for line in logs if "exc_info" in line]


async def _answers(stage: Any, count: int) -> bool:
    return len(await stage.answers_sent()) == count


async def _failed(stage: Any) -> list[dict[str, Any]]:
    return list(await stage.told_events("ai.failed"))
