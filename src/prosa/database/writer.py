"""Group commit: small writes that wait at the same moment share one transaction.

A commit costs a flush to disk, whatever it carries; under load the number of commits, not of rows, is what limits. When
a job fails, nothing of its group is kept: those before it are run again, then it by itself, then those behind it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from prosa.database.groups import Committed, Groups, NotBegunError, Place, Work
from prosa.database.together import JobFailedError
from prosa.database.transactions import WriteDb

T = TypeVar("T")

logger = structlog.get_logger("prosa.database")

MAX_GROUP = 128
"""Jobs in one transaction: bounds how long the first of them waits for the last."""
BREATHS = 8
"""Rounds of the event loop between two groups: those who waited go on first, what they have to say leaves (such as an
acknowledgement, in the second round), and what that brings joins the next group. Where nothing happens they take some
microseconds each; under load groups are half as large again as without (measured with 48 contacts of 8 numbers)."""


@dataclass(slots=True)
class _Waiting:
    work: Work
    done: asyncio.Future[Any]


class GroupWriter:
    """Runs jobs in shared transactions, in the order they came."""

    def __init__(
        self, groups: Groups, *, on_commit: Callable[[Committed], None], on_failure: Callable[[BaseException], None]
    ) -> None:
        """Make it.

        Args:
            groups: Runs the groups.
            on_commit: Called after a commit with what its jobs left.
            on_failure: Called with what made a job fail.
        """
        self._groups = groups
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, job: Callable[[WriteDb], Awaitable[T]], place: Place = Place.ALONE) -> T:
        """Run `job` and return its result once it is committed.

        A caller that is cancelled no longer waits; its job may still be committed.

        Raises:
            Exception: What the job raised, or what the commit raised.
            RuntimeError: The writer is closed.
        """
        if self._closed:
            raise RuntimeError("the database is closed")
        waiting = _Waiting(Work(job, place), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="database-writer")
        result: T = await waiting.done
        return result

    async def close(self) -> None:
        """Finish what waits; refuse what comes later."""
        self._closed = True
        if self._task is not None:
            await self._task
        await self._groups.close()

    async def _drain(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
            group = [waiting for waiting in group if not waiting.done.cancelled()]
            try:
                if group:
                    await self._run(group)
            except NotBegunError as error:
                # The database is away, or locked by another program: who waits here would wait for the same in vain,
                # one after another.
                cause = error.__cause__ or error
                self._on_failure(cause)
                for waiting in (*group, *self._waiting):
                    _fail(waiting, cause)
                self._waiting.clear()
            for _ in range(BREATHS):
                await asyncio.sleep(0)

    async def _run(self, group: Sequence[_Waiting]) -> None:
        if len(group) == 1:
            await self._alone(group[0])
            return
        try:
            await self._together(group)
        except JobFailedError as failure:
            place = failure.place
            for part in (group[:place], group[place : place + 1], group[place + 1 :]):
                if part:
                    await self._run(part)
        except NotBegunError:
            raise
        except Exception as error:  # noqa: BLE001 - a deadlock or a lost connection: each gets its own try and error
            logger.info("jobs are run one by one", jobs=len(group), error=type(error.__cause__ or error).__name__)
            for waiting in group:
                await self._alone(waiting)

    async def _together(self, group: Sequence[_Waiting]) -> None:
        done = await self._groups.run([waiting.work for waiting in group])
        for waiting, result in zip(group, done.results, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(result)
        self._on_commit(done)  # what it begins comes behind those who wait: they know more by then

    async def _alone(self, waiting: _Waiting, tries: int = 3) -> None:
        try:
            await self._together([waiting])
        except NotBegunError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller
            cause = error.__cause__ if isinstance(error, JobFailedError) and error.__cause__ else error
            if tries > 1 and _collided(cause):
                await self._alone(waiting, tries - 1)
            else:
                self._on_failure(cause)
                _fail(waiting, cause)


def _fail(waiting: _Waiting, cause: BaseException) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(cause)


def _collided(error: BaseException) -> bool:
    """Whether two transactions waited for each other, and this one was chosen to give way.

    PostgreSQL's codes deadlock_detected and serialization_failure (manual, appendix A); trying again is the remedy.
    """
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in {"40P01", "40001"}
