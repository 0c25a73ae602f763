"""Giving a message that waits to be sent another text."""

import uuid
from datetime import datetime

from sqlalchemy import or_, update

from prosa.conversations.facts import conversation_payload, preview
from prosa.conversations.held import hold, save
from prosa.conversations.hot import MESSAGES, forget_words, index_message
from prosa.conversations.models import MessageStatus
from prosa.database.engine import WriteDb
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import MessageStatusPayload, Payload
from prosa.outbox.cancel import tried_in_vain

_m = MESSAGES.c


async def edit_unsent(
    db: WriteDb, conversation_id: uuid.UUID, message_id: uuid.UUID, text: str, *, now: datetime, user_id: uuid.UUID
) -> bool:
    """Give a message another text before it is sent; false where it is on its way, or may have arrived.

    A try whose end nobody knows may have arrived with the old text: under its id phones would not show the new one.
    """
    held = await hold(db, conversation_id)
    if held is None:
        return False
    free = or_(_m.lease_until.is_(None), _m.lease_until <= now)
    mine = (_m.id == message_id) & (_m.status == MessageStatus.QUEUED.value) & ~tried_in_vain & free
    statement = update(MESSAGES).where(mine).values(body=text)
    row = (await db.execute(statement.returning(_m.seq, _m.type, _m.media, _m.wa_id, _m.status))).first()
    if row is None:
        return False
    name = (row.media or {}).get("file_name")
    await forget_words(db, message_id)
    await index_message(db, message_id, row.type, text, name)
    held.version += 1
    told: list[Payload] = [
        MessageStatusPayload(id=message_id, conversation_id=held.id, wa_id=row.wa_id, status=row.status, body=text)
    ]
    if row.seq == held.last_seq:
        held.last_message_preview = preview(row.type, text, name)
        told.append(conversation_payload(held))
    await save(db, held)
    await log.append(db, *(NewEvent(user_id, held.session_id, payload) for payload in told))
    return True
