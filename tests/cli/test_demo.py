"""`prosa demo --once`: 0 when every answer arrived, else the reason."""

import socket

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
