"""The pure parts of the benchmark of frequent answers: limits are chosen on one half and honestly reported."""

import random

import pytest
from bench.answers import MOST_WRONG, best_limits, chosen_limits, exact
from bench.questions import Asked

from prosa.answers.matching import Match
from prosa.embeddings.arrays import np


def limits(rows: list[tuple[float, float, bool, bool]]) -> tuple[float, float]:
    scores, margins, agreed, good = (np.array(column) for column in zip(*rows, strict=True))
    return best_limits(scores, margins, agreed, good)


def test_the_margin_is_the_lowest_that_keeps_wrong_answers_rare() -> None:
    rows = [(1.0, 0.5 + n / 1000, True, True) for n in range(400)]
    rows += [(1.0, 0.4 - n / 1000, True, n >= 40) for n in range(60)]
    threshold, margin = limits(rows)
    assert threshold == 0.0
    assert 0.39 < margin <= 0.5
    passed = [good for _, one, _, good in rows if one >= margin]
    assert passed.count(False) / len(passed) <= MOST_WRONG


def test_the_score_is_chosen_where_it_tells_more_than_the_margin() -> None:
    right = [(0.95, n / 1000, True, True) for n in range(400)]
    wrong = [(0.85, n / 1000, True, False) for n in range(400)]
    assert limits(right + wrong) == (0.9, 0.0)


def test_what_a_guard_stops_does_not_count() -> None:
    rows = [(1.0, n / 1000, True, True) for n in range(400)] + [(1.0, 0.2, False, False)] * 100
    assert limits(rows) == (0.0, 0.0)


def test_too_few_answers_prove_nothing() -> None:
    """Forty right ones in a row may still be 1 % wrong."""
    assert limits([(1.0, 1.0, True, True)] * 40) == (1.5, 1.5)
    assert limits([(1.0, 1.0, True, False)] * 400) == (1.5, 1.5)


def test_hits_and_wrong_answers_are_those_of_the_other_half() -> None:
    chance = random.Random(1)
    found: list[Match | None] = [None] * 500
    right = [False] * 500
    for _ in range(2000):
        margin = chance.random()
        found.append(Match("a", 1.0, margin, "x"))
        right.append(margin > 0.5 or chance.random() < 0.5)
    hit, wrong, (threshold, margin) = chosen_limits(found, right, [str(n) for n in range(len(found))])
    assert hit == pytest.approx(0.4, abs=0.05)  # the sure half of the 2,000, of 2,500
    assert wrong <= MOST_WRONG
    assert threshold == 0.0
    assert margin == pytest.approx(0.5, abs=0.05)


def test_all_matches_of_a_question_are_in_one_half() -> None:
    """Else limits would be chosen on the very questions they are reported on: here each is known by its margin."""
    found = [Match("a", 1.0, 1.0 - n / 300, "x") for n in range(300)] * 4
    right = [n % 2 == 0 for n in range(300)] * 4
    texts = [str(n) for n in range(300)] * 4
    hit, _, _ = chosen_limits(found, right, texts)
    assert hit < 0.01


def test_the_same_words_are_one_question() -> None:
    asked = [
        Asked("Oi, tem estacionamento?", "parking"),
        Asked("TEM ESTACIONAMENTO", "parking"),
        Asked("Abrem?", "hours"),
    ]
    assert exact([*asked, Asked("abrem", "doors")]) == {"hit": 0.5, "wrong": 0.5}
