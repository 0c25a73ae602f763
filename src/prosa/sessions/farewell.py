"""Unlinking a number because a person asked: at WhatsApp where it can be told, and here in any case."""

import asyncio

from prosa.errors import UnavailableError
from prosa.sessions.changes import Change
from prosa.sessions.line import Line
from prosa.sessions.reasons import StatusReason
from prosa.sessions.record import SessionRecord
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import EngineError, EngineErrorCode

ONLINE_PATIENCE = 8.0
"""Seconds that an offline number has to come online, so that its phone forgets the device as well."""
LOGOUT_SECONDS = 20.0

_GONE_ALREADY = {EngineErrorCode.DEVICE_NOT_FOUND, EngineErrorCode.NOT_LINKED}


class WorkerEndedError(Exception):
    """The worker ended before it could unlink the number; ask whoever holds the row now."""


class Farewell:
    """The wish to unlink, and those who wait for it."""

    def __init__(self, line: Line) -> None:
        self.patience = ONLINE_PATIENCE
        self._line = line
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def asked(self) -> bool:
        """Whether somebody waits."""
        return any(not waiter.done() for waiter in self._waiting)

    def ask(self) -> asyncio.Future[None]:
        """Add a wish; the future is done when the number is unlinked, and fails when that did not work."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        return waiter

    async def say(self, record: SessionRecord, *, online: bool) -> Change:
        """Unlink the device.

        Returns:
            What to write.

        Raises:
            EngineError: The engine could not do it now; the device is still linked.
        """
        if record.linked:
            try:
                async with asyncio.timeout(LOGOUT_SECONDS):
                    connection = await self._line.open(record.jid)
                    await connection.logout()
            except TimeoutError as error:
                raise EngineError(EngineErrorCode.TIMEOUT, "the engine did not answer in time") from error
            except EngineError as error:
                if error.code not in _GONE_ALREADY:
                    raise
        told = online or not record.linked
        return Change(
            status=SessionStatus.LOGGED_OUT,
            reason=StatusReason.LOGGED_OUT if told else StatusReason.LOGGED_OUT_OFFLINE,
            detail="Unlinked. Connect links the number anew."
            if told
            else "Unlinked here while offline: remove the device on the phone too, under Linked devices.",
            also={"jid": None, "lid": None},
        )

    def done(self) -> None:
        """Tell those who wait that the number is unlinked."""
        for waiter in self._take():
            waiter.set_result(None)

    def fail(self, error: EngineError) -> None:
        """Tell those who wait that it did not work."""
        for waiter in self._take():
            waiter.set_exception(
                UnavailableError(f"The number could not be unlinked now ({error.message}).", retry_after=5)
            )

    def end(self) -> None:
        """Tell those who wait to ask somebody else."""
        for waiter in self._take():
            waiter.set_exception(WorkerEndedError())

    def _take(self) -> list[asyncio.Future[None]]:
        waiting, self._waiting = self._waiting, []
        return [waiter for waiter in waiting if not waiter.done()]
