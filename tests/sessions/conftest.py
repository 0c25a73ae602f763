"""A gateway on a fresh database, a WhatsApp in memory, and a person whose numbers it holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.fixtures.conversations import add_owner
from tests.fixtures.fake_engine import FakeConnection, FakeEngine

from prosa.auth.caller import Caller
from prosa.cache import Cache
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.events.log import LoggedEvent, Position, read_after
from prosa.sessions import repository
from prosa.sessions.directory import SessionDirectory
from prosa.sessions.facts import SessionFacts
from prosa.sessions.gateway import Gateway
from prosa.sessions.reconnect import Backoff
from prosa.sessions.record import SessionRecord
from prosa.sessions.schemas import SessionConnect, SessionCreate
from prosa.sessions.service import SessionService
from prosa.sessions.tenure import LeaseTimes
from prosa.whatsapp.engine import ContactNamed, ContactTyping, InboundMessage, LidMapped, ReceiptUpdate

QUICK = LeaseTimes(lease=6.0, renew=0.3, margin=1.0)


@dataclass
class Stored:
    """`MessageEvents` that remembers; raises the next of `failures` first."""

    taken: list[tuple[str, Any]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def message(self, session: SessionFacts, message: InboundMessage) -> None:
        self._take("message", (session, message))

    async def undecryptable(self, session: SessionFacts, message: InboundMessage, reason: str) -> None:
        self.taken.append(("undecryptable", (session, message, reason)))

    async def receipt(self, session: SessionFacts, update: ReceiptUpdate) -> None:
        self._take("receipt", update)

    async def contact_named(self, session: SessionFacts, named: ContactNamed) -> None:
        self._take("named", named)

    async def lid_mapped(self, session: SessionFacts, mapped: LidMapped) -> None:
        self._take("mapped", mapped)

    async def contact_typing(self, session: SessionFacts, typing: ContactTyping) -> None:
        self._take("typing", typing)

    def _take(self, kind: str, what: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((kind, what))


def quick_backoff() -> Backoff:
    """Waits a hundredth of the real ones."""
    return Backoff(lambda low, high: 0.01)


class House:
    """Everything of this domain, wired as in the application."""

    def __init__(self, database: Database, cache: Cache, bus: Bus, engine: FakeEngine, caller: Caller) -> None:
        self.database = database
        self.cache = cache
        self.bus = bus
        self.engine = engine
        self.caller = caller
        self.stored = Stored()
        self.directory = SessionDirectory(database, cache)
        self.online: list[str] = []
        self.gateway = self.make_gateway()
        self.service = self.make_service(self.gateway)

    def make_gateway(self, **more: Any) -> Gateway:
        options: dict[str, Any] = {
            "times": QUICK, "poll_seconds": 0.1, "login_seconds": 5.0, "backoff": quick_backoff,
        } | more  # fmt: skip
        engine = options.pop("engine", self.engine)
        gateway = Gateway(self.database, engine, self.stored, self.directory, self.bus, **options)
        gateway.on_open(self.online.append)
        return gateway

    def make_service(self, gateway: Gateway, **more: Any) -> SessionService:
        return SessionService(
            self.database, self.directory, gateway, self.bus, ai_ready=more.pop("ai_ready", lambda _: None), **more
        )

    async def create(self, session_id: str = "shop", **body: Any) -> None:
        await self.service.create(self.caller, SessionCreate(session_id=session_id, **body))

    async def connect(self, session_id: str = "shop", *, wait: float = 5, **body: Any) -> Any:
        return await self.service.connect(
            self.caller, session_id, SessionConnect.model_validate(body), wait_seconds=wait
        )

    async def linked(self, session_id: str = "shop") -> FakeConnection:
        """Make a number that is linked and online."""
        await self.create(session_id)
        await self.connect(session_id)
        connection = self.engine.sessions[session_id]
        await connection.link()
        await self.until(lambda row: row.status == "open", session_id)
        return connection

    async def row(self, session_id: str = "shop") -> SessionRecord:
        async with self.database.read() as db:
            row = await repository.find(db, session_id)
        assert row is not None
        return row

    async def until(self, true: Callable[[SessionRecord], object], session_id: str = "shop") -> SessionRecord:
        """Wait until something is true of a number's row."""
        row = await self.row(session_id)
        try:
            async with asyncio.timeout(30):
                while not true(row):
                    await asyncio.sleep(0.01)
                    row = await self.row(session_id)
        except TimeoutError:
            raise AssertionError(f"still {row.status} {row.status_reason} {row.lease_owner}") from None
        return row

    async def events(self, kind: str = "session.status") -> list[LoggedEvent]:
        async with self.database.read() as db:
            return [event for event in await read_after(db, Position(0, 0)) if event.type == kind]

    async def statuses(self) -> list[str]:
        """Return all statuses there were, in order, without repeats."""
        found = [str(event.payload["status"]) for event in await self.events()]
        return [status for number, status in enumerate(found) if number == 0 or found[number - 1] != status]


async def eventually(true: Callable[[], object], what: str = "") -> None:
    """Wait until something is true."""
    try:
        async with asyncio.timeout(30):
            while not true():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(what or "it never became true") from None


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[Gateway]:
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


@pytest.fixture
async def quiet_house(database: Database, cache: Cache, bus: Bus, engine: FakeEngine) -> House:
    """A house whose gateway does not run."""
    return House(database, cache, bus, engine, await add_owner(database))


@pytest.fixture
async def house(quiet_house: House) -> AsyncIterator[House]:
    async with running(quiet_house.gateway):
        yield quiet_house
    await quiet_house.engine.stop()
