"""What happens to the numbers of a person who is deleted: WhatsApp is told, and nothing of theirs stays behind."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence

import structlog

from prosa.database import Database
from prosa.errors import ProsaError, UnavailableError
from prosa.sessions import repository
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.operations import Operations
from prosa.sessions.record import SessionRecord

logger = structlog.get_logger("prosa.sessions")

AT_ONCE = 8
"""Numbers unlinked at the same time: one that is offline is given some seconds to come online."""
PAGE = 200


class Departures:
    """Unlinks all numbers of a person, as deleting each of them would."""

    def __init__(
        self,
        database: Database,
        directory: SessionDirectory,
        operations: Operations,
        on_deleted: Callable[[str], Awaitable[None]],
    ) -> None:
        """Make it.

        Args:
            database: Where the numbers are.
            directory: Forgets them.
            operations: Unlink them.
            on_deleted: Told the name of a number after it was deleted, to remove its files.
        """
        self._database = database
        self._directory = directory
        self._operations = operations
        self._on_deleted = on_deleted

    async def let_go(self, user_id: uuid.UUID) -> list[str]:
        """Unlink every number of a person at WhatsApp; their rows stay. Returns the numbers' names.

        One that stays offline is unlinked here only, as when it is deleted by itself.

        Raises:
            UnavailableError: Some cannot be unlinked now; the others are.
        """
        records = await self._numbers_of(user_id)
        slots = asyncio.Semaphore(AT_ONCE)

        async def unlink(record: SessionRecord) -> None:
            async with slots:
                await self._operations.unlink(record)

        results = await asyncio.gather(*(unlink(record) for record in records), return_exceptions=True)
        failed = [(record.session_id, error) for record, error in zip(records, results, strict=True) if error]
        for _, error in failed:
            if not isinstance(error, ProsaError):
                raise error  # ours to mend, nobody's to try again
        if failed:
            logger.warning("numbers_not_unlinked", user=str(user_id), sessions=[name for name, _ in failed])
            raise UnavailableError(
                f"Not unlinked: {', '.join(name for name, _ in failed)}. {failed[0][1]}",
                remedy="Try again in a moment: the person and their messages are still here.",
                retry_after=5,
            )
        return [record.session_id for record in records]

    async def clear_away(self, session_ids: Sequence[str]) -> None:
        """Remove what the database did not hold of numbers that were deleted: files, and what is cached."""
        for session_id in session_ids:
            await self._directory.forget(session_id)
            await self._on_deleted(session_id)

    async def _numbers_of(self, user_id: uuid.UUID) -> list[SessionRecord]:
        found: list[SessionRecord] = []
        while True:
            after = found[-1].id if found else None
            async with self._database.read() as db:
                page = await repository.page(db, user_id, after=after, status=None, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found
