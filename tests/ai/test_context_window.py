"""Which messages a prompt contains."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from prosa.ai.context import (
    LONGEST_MESSAGE,
    Part,
    PromptMessage,
    Transcript,
    choose,
    estimate_tokens,
    merge,
    pending,
    text_of,
    tokens_of,
)
from prosa.ai.parts import Attachment


def said(*authors: str, text: str = "hello", first: int = 1) -> list[PromptMessage]:
    names = {"c": "contact", "a": "ai", "p": "person", "f": "phone"}
    return [
        PromptMessage(seq, names[author], f"{text} {seq}", f"ID{seq}", asks=author == "c")
        for seq, author in enumerate("".join(authors), first)
    ]


@pytest.mark.parametrize(
    ("type_", "body", "extra", "text"),
    [
        ("text", " hi ", {}, "hi"),
        ("text", "  ", {}, None),
        ("image", "", {}, "[image]"),
        ("image", "is this there?", {}, "[image: is this there?]"),
        ("audio", "", {"voice": True}, "[voice message]"),
        ("audio", "", {}, "[audio]"),
        ("document", "see this", {"file_name": "a\nb.pdf"}, '[document: "a b.pdf": see this]'),
        ("image", "", {"file_name": "secret.png"}, "[image]"),
        ("contact", "Maria", {}, "[contact card: Maria]"),
        ("reaction", "👍", {}, None),
        ("system", "x", {}, None),
        ("unknown", "", {}, None),
    ],
)
def test_messages_as_the_model_sees_them(type_: str, body: str, extra: dict[str, object], text: str | None) -> None:
    assert text_of(type_, body, **extra) == text  # type: ignore[arg-type]


def test_a_huge_message_is_cut() -> None:
    text = text_of("text", "x" * 65_536)
    assert text is not None
    assert len(text) < LONGEST_MESSAGE + 10
    assert text.endswith("[…]")


def test_pending_are_those_nobody_answered() -> None:
    assert [m.seq for m in pending(said("cacc"), answered_until=1)] == [3, 4]
    assert [m.seq for m in pending(said("ccac"), answered_until=1)] == [2, 4], "the AI answered only up to 1"
    assert [m.seq for m in pending(said("ccpc"), answered_until=0)] == [4], "a person answered"
    assert pending(said("ccf"), answered_until=0) == []


def test_one_side_in_a_row_is_one_part() -> None:
    parts = merge(said("ccapc"))
    assert parts == [Part(False, ("hello 1\nhello 2",)), Part(True, ("hello 3\nhello 4",)), Part(False, ("hello 5",))]


def test_files_stand_behind_their_messages() -> None:
    picture = Attachment("image/png", b"\x89PNG")
    assert merge(said("cccac"), {2: [picture], 4: [picture]}) == [
        Part(False, ("hello 1\nhello 2", "[file 1]", picture, "hello 3")),
        Part(True, ("hello 4",)),
        Part(False, ("hello 5",)),
    ]


def test_what_is_to_be_answered_comes_last() -> None:
    # 2 arrived while the answer to 1 was made
    assert [m.seq for m in choose(said("cca"), answered_until=1, budget=1000)] == [1, 3, 2]


def test_every_turn_appends_to_the_last_one() -> None:
    talk = said("ca" * 30)
    earlier: Sequence[PromptMessage] = []
    for length in range(1, 61, 2):
        window = choose(talk[:length], answered_until=length - 1, budget=10_000)
        assert window[: len(earlier)] == earlier
        earlier = window


def test_the_budget_drops_the_oldest_but_never_the_newest() -> None:
    messages = said("ca" * 20, text="word " * 40)
    one = estimate_tokens(messages[0].text)
    window = choose(messages, answered_until=39, budget=10 * one)
    assert 8 <= len(window) <= 10
    assert window[-1].seq == 40
    huge = [replace(messages[0], text="x" * 100_000)]
    assert choose(huge, answered_until=0, budget=10) == huge
    burst = said("c" * 30, text="word " * 40)
    assert [m.seq for m in choose(burst, answered_until=0, budget=3 * one)] == [28, 29, 30]
    assert choose([], answered_until=0, budget=10) == []


def test_a_transcript_that_grew_is_the_one_made_at_once() -> None:
    rng = random.Random(3)
    for _ in range(30):
        whole = [
            replace(message, text="x" * rng.randrange(1, 60)) for message in said(*rng.choices("caap", k=40), first=-5)
        ]
        grown = Transcript(whole[:3])
        while len(grown) < len(whole):
            if rng.random() < 0.5:
                merge(grown)  # as a turn does, so that what comes later is put behind what is joined already
            grown = grown.plus(whole[len(grown) : len(grown) + rng.randrange(3)])
        assert list(grown) == whole
        assert tokens_of(grown) == tokens_of(whole) == sum(estimate_tokens(message.text) for message in whole)
        assert list(merge(grown)) == merge(whole)
        for seq in range(-7, 37):
            before = [message for message in whole if message.seq <= seq]
            assert grown.tokens_until(seq) == tokens_of(before)
            assert list(grown.after(seq)) == whole[len(before) :]
        assert list(reversed(grown)) == whole[::-1]
        for count in range(1, len(whole) + 3):
            assert grown.tokens_of_newest(count) == tokens_of(whole[-count:])


def test_a_transcript_that_grew_leaves_the_shorter_one_as_it_was() -> None:
    short = Transcript(said("cac"))
    before = list(merge(short))
    longer = short.plus(said("ca", first=4))
    assert list(merge(short)) == before
    assert [m.seq for m in short] == [1, 2, 3]
    assert [m.seq for m in longer] == [1, 2, 3, 4, 5]
    assert tokens_of(short) < tokens_of(longer)
