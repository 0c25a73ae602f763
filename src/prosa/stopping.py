"""How long a stop may take: one time that all parts share, since they stop one after another.

Whoever stops Prosa kills it before long: Docker after 10 seconds (docs.docker.com, "docker container stop"), our
compose file and unit of systemd after 20. What is not finished in time is handed back, which takes moments; a killed
Prosa would leave it held.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

REQUESTS, ANSWERS, SENDING = 1 / 3, 5 / 6, 1.0
"""By which part of the time open requests, answers being made and messages being sent are given up."""
LAST_SECONDS = 10.0
"""After the whole time: what handing back may take at most, with a database or WhatsApp that does not answer."""
OVERDUE_STATUS = 1

AGAIN_SECONDS = 0.5

logger = structlog.get_logger("prosa.server")


class Grace:
    """The time that a stop has, from the moment it is asked for."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """Make it; the time does not run before `begin`.

        Args:
            seconds: How long what is under way is waited for.
            now: A clock that only moves forward, in seconds.
        """
        self.seconds = seconds
        self._now = now
        self._since: float | None = None
        self._last: threading.Timer | None = None

    def begin(self) -> None:
        """Let the time run; only the first call counts."""
        if self._since is None:
            self._since = self._now()

    def left(self, share: float) -> float:
        """Return the seconds left until a share of the time is over, 0 afterwards; begins where nobody did."""
        self.begin()
        since = self._now() if self._since is None else self._since
        return max(0.0, since + share * self.seconds - self._now())

    def enforce(self) -> None:
        """Begin, and end the process if it is still there long after the whole time (a timer, since loops can hang)."""
        self.begin()
        if self._last is None:
            self._last = threading.Timer(self.seconds + LAST_SECONDS, _give_up)
            self._last.daemon = True
            self._last.start()

    def over(self) -> None:
        """Everything is stopped."""
        if self._last is not None:
            self._last.cancel()


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return once they have ended.

    They are cancelled again where that takes long: redis-py swallows a cancellation that comes while a connection to a
    server that was away is being made, and whoever waited for such a task would wait for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
        for task in ended:
            if not task.cancelled():
                task.exception()  # seen


def _give_up() -> None:
    logger.error("stop_overdue", detail="not everything could be handed back; the next start takes it over")
    os._exit(OVERDUE_STATUS)
