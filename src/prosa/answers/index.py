"""The frequent answers of each number, ready to be compared with questions; made anew when they change.

An index is made in the background, with the embeddings that are missing; until it is ready there is no frequent answer,
which is always safe. The version on the number's row says when one is out of date.
"""

import asyncio
import importlib.util
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Row

from prosa.answers import asked, repository
from prosa.answers.background import TEXTS
from prosa.database import Database, WriteDb
from prosa.embeddings import Embedded, Embedder, Embedders, EmbeddingError, Kind, Maker
from prosa.recent import Recent

if TYPE_CHECKING:
    from prosa.answers.matching import Match, Matcher
    from prosa.answers.nearness import Nearness

logger = structlog.get_logger("prosa.answers")

KEPT = 64
"""Indexes kept in the process, the least recently used go first: some 3 MB for a thousand phrasings."""
QUESTION_SECONDS = 2.0
"""A question's embedding is waited for no longer: the model then answers."""
RETRY_SECONDS = 30.0
"""After an index could not be made."""
TOLD = 4_000
"""Characters, a thousand tokens: frequent answers that are longer together are not in every prompt."""
NO_NUMPY = "Likeness of meaning needs the package numpy: pip install 'prosa[embeddings]'."


@dataclass(frozen=True, slots=True)
class Number:
    """What an index is for.

    Attributes:
        session_id: The number.
        user_id: Its owner.
        version: `answers_version` of its row.
        maker: What makes its embeddings.
    """

    session_id: str
    user_id: uuid.UUID
    version: int
    maker: Maker


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a question.

    Attributes:
        match: The best answer; None where there is none.
        title: Of that answer.
        answer: Its text.
        vector: The question's embedding, where one was made.
    """

    match: "Match | None" = None
    title: str = ""
    answer: str = field(default="", repr=False)
    vector: bytes | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Index:
    number: Number
    matcher: "Matcher"
    texts: dict[uuid.UUID, tuple[str, str]]

    def told(self) -> str:
        """Return questions and answers as a prompt shows them; empty where they are too many for every prompt."""
        lines = [f"- {title}\n  {' '.join(answer.split())}" for _, (title, answer) in sorted(self.texts.items())]
        text = "\n".join(lines)
        return text if len(text) <= TOLD else ""


Spent = Callable[[Number, Embedder, Embedded], Coroutine[Any, Any, None]]
"""Told of embeddings that somebody bills."""


class AnswerIndex:
    """Finds frequent answers."""

    def __init__(self, database: Database, embedders: Embedders, *, spent: Spent | None = None) -> None:
        """Make it; nothing is loaded yet.

        Args:
            database: Where the answers are.
            embedders: What makes embeddings.
            spent: Told of embeddings that were billed.
        """
        self._database = database
        self._embedders = embedders
        self._spent = spent
        self._kept: Recent[str, _Index] = Recent(KEPT)
        self._making: dict[str, tuple[Number, asyncio.Task[None]]] = {}
        self._not_before: dict[str, float] = {}
        self._middles: dict[str, Nearness] = {}
        self._background: dict[str, list[bytes]] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def embedder(self, maker: Maker) -> Embedder:
        """Return what makes embeddings."""
        return self._embedders.get(maker)

    def unready(self, maker: Maker) -> str | None:
        """Return why meanings cannot be compared here and what to do, for a person; None where they can."""
        missing = importlib.util.find_spec("numpy") is None
        return NO_NUMPY if missing else self._embedders.get(maker).unready()

    async def embed(self, number: Number, texts: Sequence[str], kind: Kind = "alike") -> list[bytes]:
        """Return the embeddings of some texts, to tell how like they are; what they cost is told.

        Raises:
            EmbeddingError: There are none now.
        """
        embedder = self._embedders.get(number.maker)
        embedded = await embedder.embed(texts, kind)
        if self._spent is not None and embedder.provider:
            task = asyncio.create_task(self._spent(number, embedder, embedded), name="answers-spent")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return embedded.vectors

    async def find(self, number: Number, text: str) -> Found | None:
        """Return what is known of a question; None while the number's index is not ready."""
        if not number.version:
            return Found()  # it never had a frequent answer
        index = self._ready(number)
        if index is None:
            return None
        vector: bytes | None = None
        if index.matcher.same(text) is None and index.matcher.by_meaning:
            vector = await self._vector(number, text)
        match = await asyncio.to_thread(index.matcher.match, text, vector)
        title, answer = index.texts.get(match.answer, ("", "")) if match is not None else ("", "")
        return Found(match if answer else None, title, answer, vector)

    def told(self, number: Number) -> str:
        """Return the number's frequent answers as a prompt shows them; empty while the index is not ready."""
        index = self._ready(number) if number.version else None
        return index.told() if index is not None else ""

    async def ready(self, number: Number) -> None:
        """Wait until the number's index is made.

        Raises:
            EmbeddingError: It cannot be made.
        """
        self._not_before.pop(number.session_id, None)
        for _ in range(2):  # the first wait may have been for an older version
            if self._ready(number) is not None:
                return
            if number.session_id in self._making:
                await asyncio.shield(self._making[number.session_id][1])
        if self._kept.get(number.session_id, None) is None:
            raise EmbeddingError(self.unready(number.maker) or "The index cannot be made; the log says why.")

    async def nearness(self, maker: Maker) -> "Nearness":
        """Return how likeness is told by the embeddings of a maker.

        Raises:
            EmbeddingError: There are no embeddings.
        """
        if maker not in self._middles:
            background = await self._texts_about_anything(maker)
            self._middles[maker] = await asyncio.to_thread(_make_nearness, background)
        return self._middles[maker]

    async def stop(self) -> None:
        """Give up what is being made."""
        tasks = [task for _, task in self._making.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._telling, return_exceptions=True)

    async def start(self) -> None:
        """Do nothing: what is needed is made when it is needed."""

    def _ready(self, number: Number) -> _Index | None:
        """Return the number's index, or begin to make it."""
        index = self._kept.get(number.session_id)
        if index is not None and index.number == number:
            self._kept.move_to_end(number.session_id)
            return index
        making = self._making.get(number.session_id)
        if making is not None and not making[1].done():
            return None  # perhaps of an older version: then the next question begins anew
        if time.monotonic() >= self._not_before.get(number.session_id, 0.0):
            task = asyncio.create_task(self._make(number), name=f"answers-index-{number.session_id}")
            self._making[number.session_id] = (number, task)
        return None

    async def _make(self, number: Number) -> None:
        try:
            if importlib.util.find_spec("numpy") is None:
                raise EmbeddingError(NO_NUMPY)  # noqa: TRY301 - told like every other reason
            if (missing := self.unready(number.maker)) is not None:
                logger.warning("frequent answers by the same words only", session=number.session_id, reason=missing)
            index = await self._made(number, by_meaning=missing is None)
        except EmbeddingError as error:
            self._not_before[number.session_id] = time.monotonic() + RETRY_SECONDS
            logger.warning("frequent answers cannot be compared", session=number.session_id, reason=str(error))
        except Exception:
            self._not_before[number.session_id] = time.monotonic() + RETRY_SECONDS
            logger.exception("the index of frequent answers cannot be made", session=number.session_id)
        else:
            self._kept.put(number.session_id, index)

    async def _made(self, number: Number, *, by_meaning: bool) -> _Index:
        embedder = self._embedders.get(number.maker)
        async with self._database.read() as db:
            rows = await repository.to_compare(db, number.user_id, number.session_id)
            texts = await repository.texts_of(db, {row.answer_id for row in rows})
            negatives = await asked.negatives(db, number.user_id, number.session_id, embedder.name)
        if not by_meaning:
            return _Index(number, await asyncio.to_thread(_make_plain_matcher, rows), texts)
        vectors = {row.id: row.vector for row in rows if row.model == embedder.name}
        missing = [row for row in rows if row.id not in vectors]
        if missing:
            made = await self.embed(number, [row.text for row in missing])
            fresh = {row.id: vector for row, vector in zip(missing, made, strict=True)}
            await self._database.submit(partial(_keep, fresh, embedder.name))
            vectors |= fresh
        background = await self._texts_about_anything(number.maker) if rows else []
        matcher = await asyncio.to_thread(_make_matcher, rows, vectors, negatives, background)
        return _Index(number, matcher, texts)

    async def _texts_about_anything(self, maker: Maker) -> list[bytes]:
        if maker not in self._background:
            self._background[maker] = (await self._embedders.get(maker).embed(TEXTS, "alike")).vectors
        return self._background[maker]

    async def _vector(self, number: Number, text: str) -> bytes | None:
        try:
            async with asyncio.timeout(QUESTION_SECONDS):
                return (await self.embed(number, [text], "asked"))[0]
        except (EmbeddingError, TimeoutError) as error:
            logger.warning("a question has no embedding", reason=str(error) or "it took too long")
            return None


async def _keep(vectors: dict[uuid.UUID, bytes], model: str, db: WriteDb) -> None:
    await repository.keep_vectors(db, vectors, model)


def _make_matcher(
    rows: Sequence[Row[tuple[object, ...]]],
    vectors: dict[uuid.UUID, bytes],
    negatives: Sequence[Row[tuple[object, ...]]],
    background: Sequence[bytes],
) -> "Matcher":
    from prosa.answers.matching import Matcher, Phrasing  # noqa: PLC0415 - imports numpy, only where it is used

    phrasings = [Phrasing(row.answer_id, row.text, vectors[row.id]) for row in rows]
    if phrasings:
        phrasings += [Phrasing(None, row.text, row.vector) for row in negatives if row.vector]
        phrasings += [Phrasing(None, text, vector) for text, vector in zip(TEXTS, background, strict=True)]
    return Matcher(phrasings, background=background)


def _make_plain_matcher(rows: Sequence[Row[tuple[object, ...]]]) -> "Matcher":
    from prosa.answers.matching import Matcher, Phrasing  # noqa: PLC0415 - imports numpy

    return Matcher([Phrasing(row.answer_id, row.text, None) for row in rows])


def _make_nearness(background: Sequence[bytes]) -> "Nearness":
    from prosa.answers.nearness import Nearness  # noqa: PLC0415 - imports numpy

    return Nearness(background)
