"""Where two questions differ in what turns an answer around: numbers, negation, actions, days, places.

Likeness of meaning does not see such differences: "cancel my card" and "activate my card" are as near as paraphrases.
So a question is answered for another one only where both agree in all of these. English and Portuguese; tables of
word beginnings, because verbs have many endings.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prosa.answers import tables
from prosa.answers.text import core
from prosa.words import STOP_WORDS, fold

FRAME = 3
"""Words that two questions share at least, for the others to count as put in their place."""
SWAPPED = 1
"""Words on either side that are put in place of others, at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a question must agree.

    Attributes:
        numbers: Digits and number words, with their units left out.
        bounds: Whether a number is the most or the least of something.
        negated: Whether it says no, not, without.
        sides: Which side of which pair of opposites it names.
        actions: What is to be done.
        times: Days, months, parts of the day.
        asks: When, where, how much, why, who.
        names: Words that look like names of people, places or things.
        words: All its words, without greetings.
    """

    numbers: frozenset[str]
    bounds: frozenset[str]
    negated: bool
    sides: frozenset[tuple[int, int]]
    actions: frozenset[int]
    times: frozenset[int]
    asks: frozenset[str]
    names: frozenset[str]
    words: frozenset[str] = frozenset()


class _Beginnings:
    """Finds which of several lists of word beginnings a word belongs to."""

    def __init__(self, groups: Iterable[str]) -> None:
        self._whole: dict[str, set[int]] = {}
        self._begins: dict[str, list[tuple[str, int]]] = {}  # by their first two letters
        for index, group in enumerate(groups):
            for entry in group.split():
                if entry.endswith("="):
                    self._whole.setdefault(entry[:-1], set()).add(index)
                else:
                    self._begins.setdefault(entry[:2], []).append((entry, index))

    def of(self, words: Collection[str]) -> frozenset[int]:
        found: set[int] = set()
        for word in words:
            found |= self._whole.get(word, set())
            found.update(index for begin, index in self._begins.get(word[:2], ()) if word.startswith(begin))
        return frozenset(found)


_SIDES = (_Beginnings(one for one, _ in tables.OPPOSITES), _Beginnings(other for _, other in tables.OPPOSITES))
_DOING = _Beginnings(tables.ACTIONS)
_WHEN = _Beginnings(" ".join(f"{word}=" for word in group.split()) for group in tables.TIMES)


def facts(text: str) -> Facts:
    """Return what of a question must agree with another's."""
    words = core(text)
    plain = " ".join(words).replace("fim de semana", "weekend").replace("final de semana", "weekend")
    words = plain.split()
    joined = {*words, *map("".join, pairwise(words))}  # "check in" is "checkin"
    return Facts(
        numbers=frozenset(
            tables.NUMBER_WORDS.get(word, word) for word in words if word[0].isdigit() or word in tables.NUMBER_WORDS
        ),
        bounds=frozenset(name for name, pattern in tables.BOUNDS if pattern.search(plain)),
        negated=_negated(plain),
        sides=frozenset((index, side) for side, table in enumerate(_SIDES) for index in table.of(joined)),
        actions=_DOING.of(joined),
        times=_WHEN.of(words),
        asks=frozenset(name for name, pattern in tables.QUESTIONS if pattern.search(plain)),
        names=frozenset(_names(text, plain)),
        words=frozenset(words),
    )


def disagreement(asked: Facts, known: Facts, vocabulary: Collection[str] = ()) -> str | None:
    """Return in what a question differs from one that has an answer; None where the answer fits both.

    Args:
        asked: Of the question that was asked.
        known: Of the one that has an answer.
        vocabulary: Words of that answer and all its questions: a name among them is nothing new.
    """
    if asked.numbers != known.numbers:
        return "numbers"
    if asked.negated != known.negated:
        return "negation"
    if any((index, 1 - side) in known.sides and (index, side) not in known.sides for index, side in asked.sides):
        return "opposites"
    if asked.bounds and known.bounds and not asked.bounds & known.bounds:
        return "bounds"
    if asked.actions and known.actions and not asked.actions & known.actions:
        return "actions"
    if asked.times != known.times:
        return "times"
    if asked.asks and known.asks and not asked.asks & known.asks:
        return "question"
    if not asked.names <= {*vocabulary, *known.names}:
        return "names"
    return None


def agrees(asked: Facts, known: Sequence[Facts], vocabulary: Collection[str] = ()) -> str | None:
    """Return None where a question agrees with one of the nearest known, else in what it differs from the first."""
    if any(_swapped(asked, one, vocabulary) for one in known):
        return "words"
    reasons = [disagreement(asked, one, vocabulary) for one in known]
    return None if None in reasons or not reasons else reasons[0]


def _swapped(asked: Facts, known: Facts, vocabulary: Collection[str]) -> bool:
    """Return whether two questions are the same but for a word or two that the answer has nothing of.

    "Where do I send my CV" and "where do I send the money" are near in every way but the one that counts.
    """
    shared = asked.words & known.words
    mine = asked.words - known.words - STOP_WORDS
    theirs = known.words - asked.words - STOP_WORDS
    if len(shared) < FRAME or not mine or not theirs or len(mine) > SWAPPED or len(theirs) > SWAPPED:
        return False
    return not any(_like(word, other) for word in mine for other in (*vocabulary, *theirs))


def _like(word: str, other: str) -> bool:
    """Return whether two words may be forms of one."""
    size = max(4, min(len(word), len(other)) - 2)
    return word[:size] == other[:size]


def _negated(plain: str) -> bool:
    words = tables.NO_NEGATION.sub(" ", plain).split()
    if any(word.replace("'", "").replace("’", "") in tables.NEGATIONS or tables.NOT.search(word) for word in words):
        return True
    return "no" in words and bool(tables.ENGLISH & set(words))


def _names(text: str, plain: str) -> Iterable[str]:
    """Yield the words of a text that may be names: after a preposition, or with a capital letter within a sentence."""
    yield from (word for word in tables.PLACE.findall(plain) if not _common(word))
    if sum(word[:1].isupper() for word in text.split()) <= max(2, len(text.split()) // 2):
        yield from (name for word in tables.CAPITAL.findall(text) if (name := fold(word)) not in tables.COMMON)


def _common(word: str) -> bool:
    return word in tables.COMMON or word in STOP_WORDS or bool(tables.INFINITIVE.match(word))
