"""Small tools of a worker: one timer, and one call that runs beside it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from prosa.database.outage import Sleep


class OneTask:
    """At most one background task at a time: a new one replaces the one before."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` instead of what runs now. It handles its own failures."""
        self.clear()
        self._task = asyncio.create_task(work, name=self._name)

    def clear(self) -> None:
        """Give up what runs now."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


class Alarm(OneTask):
    """Rings once, unless it is set anew or cleared before."""

    def __init__(self, name: str, sleep: Sleep) -> None:
        super().__init__(name)
        self._sleep = sleep

    def set(self, seconds: float, ring: Callable[[], None]) -> None:
        """Call `ring` after a time."""
        self.run(self._wait(seconds, ring))

    async def _wait(self, seconds: float, ring: Callable[[], None]) -> None:
        await self._sleep(seconds)
        ring()
