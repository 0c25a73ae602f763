"""What a dead process held is free at once, where its death is proven; what a living one holds never is."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, select
from tests.conversations.test_plans import plans
from tests.leases.test_leases import claim, rows

from prosa import leases
from prosa.clock import utc_now
from prosa.database import Database
from prosa.holders import Presence, TakingOver, release_dead
from prosa.sessions.models import WhatsAppSession

TABLE: Table = WhatsAppSession.__table__  # type: ignore[assignment]


def process(pid: int, *, host: str | None = None) -> str:
    return f"{host or leases.host_name()}:{pid}:token-{pid}"


def entered(folder: Path, name: str) -> Presence:
    presence = Presence(folder, name)
    presence.enter()
    assert len(presence.descriptors) == 1
    return presence


def killed(presence: Presence) -> None:
    """End as a process does that is killed: its files are closed, and nothing is taken away."""
    os.close(*presence.descriptors)
    presence._descriptor = None


def dead_in(folder: Path, name: str = "") -> list[str]:
    with Presence(folder, name or process(99)).dead() as names:
        return names


def test_a_process_is_dead_once_its_lock_is_gone_and_told_once(tmp_path: Path) -> None:
    one, two = entered(tmp_path, process(1)), entered(tmp_path, process(2))
    assert dead_in(tmp_path) == []
    with two.dead() as names:
        assert names == [], "nobody takes himself for dead"
    killed(one)
    assert dead_in(tmp_path) == [process(1)]
    assert dead_in(tmp_path) == []
    two.leave()
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_inherited_the_lock_keeps_its_parent_alive(tmp_path: Path) -> None:
    presence = entered(tmp_path, process(1))
    inherited = os.dup(*presence.descriptors)
    killed(presence)
    assert dead_in(tmp_path) == []
    os.close(inherited)
    assert dead_in(tmp_path) == [process(1)]


def test_a_lock_proves_nothing_about_another_machine(tmp_path: Path) -> None:
    killed(entered(tmp_path, process(1, host="elsewhere")))
    assert dead_in(tmp_path) == []


def test_a_copy_of_a_lock_that_nobody_holds_proves_nothing(tmp_path: Path) -> None:
    living = entered(tmp_path / "data", process(1))
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    assert dead_in(tmp_path / "copy") == []
    living.leave()


def test_what_could_not_be_given_free_is_looked_at_again(tmp_path: Path) -> None:
    killed(entered(tmp_path, process(1)))
    with pytest.raises(OSError, match="away"), Presence(tmp_path, process(2)).dead():
        raise OSError("the database is away")
    assert dead_in(tmp_path) == [process(1)]


def test_a_directory_that_cannot_be_written_is_no_reason_not_to_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    presence = Presence(tmp_path / "file" / "holders", process(1))
    presence.enter()
    assert presence.descriptors == ()
    presence.leave()


async def test_who_starts_takes_over_from_the_dead_and_from_nobody_else(database: Database, tmp_path: Path) -> None:
    now = utc_now()
    await rows(database, 4, now - timedelta(minutes=1))
    dead, alive, likewise = process(1), process(2), process(11)
    presence, living = entered(tmp_path, dead), entered(tmp_path, alive)
    for name in (f"{dead}.sender", f"{dead}.turns", f"{alive}.sender", f"{likewise}.turns"):
        assert len(await claim(database, name, now, limit=1)) == 1
    killed(presence)
    new = TakingOver(database, Presence(tmp_path, process(3)))
    await new.start()
    assert await claim(database, "new", now) == ["s0", "s1"]
    await new.stop()
    async with database.read() as db:
        held = (await db.execute(select(TABLE.c.lease_owner).order_by(TABLE.c.session_id))).scalars().all()
    assert held == ["new", "new", f"{alive}.sender", f"{likewise}.turns"]
    living.leave()


async def test_who_dies_while_another_lives_is_found(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prosa.holders.LOOK_SECONDS", 0.01)
    now = utc_now()
    await rows(database, 1, now)
    presence = entered(tmp_path, process(1))
    new = TakingOver(database, Presence(tmp_path, process(3)))
    await new.start()
    await claim(database, f"{process(1)}.turns", now)
    killed(presence)
    while await claim(database, "new", now) == []:
        pass
    await new.stop()


def test_holders_in_this_process_begin_with_its_name() -> None:
    names = {leases.new_owner() for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith(f"{leases.process_name()}.") for name in names)


async def test_looking_for_what_the_dead_held_reads_no_history(sqlite_database: Database) -> None:
    found = await plans(
        sqlite_database, lambda: sqlite_database.submit(lambda db: release_dead(db, processes=[process(1)]))
    )
    large = [plan for plan in found if not any(few in plan for few in ("whatsapp_sessions", "webhooks", "gateways"))]
    assert len(large) == 3
    assert all("INDEX ix_" in plan and "_due" in plan for plan in large), large
