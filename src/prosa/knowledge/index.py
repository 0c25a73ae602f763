"""What of a number's knowledge a question gets: all of it where it is little, else the pieces that are about it.

Pieces are found by their words (the database's full-text search, the rarer words counting more) and, where set, by
their meaning; the two orders are fused by reciprocal rank. What a number has is kept by its version, so a turn asks the
database only to search.
"""

import asyncio
import importlib.util
import math
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import structlog

from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.embeddings import Embedded, Embedder, Embedders, EmbeddingError
from prosa.knowledge import repository
from prosa.knowledge.models import SourceStatus
from prosa.knowledge.stems import stems

if TYPE_CHECKING:
    from prosa.knowledge.meaning import Meanings

logger = structlog.get_logger("prosa.knowledge")

KEPT = 64
"""Numbers whose knowledge is kept in the process."""
CANDIDATES = 40
"""Pieces that each way of finding gives."""
MOST_STEMS = 24
"""Of a question."""
RANK = 60
"""Of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): how little a place counts more than the next one."""
LEAST_SHARE = 0.3
"""Of the best piece's score by words; what fits less only costs tokens."""
SATURATION = 1.2
"""How soon a word that comes again counts no more (BM25's k1)."""
QUESTION_SECONDS = 2.0
RETRY_SECONDS = 30.0
"""Between two tries to work out meanings that are missing, where questions show that some are."""
BATCH = 16
"""Pieces embedded between two writes."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A number, and how its knowledge is to be used.

    Attributes:
        session_id: The number.
        user_id: Its owner.
        version: `knowledge_version` of its row.
        whole_tokens: Up to so many tokens in all, everything is given.
        passage_tokens: Most tokens of pieces for one question.
        maker: What compares meanings; off: nothing does.
    """

    session_id: str
    user_id: uuid.UUID
    version: int
    whole_tokens: int
    passage_tokens: int
    maker: Literal["off", "local", "gemini"] = "off"


@dataclass(frozen=True, slots=True)
class Extract:
    """A document, or a piece of one.

    Attributes:
        source_id: The document.
        name: What it is called.
        place: Where in it.
        text: What it says.
        tokens: About how many.
        score: How well it fits the question; 0 where all is given.
    """

    source_id: uuid.UUID
    name: str
    place: str
    text: str = field(repr=False)
    tokens: int = 0
    score: float = 0.0


@dataclass(slots=True)
class _Kept:
    shelf: Shelf
    tokens: int
    wholes: tuple[Extract, ...] | None
    meanings: "Meanings | None" = None


Spent = Callable[[Shelf, Embedder, Embedded], Coroutine[Any, Any, None]]


class KnowledgeIndex:
    """Finds what a question is about."""

    def __init__(
        self, database: Database, embedders: Embedders, *, spent: Spent | None = None, clock: Clock = utc_now
    ) -> None:
        """Make it; nothing is loaded yet.

        Args:
            database: Where documents are.
            embedders: What makes embeddings.
            spent: Told of embeddings that were billed.
            clock: The time.
        """
        self._database = database
        self._embedders = embedders
        self._spent = spent
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._embedding: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def whole(self, shelf: Shelf) -> tuple[Extract, ...] | None:
        """Return all documents, where they are little enough to go into every prompt; else None."""
        return (await self._known(shelf)).wholes if shelf.version else ()

    async def find(self, shelf: Shelf, question: str) -> list[Extract]:
        """Return the pieces that are about a question, best first, as many as fit."""
        if not shelf.version:
            return []
        known = await self._known(shelf)
        wanted = list(dict.fromkeys(stems(question)))[:MOST_STEMS]
        near = await self._near(shelf, known, question)
        async with self._database.read() as db:
            worded = await repository.by_words(db, shelf.session_id, wanted, limit=CANDIDATES)
            rows = await repository.pieces(db, shelf.session_id, list({*worded, *near}))
        ordered = _by_rarity(wanted, {piece: rows[piece].words for piece in worded if piece in rows})
        scores: dict[int, float] = {}
        for order in (ordered, near):
            for rank, piece in enumerate(order):
                if piece in rows:
                    scores[piece] = scores.get(piece, 0.0) + 1 / (RANK + rank)
        found: list[Extract] = []
        left = shelf.passage_tokens
        for piece in sorted(scores, key=lambda one: (-scores[one], one)):
            row = rows[piece]
            if row.tokens <= left:
                left -= row.tokens
                found.append(
                    Extract(row.source_id, row.name, row.place, row.text, row.tokens, round(scores[piece] * RANK, 4))
                )
        return found

    def embed(self, shelf: Shelf) -> asyncio.Task[None] | None:
        """Begin to work out the meanings of pieces that have none, in the background; None where meanings are off."""
        if shelf.maker == "off":
            return None
        running = self._embedding.get(shelf.session_id)
        if running is None or running.done():
            running = asyncio.create_task(self._embed(shelf), name=f"knowledge-{shelf.session_id}")
            self._embedding[shelf.session_id] = running
        return running

    async def start(self) -> None:
        """Do nothing: what is needed is loaded when it is needed."""

    async def stop(self) -> None:
        """Give up what is being worked out; it goes on at the next question."""
        tasks = [*self._embedding.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._telling, return_exceptions=True)

    async def _known(self, shelf: Shelf) -> _Kept:
        known = self._kept.get(shelf.session_id)
        if known is None or known.shelf != shelf:
            async with self._database.read() as db:
                _, _, tokens = await repository.totals(db, shelf.session_id)
                wholes: tuple[Extract, ...] | None = None
                if tokens <= shelf.whole_tokens:
                    rows = await repository.wholes(db, shelf.session_id)
                    wholes = tuple(Extract(row.id, row.name, "", row.content) for row in rows)
            known = self._kept[shelf.session_id] = _Kept(shelf, tokens, wholes)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(shelf.session_id)
        return known

    async def _near(self, shelf: Shelf, known: _Kept, question: str) -> list[int]:
        """Return pieces by meaning, best first; none where meanings are off or not worked out."""
        if shelf.maker == "off" or known.wholes is not None:
            return []
        try:
            if known.meanings is None:
                known.meanings = await self._meanings(shelf)
                if known.meanings.size < await self._pieces(shelf):
                    self._again(shelf, known)
            if not known.meanings.size:
                return []
            async with asyncio.timeout(QUESTION_SECONDS):
                [vector] = await self._vectors(shelf, [question], "question")
        except (EmbeddingError, TimeoutError) as error:
            logger.warning("knowledge is found by its words only", session=shelf.session_id, reason=str(error))
            return []
        return known.meanings.nearest(vector, CANDIDATES)

    def _again(self, shelf: Shelf, known: _Kept) -> None:
        """Work out what is missing, and then read the meanings anew."""
        now = time.monotonic()
        if now < self._not_before.get(shelf.session_id, 0.0):
            return
        self._not_before[shelf.session_id] = now + RETRY_SECONDS
        task = self.embed(shelf)

        def done(_: asyncio.Task[None]) -> None:
            known.meanings = None

        if task is not None:
            task.add_done_callback(done)

    async def _pieces(self, shelf: Shelf) -> int:
        async with self._database.read() as db:
            return (await repository.totals(db, shelf.session_id))[1]

    async def _meanings(self, shelf: Shelf) -> "Meanings":
        if importlib.util.find_spec("numpy") is None:
            raise EmbeddingError("Likeness of meaning needs the package numpy: pip install 'prosa[embeddings]'.")
        name = self._embedders.get(_maker(shelf)).name
        async with self._database.read() as db:
            rows = await repository.vectors(db, shelf.session_id, name)
        from prosa.knowledge.meaning import Meanings  # noqa: PLC0415 - imports numpy, only where it is used

        return await asyncio.to_thread(Meanings, [row.id for row in rows], [row.vector for row in rows])

    async def _embed(self, shelf: Shelf) -> None:
        embedder = self._embedders.get(_maker(shelf))
        status, reason = SourceStatus.READY, None
        try:
            while True:
                async with self._database.read() as db:
                    rows = await repository.without_vectors(db, shelf.session_id, embedder.name, limit=BATCH)
                if not rows:
                    break
                texts = [f"{row.name} {row.place}\n{row.text}" for row in rows]
                vectors = await self._vectors(shelf, texts, "passage")
                found = {row.id: vector for row, vector in zip(rows, vectors, strict=True)}
                await self._database.submit(_keeping(found, embedder.name))
        except EmbeddingError as error:
            status, reason = SourceStatus.FAILED, str(error)
        except Exception:
            logger.exception("the meanings of documents could not be worked out", session=shelf.session_id)
            status, reason = SourceStatus.FAILED, "Something went wrong; the log says what."
        now = self._clock()

        async def settle(db: WriteDb) -> None:
            await repository.settle(db, shelf.session_id, status, now=now, error=reason)

        await self._database.submit(settle)

    async def _vectors(self, shelf: Shelf, texts: Sequence[str], kind: Literal["question", "passage"]) -> list[bytes]:
        embedder = self._embedders.get(_maker(shelf))
        embedded = await embedder.embed(texts, kind)
        if self._spent is not None and embedder.provider:
            task = asyncio.create_task(self._spent(shelf, embedder, embedded), name="knowledge-spent")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return embedded.vectors


def _maker(shelf: Shelf) -> Literal["local", "gemini"]:
    return "gemini" if shelf.maker == "gemini" else "local"


def _keeping(found: dict[int, bytes], model: str) -> Callable[[WriteDb], Coroutine[Any, Any, None]]:
    async def keep(db: WriteDb) -> None:
        await repository.keep_vectors(db, found, model)

    return keep


def _by_rarity(wanted: Sequence[str], words: dict[int, str]) -> list[int]:
    """Return pieces by how many of the wanted words they have, rare ones among them counting more, best first."""
    counted = {piece: text.split() for piece, text in words.items()}
    spread = {stem: sum(stem in found for found in counted.values()) for stem in wanted}
    weight = {stem: math.log(1 + len(counted) / (1 + spread[stem])) for stem in wanted}

    def score(piece: int) -> float:
        found = counted[piece]
        times = {stem: found.count(stem) for stem in wanted}
        return sum(weight[stem] * n * (SATURATION + 1) / (n + SATURATION) for stem, n in times.items() if n)

    scores = {piece: score(piece) for piece in counted}
    least = LEAST_SHARE * max(scores.values(), default=0.0)
    return sorted((piece for piece in scores if scores[piece] >= least), key=lambda piece: (-scores[piece], piece))
