"""What of webhooks is within reach of an API key that is limited to some numbers.

A webhook that such a key adds is `limited` for good: it is told only of events of its numbers, and has deliveries of
these only. A key sees and touches limited webhooks alone, those whose numbers are all its own; people and keys of all
numbers see every webhook of theirs.
"""

import uuid
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row

from prosa.auth.caller import Caller
from prosa.auth.numbers import check_known, hold_numbers, numbers_wrong
from prosa.database.engine import WriteDb
from prosa.errors import ConflictError
from prosa.webhooks import repository
from prosa.webhooks.schemas import WebhookCreate

MOST: Final = 20
"""Webhooks of a person."""
MOST_OF_KEY: Final = 5
"""Of these, those that have their address from one key of some numbers, so that it does not take them all."""


def reaches(caller: Caller, row: Row[Any]) -> bool:
    """Return whether a webhook of the caller's owner is within reach of the caller."""
    if caller.numbers is None:
        return True
    return bool(row.limited and row.session_ids) and caller.numbers.issuperset(row.session_ids)


async def check_room(db: WriteDb, caller: Caller) -> None:
    """Make sure that the caller may add a webhook; until the transaction ends, nobody else adds one to this owner.

    Raises:
        ConflictError: There are too many.
    """
    await repository.hold_owner(db, caller.user_id)
    if caller.limited and await repository.count(db, caller.user_id, key_id=caller.key_id) >= MOST_OF_KEY:
        raise ConflictError(
            f"An API key that is limited to some numbers has at most {MOST_OF_KEY} webhooks.",
            remedy="Remove one that is not needed, or change where it leads: PATCH /webhooks/{webhook_id}.",
        )
    if await repository.count(db, caller.user_id) >= MOST:
        remedy = "Ask whoever gave you this API key to remove one." if caller.limited else None
        raise ConflictError(f"A person has at most {MOST} webhooks.", remedy=remedy or "Remove one that is not needed.")


async def first_numbers(db: WriteDb, caller: Caller, body: WebhookCreate) -> list[str]:
    """Return the numbers of a new webhook, as it is stored; they stay until the transaction ends.

    Raises:
        InvalidInputError: A number is not within the caller's reach, or the caller's key has none to name.
    """
    if caller.numbers is None or "session_ids" in body.model_fields_set:
        _check_numbers(caller, body.session_ids, await hold_numbers(db, caller, set(body.session_ids)))
        return body.session_ids
    left = await hold_numbers(db, caller, caller.numbers)
    if not left:
        words = "this API key has no number left; whoever made it gives it others: PATCH /api-keys/{key_id}"
        raise numbers_wrong(words, code="too_short", title="There is no number to tell of.")
    return sorted(left)


async def take_numbers(
    db: WriteDb, caller: Caller, row: Row[Any], names: Collection[str] | None, held: Collection[str]
) -> None:
    """Make sure that a webhook may have other numbers, and forget what a limited one had of those that it loses.

    Args:
        db: The transaction that gives them to it.
        caller: Who does.
        row: The webhook, locked.
        names: The numbers; None: they stay.
        held: Those of them that are the caller's.

    Raises:
        InvalidInputError: One is not known, or none is named, which to a key of some numbers would mean nothing.
    """
    if names is None:
        return
    if not row.limited:  # it may keep those that are gone
        _check_numbers(caller, names, {*held, *row.session_ids})
        return
    _check_numbers(caller, names, held)
    await repository.forget_others(db, row.id, names)


def _check_numbers(caller: Caller, names: Collection[str], known: Collection[str]) -> None:
    if caller.limited and not names:
        words = "name at least one number of this API key; GET /sessions lists them"
        raise numbers_wrong(words, code="too_short", title="No number is named.")
    check_known(names, known)


async def forget_number(db: WriteDb, user_id: uuid.UUID, session_id: str) -> None:
    """Take a number that was just deleted out of limited webhooks: another one may have its name."""
    for row in await repository.limited_of(db, user_id):
        if session_id in row.session_ids:  # none is given the number any more: see `hold_numbers`
            numbers = await repository.numbers_of(db, row.id, lock=True)
            left = [one for one in numbers if one != session_id]
            await repository.change(db, row.id, {"session_ids": left})
            await repository.forget_others(db, row.id, left)
