"""A number's documents: what their owner does with them. Every change reaches all processes by the number's version."""

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sqlalchemy import Row

from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number, raise_version
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from prosa.knowledge import repository
from prosa.knowledge.models import SourceKind, SourceStatus
from prosa.knowledge.pieces import tokens_of
from prosa.knowledge.reading import MAX_SECONDS, Document, read_file, read_text
from prosa.knowledge.stems import stems

Forget = Callable[[str], Awaitable[None]]
"""Drops what is cached of a number."""


class KnowledgeService:
    """Adds, lists and deletes documents."""

    def __init__(self, database: Database, forget: Forget, clock: Clock = utc_now) -> None:
        """Make it.

        Args:
            database: Where they are.
            forget: Called after a commit with the number whose documents changed.
            clock: The time.
        """
        self._database = database
        self._forget = forget
        self._clock = clock
        # one at a time: a PDF may take a core for half a minute
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="documents")

    async def start(self) -> None:
        """Do nothing: there is nothing to wait for."""

    async def stop(self) -> None:
        """Read no more documents."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def page(self, caller: Caller, session_id: str, *, after: uuid.UUID | None, limit: int) -> list[Row[Any]]:
        """Return up to `limit` documents, the newest first.

        Raises:
            NotFoundError: The number is not the caller's.
        """
        async with self._database.read() as db:
            await check_number(db, caller, session_id)
            return await repository.page(db, caller, session_id, after=after, limit=limit)

    async def get(self, caller: Caller, session_id: str, source_id: uuid.UUID) -> Row[Any]:
        """Return a document with its text.

        Raises:
            NotFoundError: There is none of this id, or the number is not the caller's.
        """
        async with self._database.read() as db:
            row = await repository.find(db, caller, session_id, source_id)
        if row is None:
            raise NotFoundError("There is no such document here.", remedy="GET …/knowledge lists them.")
        return row

    async def add_file(self, caller: Caller, session_id: str, name: str, raw: bytes, *, embed: bool) -> Row[Any]:
        """Add a file as a document.

        Raises:
            NotFoundError: The number is not the caller's.
            InvalidInputError: It cannot be read, has no text, or too much.
            ConflictError: It is there already, or there are too many.
        """
        await self._check(caller, session_id)
        document = await self._read(partial(read_file, raw, name))
        return await self._add(caller, session_id, name, document, None, embed=embed)

    async def add_text(
        self, caller: Caller, session_id: str, name: str, text: str, kind: SourceKind, url: str | None, *, embed: bool
    ) -> Row[Any]:
        """Add a text as a document.

        Raises:
            NotFoundError: The number is not the caller's.
            InvalidInputError: There is nothing in it.
            ConflictError: It is there already, or there are too many.
        """
        await self._check(caller, session_id)
        document = await self._read(partial(read_text, text, kind))
        return await self._add(caller, session_id, name, document, url, embed=embed)

    async def delete(self, caller: Caller, session_id: str, source_id: uuid.UUID) -> None:
        """Delete a document.

        Raises:
            NotFoundError: There is none of this id, or the number is not the caller's.
        """
        await self.get(caller, session_id, source_id)
        async with self._database.write() as db:
            await repository.remove(db, source_id)
            await raise_version(db, caller.user_id, session_id, "knowledge_version")
        await self._forget(session_id)

    async def _check(self, caller: Caller, session_id: str) -> None:
        async with self._database.read() as db:
            await check_number(db, caller, session_id)

    async def _read(self, job: Callable[[], Document]) -> Document:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(3 * MAX_SECONDS):  # others' documents may be read before
                return await loop.run_in_executor(self._reader, job)
        except TimeoutError:
            raise InvalidInputError(
                "The document takes too long to read.",
                fields=[FieldError("body.file", "split it, or save it as text")],
            ) from None

    async def _add(
        self, caller: Caller, session_id: str, name: str, document: Document, url: str | None, *, embed: bool
    ) -> Row[Any]:
        digest = hashlib.sha256(document.text.encode()).hexdigest()
        now = self._clock()
        pieces = [
            {
                "session_id": session_id, "position": position, "place": piece.place, "text": piece.text,
                "tokens": piece.tokens, "words": " ".join(stems(f"{name} {piece.place} {piece.text}")),
            }
            for position, piece in enumerate(document.pieces)
        ]  # fmt: skip
        values = {
            "user_id": caller.user_id, "session_id": session_id, "name": name, "kind": document.kind.value, "url": url,
            "status": (SourceStatus.INDEXING if embed else SourceStatus.READY).value, "digest": digest,
            "content": document.text, "tokens": tokens_of(document.text), "pieces": len(pieces),
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        async with self._database.write() as db:
            if await repository.same(db, session_id, digest) is not None:
                raise ConflictError(
                    "This document is there already.", remedy="Delete the old one first, if its name is to change."
                )
            sources, known, _ = await repository.totals(db, session_id)
            if sources >= repository.MOST_SOURCES or known + len(pieces) > repository.MOST_PIECES:
                raise ConflictError(
                    f"A number has at most {repository.MOST_SOURCES} documents and {repository.MOST_PIECES} pieces of "
                    "them.",
                    remedy="Delete documents that are no longer needed.",
                )
            source_id = await repository.add(db, values, pieces)
            await raise_version(db, caller.user_id, session_id, "knowledge_version")
        await self._forget(session_id)
        return await self.get(caller, session_id, source_id)
