"""Numbers by name, through the cache: what the hot path asks for every message."""

import asyncio
import uuid
from dataclasses import dataclass

from pydantic import ValidationError

from prosa.cache import Cache
from prosa.database import Database
from prosa.recent import Read
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
        self._looking: dict[tuple[str, int], asyncio.Task[_Known | None]] = {}

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
        since = self._cache.deletion(key)
        # Those who miss it at the same moment share one look at the row; a change since then starts another one.
        looking = self._looking.get((session_id, since))
        if looking is None:
            looking = asyncio.create_task(self._look(session_id, since), name=f"session-look-{session_id}")
            self._looking[session_id, since] = looking
            looking.add_done_callback(lambda _: self._looking.pop((session_id, since), None))
        return await asyncio.shield(looking)

    async def _look(self, session_id: str, since: int) -> _Known | None:
        async with self._database.read() as db:
            record = await repository.find(db, session_id)
        if record is None:
            return None
        known = _Known(record, record.facts())
        key, raw = cache_key(session_id), record.model_dump_json().encode()
        self._read.put(key, raw, known)
        # A row read before a change was committed must not be cached after it.
        await self._cache.set_near(key, raw, TTL_SECONDS, since=since)
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
        await self._cache.delete_near(cache_key(session_id))
