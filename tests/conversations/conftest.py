"""A caller with a number, another one with theirs, and clients for both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, add_session, inbound, messages, receiver
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.sending import Lines, SendingConnection

from prosa.auth.caller import Caller
from prosa.conversations.endpoints import routers
from prosa.conversations.fetch import MediaFetcher
from prosa.conversations.media import MediaFiles
from prosa.conversations.online import OnlineNumbers
from prosa.conversations.service import ConversationService
from prosa.database import Database
from prosa.events.bus import Bus
from prosa.sessions.facts import SessionFacts
from prosa.settings import Settings
from prosa.turns.manual import ManualMessages
from prosa.turns.receive import Receiver


@dataclass
class Inbox:
    """Everything around one installation's conversations."""

    database: Database
    owner: Caller
    other: Caller
    session: SessionFacts
    receive: Receiver
    files: MediaFiles
    lines: Lines
    numbers: OnlineNumbers
    fetcher: MediaFetcher
    settings: Settings
    api: httpx.AsyncClient = field(init=False)
    strangers: httpx.AsyncClient = field(init=False)

    @property
    def connection(self) -> SendingConnection:
        return self.lines.connections["main"]

    def app(self, caller: Caller) -> Any:
        service = ConversationService(self.database, self.files, self.fetcher, self.numbers)
        return create_test_app(
            {
                ConversationService: service,
                ManualMessages: ManualMessages(self.database, self.files, self.numbers),
                MediaFiles: self.files,
                Settings: self.settings,
            },
            routers,
            caller,
        )

    async def hear(self, body: str = "hello", **changes: Any) -> Any:
        """Receive a message; return its row."""
        message = inbound(body, **changes)
        await self.receive.message(self.session, message)
        return next((row for row in await messages(self.database) if row.wa_id == message.wa_id), None)

    async def get(self, path: str, **params: Any) -> Any:
        """Return what a path answers, which must be a success."""
        answer = await self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pages(self, path: str, limit: int, **params: Any) -> list[list[Any]]:
        """Return all pages of a collection."""
        result: list[list[Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=limit, **params, **cursor)
            result.append(page["items"])
            if page["next_cursor"] is None:
                return result
            cursor = {"cursor": page["next_cursor"]}


@pytest.fixture
async def inbox(database: Database, bus: Bus, tmp_path: Path) -> AsyncIterator[Inbox]:
    owner, other = await add_owner(database), await add_owner(database, "bob@example.com")
    session = await add_session(database, owner, ai_enabled=False)
    await add_session(database, other, "theirs")
    files = MediaFiles(tmp_path / "media")
    lines = Lines(main=SendingConnection())
    numbers = OnlineNumbers(bus, lines)
    inbox = Inbox(
        database=database,
        owner=owner,
        other=other,
        session=session,
        receive=receiver(database, files.root, auto=1000),
        files=files,
        lines=lines,
        numbers=numbers,
        fetcher=MediaFetcher(database, bus, files, numbers, max_bytes=5000),
        settings=Settings(_env_file=None, data_dir=tmp_path, media_max_mb=1),
    )
    async with client_of(inbox.app(owner)) as inbox.api, client_of(inbox.app(other)) as inbox.strangers:
        yield inbox
    await inbox.fetcher.stop()
