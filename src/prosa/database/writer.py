"""Group commit: small writes that wait at the same moment share one transaction.

A commit costs a flush to disk, whatever it carries; under load the number of commits, not of rows, is what limits.
Each job runs in a savepoint of its own, so that one that fails takes nothing from the others.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncTransaction

if TYPE_CHECKING:
    from prosa.database.engine import WriteDb

T = TypeVar("T")
Job = Callable[["WriteDb"], Awaitable[Any]]

MAX_GROUP = 64
"""Jobs in one transaction: bounds how long the first of them waits for the last."""


@dataclass(slots=True)
class _Waiting:
    job: Job
    done: asyncio.Future[Any]


class _NotBegunError(Exception):
    """No transaction could be opened; `cause` says why."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class GroupWriter:
    """Runs jobs in shared transactions, in the order they came."""

    def __init__(self, transaction: Callable[[], AbstractAsyncContextManager["WriteDb"]]) -> None:
        self._transaction = transaction
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, job: Callable[["WriteDb"], Awaitable[T]]) -> T:
        """Run `job` and return its result once it is committed.

        A caller that is cancelled no longer waits; its job may still be committed.

        Raises:
            Exception: What the job raised, or what the commit raised.
            RuntimeError: The writer is closed.
        """
        if self._closed:
            raise RuntimeError("the database is closed")
        waiting = _Waiting(job, asyncio.get_running_loop().create_future())
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

    async def _drain(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
            group = deque(waiting for waiting in taken if not waiting.done.cancelled())
            try:
                if len(group) > 1 and await self._run_group(group):
                    continue
                while group:
                    await self._run_alone(group[0])
                    group.popleft()
            except _NotBegunError as error:
                # The database is away, or locked by another program: who waits here would wait for the same in vain,
                # one after another.
                for waiting in (*group, *self._waiting):
                    _settle(waiting, None, error.cause)
                self._waiting.clear()

    async def _run_group(self, group: Iterable[_Waiting]) -> bool:
        """Run jobs in one transaction; return whether that worked, else each must be run alone."""
        outcomes: list[tuple[_Waiting, Any, Exception | None]] = []
        try:
            async with self._begun() as db:
                for waiting in group:
                    woken = set(db.wakes)
                    savepoint = await db.connection.begin_nested()
                    try:
                        result = await waiting.job(db)
                        await db.flush()
                        await db.aclose()
                    except DBAPIError as error:
                        if error.connection_invalidated or not savepoint.is_active or _collided(error):
                            raise
                        await _undo(db, savepoint, woken)
                        outcomes.append((waiting, None, error))
                    except Exception as error:  # noqa: BLE001 - it is the job's caller's, not ours
                        await _undo(db, savepoint, woken)
                        outcomes.append((waiting, None, error))
                    else:
                        await savepoint.commit()
                        outcomes.append((waiting, result, None))
        except _NotBegunError:
            raise
        except Exception:  # noqa: BLE001 - a deadlock or a lost connection: each gets its own try and its own error
            return False
        for waiting, result, failure in outcomes:
            _settle(waiting, result, failure)
        return True

    async def _run_alone(self, waiting: _Waiting, tries: int = 3) -> None:
        try:
            async with self._begun() as db:
                result = await waiting.job(db)
        except _NotBegunError:
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller
            if tries > 1 and isinstance(error, DBAPIError) and _collided(error):
                await self._run_alone(waiting, tries - 1)
            else:
                _settle(waiting, None, error)
        else:
            _settle(waiting, result, None)

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator["WriteDb"]:
        """Open a transaction.

        Raises:
            _NotBegunError: It could not be opened.
        """
        begun = False
        try:
            async with self._transaction() as db:
                begun = True
                yield db
        except Exception as error:
            if begun:
                raise
            raise _NotBegunError(error) from error


def _collided(error: DBAPIError) -> bool:
    """Whether two transactions waited for each other, and this one was chosen to give way.

    PostgreSQL's codes deadlock_detected and serialization_failure (manual, appendix A); trying again is the remedy.
    """
    return getattr(error.orig, "sqlstate", None) in {"40P01", "40001"}


async def _undo(db: "WriteDb", savepoint: AsyncTransaction, wakes: set[str]) -> None:
    """Take back all that a job did."""
    await db.aclose()
    await savepoint.rollback()
    db.wakes = wakes


def _settle(waiting: _Waiting, result: Any, error: Exception | None) -> None:
    if waiting.done.done():
        return
    if error is not None:
        waiting.done.set_exception(error)
    else:
        waiting.done.set_result(result)
