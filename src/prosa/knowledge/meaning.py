"""Pieces by meaning: their embeddings in one matrix."""

from collections.abc import Sequence
from typing import TypeAlias

from prosa.embeddings.arrays import NDArray, np

Floats: TypeAlias = NDArray[np.float32]


class Meanings:
    """The embeddings of a number's pieces."""

    def __init__(self, ids: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Take the pieces' ids and embeddings, of one model."""
        self._ids = list(ids)
        self._rows: Floats = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1 if vectors else 1)

    @property
    def size(self) -> int:
        """How many pieces."""
        return len(self._ids)

    def nearest(self, vector: bytes, most: int) -> list[int]:
        """Return up to `most` pieces, the nearest first."""
        near = self._rows @ np.frombuffer(vector, dtype="<f4")
        return [self._ids[int(place)] for place in np.argsort(-near)[:most]]
