"""Which approved answer a question asks for, or none: nearness of meaning and of spelling, compared across answers.

Each answer has many phrasings. A question's score for an answer is the mean of its likeness to the three nearest of
them: the cosine of their embeddings, centred and whitened by how phrasings of one answer differ from each other, plus
half the cosine of their character n-grams; plus half its likeness to the middle of all of them, since three near
phrasings may be so by chance and all of them are not. What decides is not the score but its **margin** to all other
answers together: a limit on the score alone keeps wrong answers rare at no useful value (`python -m bench answers`).
An answer that would be given to a phrasing of another one, were that not known, must be nearer than others by more.
Phrasings of nothing (`None`) compete as well, and win by giving no answer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from prosa.answers.guards import agrees, facts
from prosa.answers.meaning import Floats, Space
from prosa.answers.spelling import Grams
from prosa.answers.text import core, normalised
from prosa.embeddings.arrays import NDArray, np

NEAREST = 3
LEXICAL_WEIGHT = 0.5
MIDDLE_WEIGHT = 0.5
HIGHEST = 1.0 + LEXICAL_WEIGHT + MIDDLE_WEIGHT
"""Score of a question that is a phrasing, where all phrasings are one."""
RIVALRY = 0.1
"""Of a score: answers that are so much behind the second-best still count with it, to a third. Where many are about as
near, the best one is a guess."""
DOUBT = 0.5
"""Of the highest margin by which an answer is nearest to a phrasing of another one; so much more it needs."""
DOUBTED = 1_000
"""Phrasings that are looked at for that: about a millisecond each."""
FEW_PHRASINGS = 0.9
"""Stands in for a phrasing that an answer lacks, as a share of its nearest: one alone proves less."""
CHECKED = 5
"""Nearest phrasings of the answer with which a question must agree in one: numbers, negation, actions and so on."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way to ask.

    Attributes:
        answer: The key of its answer; None for one that no answer is for.
        text: As people write it.
        vector: Its embedding; None where none was made.
    """

    answer: Any
    text: str
    vector: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Match:
    """The best answer for a question.

    Attributes:
        answer: Its key.
        score: How near its phrasings are, 2 at most.
        margin: How much nearer than those of all others together, less what the answer is doubted by.
        phrasing: The nearest of them.
        second: The key of the second-best answer; None where there is none.
        differs: In what the question differs from all near phrasings; None where it agrees with one.
        same: The question is one of the phrasings, word for word.
    """

    answer: Any
    score: float
    margin: float
    phrasing: str = field(repr=False)
    second: Any = None
    differs: str | None = None
    same: bool = False

    def passes(self, *, threshold: float, margin: float) -> bool:
        """Whether the answer may be given."""
        return self.same or (self.score >= threshold and self.margin >= margin and self.differs is None)


class Matcher:
    """Phrasings, ready to be compared. Immutable; building and matching need no database and may run in a thread."""

    def __init__(self, phrasings: Sequence[Phrasing], *, background: Sequence[bytes] = ()) -> None:
        """Build it; about 0.2 ms a phrasing.

        Args:
            phrasings: With embeddings of one model, or without.
            background: Embeddings by the same model of what people write about anything: where the middle is.
        """
        self._answers = list(dict.fromkeys(phrasing.answer for phrasing in phrasings))
        place = {answer: index for index, answer in enumerate(self._answers)}
        # phrasings of one answer stand together, so that scores by answer are slices
        ordered = sorted(phrasings, key=lambda phrasing: place[phrasing.answer])
        self._texts = [phrasing.text for phrasing in ordered]
        self._of = np.array([place[phrasing.answer] for phrasing in ordered], dtype=np.int64)
        ends = np.searchsorted(self._of, np.arange(len(self._answers) + 1))
        self._slices = [(int(begin), int(end)) for begin, end in pairwise(ends)]
        self._same = {normalised(p.text): p.answer for p in reversed(ordered) if p.answer is not None}
        # ahead of time, while nobody waits; only where questions are compared at all
        self._facts = [facts(text) for text in self._texts] if all(p.vector for p in ordered) else []
        self._words: dict[int, frozenset[str]] = {}
        self._grams = Grams(self._texts)
        vectors = [phrasing.vector for phrasing in ordered]
        known = np.array([phrasing.answer is not None for phrasing in ordered], dtype=bool)
        self._space = (
            Space([v for v in vectors if v is not None], self._of, known, background)
            if vectors and all(vectors)
            else None
        )

        self._nothing = place.get(None)
        longest = max((end - begin for begin, end in self._slices), default=0)
        places = np.arange(max(NEAREST, longest))
        begins = np.array([begin for begin, _ in self._slices], dtype=np.int64)[:, None]
        sizes = np.array([end - begin for begin, end in self._slices], dtype=np.int64)[:, None]
        # where each answer's phrasings stand, by rows of one length; what is short of it points behind the last one
        self._table = np.where(places < sizes, begins + places, len(ordered))
        self._doubts = self._doubted(known) if self._space is not None else np.zeros(len(self._answers), "f4")

    @property
    def size(self) -> int:
        """How many phrasings."""
        return len(self._texts)

    @property
    def by_meaning(self) -> bool:
        """Whether all phrasings have embeddings; without, only the same words match."""
        return self._space is not None

    def same(self, text: str) -> Any | None:
        """Return the key of the answer that has exactly this question, greetings and accents aside; else None."""
        return self._same.get(normalised(text))

    def match(self, text: str, vector: bytes | None) -> Match | None:
        """Return the best answer for a question; None where nothing can be said of it."""
        if (answer := self.same(text)) is not None:
            return Match(answer, HIGHEST, 1.0, text, same=True)
        if self._space is None or vector is None or not self._texts:
            return None
        alike, middles = self._space.nearness(vector)
        near = alike + LEXICAL_WEIGHT * self._grams.nearness(text)
        scores = self._scores(near, alike, middles)
        order = np.argsort(-scores)
        best = int(order[0])
        if self._answers[best] is None:
            return None
        return Match(
            self._answers[best],
            float(scores[best]),
            _margin(scores, best) - DOUBT * float(self._doubts[best]),
            self._texts[self._nearest(near, best)[0]],
            self._answers[int(order[1])] if len(order) > 1 else None,
            self._differs(text, near, best),
        )

    def _scores(self, near: Floats, alike: Floats, middles: Floats) -> Floats:
        """Return the score of a text for each answer, from its likeness to phrasings and to middles."""
        padded = np.append(near, np.float32(-np.inf))[self._table]
        top = np.partition(padded, -NEAREST, axis=1)[:, -NEAREST:]
        nearest = top.max(axis=1, keepdims=True)
        scores: Floats = np.where(np.isneginf(top), FEW_PHRASINGS * nearest, top).mean(axis=1) + MIDDLE_WEIGHT * middles
        if self._nothing is not None:
            # phrasings of nothing are not about one thing: the nearest of them speaks for itself
            begin, end = self._slices[self._nothing]
            scores[self._nothing] = (near[begin:end] + MIDDLE_WEIGHT * alike[begin:end]).max()
        return scores

    def _doubted(self, known: NDArray[np.bool_]) -> Floats:
        """Return for each answer by how much it is nearest, at most, to a phrasing of another one that is left out."""
        doubts = np.zeros(len(self._answers), dtype=np.float32)
        if self._space is None or len(self._answers) < 2:
            return doubts
        sizes = np.bincount(self._of)
        able = np.nonzero(known & (sizes[self._of] > NEAREST))[0]
        for place in able[:: max(1, math.ceil(len(able) / DOUBTED))]:
            mine = self._of[place]
            alike, middles = self._space.without(int(place), int(mine))
            near = alike + LEXICAL_WEIGHT * self._grams.nearness(self._texts[place])
            near[place] = alike[place] = -1.0
            scores = self._scores(near, alike, middles)
            best = int(np.argmax(scores))
            if best in {mine, self._nothing}:
                continue
            margin = _margin(scores, best)
            if margin > doubts[best] and self._differs(self._texts[place], near, best) is None:
                doubts[best] = margin
        return doubts

    def _nearest(self, near: Floats, answer: int) -> list[int]:
        begin, end = self._slices[answer]
        return [begin + int(index) for index in np.argsort(-near[begin:end])[:CHECKED]]

    def _differs(self, text: str, near: Floats, answer: int) -> str | None:
        known = [self._facts[index] for index in self._nearest(near, answer)]
        return agrees(facts(text), known, self._words_of(answer))

    def _words_of(self, answer: int) -> frozenset[str]:
        if answer not in self._words:
            begin, end = self._slices[answer]
            self._words[answer] = frozenset(word for text in self._texts[begin:end] for word in core(text))
        return self._words[answer]


def _margin(scores: Floats, best: int) -> float:
    """Return how much higher a score is than those of all other answers together (a soft maximum)."""
    others = np.delete(scores, best)
    if not len(others):
        return float(scores[best])
    highest = others.max()
    return float(scores[best] - highest - RIVALRY * np.log(np.exp((others - highest) / RIVALRY).sum()))
