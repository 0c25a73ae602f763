"""What a person can do with messages on their way out."""

import uuid
from typing import Any, ClassVar

from sqlalchemy import Row, select

from prosa.auth.caller import Caller
from prosa.conversations import queries
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import MessageStatus
from prosa.database.engine import Database, WriteDb
from prosa.errors import ConflictError, NotFoundError
from prosa.outbox.cancel import BY_PERSON, cancel_unsent

_m = MESSAGES.c


class OnItsWayError(ConflictError):
    """A message is being handed to WhatsApp at this moment."""

    code: ClassVar[str] = "on_its_way"
    title: ClassVar[str] = "The message is on its way"
    remedy = "Look again in a moment: it is either sent, or waits for another try and can be cancelled."


class TooLateError(ConflictError):
    """What was asked for can no longer be done to a message."""

    code: ClassVar[str] = "too_late"
    title: ClassVar[str] = "It is too late for this"
    remedy = "GET /messages/{id} says where the message stands."


class OutboxService:
    """Messages that the caller sends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cancel(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        """Take back a message that waits to be sent, and return it; one that was taken back already stays so.

        Raises:
            NotFoundError: There is none of this id, or it is not the caller's.
            OnItsWayError: It is being sent.
            TooLateError: It was sent, or failed, or came from somebody else.
        """
        row = await self._find(caller, message_id)
        if row.status == MessageStatus.CANCELLED:
            return row

        async def cancel(db: WriteDb) -> str | None:
            mine = _m.id == message_id
            home = (await db.execute(select(_m.conversation_id).where(mine))).scalar_one_or_none()
            if home is None:
                return None
            if await cancel_unsent(db, home, author=None, reason=BY_PERSON, only=mine, user_id=caller.user_id):
                return MessageStatus.CANCELLED
            return (await db.execute(select(_m.status).where(mine))).scalar_one_or_none()

        status = await self._database.submit(cancel)
        if status in {MessageStatus.QUEUED, MessageStatus.SENDING}:
            raise OnItsWayError("The message is being sent at this moment and can no longer be cancelled.")
        if status not in {None, MessageStatus.CANCELLED}:
            raise TooLateError(_WHY.get(str(status), "WhatsApp has the message already; it cannot be cancelled."))
        return await self._find(caller, message_id)

    async def _find(self, caller: Caller, message_id: uuid.UUID) -> Row[Any]:
        async with self._database.read() as db:
            row = await queries.find_message(db, caller.user_id, message_id)
        if row is None:
            raise NotFoundError("There is no such message here.")
        return row


_WHY = {
    MessageStatus.FAILED.value: "The message failed and will not be sent; there is nothing to cancel.",
    MessageStatus.RECEIVED.value: "The message came from somebody else; there is nothing to cancel.",
}
