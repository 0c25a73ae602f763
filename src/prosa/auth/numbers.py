"""What other domains need to know of linked numbers, which they do not import.

Whose they are, which of them a caller has, and which version of their answers and knowledge holds. An API key that is
limited to some numbers narrows what its owner has here, in `within`, for all statements alike.
"""

import uuid
from collections.abc import Collection
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Integer, Uuid, and_, column, select, table, true, update

from prosa.auth.caller import Caller
from prosa.database.engine import ReadDb, WriteDb
from prosa.errors import FieldError, ForbiddenError, InvalidInputError, NotFoundError

_sessions = table(
    "whatsapp_sessions",
    column("session_id"),
    column("user_id", Uuid()),
    column("answers_version", Integer()),
    column("knowledge_version", Integer()),
)

Versioned = Literal["answers_version", "knowledge_version"]
VERSIONED: Final = ("answers_version", "knowledge_version")


class LimitedKeyError(ForbiddenError):
    """The API key is limited to some numbers, and this is about more than one of them."""

    code = "limited_key"
    title = "This API key is limited to some numbers"
    remedy = (
        "Do it in the console, or with a key of all numbers: a signed-in person makes one at POST /api-keys. "
        "GET /sessions lists the numbers of this key."
    )


def within(session_id: ColumnElement[Any], caller: Caller) -> ColumnElement[bool]:
    """Return the condition that the number in the column `session_id` is within reach of the caller's API key.

    Whose the number is, it does not ask; a row of no number is within reach of those keys only that are not limited.
    """
    return true() if caller.numbers is None else session_id.in_(caller.numbers)


def mine(columns: Any, caller: Caller) -> ColumnElement[bool]:
    """Return the condition that a row is the caller's, by its columns `user_id` and `session_id`."""
    return and_(columns.user_id == caller.user_id, within(columns.session_id, caller))


def owned(session_id: ColumnElement[Any], caller: Caller) -> ColumnElement[bool]:
    """Return the condition that the number in the column `session_id` is the caller's."""
    return session_id.in_(select(_sessions.c.session_id).where(mine(_sessions.c, caller)))


def check_whole(caller: Caller) -> None:
    """Make sure that what concerns all numbers of an owner is within reach of the caller.

    Raises:
        LimitedKeyError: Their API key is limited to some numbers.
    """
    if caller.limited:
        raise LimitedKeyError("This is about all numbers, and this API key is limited to some.")


async def check_number(db: ReadDb, caller: Caller, session_id: str) -> None:
    """Make sure that a number is the caller's.

    Raises:
        NotFoundError: There is no such number, or it is not the caller's.
    """
    statement = select(_sessions.c.session_id).where(_sessions.c.session_id == session_id, mine(_sessions.c, caller))
    if (await db.execute(statement)).first() is None:
        raise NotFoundError("There is no such number here.", remedy="GET /sessions lists yours.")


async def hold_numbers(db: WriteDb, caller: Caller, names: Collection[str]) -> set[str]:
    """Return those of some names that are numbers of the caller's, and keep them until this transaction ends."""
    if not names:
        return set()
    statement = select(_sessions.c.session_id).where(_sessions.c.session_id.in_(list(names)), mine(_sessions.c, caller))
    statement = statement.order_by(_sessions.c.session_id).with_for_update(read=True, key_share=True)
    return set((await db.execute(statement)).scalars())


async def raise_version(db: WriteDb, user_id: uuid.UUID, session_id: str | None, which: Versioned) -> list[str]:
    """Say that something changed that answers are made of, for one number or for all of its owner's.

    Returns:
        The numbers; whoever caches them must be told after the commit.
    """
    of = _sessions.c[which]
    statement = update(_sessions).where(_sessions.c.user_id == user_id).values({of: of + 1})
    if session_id is not None:
        statement = statement.where(_sessions.c.session_id == session_id)
    return list((await db.execute(statement.returning(_sessions.c.session_id))).scalars())


def numbers_wrong(*messages: str, code: str, title: str) -> InvalidInputError:
    """Return the error of an input whose `session_ids` are not as they should be."""
    return InvalidInputError(title, fields=[FieldError("body.session_ids", message, code) for message in messages])


def check_known(names: Collection[str], known: Collection[str]) -> None:
    """Refuse names of an input's `session_ids` that are no numbers of the caller's.

    Raises:
        InvalidInputError: There are such.
    """
    if unknown := set(names) - set(known):
        words = "there is no such number of yours: {}; GET /sessions lists them"
        messages = (words.format(name) for name in sorted(unknown))
        raise numbers_wrong(*messages, code="unknown_number", title="A number is not known.")
