"""The embeddings of texts by Prosa's local model, each made once and kept in `.cache/bench/` for the next run."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from prosa.embeddings import Kind
from prosa.embeddings.arrays import np
from prosa.embeddings.local import ASKED_TOKENS, LocalEmbedder

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

    async def learn(self, texts: Iterable[str], kind: Kind = "alike") -> None:
        """Make the embeddings that are missing."""
        new = {key: text for text in texts if (key := _key(text, kind)) not in self._kept}
        if not new:
            return
        vectors = (await self._embedder.embed(list(new.values()), kind)).vectors
        self._kept.update(zip(new, vectors, strict=True))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(self._kept), dtype=np.uint8).reshape(len(self._kept), -1)
        rows = np.frombuffer(b"".join(self._kept.values()), dtype="<f4").reshape(len(self._kept), -1)
        np.savez(self._path, keys=keys, vectors=rows)

    def of(self, text: str, kind: Kind = "alike") -> bytes:
        """Return a text's embedding."""
        return self._kept[_key(text, kind)]

    async def fresh(self, text: str) -> bytes:
        """Return a question's embedding, made anew."""
        return (await self._embedder.embed([text], "asked")).vectors[0]

    async def close(self) -> None:
        """Drop the model."""
        await self._embedder.close()


def _key(text: str, kind: Kind) -> bytes:
    name = "" if kind == "alike" else f"{kind} {ASKED_TOKENS}: "
    return blake2b(f"{name}{text}".encode(), digest_size=16).digest()
