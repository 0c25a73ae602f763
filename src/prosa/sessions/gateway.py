"""The gateway: holds the connections of the numbers that people want online, one worker each.

What people want is in the table; the gateway looks there when it is woken, and every second. Several gateways may run:
each number is held by one, by lease, and taken over when that one dies.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from uuid import UUID

import structlog

from prosa.clock import Clock, utc_now
from prosa.database import Database, WriteDb
from prosa.database.outage import OutageLog
from prosa.errors import ConflictError, UnavailableError
from prosa.events.bus import Bus
from prosa.leases import new_owner
from prosa.sessions import repository
from prosa.sessions.changes import Change, apply
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import MessageEvents
from prosa.sessions.farewell import WorkerEndedError
from prosa.sessions.handover import Handover
from prosa.sessions.line import LOGIN_SECONDS
from prosa.sessions.metrics import DISCONNECTS, LEASES_LOST, StatusGauge
from prosa.sessions.operations import TOPIC
from prosa.sessions.reasons import StatusReason
from prosa.sessions.reconnect import Backoff
from prosa.sessions.record import SessionRecord
from prosa.sessions.recorder import Recorder
from prosa.sessions.sharing import Sharing
from prosa.sessions.state import SessionStatus
from prosa.sessions.tenure import Claimed, LeaseTimes, Renewing, Tenure
from prosa.sessions.worker import Worker, WorkerContext
from prosa.whatsapp.engine import Connection, EngineError, EngineErrorCode, WhatsAppEngine

POLL_SECONDS = 1.0
CLAIM_BATCH = 50
CONNECTING_AT_ONCE = 8
"""Numbers that connect at the same moment: all of them together would look like an attack, and starve each other."""
STOP_SECONDS = 5.0
ASKED_SECONDS = 4.0
"""Between two looks at what people ask of the numbers held here, where no wake-up came."""
_LOGOUT_TRIES = 10
_LOGOUT_PAUSE = 0.3

_log = structlog.get_logger("prosa.sessions")


class Gateway:
    """Implements `prosa.sessions.facts.Connections`, and takes what only a live connection can do."""

    def __init__(
        self,
        database: Database,
        engine: WhatsAppEngine,
        events: MessageEvents,
        directory: SessionDirectory,
        bus: Bus,
        *,
        device_name: str = "Prosa",
        owner: str | None = None,
        times: LeaseTimes | None = None,
        processes: int | None = None,
        login_seconds: float = LOGIN_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        clock: Clock = utc_now,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        """Make the gateway; nothing is claimed before `start`.

        Args:
            database: Where the numbers are.
            engine: Hosts their connections; started and stopped by the caller, around this.
            events: Stores what arrives.
            directory: Told of every change.
            bus: Shortens the wait for what people ask.
            device_name: What phones list the devices as.
            owner: Name as a holder of leases.
            times: How long leases last.
            processes: How many are started together, this one included, where the numbers are to be shared with other
                processes on the same database; left out: this one takes all that are free.
            login_seconds: How long WhatsApp may take to accept a login.
            poll_seconds: Between two looks at the table.
            clock: Tells the time.
            backoff: Makes the waits between tries to connect.
        """
        self._database = database
        self._directory = directory
        self._bus = bus
        self._clock = clock
        self._poll_seconds = poll_seconds
        owner, times = owner or new_owner(), times or LeaseTimes()
        self._tenure = Tenure(database, owner, times=times, clock=clock)
        self._sharing = (
            Sharing(database, owner, lease_seconds=times.lease, expected=processes, clock=clock) if processes else None
        )
        self._handover = Handover(self._tenure, self._sharing, self._numbers) if self._sharing else None
        self._renewing = Renewing(self._tenure, held=self._held, kept=self._kept, lost=self._lost)
        self._workers: dict[str, Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._successors: dict[str, Claimed] = {}
        """Claims of numbers whose former worker is still ending."""
        self._left_open: set[UUID] = set()
        """Rows of numbers whose sockets the engine did not close when this stopped."""
        self._loops: list[asyncio.Task[None]] = []
        self._on_open: list[Callable[[str], None]] = []
        self._gauge = StatusGauge()
        self._stopping = False
        self._context = WorkerContext(
            engine=engine,
            events=events,
            directory=directory,
            recorder=Recorder(database, directory, self._tenure.owner, clock=clock),
            gate=asyncio.Semaphore(CONNECTING_AT_ONCE),
            on_open=self._opened,
            on_status=lambda record: self._gauge.set(record.session_id, record.status),
            on_offline=lambda reason: DISCONNECTS.labels(reason).inc(),
            device_name=device_name,
            login_seconds=login_seconds,
            backoff=backoff,
        )

    @property
    def owner(self) -> str:
        """This gateway's name as a holder of leases."""
        return self._tenure.owner

    def held_beside_others(self) -> list[str] | None:
        """Return the numbers held here, where other processes hold the rest; None where this one has all."""
        alone = self._sharing is None or self._sharing.processes == 1
        return None if alone else list(self._workers)

    def connection(self, session_id: str) -> Connection | None:
        """Return the connection of a number that is online in this process, or None."""
        worker = self._workers.get(session_id)
        return worker.connection if worker is not None else None

    def unwritten(self, session_id: str) -> Change | None:
        """Return what the row of a number held here is about to say, if there is anything."""
        worker = self._workers.get(session_id)
        return worker.unwritten if worker is not None else None

    def on_open(self, *callbacks: Callable[[str], None]) -> None:
        """Have `callbacks` called with the name of every number that comes online here."""
        self._on_open += callbacks

    async def start(self) -> None:
        """Begin to claim numbers and hold them online."""
        self._stopping = False
        self._left_open.clear()
        self._loops = [
            asyncio.create_task(self._watch(), name="gateway-watch"),
            asyncio.create_task(self._renewing.run(), name="gateway-renew"),
        ]

    async def stop(self) -> None:
        """Disconnect every number and give it back; at most some 5 s."""
        self._stopping = True
        self._bus.wake(TOPIC)  # ends the watch at its next breath; cancelling it could interrupt a statement
        if self._workers:
            stopping = [asyncio.create_task(worker.stop()) for worker in self._workers.values()]
            _, late = await asyncio.wait(stopping, timeout=STOP_SECONDS - 1)
            for task in late:
                task.cancel()
        if self._loops:
            await asyncio.wait(self._loops[:1], timeout=1)
        if self._handover is not None:
            await self._handover.stop()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops = []
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._give_back()
        except Exception as error:  # noqa: BLE001 - the leases end by themselves
            _log.warning("give_back_failed", error=type(error).__name__)

    async def logout(self, session_id: str) -> None:
        """Unlink a number at WhatsApp and forget its credentials; returns when that is written.

        Raises:
            UnavailableError: The engine cannot do it now, or another process holds the number.
        """
        for _ in range(_LOGOUT_TRIES):
            if session_id not in self._workers and not self._stopping:
                claimed = await self._tenure.claim_one(session_id)
                if claimed is None:
                    break
                self._begin(claimed)
            worker = self._workers.get(session_id)
            if worker is not None:
                try:
                    await worker.leave()
                except WorkerEndedError:
                    pass
                else:
                    return
            await asyncio.sleep(_LOGOUT_PAUSE)
        raise UnavailableError("Another process holds this number at the moment.", retry_after=self._tenure.times.lease)

    async def answer_passkey(self, session_id: str, assertion: Mapping[str, Any]) -> None:
        """Hand in the assertion that the person's browser made.

        Raises:
            ConflictError: WhatsApp did not take it, or the number is not being linked here.
            UnavailableError: The engine cannot do it now.
        """
        await self._passkey_call(session_id, lambda connection: connection.answer_passkey(assertion))

    async def confirm_passkey(self, session_id: str) -> None:
        """Say that the code equals the phone's.

        Raises:
            ConflictError: WhatsApp did not take it, or the number is not being linked here.
            UnavailableError: The engine cannot do it now.
        """
        await self._passkey_call(session_id, lambda connection: connection.confirm_passkey())

    async def _passkey_call(self, session_id: str, call: Callable[[Connection], Awaitable[None]]) -> None:
        worker = self._workers.get(session_id)
        connection = worker.linking_connection if worker is not None else None
        if connection is None:
            raise ConflictError("This number is not being linked at the moment.", remedy="Connect it again.")
        try:
            await call(connection)
        except EngineError as error:
            if error.code.temporary and error.code is not EngineErrorCode.NOT_READY:
                raise UnavailableError(f"WhatsApp could not be asked now ({error.message}).", retry_after=2) from error
            raise ConflictError(
                f"WhatsApp did not take the passkey ({error.message}).",
                remedy="Follow the steps once more; if it fails again, stop the number and connect it anew.",
            ) from error

    # --- Loops

    async def _watch(self) -> None:
        loop, outages = asyncio.get_running_loop(), OutageLog("looking at the numbers")
        pause, ask_at, share_at, upgraded = 0.0, 0.0, 0.0, False
        async with self._bus.listen(TOPIC) as signal:
            while True:
                woken = await signal.wait(self._poll_seconds)
                await asyncio.sleep(pause)
                if self._stopping:
                    return
                try:
                    if not upgraded:
                        await self._tenure.make_due(
                            reasons={StatusReason.OUTDATED}
                        )  # this may be the version they waited for
                        upgraded = True
                    if self._handover is not None and loop.time() >= share_at:
                        await self._handover.look()
                        share_at = loop.time() + self._tenure.times.renew
                    await self._take_up()
                    if woken or loop.time() >= ask_at:
                        await self._ask()
                        ask_at = loop.time() + ASKED_SECONDS
                    pause = 0.0
                    outages.worked()
                except Exception as error:  # noqa: BLE001 - the database may be away; the numbers that are held stay
                    outages.failed(error)
                    pause, ask_at = min(5.0, pause * 2 or 0.5), 0.0

    async def _take_up(self) -> None:
        """Claim what is wanted and free."""
        while True:
            claimed = await self._tenure.claim(limit=CLAIM_BATCH, held=len(self._workers), sharing=self._sharing)
            for one in claimed:
                self._begin(one)
            if len(claimed) < CLAIM_BATCH:
                return

    async def _ask(self) -> None:
        """Tell workers what people ask of their numbers; end those whose row is gone or another's."""
        workers = list(self._workers.values())
        if not workers:
            return
        asked = await self._tenure.asked()
        for worker in workers:
            if worker.row_id in asked:
                worker.look(asked[worker.row_id])
            else:
                worker.lose()

    def _begin(self, claimed: Claimed) -> None:
        record = claimed.record
        old = self._workers.get(record.session_id)
        if self._stopping:
            return
        if old is None:
            worker = Worker(record, self._context, lease_ends=claimed.lease_ends)
            self._workers[record.session_id] = worker
            task = worker.start()
            self._tasks.add(task)
            task.add_done_callback(lambda task: self._ended(worker, task))
        elif old.row_id == record.id and not old.ending:
            old.lease_ends = claimed.lease_ends  # it had run out unnoticed, and nobody else took it
        else:
            old.lose()
            self._successors[record.session_id] = claimed

    def _ended(self, worker: Worker, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        del self._workers[worker.session_id]
        self._gauge.remove(worker.session_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("worker_died", session=worker.session_id, exc_info=error)
        if self._stopping:
            if not worker.hung_up:
                self._left_open.add(worker.row_id)
            return
        successor = self._successors.pop(worker.session_id, None)
        if successor is not None:
            self._begin(successor)
        else:
            self._bus.wake(TOPIC)

    def _numbers(self) -> list[Worker]:
        return list(self._workers.values())

    def _opened(self, session_id: str) -> None:
        for callback in self._on_open:
            callback(session_id)

    # --- Leases

    def _held(self) -> dict[UUID, float]:
        return {worker.row_id: worker.lease_ends for worker in self._workers.values() if not worker.ending}

    def _kept(self, row_ids: Collection[UUID], ends: float) -> None:
        for worker in self._workers.values():
            if worker.row_id in row_ids:
                worker.lease_ends = ends

    def _lost(self, row_ids: Collection[UUID]) -> None:
        for worker in self._workers.values():
            if worker.row_id in row_ids:
                LEASES_LOST.inc()
                _log.warning("lease_lost", session=worker.session_id)
                worker.lose()

    async def _give_back(self) -> None:
        """Write that the numbers are offline until Prosa runs again, and release them.

        A number whose socket could not be closed in time is not given back: its lease ends by itself.
        """
        offline = Change(
            status=SessionStatus.CLOSED,
            reason=StatusReason.PROSA_STOPPED,
            detail="Prosa is stopped; the number comes back by itself when it runs again.",
        )

        async def job(db: WriteDb) -> list[SessionRecord]:
            if self._sharing is not None:
                await self._sharing.withdraw(db)
            held = await repository.held(db, owner=self._tenure.owner, lock=True)
            busy = self._left_open | {worker.row_id for worker in self._workers.values()}
            held = [record for record in held if record.id not in busy]
            for record in held:
                if record.wanted:
                    await apply(db, record, offline, now=self._clock())
            await repository.release(db, [record.id for record in held])
            db.wake(TOPIC)
            return held

        for record in await self._database.submit(job):
            await self._directory.forget(record.session_id)
