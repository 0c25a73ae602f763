"""Numbers by name, through the cache: what the hot path asks for every message."""

import uuid
from collections.abc import Hashable
from itertools import count

from pydantic import ValidationError

from prosa.cache import Cache
from prosa.database import Database
from prosa.sessions import repository
from prosa.sessions.facts import SessionFacts
from prosa.sessions.record import SessionRecord

TTL_SECONDS = 10.0
"""How long an entry may be wrong at most, after a change that could not reach the cache."""


def cache_key(session_id: str) -> str:
    """Return the key of a number in the cache."""
    return f"session:{session_id}"


class SessionDirectory:
    """Reads numbers, mostly from the cache. Whoever changes a row calls `forget` after the commit."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._changes: dict[str, Hashable] = {}
        self._numbers = count()

    async def get(self, session_id: str) -> SessionFacts | None:
        """Return what the hot path needs to know of a number, or None where there is none of this name."""
        record = await self.record(session_id)
        return record.facts() if record is not None else None

    async def owner_of(self, session_id: str) -> uuid.UUID | None:
        """Return whose number it is, or None where there is none of this name."""
        record = await self.record(session_id)
        return record.user_id if record is not None else None

    async def record(self, session_id: str) -> SessionRecord | None:
        """Return the row, at most `TTL_SECONDS` old, and never older than this process's own last change."""
        cached = await self._cache.get(cache_key(session_id))
        if cached is not None:
            try:
                return SessionRecord.model_validate(cached)
            except ValidationError:
                pass  # another version of Prosa wrote it
        change = self._changes.get(session_id)
        async with self._database.read() as db:
            record = await repository.find(db, session_id)
        # A row read before a change was committed must not be cached after it.
        if record is not None and self._changes.get(session_id) == change:
            await self._cache.set(cache_key(session_id), record.model_dump(mode="json"), TTL_SECONDS)
        return record

    async def forget(self, session_id: str) -> None:
        """Read the row anew next time; called after every commit that changed it."""
        self._changes[session_id] = next(self._numbers)
        await self._cache.delete(cache_key(session_id))
