"""Use cases of webhooks: adding, changing, testing them, and looking at what was delivered."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from prosa import leases
from prosa.auth.caller import Caller
from prosa.auth.numbers import hold_numbers
from prosa.auth.vault import SealBrokenError, Vault
from prosa.clock import Clock, to_millis, utc_now
from prosa.database.engine import Database, ReadDb
from prosa.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from prosa.events import log
from prosa.events.log import Position
from prosa.ids import new_id
from prosa.outgoing import Outgoing, origin_of
from prosa.webhooks import reach, repository, sealing, signing, writing
from prosa.webhooks.follower import TOPIC
from prosa.webhooks.schemas import WebhookCreate, WebhookUpdate
from prosa.webhooks.sending import Outcome, post, unreadable

ROTATION = timedelta(hours=24)
"""For how long the old secret signs too."""
TEST_EVENT = "webhook.test"


class WebhookService:
    """Every method takes the caller first, and knows only the caller's webhooks (see `prosa.webhooks.reach`)."""

    def __init__(self, database: Database, vault: Vault, outgoing: Outgoing, *, clock: Clock = utc_now) -> None:
        """Make the service.

        Args:
            database: Where webhooks are.
            vault: Seals secrets and headers.
            outgoing: Says which addresses may be asked, and sends tests.
            clock: The time.
        """
        self._database = database
        self._vault = vault
        self._outgoing = outgoing
        self._clock = clock

    async def list(self, caller: Caller) -> Sequence[Row[Any]]:
        """Return the caller's webhooks."""
        async with self._database.read() as db:
            return [row for row in await repository.of(db, caller.user_id) if reach.reaches(caller, row)]

    async def read(self, caller: Caller, webhook_id: uuid.UUID) -> Row[Any]:
        """Return a webhook.

        Raises:
            NotFoundError: There is none.
        """
        async with self._database.read() as db:
            return await _there(db, caller, webhook_id)

    async def create(self, caller: Caller, body: WebhookCreate) -> tuple[Row[Any], str]:
        """Add a webhook, which gets what happens from now on; return it with its secret.

        Raises:
            InvalidInputError: Its address may not be asked, or a number is not the caller's.
            ConflictError: There are too many.
        """
        self._check_url(body.url)
        webhook_id, secret, now = new_id(), signing.new_secret(), self._clock()
        values = body.model_dump(exclude={"headers"}) | sealing.seal_headers(self._vault, webhook_id, body.headers)
        values |= {
            "id": webhook_id, "user_id": caller.user_id, "api_key_id": caller.key_id,
            "created_at": now, "updated_at": now, "due_at": now if body.enabled else None,
            "secret": sealing.seal_secret(self._vault, webhook_id, secret), "limited": caller.limited,
        }  # fmt: skip
        async with self._database.write() as db:
            await reach.check_room(db, caller)
            values["session_ids"] = await reach.first_numbers(db, caller, body)
            await repository.add(db, values | repository.columns_of(await log.end(db)))
            db.wake(TOPIC)
            return await _there(db, caller, webhook_id), secret

    async def update(self, caller: Caller, webhook_id: uuid.UUID, body: WebhookUpdate) -> Row[Any]:
        """Change a webhook.

        Raises:
            NotFoundError: There is none.
            InvalidInputError: Its address may not be asked, or a number is not the caller's.
        """
        if body.url is not None:
            self._check_url(body.url)
        sent = body.model_dump(exclude_unset=True, exclude={"headers", "skip_missed", "forget_gap"})
        values = {name: value for name, value in sent.items() if value is not None or name == "name"}
        if body.headers is not None:
            values |= sealing.seal_headers(self._vault, webhook_id, body.headers)
        if body.forget_gap:
            values |= {"gap_from": None, "gap_until": None, "gap_events": 0}
        async with self._database.write() as db:
            held = await hold_numbers(db, caller, set(body.session_ids or ()))  # before the webhook, as who deletes one
            old = await _there(db, caller, webhook_id, lock=True)
            _check_move(old, body)
            await reach.take_numbers(db, caller, old, body.session_ids, held)
            now = self._clock()
            if body.url is not None and body.url != old.url:
                values |= {"api_key_id": caller.key_id}
            enabled = old.enabled if body.enabled is None else body.enabled
            if not enabled:
                values |= {"due_at": None, "lease_owner": None, "lease_until": None}
            elif not old.enabled or body.url is not None or body.headers is not None:
                values |= {"due_at": now, "attempts": 0}  # it is tried at once, as if it had never failed
            if body.enabled is not None and body.enabled != old.enabled:
                values |= {"disabled_reason": None, "failing_since": None}
            if body.skip_missed:  # whoever delivers now must not write down an earlier place
                values |= repository.columns_of(await log.end(db)) | leases.released(now if enabled else None)
            await repository.change(db, webhook_id, values | {"updated_at": now})
            db.wake(TOPIC)
            return await _there(db, caller, webhook_id)

    async def delete(self, caller: Caller, webhook_id: uuid.UUID) -> None:
        """Remove a webhook, with its deliveries.

        Raises:
            NotFoundError: There is none.
        """
        async with self._database.write() as db:
            await _there(db, caller, webhook_id, lock=True)
            await repository.remove(db, caller.user_id, webhook_id)
            db.wake(TOPIC)

    async def secret(self, caller: Caller, webhook_id: uuid.UUID) -> tuple[Row[Any], str]:
        """Return a webhook and the secret that signs its deliveries.

        Raises:
            NotFoundError: There is none.
            ConflictError: It cannot be read any more.
        """
        row = await self.read(caller, webhook_id)
        try:
            return row, sealing.open_secret(self._vault, row)
        except SealBrokenError:
            raise ConflictError(
                "The secret cannot be read: this installation's key is another one by now.",
                remedy="Make a new one: POST /webhooks/{id}/rotate-secret. Set its headers again too.",
            ) from None

    async def rotate(self, caller: Caller, webhook_id: uuid.UUID) -> tuple[Row[Any], str]:
        """Give a webhook a new secret; the one it had signs too, for a day.

        Raises:
            NotFoundError: There is none.
        """
        secret = signing.new_secret()
        async with self._database.write() as db:
            old = await _there(db, caller, webhook_id, lock=True)
            values: dict[str, Any] = {
                "secret": sealing.seal_secret(self._vault, webhook_id, secret), "updated_at": self._clock(),
                "old_secret": None, "old_secret_until": None,
            }  # fmt: skip
            try:
                sealing.open_secret(self._vault, old)
            except SealBrokenError:
                pass  # nothing can be signed with it
            else:
                values |= {"old_secret": old.secret, "old_secret_until": self._clock() + ROTATION}
            await repository.change(db, webhook_id, values)
            db.wake(TOPIC)
            return await _there(db, caller, webhook_id), secret

    async def test(self, caller: Caller, webhook_id: uuid.UUID) -> Outcome:
        """Send a test at once, also where the webhook is switched off; return what came of it.

        Raises:
            NotFoundError: There is none.
        """
        row = await self.read(caller, webhook_id)
        event_id = f"test-{new_id()}"
        envelope = {
            "id": event_id, "event": TEST_EVENT, "timestamp": to_millis(self._clock()), "session": None,
            "payload": {"webhook_id": str(webhook_id), "name": row.name},
        }  # fmt: skip
        return await self._send(row, event_id, envelope)

    async def deliveries(
        self, caller: Caller, webhook_id: uuid.UUID, *, state: str | None, before: uuid.UUID | None, limit: int
    ) -> Sequence[Row[Any]]:
        """Return up to `limit` deliveries of a webhook, the newest first.

        Raises:
            NotFoundError: There is none.
        """
        async with self._database.read() as db:
            await _there(db, caller, webhook_id)
            return await repository.deliveries(db, caller, webhook_id, state=state, before=before, limit=limit)

    async def retry(self, caller: Caller, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Row[Any]:
        """Send an event again at once, under the same id; return its delivery afterwards.

        Raises:
            NotFoundError: There is none.
            ConflictError: The event was accepted, and is forgotten by now.
        """
        async with self._database.read() as db:
            row = await _there(db, caller, webhook_id)
            old = await repository.delivery(db, caller, webhook_id, delivery_id)
            if old is None:
                raise NotFoundError(
                    "There is no such delivery here.", remedy="GET /webhooks/{webhook_id}/deliveries lists them."
                )
            envelope = old.envelope
            if envelope is None:
                event = await log.read_one(db, Position.parse(old.event_id), caller.user_id)
                envelope = event.envelope() if event is not None else None
        if envelope is None:
            raise ConflictError(
                "This event was accepted, and the log has forgotten it by now.",
                remedy="Events are kept for PROSA_EVENT_RETENTION_HOURS; read what it was about from the REST API.",
            )
        outcome = await self._send(row, old.event_id, envelope)
        values = writing.tried_again(old, outcome, self._clock())
        async with self._database.write() as db:
            await repository.tried(db, delivery_id, values)
            found = await repository.delivery(db, caller, webhook_id, delivery_id)
            if found is None:
                raise _missing()  # it was removed meanwhile
            return found

    async def _send(self, row: Row[Any], event_id: str, envelope: Mapping[str, Any]) -> Outcome:
        now = self._clock()
        try:
            target = sealing.target_of(self._vault, row, now)
        except SealBrokenError as error:
            return unreadable(error)
        return await post(self._outgoing, target, signing.message_id(row.id, event_id), envelope, now)

    def _check_url(self, url: str) -> None:
        self._outgoing.rules.check_field(url, "body.url", detail="The webhook's address cannot be asked.")


def _check_move(old: Row[Any], body: WebhookUpdate) -> None:
    """A secret goes to the host that it was given for, and to no other."""
    moved = body.url is not None and origin_of(body.url) != origin_of(old.url)
    if moved and old.header_names and body.headers is None:
        raise InvalidInputError(
            "The address is another host's, and the headers were given for the old one.",
            fields=[
                FieldError("body.headers", "send the headers again, or {} to send none from now on", "headers_wanted")
            ],
        )


async def _there(db: ReadDb, caller: Caller, webhook_id: uuid.UUID, *, lock: bool = False) -> Row[Any]:
    row = await repository.find(db, caller.user_id, webhook_id, lock=lock)
    if row is None or not reach.reaches(caller, row):
        raise _missing()
    return row


def _missing() -> NotFoundError:
    return NotFoundError("There is no such webhook here.", remedy="GET /webhooks lists yours.")
