"""While the database is away: which errors pass by themselves, what to tell people, and how to go on.

Everything that waits for the database here waits without holding anything that others need.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from itertools import chain, repeat
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

logger = structlog.get_logger("prosa.database")


class Outage(StrEnum):
    """Why the database does not do what is asked, for now."""

    AWAY = "away"
    """It cannot be reached, is being restarted, or does not answer."""
    BUSY = "busy"
    """Somebody holds a lock for longer than is waited, or two transactions collided."""
    FULL = "full"
    """Its disk has no space left."""
    READ_ONLY = "read_only"
    """It takes no writes: a standby after a failover, or a file without the right to write."""


# PostgreSQL's codes and classes (manual, appendix A).
_STATES = {
    "25006": Outage.READ_ONLY,
    "25P03": Outage.AWAY,  # this process was silent inside a transaction for too long
    "53100": Outage.FULL,
    "55P03": Outage.BUSY,
    "40001": Outage.BUSY,
    "40P01": Outage.BUSY,
    "57P04": None,  # the database was dropped
}
_CLASSES = {"08": Outage.AWAY, "53": Outage.AWAY, "57": Outage.AWAY, "58": Outage.AWAY}

# SQLite's primary result codes (sqlite.org/rescode.html).
_SQLITE = {
    sqlite3.SQLITE_BUSY: Outage.BUSY,
    sqlite3.SQLITE_LOCKED: Outage.BUSY,
    sqlite3.SQLITE_PROTOCOL: Outage.BUSY,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_IOERR: Outage.AWAY,
    sqlite3.SQLITE_CANTOPEN: Outage.AWAY,
    sqlite3.SQLITE_INTERRUPT: Outage.AWAY,
    sqlite3.SQLITE_NOMEM: Outage.AWAY,
}

_WORDS = {
    Outage.AWAY: (
        "The database cannot be reached at the moment.",
        "Try again in a moment; 'prosa doctor' says what is wrong.",
    ),
    Outage.BUSY: (
        "The database is busy: another program holds its lock.",
        "Try again in a moment. If it persists, close what else has the database open: a backup, a database browser.",
    ),
    Outage.FULL: (
        "The database's disk is full.",
        "Free some space on the server, then try again; Prosa goes on by itself.",
    ),
    Outage.READ_ONLY: (
        "The database takes no writes at the moment.",
        "Is it a standby, or may this user not write the file? 'prosa doctor' says what is wrong.",
    ),
}

WAITS = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries of what is to be done as soon as the database is back; the last is repeated without end."""


def outage_of(error: BaseException) -> Outage | None:
    """Return what kind of outage an error of a database call tells of; None for any other error."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return _STATES[state] if state in _STATES else _CLASSES.get(state[:2])
    if isinstance(original, sqlite3.Error):
        return _SQLITE.get((getattr(original, "sqlite_errorcode", None) or 0) & 0xFF)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Outage.AWAY
    lost = OperationalError | InterfaceError | PoolTimeoutError | ConnectionError | TimeoutError
    return Outage.AWAY if isinstance(error, lost) else None


def is_outage(error: BaseException) -> bool:
    """Return whether an error of a database call passes by itself."""
    return outage_of(error) is not None


def in_words(outage: Outage) -> tuple[str, str]:
    """Return an outage for people: what is wrong, and what to do."""
    return _WORDS[outage]


async def patiently(
    work: Callable[[], Awaitable[T]],
    *,
    what: str,
    waits: Iterable[float] | None = None,
    sleep: Sleep = asyncio.sleep,
) -> T:
    """Do `work`; after an outage, wait and do it again.

    Args:
        work: May be done more than once.
        what: Named in the log.
        waits: Seconds before each further try; where they end, the error is raised. Left out: `WAITS`, without end.
        sleep: How to wait.

    Raises:
        Exception: What `work` raised that is no outage, or the outage that outlasted `waits`.
    """
    first = True
    for wait in chain(WAITS, repeat(WAITS[-1])) if waits is None else waits:
        try:
            return await work()
        except Exception as error:
            outage = outage_of(error)
            if outage is None:
                raise
            report = logger.warning if first else logger.debug
            report("database_away", what=what, outage=outage.value, error=type(error).__name__, retry_in_seconds=wait)
            first = False
        await sleep(wait)
    return await work()


class OutageLog:
    """Says of a loop that it cannot go on, once an outage and not every second; and that it goes on again."""

    def __init__(self, what: str) -> None:
        """Take the loop's name for the log."""
        self._what = what
        self._away: Outage | None = None

    def failed(self, error: Exception) -> None:
        """Log an outage that is new; any other error with its traceback."""
        outage = outage_of(error)
        if outage is None:
            logger.error("failed", what=self._what, exc_info=error)
        elif outage is not self._away:
            logger.warning("database_away", what=self._what, outage=outage.value, error=type(error).__name__)
        self._away = outage

    def worked(self) -> None:
        """Log the end of an outage."""
        if self._away is not None:
            self._away = None
            logger.info("database_back", what=self._what)
