"""Applies migrations, one process at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from prosa.errors import ConfigurationError

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

    Raises:
        ConfigurationError: The database cannot be used, or was made by a newer Prosa.
    """
    try:
        await database.ping()
    except Exception as error:
        raise ConfigurationError(
            f"The database {database.url.render_as_string(hide_password=True)} cannot be used: {reason(error)}.",
            remedy="Is the server running, and are name, user and password in PROSA_DATABASE_URL right?"
            if database.dialect == "postgresql"
            else "Is it a database, and may this user write it and its directory?",
        ) from error
    async with database.write() as db:
        if database.dialect == "postgresql":
            await db.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        applied = await db.connection.run_sync(_upgrade)
    if applied:
        logger.info("database migrated", revisions=applied)
    return applied


def reason(error: Exception) -> str:
    """Return in one line what a database or its driver complains about; it holds no password."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def knows(revision: str) -> bool:
    """Return whether this version of Prosa has the migration `revision`."""
    return revision in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


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
    if before is not None and not knows(before):
        raise ConfigurationError(
            f"The database is at revision {before}, which this version of Prosa does not know.",
            remedy="Install the newer Prosa that made it, or restore the backup from before.",
        )
    if before == newest:
        return []
    command.upgrade(settings, "head")
    steps = script.iterate_revisions(newest, before or "base")
    return [step.revision for step in reversed(list(steps)) if step.revision != before]
