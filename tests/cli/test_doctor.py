"""`prosa doctor`: each check when all is well, and how to mend it when it is not; secrets are never printed."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from tests.fixtures import servers

from prosa.database.revisions import head
from prosa.doctor import Finding, examine
from prosa.settings import Settings
from prosa_simulator.gemini import GeminiServer

from .conftest import Prosa

SECRET = "hunter2-is-my-secret"
KEY = "test-key"


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer(api_key=KEY) as server:
        yield server


async def finding(here: Path, name: str, **settings: Any) -> Finding:
    values = {"data_dir": here / "data", **settings}
    found = {finding.name: finding for finding in await examine(Settings(_env_file=None, **values))}
    assert found.keys() == {"settings", "data directory", "database", "Redis", "Gemini key", "bridge"}
    assert all(finding.remedy for finding in found.values() if not finding.good)
    assert SECRET not in str(found)
    return found[name]


async def test_a_good_key_and_model(here: Path, gemini: GeminiServer) -> None:
    found = await finding(here, "Gemini key", gemini_api_key=KEY, gemini_base_url=gemini.base_url)
    assert (found.good, found.text) == (True, "accepted; gemini-3.5-flash-lite is there")


@pytest.mark.parametrize(
    ("settings", "text", "remedy"),
    [
        ({}, "not set: messages are stored and not answered", "aistudio.google.com/apikey"),
        ({"gemini_api_key": SECRET}, "Google refuses it", "Check PROSA_GEMINI_API_KEY"),
        ({"gemini_api_key": f"{SECRET}é"}, "characters that no key has", "Copy PROSA_GEMINI_API_KEY again"),
        ({"gemini_api_key": KEY, "ai_model": "gpt-nonsense"}, "there is no model gpt-nonsense", "Set PROSA_AI_MODEL"),
        ({"gemini_api_key": KEY, "gemini_base_url": "http://127.0.0.1:1"}, "cannot be reached", "Is the network up"),
    ],
)
async def test_a_key_that_does_not_work(
    here: Path, gemini: GeminiServer, settings: dict[str, Any], text: str, remedy: str
) -> None:
    found = await finding(here, "Gemini key", **{"gemini_base_url": gemini.base_url, **settings})
    assert not found.good
    assert text in found.text
    assert remedy in found.remedy


async def test_a_redis_that_answers_and_one_that_does_not(here: Path, redis_server: servers.RedisServer) -> None:
    assert (await finding(here, "Redis", redis_url=redis_server.url)).text == "answers"
    away = await finding(here, "Redis", redis_url=f"redis://:{SECRET}@127.0.0.1:1/0")
    assert not away.good
    assert "Prosa works without it, slower" in away.remedy


@pytest.mark.postgres
async def test_a_password_that_is_wrong(here: Path, postgres_server: URL) -> None:
    url = postgres_server.set(password=SECRET, username="nobody_of_this_name", drivername="postgresql")
    found = await finding(here, "database", database_url=url.render_as_string(hide_password=False))
    assert not found.good
    assert "nobody_of_this_name" in found.text
    assert "PROSA_DATABASE_URL" in found.remedy


async def test_a_database_of_each_age(here: Path, sqlite_database_url: URL) -> None:
    path = Path(str(sqlite_database_url.database))
    url = f"sqlite:///{path}"
    newest = await finding(here, "database", database_url=url)
    assert newest.good
    assert newest.text.endswith(f"revision {head()}")
    for revision, good, text in (("0001", True, f"needs {head()}"), ("9999", False, "does not know")):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.close()
        found = await finding(here, "database", database_url=url)
        assert found.good is good
        assert text in found.text
        assert found.remedy


async def test_a_file_that_is_no_database(here: Path) -> None:
    (here / "rubbish").write_bytes(b"no database at all" * 100)
    found = await finding(here, "database", database_url=f"sqlite:///{here / 'rubbish'}")
    assert (found.good, found.text.rpartition(": ")[2]) == (False, "file is not a database")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nowhere", "is not at"),
        ("plain", "may not be executed"),
        ("other", "is another program"),
        ("ends", "ends with 3"),
    ],
)
async def test_a_bridge_that_is_none(here: Path, path: str, text: str) -> None:
    (here / "plain").write_text("#!/bin/sh\n")
    for name, script in (("other", "echo hello"), ("ends", "exit 3")):
        (here / name).write_text(f"#!/bin/sh\n{script}\n")
        (here / name).chmod(0o755)
    found = await finding(here, "bridge", bridge_path=here / path)
    assert not found.good
    assert text in found.text


async def test_a_data_directory_that_is_a_file(here: Path) -> None:
    (here / "data").write_text("")
    found = await finding(here, "data directory")
    assert found.text.endswith("cannot be written: it is a file")


async def test_looking_makes_no_data_directory(here: Path) -> None:
    found = await finding(here, "data directory", data_dir=here / "new" / "data")
    assert (found.good, found.text) == (True, f"{here / 'new' / 'data'} will be made on the first start")
    assert not (here / "new").exists()
    (here / "file").write_text("")
    found = await finding(here, "data directory", data_dir=here / "file" / "data")
    assert found.text.endswith(f"cannot be written: {here / 'file'} is a file")


async def test_a_mistyped_setting(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROSA_PROT", SECRET)
    found = await finding(here, "settings")
    assert (found.good, found.text) == (False, "unknown: PROSA_PROT")
    assert found.remedy == "PROSA_PROT: did you mean PROSA_PORT?"


def test_everything_is_printed_with_its_remedy(prosa: Prosa, here: Path) -> None:
    wrong = prosa(
        "doctor",
        PROSA_GEMINI_API_KEY=SECRET,
        PROSA_GEMINI_BASE_URL="http://127.0.0.1:1",
        PROSA_DATABASE_URL=f"postgresql://prosa:{SECRET}@127.0.0.1:1/prosa",
        PROSA_REDIS_URL=f"redis://:{SECRET}@127.0.0.1:1",
        PROSA_SECRET_KEY=SECRET * 3,
        PROSA_BRIDGE_PATH="/nowhere",
    )
    assert wrong.exit_code == 1
    assert SECRET not in wrong.output
    lines = wrong.output.splitlines()
    assert [line[:3] for line in lines if not line.startswith(" ")] == ["ok ", "ok ", "bad", "bad", "bad", "bad"]
    assert sum(line.startswith("      → ") for line in lines) == 4


def test_all_well_is_exit_code_0(prosa: Prosa, here: Path) -> None:
    # another provider's model cannot be tried, and is not found bad
    fine = prosa("doctor", PROSA_GEMINI_API_KEY=SECRET, PROSA_AI_MODEL="openai:gpt-5")
    assert fine.exit_code == 0, fine.output
    assert SECRET not in fine.output
    assert "bad" not in fine.output
