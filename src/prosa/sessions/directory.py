"""Numbers by name, through the cache: what the hot path asks for every message."""

import asyncio
import uuid
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count

from pydantic import ValidationError

from prosa.cache import Cache, Read
from prosa.database import Database
from prosa.sessions import repository
from prosa.sessions.facts import SessionFacts
from prosa.sessions.record import SessionRecord

TTL_SECONDS = 10.0
"""How long an entry may be wrong at most, after a change that could not reach the cache."""

MOST_READ = 1000
"""Numbers kept as they were read."""


def cache_key(session_id: str) -> str:
    """Return the key of a number in the cache."""
    return f"session:{session_id}"


@dataclass(frozen=True, slots=True)
class _Known:
    """A number as it is known."""

    record: SessionRecord
    facts: SessionFacts


class SessionDirectory:
    """Reads numbers, mostly from the cache. Whoever changes a row calls `forget` after the commit."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._read: Read[_Known] = Read(MOST_READ)
        self._changes: dict[str, Hashable] = {}
        self._numbers = count()
        self._looking: dict[tuple[str, Hashable], asyncio.Task[_Known | None]] = {}

    async def get(self, session_id: str) -> SessionFacts | None:
        """Return what the hot path needs to know of a number, or None where there is none of this name."""
        known = await self._known(session_id, near=True)
        return known.facts if known is not None else None

    async def owner_of(self, session_id: str) -> uuid.UUID | None:
        """Return whose number it is, or None where there is none of this name."""
        known = await self._known(session_id, near=True)
        return known.record.user_id if known is not None else None

    async def record(self, session_id: str) -> SessionRecord | None:
        """Return the row, at most `TTL_SECONDS` old, and never older than this process's own last change."""
        known = await self._known(session_id)
        return known.record if known is not None else None

    async def _known(self, session_id: str, *, near: bool = False) -> _Known | None:
        key = cache_key(session_id)
        raw = await (self._cache.get_near(key) if near else self._cache.get_raw(key))
        if raw is not None and (known := self._read.get(key, raw) or self._parse(key, raw)):
            return known
        change = self._changes.get(session_id)
        # Those who miss it at the same moment share one look at the row; a change since then starts another one.
        looking = self._looking.get((session_id, change))
        if looking is None:
            looking = asyncio.create_task(self._look(session_id, change), name=f"session-look-{session_id}")
            self._looking[session_id, change] = looking
            looking.add_done_callback(lambda _: self._looking.pop((session_id, change), None))
        return await asyncio.shield(looking)

    async def _look(self, session_id: str, change: Hashable) -> _Known | None:
        deletion = self._cache.deletion(cache_key(session_id))
        async with self._database.read() as db:
            record = await repository.find(db, session_id)
        if record is None:
            return None
        known = _Known(record, record.facts())
        # A row read before a change was committed must not be cached after it.
        key = cache_key(session_id)
        if self._changes.get(session_id) == change and self._cache.deletion(key) == deletion:
            raw = record.model_dump_json().encode()
            self._read.put(key, raw, known)
            await self._cache.set_near(key, raw, TTL_SECONDS)
        return known

    def _parse(self, key: str, raw: bytes) -> _Known | None:
        try:
            record = SessionRecord.model_validate_json(raw)
        except ValidationError:
            return None  # another version of Prosa wrote it
        known = _Known(record, record.facts())
        self._read.put(key, raw, known)
        return known

    async def forget(self, session_id: str) -> None:
        """Read the row anew next time; called after every commit that changed it."""
        self._changes[session_id] = next(self._numbers)
        await self._cache.delete_near(cache_key(session_id))
