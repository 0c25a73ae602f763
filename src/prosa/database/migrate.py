"""Applies migrations, one process at a time."""

import asyncio
import time
from pathlib import Path

import structlog
from sqlalchemy import URL, inspect, text

from prosa.database.engine import Database
from prosa.database.outage import Outage, outage_of
from prosa.errors import ConfigurationError

logger = structlog.get_logger("prosa.database")

ADVISORY_LOCK = 0x70726F7361
"""Number of PostgreSQL's advisory lock around migrations ("prosa" in ASCII)."""

PATIENCE_SECONDS = 600.0
"""How long another process may hold SQLite's lock, as one does that migrates."""
UNTOLD_SECONDS = 1.0
"""A shorter wait is not worth a line in the log."""


def newest() -> str:
    """Return the newest revision, from the files' names (`NNNN_what.py`): the same as Alembic's head, without it."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py"))


async def upgrade(database: Database, *, patience: float = PATIENCE_SECONDS) -> list[str]:
    """Bring the database to the newest revision, all in one transaction.

    A second process waits, and says so: on PostgreSQL for an advisory lock, on SQLite for the one writer.

    Args:
        database: Which.
        patience: Seconds to wait for another process on SQLite, about.

    Returns:
        The revisions that were applied, oldest first; empty when it was already up to date.

    Raises:
        ConfigurationError: The database cannot be used, was made by a newer Prosa, or held by another process for long.
    """
    await _reach(database)
    if await _revision(database) == newest():
        return []
    # A migration may take long, and so may the wait for another process that migrates.
    patient = Database(database.url, pool_size=1, statement_seconds=None)
    try:
        applied = await _in_turn(patient, patience)
    finally:
        await patient.close()
    if applied:
        logger.info("database migrated", revisions=applied)
    return applied


async def _in_turn(database: Database, patience: float) -> list[str]:
    """Apply migrations once no other process does."""
    give_up = time.monotonic() + patience
    telling = asyncio.get_running_loop().call_later(UNTOLD_SECONDS, _tell_of_wait)
    try:
        while True:
            try:
                return await _apply(database, telling)
            except Exception as error:
                if outage_of(error) is not Outage.BUSY:
                    raise
                if time.monotonic() >= give_up:
                    raise ConfigurationError(
                        "The database is to be migrated, and another program has held its lock for "
                        f"{patience:.0f} seconds: {database.url.render_as_string(hide_password=True)}.",
                        remedy="Is another Prosa migrating it? Start this one again when its log says that it is done. "
                        "Otherwise close what else has the database open: a backup, a database browser.",
                    ) from error
    finally:
        telling.cancel()


async def _apply(database: Database, telling: asyncio.TimerHandle) -> list[str]:
    from prosa.database.revisions import apply  # noqa: PLC0415 - heavy, and mostly there is nothing to do

    async with database.write() as db:
        if database.dialect == "postgresql":
            await db.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        telling.cancel()
        return await db.connection.run_sync(apply)


def _tell_of_wait() -> None:
    logger.warning("waiting to migrate the database: another process has its lock, and may be migrating it")


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
