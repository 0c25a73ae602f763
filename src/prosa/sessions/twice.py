"""One WhatsApp account that is linked as several numbers of an owner, and who is told as which.

What is stored with the number, and told by events, names no other one: an API key may be limited to this one. The
names are found when somebody asks, for those who may know of them.
"""

from collections.abc import Sequence

from prosa.auth.caller import Caller
from prosa.database import ReadDb
from prosa.sessions import repository
from prosa.sessions.record import SessionRecord


def detail(names: Sequence[str] = ()) -> str:
    """Return the words that go along with `StatusReason.LINKED_TWICE`.

    Args:
        names: The other numbers, as far as the reader may know of them.
    """
    where = f"is also linked as {', '.join(names)}" if names else "is linked here as another number too"
    return f"The same WhatsApp account {where}: contacts may get two answers. Delete one of them, or turn its AI off."


async def detail_for(db: ReadDb, caller: Caller, record: SessionRecord) -> str:
    """Return those words with the names of the other numbers that are within the caller's reach."""
    others = await repository.linked_alike(db, record.user_id, record.jid, but=record.id)
    return detail([name for name in others if caller.has(record.user_id, name)])
