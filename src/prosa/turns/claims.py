"""The runner's statements: claiming conversations that are due, and giving them back."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, update

from prosa import leases
from prosa.conversations.held import TABLE
from prosa.database.engine import WriteDb
from prosa.database.prepared import Prepared, among
from prosa.turns.claimed import CLAIMED_COLUMNS

_c = TABLE.c


OTHERS_AFTER = timedelta(seconds=2)
"""How long what is due is left to the process that holds its number, which knows the conversation and sends the
answer."""
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


def _for_here(dialect: str) -> ColumnElement[bool]:
    """Leave out numbers that make as many answers here as they may, and what is left to other processes."""
    ours = or_(among(_c.session_id, "held", dialect), _c.due_at <= bindparam("others_until", type_=_c.due_at.type))
    return and_(~among(_c.session_id, "full", dialect), ours)


def _due_next(dialect: str) -> Select[tuple[datetime | None]]:
    free = or_(_c.lease_until.is_(None), _c.lease_until <= bindparam("now", type_=_c.lease_until.type))
    waiting = select(_c.due_at).where(_c.due_at.is_not(None), free, _for_here(dialect))
    return waiting.order_by(_c.due_at).limit(1)


_claim = leases.Claim(TABLE, where=_for_here, returning=CLAIMED_COLUMNS)
_next = Prepared(_due_next("sqlite"), postgresql=_due_next("postgresql"))


@dataclass(frozen=True, slots=True)
class Claiming:
    """Who claims, when, for how long, how many at most, and of which numbers.

    Attributes:
        full: None of these.
        held: Those that this process holds, where others hold the rest; None: all numbers are alike.
    """

    owner: str
    now: datetime
    lease: timedelta
    limit: int
    full: Collection[str]
    held: Collection[str] | None = None


async def claim(db: WriteDb, what: Claiming) -> tuple[list[Any], datetime | None]:
    """Claim conversations that are due; return them, and when one is due next, where all that are were claimed."""
    which = {
        "full": list(what.full),
        "held": list(what.held or ()),
        "others_until": _ALWAYS if what.held is None else what.now - OTHERS_AFTER,
    }
    rows = await _claim(db, owner=what.owner, now=what.now, lease=what.lease, limit=what.limit, **which)
    if len(rows) == what.limit:
        return rows, None
    waiting = await db.fetch(_next, {"now": what.now, **which})
    return rows, waiting[0].due_at if waiting else None


async def give_back(db: WriteDb, ids: Collection[uuid.UUID], *, owner: str) -> None:
    """Give some conversations back, as they are due."""
    free = {"lease_owner": None, "lease_until": None}
    await db.execute(update(TABLE).where(_c.id.in_(ids), _c.lease_owner == owner).values(free))
