"""The statements on tools."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from prosa.database import ReadDb, WriteDb
from prosa.tools.models import Tool, ToolCall

TABLE = Tool.__table__
CALLS = ToolCall.__table__


async def of_number(db: ReadDb, session_id: str) -> Sequence[Row[Any]]:
    """Return a number's tools, in the order they were made."""
    statement = select(TABLE).where(TABLE.c.session_id == session_id).order_by(TABLE.c.id)
    return (await db.execute(statement)).all()


async def find(db: ReadDb, session_id: str, tool_id: uuid.UUID) -> Row[Any] | None:
    """Return a tool of a number."""
    statement = select(TABLE).where(TABLE.c.session_id == session_id, TABLE.c.id == tool_id)
    return (await db.execute(statement)).first()


async def count(db: ReadDb, session_id: str) -> int:
    """Return how many tools a number has."""
    statement = select(func.count()).select_from(TABLE).where(TABLE.c.session_id == session_id)
    return int((await db.execute(statement)).scalar_one())


async def add(db: WriteDb, values: dict[str, Any]) -> Row[Any]:
    """Add a tool.

    Raises:
        IntegrityError: The number has one of this name.
    """
    return (await db.execute(insert(Tool).values(values).returning(TABLE))).one()


async def change(db: WriteDb, tool_id: uuid.UUID, values: dict[str, Any]) -> Row[Any]:
    """Change a tool.

    Raises:
        IntegrityError: The number has another one of this name.
    """
    return (await db.execute(update(Tool).where(TABLE.c.id == tool_id).values(values).returning(TABLE))).one()


async def remove(db: WriteDb, session_id: str, tool_id: uuid.UUID) -> bool:
    """Remove a tool; its calls stay. False where there is none."""
    statement = delete(Tool).where(TABLE.c.session_id == session_id, TABLE.c.id == tool_id)
    return bool((await db.execute(statement)).rowcount)


async def note(db: WriteDb, values: Sequence[dict[str, Any]]) -> None:
    """Note calls of tools."""
    await db.execute(insert(ToolCall), list(values))


async def calls(db: ReadDb, session_id: str, *, before: uuid.UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return a number's calls, the newest first."""
    statement = select(CALLS).where(CALLS.c.session_id == session_id).order_by(CALLS.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(CALLS.c.id < before)
    return (await db.execute(statement)).all()
