"""What people who run an installation are told of it."""

from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from tests.fixtures.http import client_of, create_test_app

from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.http import system
from prosa.http.health import EngineState
from prosa.ids import new_id
from prosa.settings import Settings


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("admin", 200), ("agent", 403)])
async def test_owners_and_admins_see_what_runs(
    database: Database, cache: Cache, settings: Settings, role: str, status: int
) -> None:
    provided = {
        Database: database,
        Cache: cache,
        EngineState: EngineState(lambda: False),
        Settings: settings.model_copy(update={"gemini_api_key": SecretStr("a secret")}),
    }
    caller = Caller(user_id=new_id(), role=role)
    async with client_of(create_test_app(provided, [system.router], caller)) as client:
        answer = await client.get("/system")
    assert answer.status_code == status
    assert "a secret" not in answer.text
    if status == 403:
        assert answer.json()["detail"] == "This is for owners and admins."
    if status == 200:
        told = SimpleNamespace(**answer.json())
        assert (told.database, told.cache, told.ai_key) == (database.dialect, "memory", True)
        assert told.health["status"] == "degraded"
        assert told.health["engine"] == "away"
