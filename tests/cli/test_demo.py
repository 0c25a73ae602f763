"""`prosa demo --once`: 0 when every answer arrived, else the reason."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def test_it_keeps_serving_and_what_it_says_to_paste_works(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    text = ""
    while "/faults/drop" not in text and (line := demo.stdout.readline()):
        text += line
    assert "Every answer arrived." in text
    written, shown, dropped = re.findall(r"^  curl (.*)$", text, re.MULTILINE)
    wa_id = ask(written)["wa_id"]
    assert wa_id in [message["wa_id"] for message in ask(shown)["messages"]]
    assert ask(dropped) == {"fault": "drop", "connections": 1}
    found = re.search(r"keeps serving at (\S+)", text)
    assert found
    with urllib.request.urlopen(f"{found.group(1)}/health/ready") as answer:
        assert answer.status == 200
    demo.send_signal(signal.SIGINT)
    assert "Stopping." in demo.stdout.read()
    assert demo.wait(60) == 0


def ask(arguments: str) -> Any:
    """Do what curl does with these arguments."""
    url, *rest = shlex.split(arguments)
    assert rest[:1] in ([], ["-d"])
    with urllib.request.urlopen(urllib.request.Request(url, rest[1].encode() if rest else None)) as answer:
        return json.load(answer)


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
