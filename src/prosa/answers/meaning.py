"""Likeness of meaning: the embeddings of phrasings, centred and whitened."""

import math
from collections.abc import Sequence
from typing import TypeAlias

from prosa.embeddings.arrays import NDArray, np

Floats: TypeAlias = NDArray[np.float32]

SHRINKAGE = 0.7
"""Of the whitening towards none at all: with twenty phrasings an answer the rest is noise."""
FULL_WHITENING = 300
"""Phrasings from which on the whitening has its full strength."""


class Space:
    """Embeddings, centred and whitened."""

    def __init__(
        self, vectors: Sequence[bytes], of: NDArray[np.int64], known: NDArray[np.bool_], background: Sequence[bytes]
    ) -> None:
        """Take the embeddings of phrasings.

        Args:
            vectors: The embeddings.
            of: The place of each one's answer; phrasings of one answer stand together.
            known: Whether each has an answer.
            background: Embeddings by the same model of what people write about anything: where the middle is.
        """
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


def matrix(vectors: Sequence[bytes]) -> Floats:
    """Return embeddings as the rows of a matrix."""
    return (
        np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1) if vectors else np.zeros((0, 1), "f4")
    )


def unit(rows: Floats) -> Floats:
    """Return rows of length one."""
    result: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return result
