"""Migrations make exactly the tables that the models describe, once, however many start at the same time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from tests.fixtures.conversations import (
    CONTACT,
    add_owner,
    add_session,
    conversations,
    events,
    inbound,
    receiver,
    run_sql,
)

from prosa.auth.caller import Caller
from prosa.conversations.pauses import FOREVER
from prosa.database import Database
from prosa.database.metadata import metadata
from prosa.database.migrate import ADVISORY_LOCK, newest, require, upgrade
from prosa.database.revisions import config, current, head
from prosa.errors import ConfigurationError
from prosa.events import log
from prosa.events.log import NewEvent
from prosa.events.types import SessionStatusPayload
from prosa.ids import new_id

OTHER = "5511900000002@s.whatsapp.net"


async def test_models_and_migrations_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        def ours(name: str | None, kind: str, _parents: object) -> bool:
            return not (kind == "table" and name is not None and (name.startswith("message_search") or "_fts" in name))

        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": ours})
        # Alembic knows no `ddl_if`
        elsewhere = {"sqlite": "ix_events_txid_id", "postgresql": "fk_events_user_id_users"}[database.dialect]
        by_hand = ("message_search", "ix_knowledge_pieces_words", elsewhere)
        return [d for d in compare_metadata(context, metadata) if not any(name in str(d) for name in by_hand)]

    async with database.read() as db:
        assert await db.connection.run_sync(differences) == []


async def test_upgrading_again_does_nothing(database: Database) -> None:
    assert await current(database) == head() == newest()
    assert await upgrade(database) == []


async def test_a_database_that_is_there_is_told_from_one_that_no_prosa_has_used(database: Database) -> None:
    await require(database.url)
    async with database.write() as db:
        await db.connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(ConfigurationError, match="no Prosa database"):
        await require(database.url)


async def _race(url: URL) -> None:
    databases = [Database(url) for _ in range(4)]
    applied = await asyncio.gather(*(upgrade(database) for database in databases))
    assert sorted(len(revisions) > 0 for revisions in applied) == [False, False, False, True]
    assert await current(databases[0]) == head()
    for database in databases:
        await database.close()


async def test_sqlite_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    await _race(URL.create("sqlite+aiosqlite", database=str(tmp_path / "new.sqlite3")))


_HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("PRAGMA journal_mode=WAL")
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
other.execute("COMMIT")
"""


@asynccontextmanager
async def _another_process_holds(path: Path) -> AsyncIterator[asyncio.StreamWriter]:
    """Let another process have the lock of an SQLite database, until a line is written to it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLD, str(path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    try:
        yield process.stdin
    finally:
        process.stdin.close()
        await process.wait()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits for a lock for a moment only, and waits are told at once."""
    monkeypatch.setattr("prosa.database.connect.BUSY_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("prosa.database.migrate.UNTOLD_SECONDS", 0.2)


@pytest.mark.usefixtures("hasty")
async def test_sqlite_waits_for_a_process_that_migrates_longer_than_any_other_write_takes(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    database = Database(URL.create("sqlite+aiosqlite", database=str(path)))
    async with _another_process_holds(path) as other:
        with structlog.testing.capture_logs() as told:
            waiting = asyncio.create_task(upgrade(database))
            await asyncio.sleep(1)
            assert not waiting.done()
            assert [line["log_level"] for line in told if "waiting to migrate" in line["event"]] == ["warning"]
            other.write(b"done\n")
            assert len(await waiting) > 1
    assert await current(database) == head()
    await database.close()


@pytest.mark.usefixtures("hasty")
async def test_sqlite_that_another_program_never_lets_go_is_given_up_in_words(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    database = Database(URL.create("sqlite+aiosqlite", database=str(path)))
    async with _another_process_holds(path):
        with pytest.raises(ConfigurationError, match=r"held its lock for 1 seconds.*new\.sqlite3") as refused:
            await upgrade(database, patience=1)
    assert "close what else has the database open" in refused.value.remedy
    assert len(await upgrade(database)) > 1
    await database.close()


@pytest.mark.postgres
async def test_postgres_says_that_it_waits_for_a_process_that_migrates(
    postgres_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.database.migrate.UNTOLD_SECONDS", 0.2)
    admin = Database(postgres_server)
    async with admin._write_engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("CREATE DATABASE slow"))
    database = Database(postgres_server.set(database="slow"))
    with structlog.testing.capture_logs() as told:
        async with database.write() as db:
            await db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
            waiting = asyncio.create_task(upgrade(Database(database.url)))
            await asyncio.sleep(1)
            assert not waiting.done()
        assert len(await waiting) > 1
    assert [line["log_level"] for line in told if "waiting to migrate" in line["event"]] == ["warning"]
    await database.close()
    async with admin._write_engine.connect() as connection:
        to_drop = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await to_drop.execute(text("DROP DATABASE slow WITH (FORCE)"))
    await admin.close()


@pytest.mark.postgres
async def test_postgres_processes_that_start_together_migrate_once(postgres_server: URL) -> None:
    admin = Database(postgres_server)
    async with admin._write_engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("CREATE DATABASE race"))
    await _race(postgres_server.set(database="race"))
    async with admin._write_engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("DROP DATABASE race"))
    await admin.close()


async def test_what_contacts_stopped_so_far_stays_stopped_and_pauses_stay_pauses(database: Database) -> None:
    session = await add_session(database, await add_owner(database))
    for contact in (CONTACT, OTHER):
        await receiver(database, Path("unused")).message(session, inbound("hello", chat=contact))
    for change in (
        "ALTER TABLE conversations DROP COLUMN ai_stopped_until",
        "ALTER TABLE conversations DROP COLUMN ai_stopped_at",
    ):
        await run_sql(database, change)
    paused = (
        "UPDATE conversations SET ai_paused_until = :until, ai_paused_at = :at, ai_paused_by = :by "
        "WHERE contact_jid = :jid"
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    await run_sql(database, paused, until=FOREVER, at=at, by="contact", jid=CONTACT)
    await run_sql(database, paused, until=FOREVER, at=at, by="person", jid=OTHER)

    def migrate(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            import_module("prosa.database.migrations.versions.0021_contacts_stop").upgrade()

    async with database.write() as db:
        await db.connection.run_sync(migrate)
    rows = {row.contact_jid: row for row in await conversations(database)}
    stopped, mine = rows[CONTACT], rows[OTHER]
    assert (stopped.ai_stopped_until, stopped.ai_stopped_at) == (FOREVER, at)
    assert (stopped.ai_paused_until, stopped.ai_paused_by, stopped.ai_paused_at) == (None, None, None)
    assert (mine.ai_stopped_until, mine.ai_paused_until, mine.ai_paused_by) == (None, FOREVER, "person")


async def test_the_owner_of_an_event_is_checked_on_sqlite_only_and_on_the_way_back_to_an_older_prosa(
    database: Database,
) -> None:
    ana, gone = await add_owner(database), Caller(new_id(), "owner")

    async def tell(owner: Caller) -> None:
        async with database.write() as db:
            await log.append(db, NewEvent(owner.user_id, "main", SessionStatusPayload(status="open")))

    async def migrate(move: Callable[[Config, str], None], revision: str) -> None:
        def run(connection: Connection) -> None:
            settings = config()
            settings.attributes["connection"] = connection
            move(settings, revision)

        async with database.write() as db:
            await db.connection.run_sync(run)

    async def checked() -> bool:
        try:
            await tell(gone)
        except IntegrityError:
            return True
        return False

    await tell(ana)
    assert await checked() is (database.dialect == "sqlite")
    await migrate(command.downgrade, "0024")
    assert [event.user_id for event in await events(database)] == [ana.user_id]
    assert await checked()
    await run_sql(database, "DELETE FROM users")
    assert await events(database) == []
    await migrate(command.upgrade, "0025")
    assert await checked() is (database.dialect == "sqlite")


async def test_a_database_of_a_newer_prosa_is_refused(database: Database) -> None:
    async with database.write() as db:
        await db.connection.execute(text("UPDATE alembic_version SET version_num = 'zzzz'"))
    with pytest.raises(ConfigurationError, match="does not know"):
        await upgrade(database)
