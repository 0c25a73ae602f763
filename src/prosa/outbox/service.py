"""What a person can do with messages on their way out."""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row, select

from prosa.auth.caller import Caller
from prosa.auth.numbers import check_number
from prosa.clock import Clock, utc_now
from prosa.conversations import queries
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import MessageStatus
from prosa.conversations.scheduled import ScheduledFilter, find_scheduled, list_scheduled
from prosa.database.engine import Database, WriteDb
from prosa.errors import FieldError, InvalidInputError, NotFoundError
from prosa.outbox import changes, schedule
from prosa.outbox.cancel import BY_PERSON, cancel_unsent
from prosa.outbox.errors import OnItsWayError, TooLateError
from prosa.outbox.models import ChangeKind, ChangeStatus
from prosa.outbox.rewrite import edit_unsent
from prosa.outbox.schedule import check_send_at
from prosa.whatsapp.engine import MessageType

_m = MESSAGES.c

MOST_CHANGES = 100
"""Changes of a message that are shown."""


class OutboxService:
    """Messages that the caller sends."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def scheduled(
        self, caller: Caller, wanted: ScheduledFilter, *, after: tuple[datetime, uuid.UUID] | None, limit: int
    ) -> list[Row[Any]]:
        """Return up to `limit` messages to be sent later, those due first first.

        Raises:
            NotFoundError: The number or the conversation is not the caller's.
        """
        async with self._database.read() as db:
            if wanted.session_id is not None:
                await check_number(db, caller, wanted.session_id)
            if wanted.conversation_id is not None:
                found = await queries.find_conversation(db, caller, wanted.conversation_id)
                if found is None:
                    raise NotFoundError("There is no such conversation here.", remedy="GET /conversations lists yours.")
            return await list_scheduled(db, caller, wanted, after=after, limit=limit)

    async def cancel(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        """Take back a message that is scheduled or waits to be sent, and return it; doing it again changes nothing.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
            OnItsWayError: It is being sent.
            TooLateError: It was sent, or failed, or came from somebody else.
        """
        row = await self._find(caller, message_id)
        if row.status == MessageStatus.CANCELLED:
            return row

        async def cancel(db: WriteDb) -> str | None:
            if await schedule.cancel(db, message_id, caller.user_id):
                return MessageStatus.CANCELLED
            stands = await _stands(db, message_id)
            if stands is None:
                return None
            home, status = stands
            only = _m.id == message_id
            if await cancel_unsent(db, home, author=None, reason=BY_PERSON, only=only, user_id=caller.user_id):
                return MessageStatus.CANCELLED
            return status

        status = await self._database.submit(cancel)
        if status in _ON_ITS_WAY:
            raise OnItsWayError("The message is being sent at this moment and can no longer be cancelled.")
        if status not in {None, MessageStatus.CANCELLED}:
            raise TooLateError(_WHY.get(str(status), "WhatsApp has the message already; it cannot be cancelled."))
        return await self._find(caller, message_id)

    async def react(self, caller: Caller, message_id: uuid.UUID, emoji: str) -> Row[Any]:
        """Put a reaction to a message into the outbox, or take one back with an empty emoji; return the change.

        Raises:
            NotFoundError: There is no message of this id, or it is not the caller's.
            TooLateError: WhatsApp does not have the message, or it was deleted.
        """
        row = await self._find(caller, message_id)
        await self._ask(row, ChangeKind.REACT, emoji)
        return (await self.changes(caller, message_id, limit=1))[0]

    async def take_back(self, caller: Caller, message_id: uuid.UUID) -> tuple[Row[Any], bool]:
        """Cancel a message that is not sent yet, or have one that was sent deleted for everyone.

        Returns:
            The message as it is now, and whether that is how it stays: false while the deletion is on its way.

        Raises:
            NotFoundError: There is no message of this id, or it is not the caller's.
            OnItsWayError: It is being sent.
            TooLateError: It failed, is somebody else's, or WhatsApp no longer takes it.
        """
        row = await self._find(caller, message_id)
        if row.revoked_at is not None or row.status in _NOT_SENT:
            return (row if row.revoked_at is not None else await self.cancel(caller, message_id)), True
        if not await self._pending(caller, message_id, ChangeKind.REVOKE):
            await self._ask(row, ChangeKind.REVOKE, "")
        return row, False

    async def changes(self, caller: Caller, message_id: uuid.UUID, *, limit: int) -> list[Row[Any]]:
        """Return reactions, edits and deletions of a message that were asked for here, the newest first.

        Raises:
            NotFoundError: There is no message of this id, or it is not the caller's.
        """
        await self._find(caller, message_id)
        async with self._database.read() as db:
            return await changes.newest(db, message_id, limit=limit)

    async def _pending(self, caller: Caller, message_id: uuid.UUID, kind: ChangeKind) -> bool:
        asked = await self.changes(caller, message_id, limit=MOST_CHANGES)
        return any(change.kind == kind and change.status == ChangeStatus.QUEUED for change in asked)

    async def _ask(self, row: Row[Any], kind: ChangeKind, body: str) -> None:
        until = changes.check(row, kind, self._clock())

        async def ask(db: WriteDb) -> None:
            await changes.add(db, row, kind, body, until)

        await self._database.submit(ask)

    async def change(
        self, caller: Caller, message_id: uuid.UUID, *, text: str | None, send_at: datetime | None
    ) -> tuple[Row[Any], bool]:
        """Give a message another text, or a scheduled one another time.

        Returns:
            The message as it is now, and whether that is how it stays: false while the new text is on its way.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
            InvalidInputError: The time is past or too far away, or the message has no text.
            OnItsWayError: It is being sent.
            TooLateError: It failed, was cancelled, is somebody else's, or WhatsApp no longer takes it.
        """
        row = await self._find(caller, message_id)
        if text is not None and send_at is None and row.status in _SENT:
            await self._ask(row, ChangeKind.EDIT, text)
            return row, False
        if text is not None and row.type not in _WITH_TEXT:
            raise InvalidInputError(fields=[FieldError("body.text", "this message has no text that could be changed")])
        now = self._clock()
        when = (check_send_at(send_at, now) or now) if send_at is not None else None
        status = await self._database.submit(
            partial(_change_unsent, caller=caller, message_id=message_id, text=text, when=when, now=now)
        )
        if when is not None and status in _ON_ITS_WAY:
            raise TooLateError("The message's time has come: it is no longer scheduled.")
        if status in _ON_ITS_WAY:
            raise OnItsWayError("The message is being sent, or may have arrived already; it can no longer be changed.")
        row = await self._find(caller, message_id)
        if status is not None or row.status == MessageStatus.CANCELLED:
            raise TooLateError(f"The message can no longer be changed: it is {row.status}.")
        return row, True

    async def _find(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        async with self._database.read() as db:
            row = await queries.find_message(db, caller, message_id)
            row = row or await find_scheduled(db, caller, message_id)
        if row is None:
            raise NotFoundError("There is no such message here.")
        return row


async def _change_unsent(
    db: WriteDb, *, caller: Caller, message_id: uuid.UUID, text: str | None, when: datetime | None, now: datetime
) -> str | None:
    """Change a message that is not sent yet; return its status where that cannot be."""
    if await schedule.change(db, message_id, caller.user_id, body=text, send_at=when):
        return None
    stands = await _stands(db, message_id)
    if stands is None:
        return None
    home, status = stands
    if when is None and text is not None and status == MessageStatus.QUEUED:
        changed = await edit_unsent(db, home, message_id, text, now=now, user_id=caller.user_id)
        return None if changed else status
    return status


async def _stands(db: WriteDb, message_id: uuid.UUID) -> tuple[uuid.UUID, str] | None:
    """Return a message's conversation and status."""
    found = (await db.execute(select(_m.conversation_id, _m.status).where(_m.id == message_id))).first()
    return (found.conversation_id, found.status) if found else None


_NOT_SENT = frozenset(
    {
        MessageStatus.SCHEDULED, MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.FAILED,
        MessageStatus.CANCELLED,
    }
)  # fmt: skip
_SENT = frozenset(
    {
        MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED, MessageStatus.RECEIVED,
    }
)  # fmt: skip
_ON_ITS_WAY = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})
_WITH_TEXT = frozenset({MessageType.TEXT, MessageType.IMAGE, MessageType.VIDEO, MessageType.DOCUMENT})
"""Messages whose text WhatsApp shows; of a file it is the caption."""
_WHY = {
    MessageStatus.FAILED.value: "The message failed and will not be sent; there is nothing to cancel.",
    MessageStatus.RECEIVED.value: "The message came from somebody else; there is nothing to cancel.",
}
