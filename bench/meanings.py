"""The embeddings of texts by Prosa's local model, each made once and kept in `.cache/bench/` for the next run."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from prosa.embeddings.arrays import np
from prosa.embeddings.local import LocalEmbedder

FOLDER = Path(__file__).parents[1] / ".cache" / "bench"


class Meanings:
    """Embeddings by text."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read what is kept."""
        self._embedder = LocalEmbedder()
        self._path = folder / f"{self._embedder.name}.npz"
        self._kept: dict[bytes, bytes] = {}
        if self._path.is_file():
            with np.load(self._path) as kept:
                rows = zip(kept["keys"], kept["vectors"], strict=True)
                self._kept = {key.tobytes(): vector.tobytes() for key, vector in rows}

    async def learn(self, texts: Iterable[str]) -> None:
        """Make the embeddings that are missing."""
        new = {key: text for text in texts if (key := _key(text)) not in self._kept}
        if not new:
            return
        vectors = (await self._embedder.embed(list(new.values()), "alike")).vectors
        self._kept.update(zip(new, vectors, strict=True))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(self._kept), dtype=np.uint8).reshape(len(self._kept), -1)
        rows = np.frombuffer(b"".join(self._kept.values()), dtype="<f4").reshape(len(self._kept), -1)
        np.savez(self._path, keys=keys, vectors=rows)

    def of(self, text: str) -> bytes:
        """Return a text's embedding."""
        return self._kept[_key(text)]

    async def fresh(self, text: str) -> bytes:
        """Return a text's embedding, made anew."""
        return (await self._embedder.embed([text], "alike")).vectors[0]

    async def close(self) -> None:
        """Drop the model."""
        await self._embedder.close()


def _key(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
