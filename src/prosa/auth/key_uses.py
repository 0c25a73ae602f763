"""When API keys were last used: written in the background, so that no request waits for it."""

import asyncio
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast

import structlog
from sqlalchemy import Table, or_, update

from prosa.auth.models import ApiKey
from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb

logger = structlog.get_logger("prosa.auth")

EVERY = timedelta(minutes=1)
"""How often one key's last use is written at most."""
STOP_SECONDS = 1.0

_KEYS: Final = cast("Table", ApiKey.__table__)


class KeyUses:
    """Keeps `last_used_at`."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._waiting: set[uuid.UUID] = set()
        self._noted: dict[uuid.UUID, datetime] = {}
        """Uses of the last minute: requests at the same moment all read the row as it was before."""
        self._task: asyncio.Task[None] | None = None

    def used(self, key_id: uuid.UUID, last: datetime | None) -> None:
        """Take note that a key was used now.

        Args:
            key_id: Which.
            last: What is stored of its last use.
        """
        now = self._clock()
        before = max((moment for moment in (last, self._noted.get(key_id)) if moment is not None), default=None)
        if before is not None and now - before < EVERY:
            return
        self._noted[key_id] = now
        self._waiting.add(key_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="api-key-uses")

    async def start(self) -> None:
        """Do nothing: there is nothing to wait for."""

    async def stop(self) -> None:
        """Finish what is being written, if that is quick."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self) -> None:
        while self._waiting:
            keys, self._waiting = self._waiting, set()
            now = self._clock()
            self._noted = {key: moment for key, moment in self._noted.items() if now - moment < EVERY}
            try:
                await self._database.submit(partial(_mark, keys, now))
            except Exception as error:  # noqa: BLE001 - nobody waits for it, and a use in a minute is written again
                logger.warning("the use of an API key was not written", error=type(error).__name__)


async def _mark(keys: Collection[uuid.UUID], now: datetime, db: WriteDb) -> None:
    c = _KEYS.c
    # other processes see uses of the same keys
    due = or_(c.last_used_at.is_(None), c.last_used_at <= now - EVERY)
    await db.execute(update(_KEYS).where(c.id.in_(keys), due).values(last_used_at=now))
