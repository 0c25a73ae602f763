"""`python -m prosa_simulator world`, as a person uses it."""

import asyncio
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from prosa.errors import ConfigurationError
from prosa.whatsapp.process import find_binary
from prosa_simulator.__main__ import BY_HAND, app

from .conftest import Control

ANA = "5511988887777"


@pytest.mark.parametrize("arguments", [["--help"], ["world", "--help"]])
def test_help_says_how_to_drive_it_by_hand(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0
    for line in re.findall(r"^    (\S.*)", BY_HAND, re.MULTILINE):
        assert len(line) < 100  # not broken by a terminal of usual width
        assert line in told.output


async def test_what_help_shows_is_there(control: Control) -> None:
    routes = [re.sub(r"\{\w+\}", "[^/]+", route) for route in (await control.get("/"))["routes"]]
    shown = re.findall(r"curl (.*)\$CONTROL(/[^\s?\"]*)(.*)", BY_HAND)
    assert len(shown) > 10
    for options, path, rest in shown:
        named = re.search(r"-X (\w+)", options)
        method = named.group(1) if named else "POST" if re.search(r" -[dF] ", rest) else "GET"
        assert any(re.fullmatch(route, f"{method} {path}") for route in routes), f"{method} {path}"


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """A `world` of its own process, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prosa_simulator", "world", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed: dict[str, str] = {}
    try:
        assert process.stdout is not None
        while "CONTROL" not in printed and (line := (await process.stdout.readline()).decode().strip()):
            if not line.startswith("#"):
                name, _, value = line.partition("=")
                printed[name] = value
        if "CONTROL" not in printed:
            # Its output has ended, so it is ending. A signal now could reap it before asyncio's watcher does
            # (Popen.send_signal polls first), and its exit code would be lost.
            async with asyncio.timeout(30):
                await process.wait()
        yield process, printed
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_a_world_keeps_its_contacts_over_restarts(tmp_path: Path) -> None:
    try:
        find_binary(None)
    except ConfigurationError as error:
        pytest.skip(f"{error.detail} {error.remedy}")
    devices: list[str] = []
    for _ in range(2):
        async with running("--data", str(tmp_path / "world")) as (process, printed), aiohttp.ClientSession() as http:
            control = Control(printed["CONTROL"], http)
            settings = {name: value for name, value in printed.items() if name != "CONTROL"}
            assert settings == (await control.get("/state"))["settings"]
            if not devices:
                await control.link(ANA, "Ana")
            contact = await control.get(f"/contacts/{ANA}")
            devices.append(contact["device"])
            assert (contact["name"], contact["online"]) == ("Ana", True)
        assert process.returncode == 0
    assert devices[0] == devices[1]


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with running("--port", str(taken.getsockname()[1])) as (process, printed):
            assert printed == {}
            assert process.stderr is not None
            told = (await process.stderr.read()).decode()
            assert "address already in use" in told
            assert "Traceback" not in told
        assert process.returncode == 1
