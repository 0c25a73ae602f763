"""Downloading the files of messages: by themselves in the background, or when somebody asks for one.

A message whose file is due is a leased row (`prosa.leases`), so downloads survive a restart and happen once.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import structlog
from sqlalchemy import Row, select, update

from prosa import leases
from prosa.clock import Clock, utc_now
from prosa.conversations.hot import MESSAGES
from prosa.conversations.media import MediaFacts, MediaFiles, MediaState
from prosa.conversations.models import MessageStatus
from prosa.conversations.online import OnlineNumbers
from prosa.database.engine import Database, WriteDb
from prosa.database.outage import OutageLog, patiently
from prosa.errors import ConflictError, NotFoundError, ProsaError, UnavailableError
from prosa.events.bus import Bus
from prosa.whatsapp.engine import Connection, EngineError, EngineErrorCode

logger = structlog.get_logger("prosa.media")

TOPIC = "media"
"""Wakes the downloads."""

LEASE = timedelta(minutes=10)
"""Longer than the longest download: a file of the largest size allowed, over a slow line."""
DOWNLOAD_SECONDS = 300.0
MAX_ATTEMPTS = 5
PARALLEL = 4
POLL_SECONDS = 5.0
FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 600.0

_m = MESSAGES.c
_OUTBOUND = [MessageStatus.QUEUED.value, MessageStatus.SENDING.value]


class MediaGoneError(ProsaError):
    """A file is on WhatsApp's server no more."""

    code = "media_gone"
    status: ClassVar[int] = 410
    title: ClassVar[str] = "The file is no longer available"
    remedy = "Ask the contact to send it again."


@dataclass(frozen=True, slots=True)
class _Failure:
    state: MediaState
    error: str
    retry: bool


class MediaFetcher:
    """Downloads files through the numbers that are online in this process."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        files: MediaFiles,
        numbers: OnlineNumbers,
        *,
        max_bytes: int,
        clock: Clock = utc_now,
    ) -> None:
        """Make it.

        Args:
            database: Where messages are.
            bus: Wakes the background downloads.
            files: Where files go.
            numbers: Those that are online in this process.
            max_bytes: Larger files are not downloaded.
            clock: The time.
        """
        self._database = database
        self._bus = bus
        self._files = files
        self._numbers = numbers
        self._max_bytes = max_bytes
        self._clock = clock
        self._owner = leases.new_owner()
        self._task: asyncio.Task[None] | None = None
        self._downloads: set[asyncio.Task[None]] = set()
        self._asked: dict[uuid.UUID, asyncio.Task[MediaFacts]] = {}

    async def start(self) -> None:
        """Begin the background downloads."""
        self._task = asyncio.create_task(self._run(), name="media-fetcher")

    async def stop(self) -> None:
        """Stop, and give back what was begun."""
        tasks = [task for task in (self._task, *self._downloads, *self._asked.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        held = partial(leases.release_all, table=MESSAGES, owner=self._owner)
        await leases.give_back(self._database, held, what="downloads")

    async def fetch(self, row: Row[Any]) -> MediaFacts:
        """Return the facts of a message's file once it is here, downloading it if need be.

        Several who ask for one file at the same time share one download.

        Args:
            row: `id`, `conversation_id`, `session_id`, `media` and `payload` of the message.

        Raises:
            NotFoundError: The message has no file.
            MediaGoneError: WhatsApp no longer has it.
            ConflictError: The number is not linked, or the file is larger than allowed.
            UnavailableError: The number is offline, or the download failed for now.
        """
        if not row.media:
            raise NotFoundError("This message has no file.")
        if ready := await self._ready(row.media):
            return ready
        task = self._asked.get(row.id)
        if task is None:
            task = asyncio.create_task(self._fetch(row), name=f"media-{row.id}")
            self._asked[row.id] = task
            task.add_done_callback(lambda _: self._asked.pop(row.id, None))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task)

    async def _ready(self, media: Mapping[str, Any]) -> MediaFacts | None:
        """Return the facts of a file that is here, None where it is still to come."""
        facts = MediaFacts.model_validate(media)
        if facts.state is MediaState.READY and facts.path is not None:
            return facts if await asyncio.to_thread(self._files.path(facts.path).is_file) else None
        if facts.state is MediaState.GONE:
            raise MediaGoneError("WhatsApp no longer has this file.")
        return None

    async def _fetch(self, row: Row[Any]) -> MediaFacts:
        # The row was read before this task began: another download may have ended in between.
        async with self._database.read() as db:
            media = (await db.execute(select(_m.media).where(_m.id == row.id))).scalar_one_or_none()
        if media and (ready := await self._ready(media)):
            return ready
        facts = MediaFacts.model_validate(row.media)
        if not row.payload:
            raise MediaGoneError("The file was kept here only, and is here no more.")
        connection = self._numbers.connection(row.session_id)
        if connection is None:
            raise UnavailableError(
                "The file is not here yet, and the number it came to is offline.",
                remedy="Connect the number (POST /sessions/{session_id}/connect), then ask again.",
            )
        outcome = await self._download(connection, row, facts)
        if isinstance(outcome, MediaFacts):
            await self._store(row.id, outcome, due_at=None, waits=())
            return outcome
        if outcome.state is MediaState.GONE:
            await self._store(row.id, _failed(facts, outcome), due_at=None, waits=())
            raise MediaGoneError("WhatsApp no longer has this file.")
        if not outcome.retry:
            raise ConflictError(outcome.error, remedy="Ask the contact to send it again.")
        raise UnavailableError(f"The download failed: {outcome.error}.", remedy="Ask again in a moment.")

    async def _run(self) -> None:
        outages = OutageLog("looking for files to download")
        async with self._bus.listen(TOPIC) as signal:
            while True:
                try:
                    more = await self._claim()
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the tables are looked at again
                    outages.failed(error)
                    more = False
                if more:
                    continue
                await signal.wait(POLL_SECONDS)

    async def _claim(self) -> bool:
        free, online = PARALLEL - len(self._downloads), self._numbers.names()
        if free <= 0:
            await asyncio.wait(self._downloads, return_when=asyncio.FIRST_COMPLETED, timeout=POLL_SECONDS)
            return True
        if not online:
            return False
        where = _m.session_id.in_(online) & _m.status.not_in(_OUTBOUND)

        async def claim(db: WriteDb) -> list[Row[Any]]:
            return await leases.claim(
                db, MESSAGES, owner=self._owner, now=self._clock(), lease=LEASE, limit=free, where=where,
                returning=[_m.id, _m.conversation_id, _m.session_id, _m.media, _m.payload, _m.attempts],
            )  # fmt: skip

        rows = await self._database.submit(claim)
        for row in rows:
            task = asyncio.create_task(self._background(row), name=f"media-{row.id}")
            self._downloads.add(task)
            task.add_done_callback(self._downloads.discard)
        return len(rows) == free

    async def _background(self, row: Row[Any]) -> None:
        try:
            facts = MediaFacts.model_validate(row.media)
            connection = self._numbers.connection(row.session_id)
            if connection is None:
                await self._store(row.id, facts, due_at=self._clock() + timedelta(seconds=FIRST_RETRY_SECONDS))
                return
            outcome = await self._download(connection, row, facts)
            if isinstance(outcome, MediaFacts):
                await self._store(row.id, outcome, due_at=None)
            elif outcome.retry and row.attempts + 1 < MAX_ATTEMPTS:
                wait = leases.backoff(row.attempts, base=FIRST_RETRY_SECONDS, ceiling=LAST_RETRY_SECONDS)
                await self._store(row.id, facts, due_at=self._clock() + wait, attempts=row.attempts + 1)
            else:
                await self._store(row.id, _failed(facts, outcome), due_at=None)
                logger.warning("a file was not downloaded", session=row.session_id, reason=outcome.error)
        except Exception:
            logger.exception("a download failed", session=row.session_id, message=str(row.id))

    async def _download(self, connection: Connection, row: Row[Any], facts: MediaFacts) -> MediaFacts | _Failure:
        if facts.size is not None and facts.size > self._max_bytes:
            return _Failure(MediaState.FAILED, f"the file is larger than {self._max_bytes} bytes", retry=False)
        place = self._files.place(row.session_id, row.conversation_id, row.id)
        path = await asyncio.to_thread(self._files.prepare, place)
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                size = await connection.download(row.payload or {}, path)
        except EngineError as error:
            gone = error.code is EngineErrorCode.MEDIA_GONE
            state = MediaState.GONE if gone else MediaState.FAILED
            return _Failure(state, f"{error.code.value}: {error.message}"[:200], retry=error.code.temporary)
        except TimeoutError:
            return _Failure(MediaState.FAILED, "timeout: the download took too long", retry=True)
        if size > self._max_bytes:
            await asyncio.to_thread(self._files.remove, place)
            return _Failure(MediaState.FAILED, f"the file is larger than {self._max_bytes} bytes", retry=False)
        if not await asyncio.to_thread(self._files.matches, path, facts.sha256):
            await asyncio.to_thread(self._files.remove, place)
            return _Failure(MediaState.FAILED, "media_invalid: the file is not the one that was sent", retry=False)
        return facts.model_copy(update={"state": MediaState.READY, "path": place, "size": size, "error": None})

    async def _store(
        self,
        message_id: uuid.UUID,
        facts: MediaFacts,
        *,
        due_at: datetime | None,
        attempts: int = 0,
        waits: Iterable[float] | None = None,
    ) -> None:
        """Write what came of a download; `waits` as of `patiently`."""
        values: dict[str, Any] = leases.released(due_at, attempts=attempts) | {"media": facts.stored()}
        # A message that was deleted for everyone while its file came keeps none.
        still = (_m.id == message_id) & _m.revoked_at.is_(None)

        async def write(db: WriteDb) -> bool:
            found = await db.execute(update(MESSAGES).where(still).values(values).returning(_m.id))
            return found.first() is not None

        written = await patiently(partial(self._database.submit, write), what="downloading", waits=waits)
        if not written and facts.path is not None:
            await asyncio.to_thread(self._files.remove, facts.path)


def _failed(facts: MediaFacts, failure: _Failure) -> MediaFacts:
    return facts.model_copy(update={"state": failure.state, "error": failure.error})


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at a task's failure, so that one nobody waits for any more is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
