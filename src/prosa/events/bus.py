"""Wake-ups: a commit tells listeners in this process, and over Redis in others, that there is something to look at.

Nothing depends on a wake-up for correctness: it carries no data, may be lost, and only shortens the wait until the next
look at the tables. Beside them go words of the moment (`tell`), which may be lost for good: who types, who watches.
"""

import asyncio
import contextlib
import secrets
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prosa.stopping import end

logger = structlog.get_logger("prosa.bus")

CHANNEL = "prosa:wake"
WORDS = "prosa:words"
MOST_WORDS = 1000
"""Words that may wait for Redis; the oldest are forgotten first."""
RECONNECT_SECONDS = 2.0
COALESCE_SECONDS = 0.002
"""Wake-ups of other processes are gathered for so long, so that a burst of commits is one message."""
SPACING_SECONDS = 0.02
"""Between two such messages at least: each makes every other process look at the tables."""
TELL_SECONDS = 0.25
"""How long who tells a word waits for Redis to pass it on."""


Word: TypeAlias = dict[str, Any]
"""What is told at this moment: plain JSON."""


class Signal:
    """One listener's flag.

    Attributes:
        news: It was raised by a wake-up, not only by the listener itself; the listener lowers it.
    """

    def __init__(self) -> None:
        self.news = False
        self._event = asyncio.Event()

    def set(self) -> None:
        """Raise the flag: there is something new to look at."""
        self.news = True
        self._event.set()

    def again(self) -> None:
        """Raise the flag for the listener itself, to whom what there is may look different by now."""
        self._event.set()

    async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - the wait is the point
        """Wait until woken or until `timeout` seconds have passed; return whether woken. Lowers the flag."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Bus:
    """Wakes the listeners of topics."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._signals: dict[str, set[Signal]] = defaultdict(set)
        self._redis = Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=2) if redis_url else None
        self._outgoing: set[str] = set()
        self._ears: dict[str, list[Callable[[Word], None]]] = defaultdict(list)
        self._words: deque[bytes] = deque(maxlen=MOST_WORDS)
        self._me = secrets.token_hex(8)
        self._pending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Join the other processes, where there is Redis."""
        if self._redis is not None:
            self._tasks = [
                asyncio.create_task(self._publish(self._redis), name="bus-publish"),
                asyncio.create_task(self._subscribe(self._redis), name="bus-subscribe"),
            ]

    async def stop(self) -> None:
        """Leave."""
        await end(self._tasks)
        self._tasks = []
        if self._redis is not None:
            await self._redis.aclose()

    def wake(self, topic: str) -> None:
        """Wake the listeners of a topic, here and in other processes."""
        self._wake_here(topic)
        if self._redis is not None:
            self._outgoing.add(topic)
            self._pending.set()

    def wake_all(self, topics: Iterable[str]) -> None:
        """Wake the listeners of several topics."""
        for topic in topics:
            self.wake(topic)

    def tell(self, kind: str, word: Word) -> None:
        """Tell those who `hear` this kind, here and in other processes, once and without any promise."""
        self._told(kind, word)
        if self._redis is not None:
            self._queue(self._written(kind, word))

    async def tell_now(self, kind: str, word: Word) -> None:
        """Tell as `tell` does, and return once Redis has passed it on; where it is away, it is told once it is back."""
        self._told(kind, word)
        if self._redis is None:
            return
        data = self._written(kind, word)
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._redis.publish(WORDS, data)
        except (RedisError, OSError):  # among them that it took too long
            self._queue(data)

    def hear(self, kind: str, ear: Callable[[Word], None]) -> None:
        """Be told words of a kind from now on; `ear` must not raise nor wait."""
        self._ears[kind].append(ear)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[Signal]:
        """Listen to a topic; the signal starts raised, so that the first look comes at once."""
        signal = Signal()
        signal.set()
        self._signals[topic].add(signal)
        try:
            yield signal
        finally:
            self._signals[topic].discard(signal)

    def _written(self, kind: str, word: Word) -> bytes:
        return orjson.dumps([self._me, kind, word])

    def _queue(self, data: bytes) -> None:
        self._words.append(data)
        self._pending.set()

    def _wake_here(self, topic: str) -> None:
        for signal in self._signals.get(topic, ()):
            signal.set()

    def _told(self, kind: str, word: Word) -> None:
        for ear in self._ears.get(kind, ()):
            ear(word)

    def _take(self, channel: bytes, data: bytes) -> None:
        try:
            self._received(channel, data)
        except Exception:  # such as another version's words; those that follow are heard all the same
            logger.exception("what came over Redis was not understood")

    def _received(self, channel: bytes, data: bytes) -> None:
        if channel.decode() == WORDS:
            sender, kind, word = orjson.loads(data)
            if sender != self._me:
                self._told(kind, word)
            return
        for topic in data.decode().split(","):
            self._wake_here(topic)

    async def _publish(self, redis: Redis) -> None:
        while True:
            await self._pending.wait()
            await asyncio.sleep(COALESCE_SECONDS)
            self._pending.clear()
            topics, self._outgoing = self._outgoing, set()
            try:
                if topics:
                    await redis.publish(CHANNEL, ",".join(sorted(topics)))
                while self._words:
                    await redis.publish(WORDS, self._words.popleft())
                await asyncio.sleep(SPACING_SECONDS)
            except (RedisError, OSError):
                # The others find out by looking at the tables.
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _subscribe(self, redis: Redis) -> None:
        away = False
        while True:
            try:
                async with redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL, WORDS)
                    if away:
                        logger.info("wake-ups over Redis are back")
                        away = False
                    for topic in list(self._signals):
                        self._wake_here(topic)  # something may have been missed
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
                        if message is not None:
                            self._take(message["channel"], message["data"])
            except (RedisError, OSError) as error:
                if not away:
                    logger.warning("wake-ups over Redis are away; the tables are polled", error=type(error).__name__)
                    away = True
                await asyncio.sleep(RECONNECT_SECONDS)


async def cancel(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for its end."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
