"""The revisions that this version of Prosa knows, and the way from one to the next, by Alembic.

`prosa.database.migrate` imports this only where there is something to do: it takes as long as the rest of the database.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from prosa.errors import ConfigurationError

if TYPE_CHECKING:
    from prosa.database.engine import Database


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


def knows(revision: str) -> bool:
    """Return whether this version of Prosa has the migration `revision`."""
    return revision in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


async def current(database: "Database") -> str | None:
    """Return the revision the database is at; None for an empty one."""
    async with database.read() as db:
        return await db.connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def apply(connection: Connection) -> list[str]:
    """Bring the database behind a connection to the newest revision; return what was applied, oldest first.

    Raises:
        ConfigurationError: It was made by a newer Prosa.
    """
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
