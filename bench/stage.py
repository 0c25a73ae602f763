"""Prosa in this process, whole, with a WhatsApp in memory: what `overhead`, `history` and `throughput` measure on."""

import asyncio
import gc
import io
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import asyncpg
import uvloop
from pydantic import SecretStr
from sqlalchemy import URL, insert, update
from tests.fixtures import servers

from bench.engine import MemoryEngine
from bench.gemini import ANSWER
from prosa import logs
from prosa.ai.answer import AnswerService
from prosa.ai.gemini_http import Api, GeminiHttp
from prosa.ai.lazy import LazyAnswers
from prosa.ai.models import Models
from prosa.cli import YOUNG_OBJECTS
from prosa.clock import utc_now
from prosa.composition import compose
from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.ids import new_id, new_message_id
from prosa.outgoing import Rules
from prosa.sessions.models import WhatsAppSession
from prosa.sessions.settings import SessionSettings
from prosa.settings import Settings
from prosa.users.models import User
from prosa.whatsapp.engine import Inbound, InboundMessage, MessageType

SETTINGS: dict[str, Any] = {
    "debounce_seconds": 0,
    "sending": {"typing_ms_per_char": 0, "typing_min_seconds": 0},
}
"""Of every number: no waiting that is meant."""

WAIT_SECONDS = 30.0
OWNER = new_id()

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on the event loop that `prosa serve` runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


class InProcess(GeminiHttp):
    """Gemini without a network: every request gets the answer of `bench.gemini` at once."""

    async def generate(
        self, api: Api, model: str, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> bytes:
        del api, model, body, headers, seconds
        await asyncio.sleep(0)
        return ANSWER


def _in_process(settings: Settings) -> AnswerService:
    models = Models(settings, gemini=InProcess(Rules()))
    return AnswerService(models, timeout_seconds=settings.ai_timeout_seconds, most_calls=settings.ai_concurrency)


class _Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


@dataclass(frozen=True, slots=True)
class Asker:
    """A contact of one number."""

    number: str
    jid: str

    def says(self, text: str) -> InboundMessage:
        """Return a message of the contact, as an engine reports it."""
        return InboundMessage(
            wa_id=new_message_id(),
            chat=self.jid,
            sender=self.jid,
            from_me=False,
            is_group=False,
            timestamp=datetime.now(UTC),
            type=MessageType.TEXT,
            body=text,
            push_name="Maria",
            payload={"conversation": text},
        )


@dataclass
class Stage:
    """A running Prosa, and the contacts of all numbers."""

    database: Database
    engine: MemoryEngine
    askers: list[Asker]
    owner: uuid.UUID
    waiting: dict[str, "asyncio.Future[float]"] = field(default_factory=dict)

    async def ask(self, asker: Asker, text: str) -> float:
        """Let a contact write; return the seconds until the answer is handed to the engine."""
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.waiting[asker.jid] = done
        message = asker.says(text)
        started = time.perf_counter()
        self.engine.connections[asker.number].put(Inbound(message))
        return await asyncio.wait_for(done, WAIT_SECONDS) - started


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[URL]:
    """Give the URL of a new database: `sqlite` in a folder, or `postgres` with commits that survive a power cut."""
    if kind == "sqlite":
        yield URL.create("sqlite+aiosqlite", database=str(folder / "prosa.sqlite3"))
        return
    with servers.postgres(durable=True) as server:
        name = f"prosa_bench_{uuid.uuid4().hex[:12]}"
        run(_sql(server, f"CREATE DATABASE {name}"))
        yield server.set(database=name)
        if server.password is not None:  # a server of others: leave nothing behind
            run(_sql(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _sql(server: URL, statement: str) -> None:
    connection = await asyncpg.connect(
        host=server.host, port=server.port, user=server.username, password=server.password, database=server.database
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


Prepare = Callable[[Database, Sequence[Asker]], Awaitable[None]]
"""Fills the database, before the numbers come online."""


@asynccontextmanager
async def prosa(
    url: URL,
    *,
    numbers: int,
    contacts: int,
    gemini: str | None = None,
    prepare: Prepare | None = None,
    redis: str | None = None,
    processes: int = 1,
    new: bool = True,
) -> AsyncIterator[Stage]:
    """Run Prosa on a database.

    Args:
        url: An empty database.
        numbers: Linked numbers.
        contacts: Contacts of each of them.
        gemini: The address of a Gemini server; left out: the real client, whose requests are answered in this process.
        prepare: What else is to be in the database.
        redis: What several processes share as Redis; left out: everything is cached in the process.
        processes: How many run at the same time; this one waits for its part of the numbers.
        new: False: the numbers are in the database already (`people`).
    """
    with tempfile.TemporaryDirectory(prefix="prosa-bench-") as name:
        async with AsyncExitStack() as stack:
            folder = Path(name)
            settings = Settings(
                _env_file=None,
                data_dir=folder,
                database_url=url.render_as_string(hide_password=False),
                processes=processes,
                secret_key=SecretStr("x" * 32),
                gemini_api_key="test-key",
                gemini_base_url=gemini,
                ai_model="gemini-2.5-flash",
                log_format="json",
            )
            logs.configure(settings, _Nowhere())  # lines are made as in production, and thrown away
            waiting: dict[str, asyncio.Future[float]] = {}

            def on_send(to: str, _wa_id: str, at: float) -> None:
                done = waiting.pop(to, None)
                if done is not None and not done.done():
                    done.set_result(at)

            engine = MemoryEngine(folder / "media", on_send)
            answers = LazyAnswers(settings, make=_in_process) if gemini is None else None
            parts = await compose(settings, stack, engine=engine, answers=answers, redis=redis)
            database = cast("Database", parts[Database])
            askers = _askers(numbers, contacts)
            if new:
                await _add_people(database, numbers)
            if prepare is not None:
                await prepare(database, askers)
            if new:
                await _want(database)
            async with asyncio.timeout(WAIT_SECONDS):
                await engine.wait_online(numbers // processes)
            _settle()
            yield Stage(database, engine, askers, OWNER, waiting)


async def people(url: URL, *, numbers: int) -> None:
    """Make the tables of an empty database, and numbers that several processes are to share."""
    database = Database(url)
    await upgrade(database)
    await _add_people(database, numbers)
    await _want(database)
    await database.close()


def _settle() -> None:
    """Have garbage collected as `prosa serve` does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


async def _want(database: Database) -> None:
    async with database.write() as db:
        await db.execute(update(WhatsAppSession).values(wanted=True, due_at=utc_now()))


async def _add_people(database: Database, numbers: int) -> None:
    settings = SessionSettings.model_validate(SETTINGS).model_dump(mode="json")
    async with database.write() as db:
        await db.execute(insert(User), {"id": OWNER, "email": "bench@example.com", "role": "owner"})
        await db.execute(
            insert(WhatsAppSession),
            [
                {
                    "id": new_id(), "session_id": _name(n), "user_id": OWNER, "status": "closed", "wanted": False,
                    "link_method": "qr", "settings": settings, "extra": {},
                    "jid": f"55114{n:07}:3@s.whatsapp.net",
                }
                for n in range(numbers)
            ],
        )  # fmt: skip


def _name(number: int) -> str:
    return f"shop-{number}"


def _askers(numbers: int, contacts: int) -> list[Asker]:
    return [
        Asker(_name(n), f"5511{n:03}{contact:06}@s.whatsapp.net") for contact in range(contacts) for n in range(numbers)
    ]
