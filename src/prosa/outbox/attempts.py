"""A message's turn to be sent: whether it may still go, the try, and what is written down of it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from prosa import leases
from prosa.clock import Clock
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import MessageStatus
from prosa.conversations.online import OnlineNumbers
from prosa.database.engine import Database, Place, WriteDb
from prosa.database.outage import patiently
from prosa.outbox import claims
from prosa.outbox.cancel import cancel_following, withdraw
from prosa.outbox.delivery import OFFLINE, Tried, deliver
from prosa.outbox.metrics import DELAY, OUTCOMES, SENT
from prosa.outbox.offline import OfflineNumbers
from prosa.outbox.pace import Paces
from prosa.outbox.sending import Sending
from prosa.whatsapp.engine import EngineError, EngineErrorCode

logger = structlog.get_logger("prosa.outbox")

MAX_ATTEMPTS = 8
OFFLINE_SECONDS = 5.0
"""A number that turns out to be offline is left alone for so long, or until it opens."""
EXPIRED = "expired: it could not be sent in time"


class Attempts:
    """Tries messages of one owner of leases."""

    def __init__(
        self,
        database: Database,
        files: MediaFiles,
        numbers: OnlineNumbers,
        offline: OfflineNumbers,
        paces: Paces,
        clock: Clock,
        *,
        owner: str,
    ) -> None:
        """Make it.

        Args:
            database: Where the outbox is.
            files: Where files to send are.
            numbers: Those that are online in this process.
            offline: Those that turned out not to be.
            paces: How fast numbers send.
            clock: The time.
            owner: Who holds the messages' leases.
        """
        self._database = database
        self._files = files
        self._numbers = numbers
        self._is_offline = offline
        self._paces = paces
        self._clock = clock
        self._owner = owner

    async def make(self, message: Sending) -> bool:
        """Try to send; write down what came of it. Return whether the next one should be looked for at once.

        Raises:
            LeaseLostError: The message is another's by now.
        """
        now = self._clock()
        if message.expired(now):
            await self._fail(message, EXPIRED)
            return True
        if message.unwanted(now):
            await self._withdraw(message)
            return True
        connection = self._numbers.connection(message.session_id)
        if connection is None or self._is_offline(message.session_id, now) or self._paces.is_paused(message.session_id):
            await self.put_back(message)
            return False
        try:
            tried = await deliver(self._database, self._files, connection, message)
        except Exception as error:
            logger.exception("sending failed in an unexpected way", message=str(message.id))
            tried = Tried(message, failure=EngineError(EngineErrorCode.INTERNAL, type(error).__name__))
        if tried.result is not None:
            now = self._clock()
            write = partial(claims.write_sent, message=message, result=tried.result, owner=self._owner, now=now)
            await self._write(write, Place.TOGETHER)
            SENT.inc()
            DELAY.observe(max(0.0, (now - message.stored_at).total_seconds()))
            await self._paces.through(message.session_id)
            return False
        if tried.failure is None:
            raise RuntimeError("a try has a result or a failure")
        return await self._failed(tried, tried.failure)

    async def put_back(self, message: Sending, error: str | None = None) -> None:
        """Give a message back as it was: that its number cannot send now is no try."""
        now = self._clock()
        await self._write(
            partial(
                claims.write_retry, message=message, due_at=now, attempts=message.attempts, error=error,
                owner=self._owner, now=now,
            )
        )  # fmt: skip
        OUTCOMES.labels("offline").inc()

    async def _failed(self, tried: Tried, failure: EngineError) -> bool:
        message, code = tried.message, failure.code
        if code in OFFLINE:
            self._is_offline.note(message.session_id, self._clock() + timedelta(seconds=OFFLINE_SECONDS))
            # An offline number says so itself; that the credentials cannot be read is told nowhere else.
            await self.put_back(message, None if code is not EngineErrorCode.STORE else str(failure))
            return False
        attempts = message.attempts + 1
        if code is EngineErrorCode.RATE_LIMITED:
            # The number's fault, not the message's: no try is counted.
            attempts, due_at = message.attempts, (await self._paces.slower(message.session_id)).until
        elif not code.temporary or attempts >= MAX_ATTEMPTS:
            await self._fail(message, f"{code.value}: {failure.message}")
            return True
        else:
            due_at = self._clock() + leases.backoff(message.attempts, base=2, ceiling=300)
        now = self._clock()
        await self._write(
            partial(
                claims.write_retry, message=message, due_at=due_at, attempts=attempts,
                error=f"{code.value}: {failure.message}", owner=self._owner, now=now,
            )
        )  # fmt: skip
        OUTCOMES.labels("retried").inc()
        logger.info("sending is tried again", session=message.session_id, message=str(message.id), code=code.value)
        return False

    async def _withdraw(self, message: Sending) -> None:
        now = self._clock()
        await self._write(lambda db: withdraw(db, message, owner=self._owner, now=now))
        OUTCOMES.labels(MessageStatus.CANCELLED.value).inc()
        logger.info("an answer is not wanted any more", session=message.session_id, message=str(message.id))

    async def _fail(self, message: Sending, error: str) -> None:
        now = self._clock()

        async def write(db: WriteDb) -> None:
            await claims.write_failed(db, message, error, owner=self._owner, now=now)
            if message.is_answer:
                # The rest of an answer says little without its beginning.
                await cancel_following(db, message)

        await self._write(write)
        OUTCOMES.labels(MessageStatus.FAILED.value).inc()
        logger.warning(
            "a message was not sent", session=message.session_id, message=str(message.id),
            code=error.partition(":")[0],
        )  # fmt: skip

    async def _write(self, job: Callable[[WriteDb], Awaitable[object]], place: Place = Place.ALONE) -> None:
        """Write down what came of a try, however long that takes; should the lease end meanwhile, the job finds out."""
        await patiently(partial(self._database.submit, job, place=place), what="sending")
