"""A sender with everything around it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.conversations import CONTACT, add_owner, add_session, messages
from tests.fixtures.sending import Lines, SendingConnection, until

from prosa import leases
from prosa.clock import utc_now
from prosa.conversations import identity
from prosa.conversations.media import MediaFiles
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.opening import open_or_create
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.events.bus import Bus
from prosa.outbox import ahead, attempts
from prosa.outbox import sender as sender_module
from prosa.outbox.content import Outbound, OutboundText
from prosa.outbox.queue import EnqueuedMessage, enqueue, enqueue_answer
from prosa.outbox.sender import Sender
from prosa.sessions.facts import SessionFacts
from prosa.sessions.settings.sending import SendingSettings


class Office:
    """Everything around one sender."""

    def __init__(self, database: Database, bus: Bus, folder: Path, session: SessionFacts) -> None:
        self.bus = bus
        self.facts = {session.session_id: session}
        self.database, self.session = database, session
        self.files = MediaFiles(folder)
        self.connection = SendingConnection()
        self.lines = Lines(main=self.connection)
        self.numbers = OnlineNumbers(bus, self.lines)
        self.now_offset = timedelta()
        self.sender = self.make_sender()

    def make_sender(self, **more: Any) -> Sender:
        return Sender(
            self.database, self.bus, self.numbers, self.files, sessions=self,
            clock=lambda: utc_now() + self.now_offset, **more,
        )  # fmt: skip

    async def get(self, session_id: str) -> SessionFacts | None:
        """Return a number, as `Numbers` does."""
        return self.facts.get(session_id)

    def set(self, **sending: Any) -> None:
        """Change the number's settings of sending."""
        changed = self.session.settings.model_copy(update={"sending": SendingSettings(**sending)})
        self.facts[self.session.session_id] = replace(self.session, settings=changed)

    async def queue(self, content: str | Outbound, chat: str = CONTACT, **more: Any) -> EnqueuedMessage:
        async def job(db: WriteDb) -> EnqueuedMessage:
            opened = await open_or_create(db, "main", identity.address(chat), at=utc_now())
            what = OutboundText(content) if isinstance(content, str) else content
            return await enqueue(db, opened.conversation, **{"author": Author.PERSON} | more, content=what)

        return await self.database.submit(job)

    async def answer(self, *texts: str, due: timedelta = timedelta(), after: timedelta = timedelta()) -> None:
        """Put an answer of the AI into the outbox, due `after`, each message so much after the one before."""

        async def job(db: WriteDb) -> None:
            held = (await open_or_create(db, "main", identity.address(CONTACT), at=utc_now())).conversation
            times = [utc_now() + after + due * n for n in range(len(texts))]
            await enqueue_answer(db, held, texts, due=times, user_id=self.session.user_id)

        await self.database.submit(job)

    async def statuses(self) -> list[str]:
        return [row.status for row in await messages(self.database) if row.from_me]

    async def sent(self, count: int) -> None:
        async def done() -> bool:
            return [s for s in await self.statuses() if s not in {"queued", "sending"}].__len__() >= count

        await until(done)

    async def tried(self, count: int) -> None:
        async def done() -> bool:
            return len(self.connection.sent) >= count

        await until(done)

    async def row(self, queued: EnqueuedMessage) -> Any:
        return next(row for row in await messages(self.database) if row.id == queued.id)


@pytest.fixture
async def office(
    database: Database, bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setattr(sender_module, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(sender_module, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(attempts, "OFFLINE_SECONDS", 0.3)
    monkeypatch.setattr(ahead, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(leases, "backoff", lambda *_a, **_k: timedelta(milliseconds=50))
    office = Office(database, bus, tmp_path / "media", await add_session(database, await add_owner(database)))
    yield office
    await office.sender.stop()
