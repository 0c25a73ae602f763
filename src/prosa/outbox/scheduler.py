"""Watches the clock for messages that are to be sent later."""

import asyncio
from functools import partial

import structlog

from prosa.clock import Clock, utc_now
from prosa.database.engine import Database
from prosa.database.outage import OutageLog, is_outage
from prosa.events.bus import Bus
from prosa.outbox import schedule
from prosa.outbox.queue import LASTING
from prosa.sessions.facts import Numbers

logger = structlog.get_logger("prosa.outbox")

POLL_SECONDS = 5.0
"""Between two looks at the table: another process may have scheduled something."""
BATCH = 50


class Scheduler:
    """The running part that puts scheduled messages into the outbox. Several may run: each message goes once."""

    def __init__(self, database: Database, bus: Bus, sessions: Numbers, *, clock: Clock = utc_now) -> None:
        """Make it.

        Args:
            database: Where messages are.
            bus: Says that something was scheduled or changed.
            sessions: Where numbers' settings are looked up.
            clock: The time.
        """
        self._database = database
        self._bus = bus
        self._sessions = sessions
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._run(), name="scheduler")

    async def stop(self) -> None:
        """Stop. What is due meanwhile goes after the next start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        outages = OutageLog("looking for scheduled messages")
        async with self._bus.listen(schedule.TOPIC) as signal:
            while True:
                wait = POLL_SECONDS
                try:
                    wait = await self.work()
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - logged; the table is looked at again
                    outages.failed(error)
                await signal.wait(wait)

    async def work(self) -> float:
        """Send off what is due; return for how many seconds nothing is."""
        while True:
            async with self._database.read() as db:
                found = await schedule.due(db, self._clock(), BATCH)
            done = 0
            for message_id, conversation_id, session_id in found:
                facts = await self._sessions.get(session_id)
                lasting = facts.settings.sending.lasting if facts is not None else LASTING
                job = partial(
                    schedule.promote, message_id=message_id, conversation_id=conversation_id, now=self._clock(),
                    lasting=lasting,
                )  # fmt: skip
                try:
                    done += await self._database.submit(job)
                except Exception as error:
                    if is_outage(error):
                        raise
                    # Whatever is wrong with this one must not hold up the others.
                    logger.exception("a scheduled message could not be sent", message=str(message_id))
                    await self._database.submit(partial(schedule.give_up, message_id=message_id))
                    done += 1
            if not done:
                break
        async with self._database.read() as db:
            coming = await schedule.next_time(db)
        if coming is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.05, (coming - self._clock()).total_seconds()))
