"""Finding the conversation of a chat, or making it; learning on the way which addresses are one contact."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import IntegrityError

from prosa.conversations.held import HeldConversation, create, hold, hold_all, save
from prosa.conversations.identity import Address
from prosa.conversations.merge import merge
from prosa.database.engine import Database, Place, WriteDb

T = TypeVar("T")

_TRIES = 5


@dataclass(slots=True)
class Opened:
    """A conversation found or made.

    Attributes:
        conversation: Held, with changes not yet saved.
        is_new: It was made just now.
        merged: The conversation that turned out to be the same contact's and is now part of this one.
    """

    conversation: HeldConversation
    is_new: bool = False
    merged: uuid.UUID | None = None


async def open_existing(db: WriteDb, session_id: str, address: Address) -> Opened | None:
    """Hold the conversation of an address, merging two that are one contact's; None where there is none."""
    found = await hold_all(db, session_id, address)
    if not found:
        return None
    merged: uuid.UUID | None = None
    held = found[0]
    for other in found[1:]:
        held, merged = await merge(db, held, other)
    learned = _learn(held, address)
    if merged is not None and learned:
        # At once, so that a query by address in this transaction finds it.
        await save(db, held)
    return Opened(held, merged=merged)


async def open_or_create(
    db: WriteDb, session_id: str, address: Address, *, at: datetime, name: str | None = None
) -> Opened:
    """Hold the conversation of an address; make it where there is none.

    Args:
        db: The transaction.
        session_id: The number.
        address: The contact or group.
        at: When a new conversation's first message was written.
        name: What the contact calls itself, for a new conversation.
    """
    for _ in range(_TRIES):
        opened = await open_existing(db, session_id, address)
        if opened is not None:
            return opened
        made = await create(db, session_id, address, at=at, name=name)
        if made is not None:
            return Opened(made, is_new=True)
    raise RuntimeError("a conversation was made and removed again and again at the same moment")


async def adopt(db: WriteDb, conversation_id: uuid.UUID, session_id: str, address: Address) -> Opened | None:
    """Give a conversation the address that WhatsApp says its contact has, merging those that go by it already.

    Returns:
        The conversation, saved; None where it is gone.
    """
    held = await hold(db, conversation_id)
    if held is None:
        return None
    merged: uuid.UUID | None = None
    for other in await hold_all(db, session_id, address):
        if other.id != held.id:
            held, merged = await merge(db, held, other)
    _learn(held, address)
    await save(db, held)
    return Opened(held, merged=merged)


async def submit_opening(
    database: Database, job: Callable[[WriteDb], Awaitable[T]], *, place: Place = Place.ALONE
) -> T:
    """Submit a job that opens a conversation.

    Two processes may learn a contact's addresses at the same moment, each from another message, and neither sees what
    the other has not committed yet; the one that comes second begins anew and finds it.

    Raises:
        IntegrityError: Again and again: then it is something else.
    """
    for _ in range(_TRIES - 1):
        try:
            return await database.submit(job, place=place)
        except IntegrityError:
            continue
    return await database.submit(job, place=place)


def _learn(held: HeldConversation, address: Address) -> bool:
    """Take over addresses that were not known yet; return whether there were any."""
    before = (held.contact_jid, held.contact_lid)
    if address.lid is not None:
        held.contact_lid = address.lid
    phone = address.phone
    if phone is not None and held.contact_phone != phone:
        held.contact_jid, held.contact_phone = address.jid, phone
    return before != (held.contact_jid, held.contact_lid)
