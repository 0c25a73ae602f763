"""Likeness of spelling: character n-grams, words and pairs of words, weighted by how rare they are (TF-IDF)."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from prosa.answers.meaning import Floats
from prosa.answers.text import core
from prosa.embeddings.arrays import np

GRAMS = (3, 4, 5)


class Grams:
    """The n-grams of some texts, ready to be compared with others'."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Count those of the texts."""
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
        sizes = np.array([len(one) for one in rows], dtype=np.int64)
        self._sizes = sizes
        self._begins = np.cumsum(sizes) - sizes
        self._rows = np.array([row for one in rows for row in one], dtype=np.int32)
        self._weights = np.array([weight for one in weights for weight in one], dtype=np.float32)

    def nearness(self, text: str) -> Floats:
        """Return the cosine of a text with each of the texts."""
        places, values = self._weighed(Counter(_grams(text)))
        if not places:
            return np.zeros(self._size, dtype=np.float32)
        sizes = self._sizes[places]
        # all places of the grams' texts in one go: where each gram's begin, and how far behind that each is
        begins = self._begins[places] - (np.cumsum(sizes) - sizes)
        where = np.repeat(begins, sizes) + np.arange(sizes.sum())
        weights = self._weights[where] * np.repeat(np.array(values, dtype=np.float32), sizes)
        near: Floats = np.bincount(self._rows[where], weights, self._size).astype(np.float32)
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
