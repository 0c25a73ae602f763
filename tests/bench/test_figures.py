"""What the benchmarks count, against figures made by hand: they are believed, so they must be right."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench.policies import Last
from bench.transcripts import Said

from bench import context, policies, recall, tokens, transcripts
from bench import report as reports

BEGIN = datetime(2026, 11, 24, 9, tzinfo=UTC)


def said(*lengths: int, apart: float = 30) -> list[Said]:
    """A conversation, the contact first: a message of so many tokens each."""
    return [
        Said("c", BEGIN + timedelta(seconds=apart * place), place % 2 == 1, chr(97 + place) * 4 * length)
        for place, length in enumerate(lengths)
    ]


@pytest.fixture(params=[100])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The stable beginning is of so many tokens."""
    monkeypatch.setattr(policies, "SYSTEM", "s" * 4 * request.param)
    tokens_of_it: int = request.param
    return tokens_of_it


async def measured(talk: list[Said], most: int | None, *, cache: bool = True) -> Any:
    return await tokens._measure(talk, lambda: Last(most), cache=cache)


async def test_tokens_and_cost_of_a_tiny_conversation(system: int) -> None:
    talk = said(10, 20, 30, 40)
    full, last = await measured(talk, None), await measured(talk, 1)
    line = 16  # of the turn's facts
    first, second = system + 10 + line, system + 10 + 20 + 30 + line
    assert (full.replies, full.input, full.output, full.cached) == (2, first + second, 20 + 40, 0)
    assert last.input == (system + 10 + line) + (system + 30 + line)
    assert full.shown() == {"input": (first + second) / 2, "cached": 0, "output": 30}
    assert full.cost(0) == full.cost(0.9) == round(((first + second) * 0.30 + 60 * 2.50) / 1e6 / 2, 8)
    assert full.late() == 0, "nothing is after the 500th message"


@pytest.mark.parametrize("system", [3000], indirect=True)
async def test_cached_is_what_an_earlier_prompt_of_the_last_minutes_began_with(system: int) -> None:
    soon = await measured(said(10, 20, 30, 40), None)
    assert system < soon.cached < system + 20, "all of the first prompt, of the second one"
    assert soon.cost(0.75) == round(((soon.input - 0.75 * soon.cached) * 0.30 + 60 * 2.50) / 1e6 / 2, 8)
    assert (await measured(said(10, 20, 30, 40, apart=400), None)).cached == 0, "forgotten meanwhile"
    assert (await measured(said(10, 20, 30, 40), None, cache=False)).cached == 0


async def test_answers_are_counted_where_they_stand(system: int) -> None:
    del system
    account = await measured(said(*[1] * 504), 2)
    assert account.replies == sum(1 for _ in range(252))
    assert account.late() == account.by_place[600] == 2 * (100 + 2 + 16), "messages 502 and 504"
    assert sum(account.by_place.values()) == account.input


async def test_a_fact_is_found_as_long_as_its_message_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    talk, facts = recall._planted(said(*[5] * 200), seed=1)
    assert len(facts) == 200 // recall.EVERY + (200 % recall.EVERY > recall.EVERY // 3)
    assert all(fact.value in talk[place].text for place, fact in facts.items())
    shares = {}
    for most in (None, 60, 20):
        monkeypatch.setattr(recall, "_policy", lambda *_, most=most: Last(most))
        shares[most], kinds = await recall._measure({"c": (talk, facts)}, None, "any")  # type: ignore[arg-type]
        assert set(kinds) == {"name", "number", "date", "decision"}
    assert shares[None]["50"] == 1.0
    assert shares[60]["50"] == 1.0
    assert shares[20]["50"] == 0.0
    assert shares[60].get("200") is None, "no message is so much later"


def test_made_up_conversations_are_the_same_each_time_and_can_be_read_again(tmp_path: Path) -> None:
    talk = transcripts.generate(conversations=2, messages=6)
    assert talk == transcripts.generate(conversations=2, messages=6)
    assert {key: len(messages) for key, messages in transcripts.grouped(talk).items()} == {"c0": 6, "c1": 6}
    file = tmp_path / "talk.jsonl"
    file.write_text("\n".join(transcripts._lines(talk)), encoding="utf-8")
    assert transcripts.read(file) == talk
    file.write_text('{"conversation": "c"}', encoding="utf-8")
    with pytest.raises(ValueError, match="1: not a message"):
        transcripts.read(file)


def test_a_report_says_when_where_and_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reports, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("sys.argv", ["bench", "tokens"])
    path = reports.report("tokens", {"figure": 1.5}).save()
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "tokens.json"
    assert set(kept) == {"name", "machine", "date", "command", "results"}
    assert (kept["command"], kept["results"]) == ("python -m bench tokens", {"figure": 1.5})
    assert datetime.fromisoformat(kept["date"]).tzinfo is not None
    assert "cores" in kept["machine"]
    assert [reports.percentile([3, 1, 2], share) for share in (0, 0.5, 0.99)] == [1, 2, 3]


async def test_a_warm_turn_reads_no_history_and_few_statements() -> None:
    figures = await context._run(quick=True)
    assert figures["warm_history_reads"] == 0
    assert figures["cold_history_reads"] == 10, "one read a cold turn: the count can tell the difference"
    assert figures["warm_statements"] <= 6
    assert figures["cold_statements"] > figures["warm_statements"]
