"""Sends changes of messages, and makes them in the stored messages once WhatsApp has them.

Like the sender: leased rows, our own WhatsApp ids, the same id again after a try without an answer. Changes of one
message go in order.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from prosa import leases
from prosa.clock import Clock, utc_now
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.database.engine import Database, WriteDb
from prosa.database.outage import OutageLog, patiently
from prosa.events.bus import Bus
from prosa.leases import LeaseLostError
from prosa.outbox import changes, changing
from prosa.outbox.changes import TABLE, TOPIC, Change
from prosa.outbox.delivery import OFFLINE, SEND_SECONDS
from prosa.whatsapp.engine import EngineError, EngineErrorCode, SendResult

logger = structlog.get_logger("prosa.outbox")

LEASE = timedelta(seconds=SEND_SECONDS + 30)
"""Longer than the longest try, so that it need not be renewed."""
POLL_SECONDS = 5.0
PARALLEL = 8
MAX_ATTEMPTS = 8
AGAIN_SECONDS = 5.0
"""After a number turned out to be offline."""
SLOWER_SECONDS = 60.0
"""After WhatsApp said that the number sends too fast."""


class Changer:
    """The running part that sends changes."""

    def __init__(
        self, database: Database, bus: Bus, numbers: OnlineNumbers, files: MediaFiles, *, clock: Clock = utc_now
    ) -> None:
        """Make it.

        Args:
            database: Where changes are.
            bus: Wakes it.
            numbers: Those that are online in this process.
            files: Where files of messages are, to be removed with them.
            clock: The time.
        """
        self._database = database
        self._bus = bus
        self._numbers = numbers
        self._files = files
        self._clock = clock
        self._owner = leases.new_owner()
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="changer")

    async def stop(self) -> None:
        """Stop, and give back what was begun."""
        tasks = [task for task in (self._task, *self._sending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None
        held = partial(leases.release_all, table=TABLE, owner=self._owner)
        await leases.give_back(self._database, held, what="changes")

    async def _run(self) -> None:
        outages = OutageLog("looking for changes of messages")
        async with self._bus.listen(TOPIC) as signal:
            while True:
                try:
                    for change in await self._take():
                        task = asyncio.create_task(self._send(change), name=f"change-{change.id}")
                        self._sending.add(task)
                        task.add_done_callback(self._sending.discard)
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the table is looked at again
                    outages.failed(error)
                if len(self._sending) >= PARALLEL:
                    await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await signal.wait(POLL_SECONDS)

    async def _take(self) -> list[Change]:
        names, limit = self._numbers.names(), PARALLEL - len(self._sending)
        if not names or limit <= 0:
            return []
        take = partial(changes.take, sessions=names, owner=self._owner, now=self._clock(), lease=LEASE, limit=limit)
        return await self._database.submit(take)

    async def _send(self, change: Change) -> None:
        try:
            await self._try(change)
        except LeaseLostError:
            logger.info("a change is another's by now", session=change.session_id, message=str(change.message_id))
        except Exception:
            logger.exception("a change failed; its lease will end by itself", session=change.session_id)
        finally:
            self._bus.wake(TOPIC)

    async def _try(self, change: Change) -> None:
        now = self._clock()
        if change.expires_at <= now:
            await self._fail(change, "expired: WhatsApp no longer takes it")
            return
        connection = self._numbers.connection(change.session_id)
        if connection is None:
            await self._again(change, now + timedelta(seconds=AGAIN_SECONDS), change.attempts)
            return
        try:
            to = await self._recipient(change.conversation_id)
            async with asyncio.timeout(SEND_SECONDS):
                result = await connection.send(to, change.wa_id, change.content())
        except EngineError as error:
            await self._failed(change, error)
        except TimeoutError:
            await self._failed(change, EngineError(EngineErrorCode.TIMEOUT, "WhatsApp did not answer in time"))
        else:
            await self._done(change, result)

    async def _failed(self, change: Change, error: EngineError) -> None:
        now, attempts = self._clock(), change.attempts + 1
        if error.code in OFFLINE:
            await self._again(change, now + timedelta(seconds=AGAIN_SECONDS), change.attempts)
        elif error.code is EngineErrorCode.RATE_LIMITED:
            await self._again(change, now + timedelta(seconds=SLOWER_SECONDS), change.attempts)
        elif error.code.temporary and attempts < MAX_ATTEMPTS:
            await self._again(change, now + leases.backoff(change.attempts, base=2, ceiling=300), attempts)
        else:
            await self._fail(change, f"{error.code.value}: {error.message}")

    async def _recipient(self, conversation_id: uuid.UUID) -> str:
        async with self._database.read() as db:
            return await changing.recipient(db, conversation_id)

    async def _done(self, change: Change, result: SendResult) -> None:
        place = await self._write(
            partial(changing.done, change=change, result=result, owner=self._owner, now=self._clock())
        )
        if place is not None:
            await asyncio.to_thread(self._files.remove, place)

    async def _fail(self, change: Change, error: str) -> None:
        logger.warning(
            "a change was not sent", session=change.session_id, kind=change.kind, code=error.partition(":")[0]
        )
        await self._write(partial(changing.fail, change=change, error=error, owner=self._owner, now=self._clock()))

    async def _again(self, change: Change, due_at: datetime, attempts: int) -> None:
        await self._write(
            partial(
                changing.again, change=change, due_at=due_at, attempts=attempts, owner=self._owner, now=self._clock()
            )
        )

    async def _write(self, job: Callable[[WriteDb], Awaitable[str | None]]) -> str | None:
        return await patiently(partial(self._database.submit, job), what="a change")
