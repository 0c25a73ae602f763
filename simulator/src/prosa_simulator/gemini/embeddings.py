"""Embeddings without a model: hashed character n-grams, so that like texts get like vectors.

Deterministic on every machine. Closeness means shared spelling only; nobody should judge meaning by it.
"""

import hashlib
import math
import struct
import unicodedata
from collections.abc import Iterator


def embed(text: str, dimensions: int) -> list[float]:
    """A unit vector for the text: signed counts of its 3- to 5-character pieces, hashed to `dimensions` places."""
    vector = [0.0] * dimensions
    for gram in _grams(text):
        place, sign = struct.unpack("<Ib", hashlib.blake2b(gram.encode(), digest_size=5).digest())
        vector[place % dimensions] += 1.0 if sign >= 0 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if not length:  # pieces that cancel out, or no text at all: any fixed unit vector will do
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in vector]


def _grams(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = " ".join("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())
    padded = f" {letters} "
    for size in (3, 4, 5):
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]
