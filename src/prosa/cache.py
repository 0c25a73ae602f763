"""The cache: in the process (bounded), or in Redis; an outage of Redis makes things slower, never wrong.

What is kept is a copy of what the tables say, and JSON only. Another process may change the tables while this one
cannot reach Redis, or the other way round; so whoever caches a row checks it by a version read from the table, or gives
it a short time to live.

An operation on Redis takes a tenth of the processor time of a whole turn. So what each turn asks for is kept near, in
the process, for some seconds, and what can be found again is written later, many values at once.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Any, TypeVar

import orjson
import structlog
from cashews.backends.interface import Backend
from cashews.backends.memory import Memory
from cashews.backends.redis import Redis
from cashews.picklers import PicklerType
from cashews.serialize import get_serializer
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from prosa.recent import Recent
from prosa.stopping import end

logger = structlog.get_logger("prosa.cache")

T = TypeVar("T")

PREFIX = "prosa:"
OPERATION_SECONDS = 0.25
"""An operation that takes longer costs more than the query it saves."""
PING_SECONDS = 2.0
"""Between two looks whether Redis is back."""
MEMORY_ENTRIES = 4_000
"""Entries kept in the process, the least recently used go first: some 40 MB of usual conversations."""
LARGEST_VALUE = 256 * 1024
"""Bytes; a larger value is not kept."""
MOST_STALE_KEYS = 10_000
"""Keys remembered while Redis is away; beyond it, everything Prosa has there is deleted on its return."""
NEAR_SECONDS = 5.0
"""How long a value may be used without a look at Redis; processes tell one another what is deleted."""
LATER_SECONDS = 5.0
"""How long values wait to be written together: what changes all the time is written once in so long."""
MOST_AT_ONCE = 64
"""Values written with one operation, which has its time limit as any."""
_CONNECTIONS = 32
_CLEANUP_SECONDS = 30.0


class CacheState(StrEnum):
    """Where values are kept now."""

    MEMORY = "memory"
    """In this process: no Redis is set up."""
    REDIS = "redis"
    AWAY = "away"
    """Redis is set up and does not answer: nothing is cached."""


class Cache:
    """Values by key, for a time. No operation raises because of Redis."""

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        operation_seconds: float = OPERATION_SECONDS,
        ping_seconds: float = PING_SECONDS,
        most_stale_keys: int = MOST_STALE_KEYS,
    ) -> None:
        """Make the cache; nothing is opened yet.

        Args:
            redis_url: Left out: the cache is in this process.
            operation_seconds: Redis counts as away when an operation takes longer.
            ping_seconds: Between two looks whether it is back.
            most_stale_keys: How many keys to remember for deletion on its return.
        """
        self._memory = Memory(size=MEMORY_ENTRIES, check_interval=60)  # values are bytes already, or counters
        self._redis: _Redis | None = _redis_backend(redis_url, operation_seconds) if redis_url else None
        self._operation_seconds = operation_seconds
        self._ping_seconds = ping_seconds
        self._most_stale_keys = most_stale_keys
        self._state = CacheState.REDIS if redis_url else CacheState.MEMORY
        self._stale: set[str] = set()
        self._all_stale = False
        self._returning: asyncio.Task[None] | None = None
        self._near: Recent[str, tuple[bytes, float]] = Recent(MEMORY_ENTRIES)
        self._later: dict[str, tuple[Callable[[], bytes], float]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._deletions: Recent[str, int] = Recent(MEMORY_ENTRIES)
        self._count = itertools.count(1)
        self.tell_deleted: Callable[[tuple[str, ...]], Awaitable[None]] | None = None
        """Tells other processes' caches (`deleted_elsewhere`)."""

    @property
    def state(self) -> CacheState:
        """Where values are kept now."""
        return self._state

    async def start(self) -> None:
        """Open the cache; Redis may be away."""
        await self._memory.init()
        if self._redis is not None:
            await self._try(self._ping)

    async def stop(self) -> None:
        """Close the cache; what waits to be written is, for the other processes."""
        if self._writing is not None:
            await end([self._writing])
            self._writing = None
            if self._redis is not None:
                await self._write_later()
        if self._returning is not None:
            await end([self._returning])
            self._returning = None
        await self._memory.close()
        if self._redis is not None:
            await self._redis.close()

    async def get(self, key: str) -> Any | None:
        """Return the value, or None where there is none (any more), or Redis is away."""
        raw = await self._run(lambda backend: backend.get(PREFIX + key))
        if not isinstance(raw, bytes):
            return raw  # None, or a counter
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None  # not written by this version of Prosa

    async def set(self, key: str, value: Any, ttl_seconds: float) -> None:
        """Keep a JSON-able value for a time; one that is too large is not kept, and the old one is gone.

        Raises:
            TypeError: `value` is not JSON-able.
        """
        await self.set_raw(key, orjson.dumps(value), ttl_seconds)

    async def get_raw(self, key: str) -> bytes | None:
        """Return what `set_raw` kept, or None."""
        raw = await self._run(lambda backend: backend.get(PREFIX + key))
        return raw if isinstance(raw, bytes) else None

    async def set_raw(self, key: str, raw: bytes, ttl_seconds: float) -> None:
        """Keep bytes for a time, as `set` does."""
        if len(raw) > LARGEST_VALUE:
            await self.delete(key)
            return
        await self._run(lambda backend: backend.set(PREFIX + key, raw, expire=ttl_seconds), changes=(key,))

    async def get_near(self, key: str) -> bytes | None:
        """Return what `set_near` kept; at most `NEAR_SECONDS` older than Redis, if another process changed it."""
        if self._redis is None:
            return await self.get_raw(key)
        now = time.monotonic()
        known = self._near.get(key)
        if known is not None and now < known[1] and self._state is CacheState.REDIS:
            return known[0]
        deletion = self.deletion(key)
        raw = await self.get_raw(key)
        if raw is not None and deletion == self.deletion(key):
            self._keep_near(key, raw)
        return raw

    async def set_near(self, key: str, raw: bytes, ttl_seconds: float, *, since: int) -> None:
        """Keep bytes for a time, here and for the other processes, unless they are out of date by now.

        Args:
            key: Theirs.
            raw: What was made of the tables.
            ttl_seconds: For how long.
            since: The key's `deletion` before the tables were read.
        """
        if self.deletion(key) != since:
            return
        if self._redis is not None:
            self._keep_near(key, raw)
        await self.set_raw(key, raw, ttl_seconds)

    def set_later(self, key: str, make: Callable[[], bytes], ttl_seconds: float) -> None:
        """Have what `make` returns kept within a moment, where nothing newer came and nothing was deleted by then.

        Until then there may be an older value, or none, and a deletion in that moment may come too early: for what is
        checked by a version.
        """
        self._later[key] = make, ttl_seconds
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon(), name="cache-write")

    async def delete(self, *keys: str) -> None:
        """Forget the values."""
        if not keys:
            return
        for key in keys:
            self._later.pop(key, None)
        names = [PREFIX + key for key in keys]
        await self._run(lambda backend: backend.delete_many(*names), changes=keys)

    async def delete_near(self, *keys: str) -> None:
        """Forget values that `get_near` is used for, here and in the other processes; returns when they were told."""
        self.deleted_elsewhere(keys)
        await self.delete(*keys)
        self.deleted_elsewhere(keys)  # what was read before it was deleted
        if self._state is CacheState.REDIS and self.tell_deleted is not None:
            await self.tell_deleted(keys)

    def deleted_elsewhere(self, keys: Iterable[str]) -> None:
        """Take note of what another process has deleted."""
        for key in keys:
            self._near.pop(key, None)
            self._deletions.put(key, next(self._count))

    def deletion(self, key: str) -> int:
        """Return what is another number after each deletion of a near value: what was read before is out of date."""
        return self._deletions.get(key, 0)

    def _keep_near(self, key: str, raw: bytes) -> None:
        self._near.put(key, (raw, time.monotonic() + NEAR_SECONDS))

    async def _write_soon(self) -> None:
        while self._later:
            await asyncio.sleep(LATER_SECONDS)
            await self._write_later()

    async def _write_later(self) -> None:
        """Write what waits: the values of each time to live together."""
        later, self._later = self._later, {}
        by_ttl: defaultdict[float, dict[str, bytes]] = defaultdict(dict)
        for key, (make, ttl) in later.items():
            if len(raw := make()) <= LARGEST_VALUE:
                by_ttl[ttl][key] = raw
            else:
                await self.delete(key)
        for ttl, values in by_ttl.items():
            keys = list(values)
            for begin in range(0, len(keys), MOST_AT_ONCE):
                await self._set_many({key: values[key] for key in keys[begin : begin + MOST_AT_ONCE]}, ttl)

    async def _set_many(self, values: dict[str, bytes], ttl_seconds: float) -> None:
        pairs = {PREFIX + key: raw for key, raw in values.items()}
        await self._run(lambda backend: backend.set_many(pairs, expire=ttl_seconds), changes=tuple(values))

    async def increment(self, key: str, ttl_seconds: float) -> int:
        """Add one to a counter that ends `ttl_seconds` after its first increment; return the new count.

        While Redis is away the counter of this process counts.
        """
        name = PREFIX + key
        counted = await self._run(lambda backend: backend.incr(name, expire=ttl_seconds))
        return int(counted) if counted is not None else await self._memory.incr(name, expire=ttl_seconds)

    async def _run(self, operation: Callable[[Backend], Awaitable[T]], changes: tuple[str, ...] = ()) -> T | None:
        """Run an operation where values are kept now; None while Redis is away."""
        if self._redis is None:
            return await operation(self._memory)
        if self._state is CacheState.AWAY:
            self._remember(changes)
            return None
        redis = self._redis
        done, result = await self._try(lambda: operation(redis))
        if not done:
            # It may or may not have reached Redis.
            self._remember(changes)
        return result

    async def _try(self, operation: Callable[[], Awaitable[T]]) -> tuple[bool, T | None]:
        try:
            async with asyncio.timeout(self._operation_seconds):
                return True, await operation()
        except Exception as error:  # noqa: BLE001 - whatever it is, the tables still have the truth
            self._away(error)
            return False, None

    def _remember(self, changes: tuple[str, ...]) -> None:
        self._stale.update(changes)
        if len(self._stale) > self._most_stale_keys:
            self._stale.clear()
            self._all_stale = True

    def _away(self, error: Exception) -> None:
        if self._state is CacheState.AWAY:
            return
        self._state = CacheState.AWAY
        self._near.clear()  # nobody can tell what is deleted
        logger.warning("Redis is away; nothing is cached until it is back", error=type(error).__name__)
        self._returning = asyncio.create_task(self._come_back(), name="cache-come-back")

    async def _come_back(self) -> None:
        """Wait until Redis answers, delete there what has changed meanwhile, and use it again."""
        while True:
            await asyncio.sleep(self._ping_seconds)
            try:
                async with asyncio.timeout(self._operation_seconds):
                    await self._ping()
                async with asyncio.timeout(_CLEANUP_SECONDS):
                    await self._forget_stale()
            except Exception:  # noqa: BLE001, S112 - still away, and that was said once
                continue
            self._state = CacheState.REDIS
            logger.info("Redis is back; caching again")
            return

    async def _ping(self) -> None:
        if self._redis is None:
            return
        if not self._redis.is_init:
            await self._redis.init()  # type: ignore[no-untyped-call]
        await self._redis.ping()

    async def _forget_stale(self) -> None:
        # Returns without having waited since the last look, so that nothing can be added in between.
        redis = self._redis
        while redis is not None and (self._all_stale or self._stale):
            if self._all_stale:
                self._all_stale = False
                try:
                    await redis.delete_match(PREFIX + "*")
                except BaseException:
                    self._all_stale = True
                    raise
                continue
            some = [self._stale.pop() for _ in range(min(500, len(self._stale)))]
            try:
                await redis.delete_many(*(PREFIX + key for key in some))
            except BaseException:
                self._remember(tuple(some))
                raise


def _bytes_only() -> Any:
    # Values are JSON made here; cashews adds no pickling of its own.
    return get_serializer(pickle_type=PicklerType.NULL, check_repr=False)


class _Redis(Redis):
    async def incr(self, key: str, value: int = 1, expire: float | None = None) -> int:
        # cashews' script does the same, but not every server runs scripts (`prosa.local_redis` does not).
        async with self._pipeline as pipe:
            if expire is not None:
                await pipe.set(key, 0, px=int(expire * 1000), nx=True)
            await pipe.incrby(key, value)
            return int((await pipe.execute())[-1])

    async def close(self) -> None:
        # cashews 7.6 closes by a name that redis-py 8 deprecates, with a warning each time.
        if self.is_init:
            await self._client.aclose()


def _redis_backend(url: str, seconds: float) -> _Redis:
    return _Redis(
        url,
        suppress=False,
        serializer=_bytes_only(),
        client_name="prosa-cache",
        max_connections=_CONNECTIONS,
        wait_for_connection_timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        # redis-py retries three times by default; here the tables are the retry.
        retry=Retry(NoBackoff(), 0),
    )
