"""Which approved answer a question asks for, or none: nearness of meaning and of spelling, compared across answers.

Each answer has many phrasings. A question's score for an answer is the mean of its likeness to the three nearest of
them: the cosine of their embeddings, centred and whitened by how phrasings of one answer differ from each other, plus
half the cosine of their character n-grams; plus half its likeness to the middle of all of them, since three near
phrasings may be so by chance and all of them are not. What decides is not the score but its **margin** to the
second-best answer: a limit on the score alone keeps wrong answers rare at no useful value (`python -m bench answers`).
An answer that would be given to a phrasing of another one, were that not known, must be nearer than others by more.
Phrasings of nothing (`None`) compete as well, and win by giving no answer.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from prosa.answers.guards import Facts, agrees, facts
from prosa.answers.text import core, normalised
from prosa.embeddings.arrays import NDArray, np

Floats: TypeAlias = NDArray[np.float32]

NEAREST = 3
LEXICAL_WEIGHT = 0.5
MIDDLE_WEIGHT = 0.5
HIGHEST = 1.0 + LEXICAL_WEIGHT + MIDDLE_WEIGHT
"""Score of a question that is a phrasing, where all phrasings are one."""
GRAMS = (3, 4, 5)
SHRINKAGE = 0.7
"""Of the whitening towards none at all: with twenty phrasings an answer the rest is noise."""
DOUBT = 0.5
"""Of the highest margin by which an answer is nearest to a phrasing of another one; so much more it needs."""
DOUBTED = 1_000
"""Phrasings that are looked at for that: about a millisecond each."""
FULL_WHITENING = 300
"""Phrasings from which on the whitening has its full strength."""
FEW_PHRASINGS = 0.9
"""Stands in for each of three phrasings that an answer lacks, as a share of its nearest: one alone proves less."""
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
        margin: How much nearer than those of the second-best answer, less what the answer is doubted by.
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
        self._facts: dict[int, Facts] = {}
        self._words: dict[int, frozenset[str]] = {}
        self._grams = _Grams(self._texts)
        vectors = [phrasing.vector for phrasing in ordered]
        known = np.array([phrasing.answer is not None for phrasing in ordered], dtype=bool)
        self._space = (
            _Space([v for v in vectors if v is not None], self._of, known, background)
            if vectors and all(vectors)
            else None
        )

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
        scores = self._scores(near[None], alike[None], middles[None])[0]
        order = np.argsort(-scores)
        best = int(order[0])
        if self._answers[best] is None:
            return None
        second = int(order[1]) if len(order) > 1 else None
        return Match(
            self._answers[best],
            float(scores[best]),
            float(scores[best] - (scores[second] if second is not None else 0.0) - DOUBT * self._doubts[best]),
            self._texts[self._nearest(near, best)[0]],
            self._answers[second] if second is not None else None,
            self._differs(text, near, best),
        )

    def _scores(self, near: Floats, alike: Floats, middles: Floats) -> Floats:
        """Return the scores of texts (rows) for each answer, from their likeness to phrasings and to middles."""
        scores = np.empty((len(near), len(self._answers)), dtype=np.float32)
        for index, (begin, end) in enumerate(self._slices):
            if self._answers[index] is None:
                # phrasings of nothing are not about one thing: the nearest of them speaks for itself
                scores[:, index] = (near[:, begin:end] + MIDDLE_WEIGHT * alike[:, begin:end]).max(axis=1)
            else:
                scores[:, index] = _score(near[:, begin:end]) + MIDDLE_WEIGHT * middles[:, index]
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
            scores = self._scores(near[None], alike[None], middles[None])[0]
            best = int(np.argmax(scores))
            if best == mine or self._answers[best] is None:
                continue
            margin = float(scores[best] - np.partition(scores, -2)[-2])
            if margin > doubts[best] and self._differs(self._texts[place], near, best) is None:
                doubts[best] = margin
        return doubts

    def _nearest(self, near: Floats, answer: int) -> list[int]:
        begin, end = self._slices[answer]
        return [begin + int(index) for index in np.argsort(-near[begin:end])[:CHECKED]]

    def _differs(self, text: str, near: Floats, answer: int) -> str | None:
        known = [self._facts_of(index) for index in self._nearest(near, answer)]
        return agrees(facts(text), known, self._words_of(answer))

    def _facts_of(self, index: int) -> Facts:
        if index not in self._facts:
            self._facts[index] = facts(self._texts[index])
        return self._facts[index]

    def _words_of(self, answer: int) -> frozenset[str]:
        if answer not in self._words:
            begin, end = self._slices[answer]
            self._words[answer] = frozenset(word for text in self._texts[begin:end] for word in core(text))
        return self._words[answer]


def _score(near: Floats) -> Floats:
    top = np.sort(near, axis=1)[:, -NEAREST:]
    missing = NEAREST - top.shape[1]
    score: Floats = (top.sum(axis=1) + missing * FEW_PHRASINGS * top[:, -1]) / NEAREST
    return score


class _Space:
    """Embeddings, centred and whitened."""

    def __init__(
        self, vectors: Sequence[bytes], of: NDArray[np.int64], known: NDArray[np.bool_], background: Sequence[bytes]
    ) -> None:
        rows = matrix(vectors)
        everything = np.concatenate([rows[known], matrix(background)]) if background else rows
        # e5's vectors all point about the same way; what is left of them without that is what tells texts apart
        self._middle: Floats = everything.mean(axis=0)
        if len(rows) < 2:
            self._middle = np.zeros_like(self._middle)
        centred = unit(rows - self._middle)
        self._turn = self._whitening(centred[known], of[known])
        self._rows = unit(centred @ self._turn)
        self._sums: Floats = np.add.reduceat(self._rows, np.searchsorted(of, np.arange(int(of[-1]) + 1)))
        self._middles = unit(self._sums)

    def nearness(self, vector: bytes) -> tuple[Floats, Floats]:
        """Return the likeness of a text to each phrasing, and to the middle of each answer's phrasings."""
        row = unit(np.frombuffer(vector, dtype="<f4")[None, :] - self._middle)
        turned = unit(row @ self._turn)[0]
        return self._rows @ turned, self._middles @ turned

    def without(self, place: int, answer: int) -> tuple[Floats, Floats]:
        """Return the same for a phrasing, as if it were not among its answer's; it is still nearest to itself."""
        row = self._rows[place]
        middles: Floats = self._middles @ row
        middles[answer] = unit((self._sums[answer] - row)[None])[0] @ row
        return self._rows @ row, middles

    @staticmethod
    def _whitening(centred: Floats, of: NDArray[np.int64]) -> Floats:
        """Return what makes directions count less in which phrasings of one answer differ (Fisher's discriminant)."""
        size = centred.shape[1]
        if not len(of):
            return np.eye(size, dtype=np.float32)
        counts = np.bincount(of)
        means = np.zeros((len(counts), size), dtype=np.float32)
        np.add.at(means, of, centred)
        means /= np.maximum(counts, 1)[:, None]
        off = centred - means[of]
        within = off.T @ off / len(off)
        level = float(np.trace(within)) / size
        if level <= 1e-9:  # one phrasing an answer: nothing is known of how they differ
            return np.eye(size, dtype=np.float32)
        shrink = 1 - (1 - SHRINKAGE) * min(1.0, len(off) / FULL_WHITENING)
        values, directions = np.linalg.eigh((1 - shrink) * within + shrink * level * np.eye(size))
        turn: Floats = (directions / np.sqrt(values) * math.sqrt(level)).astype(np.float32)
        return turn


class _Grams:
    """Character n-grams, words and pairs of words of texts, weighted by how rare they are (TF-IDF)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._size = len(texts)
        counted = [Counter(_grams(text)) for text in texts]
        spread = Counter(gram for counts in counted for gram in counts)
        self._place = {gram: index for index, gram in enumerate(spread)}
        self._rare = np.array([math.log((1 + len(texts)) / (1 + n)) + 1 for n in spread.values()], dtype=np.float32)
        rows: list[list[int]] = [[] for _ in spread]
        weights: list[list[float]] = [[] for _ in spread]
        for row, counts in enumerate(counted):
            places, values = self._weighed(counts)
            for place, value in zip(places, values, strict=True):
                rows[place].append(row)
                weights[place].append(value)
        self._rows = [np.array(one, dtype=np.int32) for one in rows]
        self._weights = [np.array(one, dtype=np.float32) for one in weights]

    def nearness(self, text: str) -> Floats:
        """Return the cosine of a text with each of the texts."""
        places, values = self._weighed(Counter(_grams(text)))
        if not places:
            return np.zeros(self._size, dtype=np.float32)
        rows = np.concatenate([self._rows[place] for place in places])
        weights = np.concatenate([self._weights[place] * value for place, value in zip(places, values, strict=True)])
        near: Floats = np.bincount(rows, weights, self._size).astype(np.float32)
        return near

    def _weighed(self, counts: Counter[str]) -> tuple[list[int], list[float]]:
        """Return the known grams of a text and their weights, of unit length over all its known grams."""
        places = [place for gram in counts if (place := self._place.get(gram)) is not None]
        known = (counts[gram] for gram in counts if gram in self._place)
        values = [(1 + math.log(n)) * float(self._rare[place]) for n, place in zip(known, places, strict=True)]
        length = math.sqrt(sum(value * value for value in values)) or 1.0
        return places, [value / length for value in values]


def _grams(text: str) -> list[str]:
    words = core(text)
    line = f" {' '.join(words)} "
    grams = [f"w:{word}" for word in words]
    grams += [f"b:{one} {two}" for one, two in pairwise(words)]
    grams += [line[begin : begin + size] for size in GRAMS for begin in range(len(line) - size + 1)]
    return grams


def matrix(vectors: Sequence[bytes]) -> Floats:
    """Return embeddings as the rows of a matrix."""
    return (
        np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1) if vectors else np.zeros((0, 1), "f4")
    )


def unit(rows: Floats) -> Floats:
    """Return rows of length one."""
    result: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return result
