"""The script: order of queue, rules and default; matching; recalling."""

import re

import pytest

from prosa_simulator.gemini import (
    Answer,
    Prompt,
    Script,
    Text,
    Turn,
    on_any_turn,
    on_model,
    on_system,
    recall,
)


def prompt(*texts: str, system: str = "", model: str = "gemini-2.5-flash") -> Prompt:
    """A conversation that alternates user and model, ending with the user when the count is odd."""
    turns = [Turn("user" if i % 2 == 0 else "model", ({"text": text},)) for i, text in enumerate(texts)]
    return Prompt(model, tuple(turns), system_text=system)


async def said(script: Script, asked: Prompt) -> str:
    answer: Answer = await script.answer(asked)
    assert isinstance(answer, Text)
    return answer.text


async def test_queue_then_rules_then_default() -> None:
    script = Script()
    script.when("price", "rule")
    script.enqueue("first", lambda p: f"second to {p.last_user_text}")
    assert [await said(script, prompt("price?")) for _ in range(3)] == ["first", "second to price?", "rule"]
    assert await said(script, prompt("hours?")) == "You asked: hours?"


async def test_rules_by_text_pattern_system_model_history_and_predicate() -> None:
    script = Script(default="default")
    script.when(re.compile("CASE"), "exact case")
    script.when(on_system("pirate"), "arr")
    script.when(on_model("pro$"), "pro")
    script.when(on_any_turn("allergic"), "careful")
    script.when(lambda p: len(p.turns) > 4, "long")

    assert await said(script, prompt("case")) == "default"
    assert await said(script, prompt("CASE")) == "exact case"
    assert await said(script, prompt("x", system="You are a PIRATE")) == "arr"
    assert await said(script, prompt("x", model="gemini-2.5-pro")) == "pro"
    assert await said(script, prompt("I am allergic", "ok", "cake?")) == "careful"
    assert await said(script, prompt(*"abcde")) == "long"


async def test_a_rule_may_be_used_up_pass_on_and_wait() -> None:
    script = Script(default="default")
    script.when("x", "twice", times=2)
    script.when("x", lambda p: None)

    async def later(p: Prompt) -> str | None:
        return "async" if "y" in p.last_user_text else None

    rule = script.when(".", later, times=1)
    assert [await said(script, prompt("x")) for _ in range(3)] == ["twice", "twice", "default"]
    assert rule.used == 0  # passing on is not a use
    assert await said(script, prompt("xy")) == "async"
    assert rule.spent
    assert await said(script, prompt("xy")) == "default"


async def test_reset_keeps_the_first_default() -> None:
    script = Script(default="first")
    script.default = "second"
    script.enqueue("queued")
    script.when(".", "rule")
    script.reset()
    assert await said(script, prompt("x")) == "first"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (prompt("I am Ana", "hi Ana", "who am I?"), "Ana"),
        (prompt("I am Ana", "hi", "I am Bia", "hi", "who am I?"), "Bia"),
        (prompt("who am I?", system="Summary: I am Caio"), "Caio"),
        (prompt("I am Davi, who am I?"), "nobody"),
        (prompt("hello", "I am a bot", "who am I?"), "nobody"),
    ],
)
async def test_recall_finds_only_what_was_said_before(asked: Prompt, answer: str) -> None:
    script = Script(default=recall(r"I am (\w+)", "{0}", otherwise="nobody"))
    assert await said(script, asked) == answer


async def test_recall_without_otherwise_passes_on() -> None:
    script = Script(default="default")
    script.when(".", recall("never said", "yes"))
    assert await said(script, prompt("x")) == "default"
