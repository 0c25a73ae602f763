"""Gemini's embeddings, by the same key and address as its answers."""

import asyncio
import math
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from prosa.embeddings.base import Embedded, EmbeddingError, Kind
from prosa.settings import Settings

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.embeddings.google import GoogleEmbeddingModel, GoogleEmbeddingSettings

logger = structlog.get_logger("prosa.embeddings")

MODEL = "gemini-embedding-001"
DIMENSIONS = 768
"""Of up to 3,072: a quarter of the storage at little loss (ai.google.dev/gemini-api/docs/embeddings)."""
BATCH = 100
"""Texts a request at most (the same page)."""
TIMEOUT_SECONDS = 20.0
_TASKS: dict[Kind, str] = {
    "alike": "SEMANTIC_SIMILARITY",
    "asked": "SEMANTIC_SIMILARITY",
    "question": "RETRIEVAL_QUERY",
    "passage": "RETRIEVAL_DOCUMENT",
}


class GeminiEmbedder:
    """Asks Gemini; its libraries are imported when it is first needed."""

    name = f"{MODEL}-{DIMENSIONS}"
    provider = "google"

    def __init__(self, settings: Settings) -> None:
        """Keep the key and the address."""
        self._key = settings.gemini_api_key.get_secret_value() if settings.gemini_api_key else None
        self._base_url = settings.gemini_base_url
        self._http: AsyncClient | None = None
        self._making: asyncio.Task[GoogleEmbeddingModel] | None = None

    def unready(self) -> str | None:
        """Return what is missing here."""
        return None if self._key else "No key of Gemini is set: set PROSA_GEMINI_API_KEY, or set embeddings to local."

    async def embed(self, texts: Sequence[str], kind: Kind) -> Embedded:
        """Return the vectors of some texts.

        Raises:
            EmbeddingError: There is no key, or Gemini did not give them.
        """
        if (missing := self.unready()) is not None:
            raise EmbeddingError(missing)
        started = time.monotonic()
        vectors: list[bytes] = []
        tokens, cost = 0, 0
        priced = True
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                model = await self._model()
                for begin in range(0, len(texts), BATCH):
                    result = await model.embed(
                        [text or " " for text in texts[begin : begin + BATCH]],
                        input_type="document" if kind == "passage" else "query",
                        settings=_settings(kind),
                    )
                    vectors += [_unit(vector) for vector in result.embeddings]
                    tokens += result.usage.input_tokens
                    try:
                        cost += round(result.cost().total_price * 1_000_000)
                    except (LookupError, ValueError):
                        priced = False
        except Exception as error:  # of the client, the network or the limit of time: without vectors there is no match
            logger.warning("no embeddings from Gemini", error=type(error).__name__)
            raise EmbeddingError("Gemini gave no embeddings; the log says why.") from error
        spent = round((time.monotonic() - started) * 1000)
        return Embedded(vectors, tokens, cost if priced else None, spent)

    async def close(self) -> None:
        """Close the connections."""
        making, self._making = self._making, None
        if making is not None:
            with suppress(Exception):  # told when it happened
                await making
        if self._http is not None:
            await self._http.aclose()

    async def _model(self) -> "GoogleEmbeddingModel":
        if self._making is None or (self._making.done() and self._making.exception() is not None):
            self._making = asyncio.create_task(asyncio.to_thread(self._make), name="embeddings-import")
        return await asyncio.shield(self._making)

    def _make(self) -> "GoogleEmbeddingModel":
        from pydantic_ai.embeddings.google import GoogleEmbeddingModel  # noqa: PLC0415 - a second of imports

        from prosa.google_client import google_http, google_provider  # noqa: PLC0415

        self._http = google_http(self._base_url)
        provider = google_provider(self._key or "", self._base_url, self._http)
        return GoogleEmbeddingModel(MODEL, provider=provider)


def _settings(kind: Kind) -> "GoogleEmbeddingSettings":
    return {"dimensions": DIMENSIONS, "google_task_type": _TASKS[kind]}


def _unit(vector: Sequence[float]) -> bytes:
    # Only vectors of all 3,072 dimensions come normalised (ai.google.dev/gemini-api/docs/embeddings).
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return struct.pack(f"<{len(vector)}f", *(value / length for value in vector))
