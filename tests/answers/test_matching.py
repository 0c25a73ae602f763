"""Which answer a question gets: by the margin between answers, never where something that matters differs."""

import math
from dataclasses import replace
from typing import Any

import pytest
from tests.fixtures.embedding import vector

from prosa.answers.background import TEXTS
from prosa.answers.learning import upper_bound
from prosa.answers.matching import RIVALRY, Match, Matcher, Phrasing, _margin
from prosa.embeddings.arrays import np

KNOWN = {
    "hours": ["What are your opening hours?", "when are you open", "at what time do you open", "opening hours please"],
    "delivery": [
        "Do you deliver to Santos?",
        "is delivery to Santos possible",
        "delivery to Santos",
        "ship to Santos?",
    ],
    "cancel": ["How do I cancel my order?", "cancel my order", "I want to cancel an order", "cancelling an order"],
    "parking": ["Is there parking?", "where can I park", "do you have parking", "parking at the shop"],
}


def matcher(**more: list[str]) -> Matcher:
    known = [Phrasing(answer, text, vector(text)) for answer, texts in (KNOWN | more).items() for text in texts]
    nothing = [Phrasing(None, text, vector(text)) for text in TEXTS]
    return Matcher(known + nothing, background=[vector(text) for text in TEXTS])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what are the opening hours", "hours"),
        ("do you have parking at the shop", "parking"),
        ("I want to cancel my order", "cancel"),
        ("is delivery to Santos possible?", "delivery"),
    ],
)
def test_a_question_in_other_words(text: str, answer: str) -> None:
    match = matcher().match(text, vector(text))
    assert match is not None
    assert match.answer == answer
    assert match.passes(threshold=0.5, margin=0.3)


@pytest.mark.parametrize(
    ("text", "differs"),
    [
        ("Do you deliver to Campinas?", "words"),
        ("I do not want to cancel my order", "negation"),
        ("what are your opening hours on Sunday", "times"),
    ],
)
def test_near_is_not_enough(text: str, differs: str) -> None:
    match = matcher().match(text, vector(text))
    assert match is not None
    assert match.differs == differs
    assert not match.passes(threshold=0, margin=0)


def test_between_two_answers_none_is_given() -> None:
    twice = matcher(other=["What are your opening times?", "when are you open today", "opening times please"])
    text = "when are you open then please"
    match = twice.match(text, vector(text))
    assert match is not None
    assert match.second in {"other", "hours"}
    assert not match.passes(threshold=0.3, margin=0.3)


def test_the_same_words_need_no_embedding() -> None:
    match = matcher().match("Hi! IS THERE PARKING", None)
    assert match is not None
    assert (match.answer, match.same) == ("parking", True)
    assert match.passes(threshold=1.5, margin=1.0)


def test_what_everybody_says_has_no_answer() -> None:
    for text in ("are you a bot", "thanks see you later", "tell me a joke please"):
        match = matcher().match(text, vector(text))
        assert match is None or not match.passes(threshold=0.7, margin=0.3), text


def test_a_question_judged_wrong_takes_its_like_with_it() -> None:
    text = "do you have parking at the beach"
    assert (found := matcher().match(text, vector(text))) is not None
    assert found.answer == "parking"
    wrong = [Phrasing(None, text, vector(text)), *(Phrasing("parking", t, vector(t)) for t in KNOWN["parking"])]
    assert Matcher(wrong).match("do you have parking at the beach?", vector(text)) is None


@pytest.mark.parametrize("phrasings", [[], [Phrasing("a", "Is there parking?", None)]])
def test_without_embeddings_only_the_same_words_match(phrasings: list[Phrasing]) -> None:
    plain = Matcher(phrasings)
    assert plain.match("parking there is", vector("x")) is None
    assert (plain.match("is there parking", None) is not None) is bool(phrasings)


def test_one_answer_alone_needs_a_near_question() -> None:
    alone = Matcher([Phrasing("a", text, vector(text)) for text in KNOWN["parking"]])
    far = "the weather is nice in Lisbon"
    match = alone.match(far, vector(far))
    assert match is not None
    assert not match.passes(threshold=0.7, margin=0.3)


def test_what_is_near_to_all_phrasings_counts_more_than_what_is_near_to_some() -> None:
    """Two answers have the same nearest phrasings of a question; one of them is about nothing else."""
    asked = "delivery to the beach"
    both = ["delivery to the beach house", "delivery to the beach bar", "delivery to the beach hut"]
    other = ["when are you open", "cancel my order", "where can I park", "opening hours please", "I lost my bag"]
    one = [*both, "delivery to the beach cafe", "delivery to the beach club", "delivery to the beach shop"]
    found = Matcher([Phrasing(name, t, vector(t)) for name, texts in (("a", one), ("b", both + other)) for t in texts])
    match = found.match(asked, vector(asked))
    assert match is not None
    assert (match.answer, match.second) == ("a", "b")
    assert match.margin > 0.1


def test_an_answer_that_takes_what_is_another_ones_must_be_nearer_than_others() -> None:
    """A phrasing of one answer that is nearest to the other one shows how easily that is given wrongly."""
    text = "do you have parking at the shop"
    sure, doubted = matcher(), matcher(cinema=["is there a cinema", "what is on", "a film", "is there parking nearby"])
    vectors = vector(text)
    before, after = sure.match(text, vectors), doubted.match(text, vectors)
    assert before is not None
    assert after is not None
    assert (before.answer, after.answer) == ("parking", "parking")
    assert after.score == pytest.approx(before.score, abs=0.2)
    assert after.margin < before.margin - 0.05


def test_many_that_are_nearly_as_near_count_more_than_one() -> None:
    """The more answers a question might as well be for, the more the best of them is a guess."""

    def by(*scores: float) -> float:
        return _margin(np.array(scores, dtype=np.float32), best=0)

    assert by(1.2, 0.7) == pytest.approx(0.5, abs=1e-5)
    assert by(1.2, 0.7, 0.7, 0.7) == pytest.approx(0.5 - RIVALRY * math.log(3), abs=1e-5)
    assert by(1.2, 0.7, -0.5, -0.5) == pytest.approx(0.5, abs=1e-3), "those far off do not count"
    assert by(1.2) == pytest.approx(1.2)


def test_few_hits_prove_little() -> None:
    assert upper_bound(0, 10) > 0.2
    assert upper_bound(0, 1000) < 0.005
    assert upper_bound(1, 1) == 1.0


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, True), ({"score": 0.59}, False), ({"margin": 0.23}, False), ({"differs": "numbers"}, False),
        ({"score": 0.6, "margin": 0.24}, True), ({"score": 0.0, "margin": 0.0, "same": True}, True),
    ],
)  # fmt: skip
def test_an_answer_must_be_near_nearer_than_others_and_agree(changes: dict[str, Any], passes: bool) -> None:
    match = replace(Match("a", score=1.2, margin=0.5, phrasing="When?"), **changes)
    assert match.passes(threshold=0.6, margin=0.24) is passes
