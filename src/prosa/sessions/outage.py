"""Writing while the database may be away: what passes by itself is tried again, everything else is raised."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

_log = structlog.get_logger("prosa.sessions")


def is_outage(error: BaseException) -> bool:
    """Return whether an error of a database call passes by itself: it is away, busy, or was restarted."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | OSError | TimeoutError)


async def patiently(
    work: Callable[[], Awaitable[T]], *, waits: Iterable[float], sleep: Sleep = asyncio.sleep, what: str
) -> T:
    """Do `work`; after an outage, wait and do it again.

    Args:
        work: May be done more than once.
        waits: Seconds before each further try; where they end, the error is raised.
        sleep: How to wait.
        what: Named in the log.

    Raises:
        Exception: What `work` raised that is no outage, or the outage that outlasted `waits`.
    """
    for wait in waits:
        try:
            return await work()
        except Exception as error:
            if not is_outage(error):
                raise
            _log.warning("database_away", what=what, error=type(error).__name__, retry_in_seconds=wait)
        await sleep(wait)
    return await work()
