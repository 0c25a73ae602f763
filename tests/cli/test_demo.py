"""`prosa demo --once`: 0 when every answer arrived, else the reason."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from prosa.errors import ConfigurationError
from prosa.whatsapp.process import find_binary
from prosa_simulator.demo import command, story
from prosa_simulator.gemini import Script

from .conftest import Prosa


@pytest.fixture(autouse=True)
def _bridge() -> None:
    try:
        find_binary(None)
    except ConfigurationError as error:
        pytest.skip(f"{error.detail} {error.remedy}")


def test_the_whole_story(prosa: Prosa) -> None:
    told = prosa("demo", "--once")
    assert told.exit_code == 0, told.output
    for said in (
        "“loja” (+551140000001) is linked: its phone scanned the QR code",
        "“vendas” (+551140000002) is linked: its phone typed the pairing code",
        *story.QUESTIONS,
        "The conversation as Prosa stored it",
        "Every answer arrived.",
    ):
        assert said in told.output
    assert told.output.count("│ ai ") == len(story.QUESTIONS)


@pytest.fixture
def demo(here: Path) -> Iterator[subprocess.Popen[str]]:
    """`prosa demo` as a process of its own."""
    command = [sys.executable, "-m", "prosa", "demo"]
    with subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        yield process
        process.terminate()


def test_it_stands_ready_to_play_with_until_it_is_ended(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    text = ""
    while "Ctrl-C" not in text and (line := demo.stdout.readline()):
        text += line
    found = re.search(r"^Open (\S+)/ ", text, re.MULTILINE)
    assert found, text
    control = found.group(1)
    with urllib.request.urlopen(f"{control}/phone") as answer:
        page = answer.headers["Content-Security-Policy"]
    with urllib.request.urlopen(f"{control}/state") as answer:
        state = json.load(answer)
    assert [contact["name"] for contact in state["contacts"]] == ["Maria", "João"]
    assert [phone["devices"] for phone in state["phones"] if phone["name"] == "Padaria Estrela"] == [[]]
    (prosa,) = state["addresses"]["prosa"]
    assert page.endswith(f"frame-src {prosa}")
    with urllib.request.urlopen(f"{prosa}/") as answer:
        assert f"frame-ancestors {control} " in answer.headers["Content-Security-Policy"]
    demo.send_signal(signal.SIGINT)
    assert "Stopping." in demo.stdout.read()
    assert demo.wait(60) == 0


def test_a_browser_is_opened_only_for_somebody_who_sits_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "stdout", tty := Terminal())
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not command.has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert command.has_screen()
    tty.interactive = False
    assert not command.has_screen()


class Terminal(io.StringIO):
    """An output that says whether it is a terminal."""

    interactive = True

    def isatty(self) -> bool:
        return self.interactive


def test_a_model_that_never_answers(prosa: Prosa, monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(*, latency: float) -> Script:
        script = Script()
        script.default = ""
        return script

    monkeypatch.setattr(command, "bakery_script", mute)
    monkeypatch.setattr(story, "ANSWER_SECONDS", 2.0)
    told = prosa("demo", "--once")
    assert told.exit_code == 1
    assert f"The demo failed: no answer to “{story.QUESTIONS[0]}”" in told.output


def test_a_port_that_is_taken(prosa: Prosa) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = prosa("demo", "--once", "--port", str(taken.getsockname()[1]))
    assert told.exit_code == 1
    assert "The demo failed: Prosa ended with status 1" in told.output
    assert "cannot be listened on" in told.output
    assert "Traceback" not in told.output
