"""When shortening pays."""

import pytest

from prosa.ai.context import PromptMessage
from prosa.ai.economy import CacheWatch, Window, minimum_prefix, plan, split
from prosa.ai.names import ModelName

GEMINI = ModelName("google", "gemini-2.5-flash")


@pytest.mark.parametrize(
    ("name", "minimum"),
    [("google:gemini-2.5-flash", 2048), ("gemini-3.5-flash-lite", 4096), ("openai:gpt-5", 1024), ("ollama:x", None)],
)
def test_shortest_cached_beginnings(name: str, minimum: int | None) -> None:
    assert minimum_prefix(ModelName.parse(name)) == minimum


def test_with_a_cache_enough_stays_to_remain_above_its_minimum() -> None:
    window = plan(fixed=1400, budget=2000, keep=250, minimum=2048, works=True)
    assert window == Window(2000, 776, resume=976)
    assert 1400 + window.keep > 2048
    long = plan(fixed=5000, budget=2000, keep=250, minimum=2048, works=True)
    assert long == Window(2000, 250, resume=666), "instructions alone are above it"


@pytest.mark.parametrize(
    ("fixed", "minimum", "works"), [(1400, 2048, False), (1400, None, True), (1400, 4096, True)],
    ids=["does not work", "no cache", "out of reach"],
)  # fmt: skip
def test_without_a_cache_prompts_are_short(fixed: int, minimum: int | None, works: bool) -> None:
    assert plan(fixed=fixed, budget=2000, keep=250, minimum=minimum, works=works) == Window(800, 250, summary=0.5)


def test_there_is_always_room_above_what_stays() -> None:
    for keep in (0, 250, 5000):
        window = plan(fixed=1400, budget=2000, keep=keep, minimum=2048, works=False)
        assert window.limit > window.keep


def test_what_the_provider_reports_decides() -> None:
    now = 0.0
    watch = CacheWatch(lambda: now)
    assert watch.works(GEMINI), "until it was seen not to"
    for _ in range(6):
        watch.saw(GEMINI, expected=1000, cached=0)
    assert watch.works(GEMINI), "too short to be cached: that says nothing"
    for _ in range(6):
        watch.saw(GEMINI, expected=2500, cached=0)
    assert not watch.works(GEMINI)
    assert watch.works(ModelName("google", "gemini-2.5-pro"))
    now = 7 * 86_400 + 1.0
    assert watch.works(GEMINI), "it is tried again a week later"
    for _ in range(20):
        watch.saw(GEMINI, expected=2500, cached=2400)
    assert watch.works(GEMINI)


def test_what_waits_for_an_answer_stays_with_all_behind_it() -> None:
    talk = [PromptMessage(seq, "ai" if seq == 3 else "contact", f"mensagem {seq}") for seq in range(1, 7)]
    leaving, staying = split(talk, Window(100, 0), keep_messages=1)
    assert ([m.seq for m in leaving], [m.seq for m in staying]) == ([1, 2, 3, 4, 5], [6])
    leaving, staying = split(talk, Window(100, 0), keep_messages=1, waiting={4, 5, 6})
    assert ([m.seq for m in leaving], [m.seq for m in staying]) == ([1, 2, 3], [4, 5, 6])
