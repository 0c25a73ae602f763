"""Long answers are broken where a person would, and nowhere else."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prosa.outbox.bubbles import split

PARAGRAPH = "We are open from Monday to Friday. On Saturdays we close at noon. Come by when you like!"


def test_a_short_answer_stays_whole() -> None:
    text = "One.\n\nTwo.\n\n- three"
    assert split(text, most_chars=len(text), most_bubbles=4) == [text]
    assert split(PARAGRAPH * 9, most_chars=50, most_bubbles=1) == [PARAGRAPH * 9]


def test_blank_lines_come_first_and_bubbles_are_filled() -> None:
    text = "\n\n".join([PARAGRAPH] * 4)
    assert split(text, most_chars=200, most_bubbles=4) == ["\n\n".join([PARAGRAPH] * 2)] * 2
    assert split(text, most_chars=100, most_bubbles=4) == [PARAGRAPH] * 4
    assert len(split(text, most_chars=100, most_bubbles=3)) <= 3


def test_a_long_paragraph_is_broken_between_sentences() -> None:
    assert split(PARAGRAPH, most_chars=50, most_bubbles=4) == [
        "We are open from Monday to Friday.", "On Saturdays we close at noon.", "Come by when you like!",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "whole",
    [
        "A Dra. Ana e o Sr. Silva atendem na Av. Paulista no. 10 das 8h às 18h.",
        "It costs R$ 1.500,00 or 3.14 times 2. 5 each, e.g. Mr. J. K. Smith paid it.",
        "See https://example.com/a.b?c=d. e. f (it is short). and so on, etc. and more",
        "This is *very important. Please read it. Twice* and _this too. Yes_ and ~that. No~.",
        "Run `a. B. C` now and then `x! Y? Z` again for the second time, please do so",
        "```\nfirst. Line\n\nsecond. Line\n\n\nthird. Line of code that is not broken\n```",
        "- one item that has two sentences. This is the second. And a third one here",
        "1. one item that has two sentences. This is the second.\n   It goes on here. And here.",
        "The options are:\n- a first one",
    ],
)
def test_some_things_are_never_broken(whole: str) -> None:
    text = f"{PARAGRAPH}\n\n{whole}\n\n{PARAGRAPH}"
    for most_chars in (50, 60, 80):
        bubbles = split(text, most_chars=most_chars, most_bubbles=10)
        assert len(bubbles) > 1
        assert any(whole in bubble for bubble in bubbles), bubbles


def test_lists_are_broken_between_items_and_stay_with_what_announces_them() -> None:
    items = [f"- item number {n} with some more words to it" for n in range(6)]
    text = "Here is what we have:\n\n" + "\n".join(items) + "\n\nWhich one do you like?"
    bubbles = split(text, most_chars=150, most_bubbles=5)
    assert bubbles[0].startswith("Here is what we have:\n\n- item number 0")
    assert [line for bubble in bubbles for line in bubble.splitlines() if line.startswith("-")] == items
    assert bubbles[-1].endswith("Which one do you like?")


def test_other_scripts_have_sentences_too() -> None:
    text = "我们周一到周五营业。" * 20
    bubbles = split(text, most_chars=60, most_bubbles=10)
    assert "".join(bubbles) == text
    assert all(len(bubble) <= 60 and bubble.endswith("。") for bubble in bubbles)


def test_what_cannot_be_broken_stays_whole() -> None:
    assert split("a" * 500, most_chars=50, most_bubbles=4) == ["a" * 500]
    assert split("word " * 100, most_chars=50, most_bubbles=4) == ["word " * 99 + "word"]


pieces = st.sampled_from(
    ["word", "Word", "a.", "end.", "Why?", "*bold it. Yes*", "`code. X`", "https://a.b/c.", "1.5", "2.", "-", "\n",
     "\n\n", "\n- ", "\n1. ", "   ", "```a\n\nb```", ":", "fim!", "olá,", "😀"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=80).map(" ".join), st.integers(5, 120), st.integers(1, 6))
def test_nothing_is_lost_or_moved(text: str, most_chars: int, most_bubbles: int) -> None:
    text = text.strip()
    bubbles = split(text, most_chars=most_chars, most_bubbles=most_bubbles)
    assert len(bubbles) <= most_bubbles
    assert re.sub(r"\s", "", "".join(bubbles)) == re.sub(r"\s", "", text)
    for whole in ("*bold it. Yes*", "`code. X`", "https://a.b/c.", "```a\n\nb```"):
        assert sum(bubble.count(whole) for bubble in bubbles) == text.count(whole)
