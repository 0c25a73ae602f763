"""Applies migrations, one process at a time."""

from pathlib import Path

import structlog
from sqlalchemy import URL, inspect, text

from prosa.database.engine import Database
from prosa.errors import ConfigurationError

logger = structlog.get_logger("prosa.database")

ADVISORY_LOCK = 0x70726F7361
"""Number of PostgreSQL's advisory lock around migrations ("prosa" in ASCII)."""


def newest() -> str:
    """Return the newest revision, from the files' names (`NNNN_what.py`): the same as Alembic's head, without it."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))


async def upgrade(database: Database) -> list[str]:
    """Bring the database to the newest revision, all in one transaction.

    A second process waits: on PostgreSQL for an advisory lock, on SQLite for the one writer.

    Returns:
        The revisions that were applied, oldest first; empty when it was already up to date.

    Raises:
        ConfigurationError: The database cannot be used, or was made by a newer Prosa.
    """
    await _reach(database)
    if await _revision(database) == newest():
        return []
    from prosa.database.revisions import apply  # noqa: PLC0415 - heavy, and mostly there is nothing to do

    # A migration may take long, and so may the wait for another process that migrates.
    patient = Database(database.url, pool_size=1, statement_seconds=None)
    try:
        async with patient.write() as db:
            if database.dialect == "postgresql":
                await db.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
            applied = await db.connection.run_sync(apply)
    finally:
        await patient.close()
    if applied:
        logger.info("database migrated", revisions=applied)
    return applied


async def require(url: URL) -> None:
    """Check that there is a database, and make none, not even an empty file.

    Raises:
        ConfigurationError: There is none, or no Prosa has ever used it.
    """
    if url.get_backend_name() != "sqlite" or Path(url.database or "").is_file():  # noqa: ASYNC240 - once, in a command
        database = Database(url, pool_size=1)
        try:
            await _reach(database)
            if await _revision(database) is not None:
                return
        finally:
            await database.close()
    raise ConfigurationError(
        f"There is no Prosa database at {url.render_as_string(hide_password=True)}.",
        remedy="Run this in the directory that Prosa runs in, or set PROSA_DATA_DIR or PROSA_DATABASE_URL as there. "
        "A new installation begins with prosa serve, or with prosa user add E-MAIL.",
    )


async def _reach(database: Database) -> None:
    try:
        await database.ping()
    except Exception as error:
        raise ConfigurationError(
            f"The database {database.url.render_as_string(hide_password=True)} cannot be used: {reason(error)}.",
            remedy="Is the server running, and are name, user and password in PROSA_DATABASE_URL right?"
            if database.dialect == "postgresql"
            else "Is it a database, and may this user write it and its directory?",
        ) from error


def reason(error: Exception) -> str:
    """Return in one line what a database or its driver complains about; it holds no password."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")


async def _revision(database: Database) -> str | None:
    async with database.read() as db:
        if not await db.connection.run_sync(lambda connection: inspect(connection).has_table("alembic_version")):
            return None
        revision: str | None = await db.connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision
