"""How like texts are by their embeddings alone: for gathering like questions, and for comparing two answers."""

from collections.abc import Sequence

from prosa.answers.meaning import Floats, matrix, unit
from prosa.embeddings.arrays import np

GATHERED = 0.7
"""Likeness from which on two questions are gathered. In BANKING77, groups of three and more gathered so were 85 % of
one intent; a person looks at each before it becomes an answer."""


class Nearness:
    """Cosines around the middle of what people write, since embeddings of all texts point about the same way."""

    def __init__(self, background: Sequence[bytes]) -> None:
        """Take the embeddings of texts about anything."""
        self._middle: Floats = matrix(background).mean(axis=0)

    def nearest(self, vector: bytes, others: Sequence[bytes]) -> tuple[int, float] | None:
        """Return which of some texts is nearest, and its likeness; None where there are none."""
        if not others:
            return None
        near = self._rows(others) @ self._rows([vector])[0]
        best = int(np.argmax(near))
        return best, float(near[best])

    def likeness(self, one: bytes, other: bytes) -> float:
        """Return the likeness of two texts, 1 at most."""
        return float(self._rows([one])[0] @ self._rows([other])[0])

    def _rows(self, vectors: Sequence[bytes]) -> Floats:
        return unit(matrix(vectors) - self._middle)
