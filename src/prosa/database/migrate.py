"""Applies migrations, one process at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from prosa.database.engine import Database

logger = structlog.get_logger("prosa.database")

ADVISORY_LOCK = 0x70726F7361
"""Number of PostgreSQL's advisory lock around migrations ("prosa" in ASCII)."""


def config() -> Config:
    """Return Alembic's configuration, with the migrations inside this package."""
    result = Config()
    result.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return result


def head() -> str:
    """Return the newest revision this version of Prosa knows."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise RuntimeError("no migrations are installed")
    return revision


async def upgrade(database: "Database") -> list[str]:
    """Bring the database to the newest revision, all in one transaction.

    A second process waits: on PostgreSQL for an advisory lock, on SQLite for the one writer.

    Returns:
        The revisions that were applied, oldest first; empty when it was already up to date.
    """
    async with database.write() as db:
        if database.dialect == "postgresql":
            await db.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        applied = await db.connection.run_sync(_upgrade)
    if applied:
        logger.info("database migrated", revisions=applied)
    return applied


async def current(database: "Database") -> str | None:
    """Return the revision the database is at; None for an empty one."""
    async with database.read() as db:
        return await db.connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> list[str]:
    before = _revision(connection)
    settings = config()
    settings.attributes["connection"] = connection
    script = ScriptDirectory.from_config(settings)
    newest = head()
    if before is not None and before not in {revision.revision for revision in script.walk_revisions()}:
        raise RuntimeError(
            f"the database is at revision {before}, which this version of Prosa does not know: install a newer Prosa"
        )
    if before == newest:
        return []
    command.upgrade(settings, "head")
    steps = script.iterate_revisions(newest, before or "base")
    return [step.revision for step in reversed(list(steps)) if step.revision != before]
