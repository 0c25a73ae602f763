"""Answers as WhatsApp shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prosa.ai.text import MAX_LENGTH, cut_short, to_whatsapp


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("plain", "plain"),
        ("  \n plain \n\n\n\n next  \n", "plain\n\n next"),
        ("We are **open** today", "We are *open* today"),
        ("We are __open__ today", "We are *open* today"),
        ("***very***", "*_very_*"),
        ("already *bold* and _italic_ and ~gone~", "already *bold* and _italic_ and ~gone~"),
        ("~~gone~~", "~gone~"),
        ("# Prices", "*Prices*"),
        ("### **Prices** ###", "*Prices*"),
        ("#1 in town, a #hashtag", "#1 in town, a #hashtag"),
        ("* one\n* two\n  + three\n- four\n1. five", "- one\n- two\n  - three\n- four\n1. five"),
        ("+ one\n+ two", "- one\n- two"),
        ("• one\n• two", "- one\n- two"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("[our page](https://example.com/a?b=1)", "our page: https://example.com/a?b=1"),
        ("[https://example.com](https://example.com)", "https://example.com"),
        ("![photo](https://example.com/a.png)", "photo: https://example.com/a.png"),
        ("<https://example.com>", "https://example.com"),
        ("[mail](mailto:a@example.com)", "mail: a@example.com"),
        ("[not a link] (really)", "[not a link] (really)"),
        ("snake_case_name and __init__.py", "snake_case_name and *init*.py"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("from 5\\.00", "from 5.00"),
        ("R\\$ 5\\.00 \\*", "R\\$ 5.00 *"),
        ("```python\nx = **y**\n```", "```x = **y**```"),
        ("use `**kwargs` **now**", "use `**kwargs` *now*"),
        ("a<br>b", "a\nb"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("", ""),
        ("> quoted **words**", "> quoted *words*"),
    ],
)
def test_markdown_becomes_whatsapp(markdown: str, shown: str) -> None:
    assert to_whatsapp(markdown) == shown


@given(st.text())
def test_any_text_is_safe_and_stable(text: str) -> None:
    shown = to_whatsapp(text)
    assert "\x00" not in shown
    assert shown == shown.strip()
    assert len(shown) <= MAX_LENGTH


def test_hostile_text_takes_no_time() -> None:
    for piece in ("*", "_", "[", "`", "**a", "[](", "# ", "~~a", "\n- "):
        to_whatsapp(piece * 20_000)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("One. Two. Thr", "One. Two."),
        ("One long sentence that never", "One long sentence that never…"),
        (
            "Short. And then a much longer part that breaks off somew",
            "Short. And then a much longer part that breaks off somew…",
        ),
        ("It costs 12.50", "It costs 12.50…"),
        ("Ready!", "Ready!"),
        ("a, ", "a…"),
        ("", ""),
    ],
)
def test_what_broke_off_ends_somewhere_sensible(text: str, ended: str) -> None:
    assert cut_short(text) == ended


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\u200bb\ufeff\u2060c", "abc"),
        ("one\u2028two\x85three", "one\ntwo\nthree"),
        ("half \ud83d of one", "half  of one"),
        ("\u202egnitirw fo noitcerid", "gnitirw fo noitcerid"),
        ("family 👩\u200d👧 می\u200cخواهم", "family 👩\u200d👧 می\u200cخواهم"),
        ("\x1b[31mred\x9b", "[31mred"),
        ("👍", "👍"),
        ("?", "?"),
        *((nothing, "") for nothing in ("\u200b \u200b", "\u2800\u3164", "** **", "```\n```", "---", "\u0301", "> ")),
    ],
)
def test_what_cannot_be_seen_is_not_sent(said: str, shown: str) -> None:
    assert to_whatsapp(said) == shown
    to_whatsapp(said).encode()


def test_an_endless_answer_is_cut() -> None:
    assert len(to_whatsapp("x" * 60_000)) <= MAX_LENGTH + 1
    assert to_whatsapp("A sentence. " * 5_000).endswith("sentence.")
