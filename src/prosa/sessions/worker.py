"""One task a number: takes what the engine reports and what people ask, one thing after another."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from prosa.database.outage import Sleep
from prosa.leases import LeaseLostError
from prosa.sessions.alarm import Alarm
from prosa.sessions.changes import Change, stopped
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import MessageEvents
from prosa.sessions.farewell import Farewell
from prosa.sessions.held import HeldRow
from prosa.sessions.intake import Intake
from prosa.sessions.line import LOGIN_SECONDS, Line
from prosa.sessions.linker import LINKING_ITEMS, Linker, LinkingItem, Next
from prosa.sessions.mailbox import Begin, Item, Leave, Look, Mailbox, Retry
from prosa.sessions.reconnect import REPLACED_MEMORY, Backoff, EndEvent, Verdict, judge
from prosa.sessions.record import SessionRecord
from prosa.sessions.recorder import Recorder
from prosa.sessions.repository import Asked
from prosa.sessions.state import SessionStatus
from prosa.whatsapp.engine import (
    Connection,
    EngineError,
    EngineErrorCode,
    OfflineSynced,
    Opened,
    StreamReplaced,
    WhatsAppEngine,
)

PARK_SECONDS = 300.0
"""A longer wait is kept in the row instead of in a task, so that it outlives this process."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What all workers of a gateway share.

    Attributes:
        gate: Bounds how many numbers connect at the same moment.
        on_open: Called with the name of a number that came online.
        on_status: Called with every row as it is written.
        on_offline: Called with the reason of every end of a connection.
        device_name: What phones list the device as.
        login_seconds: How long WhatsApp may take to accept a login or show a code.
    """

    engine: WhatsAppEngine
    events: MessageEvents
    directory: SessionDirectory
    recorder: Recorder
    gate: asyncio.Semaphore
    on_open: Callable[[str], None]
    on_status: Callable[[SessionRecord], None]
    on_offline: Callable[[str], None]
    device_name: str = "Prosa"
    login_seconds: float = LOGIN_SECONDS
    sleep: Sleep = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    backoff: Callable[[], Backoff] = field(default=Backoff)


class Worker:
    """Holds one number online for as long as its row is wanted and its lease is held."""

    def __init__(self, record: SessionRecord, context: WorkerContext, *, lease_ends: float) -> None:
        """Make the worker.

        Args:
            record: The row as claimed.
            context: What it works with.
            lease_ends: When the lease ends, on the event loop's clock; the gateway moves it on.
        """
        self.row_id = record.id
        self.session_id = record.session_id
        self.lease_ends = lease_ends
        self._row = HeldRow(record, context.recorder, self._told)
        self._asked = Asked(record.wanted, record.due_at)
        """What is being done; what the row asks may have changed since."""
        self._context = context
        self._mailbox = Mailbox()
        self._line = Line(
            record.session_id,
            context.engine,
            Intake(record.session_id, context.directory, context.events),
            self._mailbox.post,
            gate=context.gate,
            device_name=context.device_name,
            login_seconds=context.login_seconds,
        )
        self._alarm = Alarm(f"session-alarm-{record.session_id}", context.sleep)
        self._linker = Linker(
            record.session_id,
            self._line,
            write=self._row.write,
            post=self._mailbox.post,
            alarm=self._alarm,
            now=context.recorder.now,
            login_seconds=context.login_seconds,
        )
        self._farewell = Farewell(self._line)
        self._backoff = context.backoff()
        self._opened_at: float | None = None
        self._replaced = False
        self._done = False
        self._lost = False
        self._ending = False
        self.hung_up = True
        """False: the engine did not say that the connection is closed, so its socket may be open still."""
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("prosa.sessions").bind(session=record.session_id)

    @property
    def connection(self) -> Connection | None:
        """The connection while the number is online and its lease lasts; None else.

        A process that was frozen finds its lease over before it can send anything.
        """
        held = self._opened_at is not None and not self._lost
        return self._line.connection if held and asyncio.get_running_loop().time() < self.lease_ends else None

    @property
    def unwritten(self) -> Change | None:
        """What the row is about to say; for long only while the database takes no writes."""
        return self._row.unwritten

    @property
    def linking_connection(self) -> Connection | None:
        """The connection while the number is being linked: what the passkey step talks to."""
        return self._line.connection if self._linker.active and not self._lost else None

    def start(self) -> asyncio.Task[None]:
        """Begin; returns the task, which ends when the number is given back or lost."""
        self._task = asyncio.create_task(self._run(), name=f"session-{self.session_id}")
        self._task.add_done_callback(lambda _: self._farewell.end())
        return self._task

    def look(self, asked: Asked) -> None:
        """Say what the row asks now."""
        if asked != self._asked:
            self._mailbox.post(Look(asked))

    async def leave(self) -> None:
        """Unlink the number at WhatsApp; returns when it is written.

        Raises:
            WorkerEndedError: The worker ended before it could; whoever holds the row now must be asked.
            UnavailableError: The engine could not do it now.
        """
        told = self._farewell.ask()
        self._mailbox.post(Leave())
        if self._task is not None and self._task.done():
            self._farewell.end()
        await told

    @property
    def ending(self) -> bool:
        """Whether the worker is closing the connection, after which it ends."""
        return self._ending

    async def stop(self) -> None:
        """Disconnect and end, leaving the row as it is; what is in hand is finished first."""
        self._end()
        if self._task is not None:
            await asyncio.wait({self._task})

    def lose(self) -> None:
        """End at once: another process may take the number any moment."""
        self._lost = True
        self._end()

    def _end(self) -> None:
        # Only once: a second cancellation would interrupt the closing of the connection.
        if not self._ending and self._task is not None:
            self._task.cancel()
        self._ending = True

    async def _run(self) -> None:
        self._mailbox.post(Begin())
        try:
            while not self._done:
                await self._survive(await self._mailbox.next())
        except LeaseLostError:
            self._log.warning("lease_lost")
            self._lost = True
        finally:
            self._ending = True
            self._let_go()
            self._linker.end()
            self.hung_up = await self._line.hang_up(at_once=self._lost)

    async def _survive(self, item: Item) -> None:
        try:
            await self._take(item)
        except LeaseLostError:
            raise
        except Exception as error:  # noqa: BLE001 - a number must not stay silent because of a bug
            self._log.exception("worker_failed", item=type(item).__name__)
            await self._offline(judge(EngineError(EngineErrorCode.INTERNAL, type(error).__name__)))

    async def _take(self, item: Item) -> None:
        match item:
            case Begin():
                await self._begin()
            case Look(asked=asked):
                await self._look(asked)
            case Leave(now=now):
                await self._leave(now=now)
            case Retry():
                await self._connect()
            case Opened():
                await self._opened(item)
            case OfflineSynced(count=count):
                self._log.info("offline_messages_delivered", count=count)
            case _ if isinstance(item, LINKING_ITEMS):
                await self._link(item)
            case _:
                await self._ended(item)  # type: ignore[arg-type] # events that are stored never come here

    # --- What people ask

    async def _begin(self) -> None:
        """Do what the row asks for, from the start."""
        self._asked = Asked(self._row.record.wanted, self._row.record.due_at)
        self._linker.end()
        if self._farewell.asked:
            await self._leave()
        elif self._row.record.wanted:
            self._backoff.reset()
            self._replaced = False
            await self._row.write(Change(status=SessionStatus.CONNECTING))
            await self._connect()
        elif self._row.record.status is SessionStatus.LOGGED_OUT:
            await self._finish(None)
        else:
            await self._finish(stopped())

    async def _look(self, asked: Asked) -> None:
        if asked == self._asked or self._farewell.asked:
            return
        await self._row.read()
        await self._hang_up()
        await self._begin()

    async def _leave(self, *, now: bool = False) -> None:
        """Unlink: at once where that can work, else after one try to get online, so that the phone hears of it."""
        if not self._farewell.asked:
            return
        if now or self._opened_at is not None or not self._row.record.linked:
            await self._say_farewell()
        else:
            await self._line.quiet()
            self._line.dial(self._row.record.jid)
            self._alarm.set(self._farewell.patience, lambda: self._mailbox.post(Leave(now=True)))

    async def _say_farewell(self) -> None:
        await self._line.quiet()
        try:
            change = await self._farewell.say(self._row.record, online=self._opened_at is not None)
        except EngineError as error:
            self._farewell.fail(error)
            await self._hang_up()
            await self._begin()
            return
        await self._hang_up()
        await self._finish(change, farewell=True)

    # --- Online and offline

    async def _connect(self) -> None:
        """Dial, as the linked device or to show codes."""
        if not self._row.record.linked:
            self._linker.begin(self._row.record.link_method, self._row.record.link_phone)
            if self._row.record.status is SessionStatus.CLOSED:
                await self._row.write(Change(status=SessionStatus.CONNECTING))
        self._line.dial(self._row.record.jid)

    async def _link(self, item: LinkingItem) -> None:
        step = await self._linker.take(item, self._row.record.status)
        if isinstance(step, Verdict):
            await self._offline(step)
        elif step is Next.DIAL_ANEW:
            await self._hang_up()
            await self._connect()

    async def _opened(self, opened: Opened) -> None:
        self._alarm.clear()
        self._linker.end()
        if self._farewell.asked:
            self._opened_at = self._context.monotonic()
            await self._say_farewell()
            return
        await self._row.opened(opened)
        self._opened_at = self._context.monotonic()
        self._log.info("online")
        self._context.on_open(self.session_id)

    async def _ended(self, end: EndEvent) -> None:
        if self._opened_at is not None and self._context.monotonic() - self._opened_at >= REPLACED_MEMORY:
            self._replaced = False
        verdict = judge(end, replaced_before=self._replaced)
        if isinstance(end, StreamReplaced):
            self._replaced = True
        if not verdict.final:
            verdict = self._linker.interrupted(self._row.record.status) or verdict
        await self._offline(verdict)

    async def _offline(self, verdict: Verdict) -> None:
        """Write how the connection ended, and try again when it is time."""
        open_seconds = None if self._opened_at is None else self._context.monotonic() - self._opened_at
        wait = verdict.retry_after
        if wait is None:
            wait = self._backoff.after(open_seconds, ceiling=verdict.ceiling)
        parked = not verdict.final and wait > PARK_SECONDS
        self._log.info("offline", reason=verdict.reason, final=verdict.final, retry_in_seconds=round(wait, 1))
        self._context.on_offline(verdict.reason)
        if verdict.reopen or verdict.final or parked:
            await self._hang_up()
        else:
            self._let_go()
            await self._line.quiet()
        if self._farewell.asked and not verdict.forget_device:
            await self._say_farewell()
            return
        change = Change(
            status=verdict.status,
            reason=verdict.reason,
            detail=verdict.detail,
            also={"jid": None, "lid": None} if verdict.forget_device else {},
        )
        if verdict.final:
            await self._finish(change, farewell=verdict.forget_device)
        elif parked:
            await self._finish(change, wait=wait)
        else:
            await self._row.write(change)
            self._alarm.set(wait, lambda: self._mailbox.post(Retry()))

    async def _finish(self, change: Change | None, *, wait: float | None = None, farewell: bool = False) -> None:
        """Give the row back, or begin anew where somebody asked for that meanwhile.

        Args:
            change: What to write.
            wait: Seconds until a gateway is to take the number up again; None: not until a person asks.
            farewell: Whether those who wait for the number to be unlinked have what they want.
        """
        self._done = await self._row.finish(change, wait=wait)
        if farewell:
            self._farewell.done()
        if not self._done:
            await self._begin()

    async def _hang_up(self) -> None:
        self._mailbox.give_up()
        self._let_go()
        await self._line.hang_up()

    def _let_go(self) -> None:
        """Forget what belongs to the connection that is ending."""
        self._opened_at = None
        self._alarm.clear()
        self._linker.let_go()

    def _told(self, record: SessionRecord) -> None:
        self._context.on_status(record)
        # A write of ours brings along what people asked meanwhile.
        self.look(Asked(record.wanted, record.due_at))
