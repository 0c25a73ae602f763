"""Settings that are not right: a line for each, its name and never its value, exit code 2, and nothing is started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from prosa.errors import ConfigurationError

from .conftest import Prosa

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"PROSA_PORT": SECRET}, ["PROSA_PORT: Input should be a valid integer"]),
        ({"PROSA_PORT": "65536", "PROSA_LOG_LEVEL": "loud"}, ["PROSA_PORT: ", "PROSA_LOG_LEVEL: "]),
        ({"PROSA_DATABASE_URL": f"mysql://root:{SECRET}@db/x"}, ["PROSA_DATABASE_URL: must start with postgresql://"]),
        ({"PROSA_DATABASE_URL": SECRET}, ["PROSA_DATABASE_URL: must start with"]),
        ({"PROSA_REDIS_URL": SECRET}, ["PROSA_REDIS_URL: must be like redis://"]),
        ({"PROSA_REDIS_URL": f"http://:{SECRET}@cache"}, ["PROSA_REDIS_URL: must be like redis://"]),
        ({"PROSA_REDIS_URL": f"redis://:{SECRET}@cache:x"}, ["PROSA_REDIS_URL: must be like redis://"]),
        ({"PROSA_SECRET_KEY": SECRET}, ["PROSA_SECRET_KEY: must have at least 32 characters"]),
        ({"PROSA_GEMINI_BASE_URL": "gemini"}, ["PROSA_GEMINI_BASE_URL: must be an address like https://"]),
        ({"PROSA_PUBLIC_URL": "inbox.example.com"}, ["PROSA_PUBLIC_URL: must be an address like https://"]),
        (
            {"PROSA_CORS_ORIGINS": "https://a.example/app"},
            ["PROSA_CORS_ORIGINS: https://a.example/app is not an origin"],
        ),
        (
            {"PROSA_FRAME_ORIGINS": "https://a.example; *"},
            ["PROSA_FRAME_ORIGINS: https://a.example; * is not an origin"],
        ),
        ({"PROSA_FRAME_ORIGINS": "*"}, ["PROSA_FRAME_ORIGINS: * is not an origin"]),
        ({"PROSA_AI_TIMEOUT_SECONDS": "-1"}, ["PROSA_AI_TIMEOUT_SECONDS: "]),
        ({"PROSA_PROCESSES": "0"}, ["PROSA_PROCESSES: "]),
        ({"PROSA_WHATSAPP_TEST_URL": "ws://127.0.0.1:1"}, ["PROSA_WHATSAPP_TEST_ROOT_KEY", "belong together"]),
    ],
)
@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_what_is_wrong_is_said(
    prosa: Prosa, here: Path, command: str, settings: dict[str, str], says: list[str]
) -> None:
    result = prosa(command, **settings)
    assert result.exit_code == 2
    assert "The settings are not right:" in result.output
    for line in says:
        assert line in result.output
    assert ".env.example explains each" in result.output
    assert SECRET not in result.output
    assert "Traceback" not in result.output
    assert not (here / "data").exists()


@pytest.mark.parametrize("command", [["migrate"], ["user", "list"]])
def test_commands_on_the_database_say_it_too(prosa: Prosa, command: list[str]) -> None:
    result = prosa(*command, PROSA_PORT="x")
    assert result.exit_code in {1, 2}
    assert "PROSA_PORT: " in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_file_of_settings_that_is_no_text(prosa: Prosa, here: Path) -> None:
    (here / ".env").write_bytes(b"\xff\xfe")
    result = prosa("serve")
    assert result.exit_code == 2
    assert ".env cannot be read: it is not UTF-8 text" in result.output


def test_empty_settings_are_unset_ones(prosa: Prosa, here: Path) -> None:
    names = ("PROSA_PORT", "PROSA_HOST", "PROSA_AI_MODEL", "PROSA_REDIS_URL", "PROSA_LOG_LEVEL", "PROSA_DATA_DIR")
    result = prosa("migrate", **dict.fromkeys(names, ""))
    assert result.exit_code == 0, result.output
    assert (here / "data" / "prosa.sqlite3").exists()


def _rubbish_database(here: Path) -> None:
    (here / "data").mkdir()
    (here / "data" / "prosa.sqlite3").write_bytes(b"not a database " * 400)


def _rubbish_key(here: Path) -> None:
    (here / "data").mkdir()
    (here / "data" / "secret.key").write_text("short")


@pytest.mark.parametrize(
    ("settings", "spoil", "detail", "remedy"),
    [
        ({"PROSA_HOST": "host.invalid"}, None, "host.invalid:8000 cannot be listened on", "set PROSA_HOST"),
        ({"PROSA_BRIDGE_PATH": "/nowhere"}, None, "bridge is not at /nowhere", "make setup"),
        ({"PROSA_DATABASE_URL": f"postgresql://u:{SECRET}@127.0.0.1:1/x"}, None, "cannot be used", "server running"),
        ({}, _rubbish_database, "file is not a database", "Is it a database"),
        ({}, _rubbish_key, "too short", "Delete the file"),
        ({}, lambda here: (here / "data").write_text("a file"), "cannot be made", "PROSA_DATA_DIR"),
    ],
    ids=["host", "bridge", "server", "database", "key", "directory"],
)
def test_what_cannot_be_started_is_said(
    prosa: Prosa, here: Path, settings: dict[str, str], spoil: object, detail: str, remedy: str
) -> None:
    if callable(spoil):
        spoil(here)
    port = {} if "PROSA_HOST" in settings else {"PROSA_PORT": "0"}
    error = prosa("serve", **settings, **port).exception
    assert isinstance(error, ConfigurationError)  # which main() tells as below
    assert detail in error.detail
    assert remedy in error.remedy
    assert SECRET not in f"{error.detail} {error.remedy}"


def test_several_processes_that_cannot_be_started_say_it_once(here: Path) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/x"
    settings = {"PROSA_PROCESSES": "3", "PROSA_DATABASE_URL": url, "PROSA_REDIS_URL": "redis://127.0.0.1:1"}
    command = [sys.executable, "-m", "prosa", "serve", "--port", "0"]
    done = subprocess.run(
        command, cwd=here, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("cannot be used") == 1
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr + done.stdout


def test_several_processes_without_a_place_to_meet_say_what_to_do(here: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)  # no socket can be there
    deep.mkdir()
    settings = {"PROSA_PROCESSES": "2", "TMPDIR": str(deep)}
    command = [sys.executable, "-m", "prosa", "serve", "--port", "0"]
    done = subprocess.run(
        command, cwd=here, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "PROSA_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(deep.iterdir())


def test_a_port_that_is_taken(here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "prosa", "serve", "--port", port]
        done = subprocess.run(command, cwd=here, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in done.stderr
    assert "→ Another program (or another Prosa) has the port" in done.stderr
    assert "Traceback" not in done.stderr
