"""Database statements and milliseconds of a turn, with its context in the cache and without.

One number on SQLite, one conversation of forty messages, a local Gemini server that answers at once. A turn is counted
from the claimed conversation to the answer in the outbox; BEGIN, COMMIT and savepoints are not statements.
"""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import URL, event, insert

from bench.report import percentile
from prosa import leases
from prosa.ai.answer import AnswerService
from prosa.ai.models import Models
from prosa.auth.vault import Vault
from prosa.cache import Cache
from prosa.clock import utc_now
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.held import TABLE
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.database import Database
from prosa.database.migrate import upgrade
from prosa.events.bus import Bus
from prosa.ids import new_id
from prosa.outgoing import Outgoing, Rules
from prosa.sessions.facts import SessionFacts
from prosa.sessions.models import WhatsAppSession
from prosa.sessions.settings import SessionSettings
from prosa.sessions.state import SessionStatus
from prosa.settings import Settings
from prosa.tools.service import ToolService
from prosa.turns.claimed import CLAIMED_COLUMNS, ClaimedConversation
from prosa.turns.context import Contexts
from prosa.turns.files import TurnFiles
from prosa.turns.receive import Receiver
from prosa.turns.reply import Replier
from prosa.users.models import User
from prosa.whatsapp.engine import Connection, InboundMessage, MessageType
from prosa_simulator.gemini import GeminiServer

CONTACT = "5511999990001@s.whatsapp.net"
HISTORY = 20
_FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")


@dataclass
class _OneNumber:
    """The directory and the connections of one number that is offline in this process."""

    session: SessionFacts

    async def get(self, session_id: str) -> SessionFacts | None:
        """Return it."""
        del session_id
        return self.session

    def connection(self, session_id: str) -> Connection | None:
        """It has none."""
        del session_id
        return None


@dataclass
class _Turns:
    """Figures of some turns."""

    statements: list[list[str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def reads(self) -> int:
        """Return how many statements read messages."""
        return sum("FROM messages" in s and s.startswith("SELECT") for turn in self.statements for s in turn)


def run(*, quick: bool) -> dict[str, Any]:
    """Measure turns whose context is read from the database, then turns whose context is cached."""
    return asyncio.run(_run(quick=quick))


async def _run(*, quick: bool) -> dict[str, Any]:
    rounds = 10 if quick else 100
    with tempfile.TemporaryDirectory() as folder:
        database = Database(URL.create("sqlite+aiosqlite", database=f"{folder}/bench.sqlite3"))
        cache = Cache()
        await cache.start()
        try:
            await upgrade(database)
            async with GeminiServer(api_key="bench", max_requests=10) as gemini:
                gemini.script.default = "Yes."
                settings = Settings(
                    _env_file=None, gemini_api_key="bench", gemini_base_url=gemini.base_url, data_dir=Path(folder)
                )
                answers = AnswerService(Models(settings), timeout_seconds=30)
                cold, warm = await _measure(database, cache, answers, Path(folder), rounds)
                await answers.close()
        finally:
            await cache.stop()
            await database.close()
    return {
        "cold_statements": round(median(map(len, cold.statements))),
        "warm_statements": round(median(map(len, warm.statements))),
        # Every half a minute a turn looks whether the owner has set a budget.
        "warm_statements_most": max(map(len, warm.statements)),
        "warm_history_reads": warm.reads(),
        "cold_history_reads": cold.reads(),
        "cold_p50_ms": round(percentile(cold.seconds, 0.5) * 1000, 2),
        "warm_p50_ms": round(percentile(warm.seconds, 0.5) * 1000, 2),
        "turns": 2 * rounds,
        "warm_turn": [statement[:60] for statement in warm.statements[-1]],
    }


async def _measure(
    database: Database, cache: Cache, answers: AnswerService, folder: Path, rounds: int
) -> tuple[_Turns, _Turns]:
    session = await _number(database)
    numbers = _OneNumber(session)
    contexts = Contexts(database, cache)
    media, bus = MediaFiles(folder), Bus()
    fetcher = MediaFetcher(database, bus, media, OnlineNumbers(bus, numbers.connection), max_bytes=1)
    files = TurnFiles(database, fetcher, media)
    tools = ToolService(database, cache, Vault("k" * 40), Outgoing(Rules()))
    receive = Receiver(database, media, auto_download_bytes=0, unready=lambda _: None, contexts=contexts)
    replier = Replier(database, contexts, answers, numbers, numbers, files, tools, owner="bench")
    cold, warm = _Turns(), _Turns()
    for _ in range(HISTORY):
        await receive.message(session, _message("A question about the cake and the weather."))
        await replier.reply(await _claim(database))
    for _ in range(rounds):
        for turns in (cold, warm):
            await receive.message(session, _message("How are you?"))
            claimed = await _claim(database)
            if turns is cold:
                await contexts.forget(claimed.id)
            await replier.compactor.idle()
            with _statements(database) as seen:
                started = time.perf_counter()
                await replier.reply(claimed)
                turns.seconds.append(time.perf_counter() - started)
            turns.statements.append([s for s in seen if not s.startswith(_FRAME)])
            await replier.compactor.idle()
    await replier.close()
    return cold, warm


async def _number(database: Database) -> SessionFacts:
    user_id = new_id()
    settings = SessionSettings(debounce_seconds=0, show_typing=False)
    values = {
        "id": new_id(), "session_id": "bench", "user_id": user_id, "status": "open", "wanted": True,
        "link_method": "qr", "settings": settings.model_dump(mode="json"), "extra": {},
    }  # fmt: skip
    async with database.write() as db:
        await db.execute(insert(User), {"id": user_id, "email": "bench@example.com", "role": "owner"})
        await db.execute(insert(WhatsAppSession), values)
    return SessionFacts("bench", user_id, SessionStatus.OPEN, None, None, settings)


def _message(text: str) -> InboundMessage:
    return InboundMessage(
        wa_id=uuid.uuid4().hex.upper()[:20], chat=CONTACT, sender=CONTACT, from_me=False, is_group=False,
        timestamp=utc_now(), type=MessageType.TEXT, body=text, push_name="Maria",
    )  # fmt: skip


async def _claim(database: Database) -> ClaimedConversation:
    async with database.write() as db:
        [row] = await leases.claim(
            db, TABLE, owner="bench", now=utc_now() + timedelta(seconds=1), lease=timedelta(minutes=5), limit=1,
            returning=CLAIMED_COLUMNS,
        )  # fmt: skip
    return ClaimedConversation.read(row)


@contextmanager
def _statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(" ".join(statement.split()))

    engines = set(database.engines)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    database.watch = lambda statement, _arguments: seen.append(" ".join(statement.split()))
    try:
        yield seen
    finally:
        database.watch = None
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
