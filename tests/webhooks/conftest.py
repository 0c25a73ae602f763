"""An owner with a number, a receiver, and a part that delivers to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.fixtures.conversations import add_owner, add_session
from tests.fixtures.http import client_of, create_test_app
from tests.fixtures.receiver import Receiver, receiving

from prosa.auth.caller import Caller
from prosa.auth.vault import Vault
from prosa.clock import utc_now
from prosa.database import Database
from prosa.events import log
from prosa.events.bus import Bus
from prosa.events.log import NewEvent
from prosa.events.types import MessageReceivedPayload, Payload, SessionStatusPayload
from prosa.ids import new_id
from prosa.outgoing import Outgoing, Rules
from prosa.webhooks import endpoints
from prosa.webhooks.follower import Follower
from prosa.webhooks.service import WebhookService

VAULT = Vault("k" * 40)
CONVERSATIONS = [new_id() for _ in range(40)]


@dataclass
class ShiftedClock:
    """The real time, and what a test adds to it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Post:
    """Everything of webhooks on one database, and a receiver."""

    database: Database
    bus: Bus
    owner: Caller
    api: httpx.AsyncClient
    strangers: httpx.AsyncClient
    receiver: Receiver
    clock: ShiftedClock
    outgoing: Outgoing
    followers: list[Follower] = field(default_factory=list)

    async def make(self, **changes: Any) -> dict[str, Any]:
        """Add a webhook to the receiver."""
        answer = await self.api.post("/webhooks", json={"url": self.receiver.url} | changes)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        self.receiver.secret = made["secret"]
        return made

    async def read(self, webhook: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.api.get(f"/webhooks/{webhook['id']}")).json()
        return shown

    async def change(self, webhook: dict[str, Any], **changes: Any) -> dict[str, Any]:
        answer = await self.api.patch(f"/webhooks/{webhook['id']}", json=changes)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def deliveries(self, webhook: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        """Return the log of deliveries, the oldest first."""
        answer = await self.api.get(f"/webhooks/{webhook['id']}/deliveries", params={"limit": 100} | params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def follow(self, **options: Any) -> Follower:
        """Start a part that delivers."""
        follower = Follower(self.database, self.bus, self.outgoing, VAULT, clock=self.clock, **options)
        self.followers.append(follower)
        await follower.start()
        return follower

    async def tell(self, *payloads: Payload, session: str | None = "main") -> None:
        """Append events, in one transaction."""
        async with self.database.write() as db:
            await log.append(db, *(NewEvent(self.owner.user_id, session, payload) for payload in payloads))

    async def say(self, *texts: str, conversation: int = 0, session: str | None = "main") -> None:
        """Append the events of messages in one conversation, one transaction each."""
        for text in texts:
            await self.tell(message(text, conversation), session=session)


def message(text: str, conversation: int = 0) -> MessageReceivedPayload:
    """Return a message that came in."""
    return MessageReceivedPayload(
        id=new_id(), conversation_id=CONVERSATIONS[conversation], seq=1, wa_id="3EB0", from_me=False, author="contact",
        sender_jid="5511@s.whatsapp.net", type="text", body=text, status="received", created_at=utc_now(),
        contact_jid="5511@s.whatsapp.net",
    )  # fmt: skip


def status(text: str) -> SessionStatusPayload:
    """Return a number's status."""
    return SessionStatusPayload(status=text)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def post(database: Database, bus: Bus, receiver: Receiver) -> AsyncIterator[Post]:
    owner, other = await add_owner(database), await add_owner(database, "bob@example.com")
    await add_session(database, owner)
    outgoing, clock = Outgoing(Rules(private=True)), ShiftedClock()
    provided: dict[Any, object] = {WebhookService: WebhookService(database, VAULT, outgoing, clock=clock)}
    async with (
        client_of(create_test_app(provided, [endpoints.router], owner)) as api,
        client_of(create_test_app(provided, [endpoints.router], other)) as strangers,
    ):
        post = Post(database, bus, owner, api, strangers, receiver, clock, outgoing)
        yield post
        for follower in post.followers:
            await follower.stop()
    await outgoing.close()
