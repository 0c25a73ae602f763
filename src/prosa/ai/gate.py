"""How much is asked of a provider at once, and not before the time it named when it asked to slow down."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prosa.ai.failures import RateLimitedError
from prosa.ai.names import ModelName

MOST_CALLS = 64
"""Calls to one provider at the same time, where the installation does not say."""
LONGEST_PAUSE = 900.0
"""Seconds. Where a provider names a longer time, such as to the end of a day's quota, one conversation asks again after
this one and finds out whether somebody raised the quota meanwhile; the turn that was refused waits all of it."""


class Gate:
    """Lets calls through. Quotas are the model's, so a pause is too."""

    def __init__(self, now: Callable[[], float], most_calls: int = MOST_CALLS) -> None:
        """Make it.

        Args:
            now: A clock that only moves forward, in seconds.
            most_calls: To one provider at the same time.
        """
        self._now = now
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(most_calls))
        self._paused_until: dict[ModelName, float] = {}

    @asynccontextmanager
    async def enter(self, name: ModelName) -> AsyncIterator[None]:
        """Wait for a free slot of the provider.

        Raises:
            RateLimitedError: The model asked for a pause which is not over; it was not called.
        """
        self._check(name)
        async with self._slots[name.provider]:
            self._check(name)
            yield

    def pause(self, name: ModelName, seconds: float) -> None:
        """Let nothing through to a model for a time."""
        until = self._now() + min(max(0.0, seconds), LONGEST_PAUSE)
        self._paused_until[name] = max(until, self._paused_until.get(name, 0.0))

    def _check(self, name: ModelName) -> None:
        until = self._paused_until.get(name)
        if until is None:
            return
        left = until - self._now()
        if left > 0:
            raise RateLimitedError(retry_after=left, called=False)
        del self._paused_until[name]
