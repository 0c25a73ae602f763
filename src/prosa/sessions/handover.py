"""Handing numbers over to other processes that hold fewer, a few at a time."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from prosa.sessions.sharing import Sharing
from prosa.sessions.tenure import Tenure
from prosa.sessions.worker import Worker

AT_ONCE = 8
"""Numbers that are on their way to others at the same time; each is offline for a second or two."""

_log = structlog.get_logger("prosa.sessions")


class Handover:
    """Announces this process to the others, and gives up what it holds beyond its part."""

    def __init__(self, tenure: Tenure, sharing: Sharing, workers: Callable[[], Iterable[Worker]]) -> None:
        """Make it.

        Args:
            tenure: Holds the leases.
            sharing: Knows the other processes.
            workers: Returns those of the numbers held.
        """
        self._tenure = tenure
        self._sharing = sharing
        self._workers = workers
        self._under_way: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Announce this process, and begin to hand over what is too much; to be repeated well within a lease.

        Raises:
            Exception: The database could not be asked.
        """
        await self._sharing.announce()
        if self._sharing.established == 1:
            return
        staying = [worker for worker in self._workers() if not worker.ending]
        spare = await self._tenure.spare(held=len(staying), processes=self._sharing.established)
        # a number that is being linked, or has trouble, stays where it is; of the others, those that came last go
        online = [worker for worker in staying if worker.connection is not None]
        for worker in online[::-1][: min(spare, AT_ONCE - len(self._under_way))]:
            task = asyncio.create_task(self._pass_on(worker), name=f"handover-{worker.session_id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """Wait for what is under way; what is not given back in time is, with all other numbers, at the stop."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=1)

    async def _pass_on(self, worker: Worker) -> None:
        await worker.stop()
        if not worker.hung_up:
            return  # its socket may be open still: the lease ends by itself
        try:
            await self._tenure.pass_on(worker.row_id)
            _log.info("number_handed_over", session=worker.session_id)
        except Exception as error:  # noqa: BLE001 - the lease ends by itself
            _log.warning("handover_failed", session=worker.session_id, error=type(error).__name__)
