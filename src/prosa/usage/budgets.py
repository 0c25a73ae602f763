"""The statements about budgets: what was spent since a moment, an owner's own budget, what was told already."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from prosa.database.base import Base
from prosa.database.engine import ReadDb, WriteDb
from prosa.usage.models import BudgetMark, OwnerBudget, Usage

_USAGE: Final[Table] = Base.metadata.tables[Usage.__tablename__]
_BUDGETS: Final[Table] = Base.metadata.tables[OwnerBudget.__tablename__]
_MARKS: Final[Table] = Base.metadata.tables[BudgetMark.__tablename__]
_u, _b = _USAGE.c, _BUDGETS.c


CHANGED: Final = "budget"
"""Told over the bus, with `user_id`, when an owner's budget was set."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls count: an owner's, or those of one number, or of one conversation; or one call for a reply."""

    user_id: uuid.UUID
    session_id: str | None = None
    conversation_id: uuid.UUID | None = None
    reply: bool = False

    @property
    def kind(self) -> str:
        """Its name for people."""
        if self.reply:
            return "reply"
        if self.conversation_id is not None:
            return "conversation"
        return "number" if self.session_id is not None else "owner"

    @property
    def name(self) -> str:
        """What tells it from others of the same owner."""
        return str(self.conversation_id or self.session_id or "")


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens in and out, and millionths of a US dollar as far as prices are known."""

    tokens: int = 0
    microusd: int = 0

    def __add__(self, more: "Spent") -> "Spent":
        """Return both together."""
        return Spent(self.tokens + more.tokens, self.microusd + more.microusd)


@dataclass(frozen=True, slots=True)
class Budget:
    """What an owner may spend in a month; None: no limit."""

    tokens: int | None = None
    usd: float | None = None
    alert_share: float = 0.8


async def spent(db: ReadDb, scope: Scope, *, begin: datetime) -> Spent:
    """Return what a scope's calls since a moment came to."""
    statement = select(
        func.coalesce(func.sum(_u.input_tokens + _u.output_tokens), 0).label("tokens"),
        func.coalesce(func.sum(_u.cost_microusd), 0).label("microusd"),
    ).where(_u.user_id == scope.user_id, _u.created_at >= begin)
    if scope.conversation_id is not None:
        statement = statement.where(_u.conversation_id == scope.conversation_id)
    elif scope.session_id is not None:
        statement = statement.where(_u.session_id == scope.session_id)
    row = (await db.execute(statement)).one()
    return Spent(int(row.tokens), int(row.microusd))


async def find(db: ReadDb, user_id: uuid.UUID) -> Budget | None:
    """Return an owner's budget; None where there is none."""
    row = (await db.execute(select(_BUDGETS).where(_b.user_id == user_id))).first()
    return Budget(row.tokens, row.usd, row.alert_share) if row else None


async def put(db: WriteDb, user_id: uuid.UUID, budget: Budget) -> None:
    """Set an owner's budget."""
    values = {"tokens": budget.tokens, "usd": budget.usd, "alert_share": budget.alert_share}
    insert = postgres_insert if db.dialect == "postgresql" else sqlite_insert
    statement = insert(_BUDGETS).values(user_id=user_id, **values)
    await db.execute(statement.on_conflict_do_update(index_elements=[_b.user_id], set_=values))


async def mark(db: WriteDb, scope: Scope, month: str, kind: str) -> bool:
    """Note that something was told, once a month; false where it was told already."""
    insert = postgres_insert if db.dialect == "postgresql" else sqlite_insert
    values = {"user_id": scope.user_id, "scope": f"{scope.kind}:{scope.name}", "month": month, "kind": kind}
    statement = insert(_MARKS).values(**values).on_conflict_do_nothing().returning(_MARKS.c.month)
    return (await db.execute(statement)).first() is not None
