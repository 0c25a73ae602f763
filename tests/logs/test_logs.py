"""What the log's lines look like, ours and those of libraries, and that one which cannot be written stops nobody."""

import io
import json
import logging
from typing import Any

import orjson
import structlog

from prosa import logs
from prosa.settings import Settings


def configured(settings: Settings, **values: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(settings.model_copy(update={"log_format": "json", "log_level": "info", **values}), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_ours_and_those_of_libraries_look_the_same(settings: Settings) -> None:
    stream = configured(settings)
    structlog.get_logger("prosa.turns").bind(session="shop").info("answered", tokens=3)
    logging.getLogger("sqlalchemy").warning("slow: %s", "query")
    ours, theirs = lines(stream)
    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert ours == {"event": "answered", "level": "info", "logger": "prosa.turns", "session": "shop", "tokens": 3}
    assert theirs == {"event": "slow: query", "level": "warning", "logger": "sqlalchemy"}


def test_levels_hold_for_both(settings: Settings) -> None:
    stream = configured(settings, log_level="warning")
    structlog.get_logger("prosa.x").info("not told")
    logging.getLogger("x").info("not told")
    structlog.get_logger("prosa.x").warning("told")
    logging.getLogger("httpx2").warning("told too")
    assert [line["event"] for line in lines(stream)] == ["told", "told too"]
    stream = configured(settings)
    logging.getLogger("httpx2").info("a request, as every second")
    assert lines(stream) == []


def test_an_exception_is_told_without_what_its_variables_held(settings: Settings) -> None:
    stream = configured(settings)
    password = "hunter2-in-a-variable"
    try:
        raise ValueError("no " + str(len(password)))
    except ValueError:
        structlog.get_logger("prosa.x").exception("it failed", session="shop")
    [line] = lines(stream)
    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "hunter2" not in orjson.dumps(line).decode()


def test_lines_for_people(settings: Settings) -> None:
    stream = configured(settings, log_format="console")
    structlog.get_logger("prosa.x").info("answered", session="shop")
    assert "answered" in stream.getvalue()
    assert "shop" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_values_that_json_has_no_words_for(settings: Settings) -> None:
    stream = configured(settings)
    structlog.get_logger("prosa.x").info("odd", big=2**70, thing=ValueError, text="olá")
    [line] = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert line["big"] == 2**70
    assert "ValueError" in line["thing"]
    assert line["text"] == "olá"


def test_a_line_that_cannot_be_written_stops_nobody(settings: Settings) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    logs.configure(settings, Full())
    structlog.get_logger("prosa.x").error("lost")
    closed = io.StringIO()
    closed.close()
    logs.configure(settings.model_copy(update={"log_format": "json"}), closed)
    structlog.get_logger("prosa.x").error("lost")
