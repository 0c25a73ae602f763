"""Which holders of leases live: each process locks a file of its own in the data directory, and its death unlocks it.

What a process held when it was killed would wait for its leases to end. The next one on this data directory need not:
that it can lock the file of another proves that this one is dead, whatever became of its number since. A process that
is frozen or slow keeps its lock, and so its leases. prosa-bridge inherits the lock: a number is not taken over while
the bridge of a dead process still holds its connection.

Where there is no proof (another machine, another data directory, Windows), leases end by themselves, as they always do.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import or_, update

from prosa import leases
from prosa.database.base import Base
from prosa.database.engine import Database, WriteDb
from prosa.database.outage import OutageLog

if sys.platform != "win32":
    import fcntl

LOOK_SECONDS = 2.0
"""Between two looks for dead processes: a bridge ends a moment after its Prosa, and there may be several processes."""
_SUFFIX = ".holder"

_log = structlog.get_logger("prosa.holders")


class Presence:
    """This process's lock, and a view of the others'."""

    def __init__(self, folder: Path, process: str) -> None:
        """Describe it; nothing is locked before `enter`.

        Args:
            folder: Where the files are; of processes that share a data directory.
            process: This process's name (`leases.process_name`).
        """
        self._folder = folder
        self._process = process
        self._path = folder / f"{process.rpartition(':')[2]}{_SUFFIX}"
        self._descriptor: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child must inherit that this process is not to be taken for dead before."""
        return () if self._descriptor is None else (self._descriptor,)

    def enter(self) -> None:
        """Lock this process's file. Where that cannot be, its leases only end later than they might."""
        if sys.platform == "win32":
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, temporary = tempfile.mkstemp(dir=self._folder)
            os.write(descriptor, f"{self._process}\n{os.fstat(descriptor).st_ino}".encode())
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(temporary).rename(self._path)  # others see it locked from the beginning
        except OSError as error:
            _log.warning("this process's death will only be seen when its leases end", error=str(error))
            return
        self._descriptor = descriptor

    def leave(self) -> None:
        """Take the file away."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def dead(self) -> Iterator[list[str]]:
        """Give the names of dead processes of this machine; their files are gone once the block ends well."""
        found: dict[Path, tuple[int, str]] = {}
        try:
            for path in self._folder.glob(f"*{_SUFFIX}"):
                if path != self._path and (seen := _lock(path)) is not None:
                    found[path] = seen
            yield [name for _, name in found.values()]
            for path in found:
                path.unlink(missing_ok=True)
        finally:
            for descriptor, _ in found.values():
                os.close(descriptor)


def _lock(path: Path) -> tuple[int, str] | None:
    """Lock the file of a dead process of this machine, or return None."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # gone by now, or another user's
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        name, _, inode = os.read(descriptor, 1000).decode(errors="replace").partition("\n")
        # Some network file systems lock on each machine by itself: that says nothing about another one's processes. Nor
        # does a copy of the file, in a data directory that was copied while its process ran.
        if name.rsplit(":", 2)[0] == leases.host_name() and inode == str(os.fstat(descriptor).st_ino):
            return descriptor, name
    os.close(descriptor)
    return None


class TakingOver:
    """The running part that gives free what dead processes held."""

    def __init__(self, database: Database, presence: Presence) -> None:
        """Make it.

        Args:
            database: Where leases are.
            presence: Knows who is dead.
        """
        self._database = database
        self._presence = presence
        self._outages = OutageLog("looking for dead processes")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Enter this process, and give free what its dead predecessors held."""
        self._presence.enter()
        await self._look()
        self._task = asyncio.create_task(self._run(), name="holders")

    async def stop(self) -> None:
        """Stop, and leave."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._presence.leave()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            with self._presence.dead() as names:
                if names:
                    count = await self._database.submit(partial(release_dead, processes=names))
                    _log.info("taken over from dead processes", processes=names, leases=count)
            self._outages.worked()
        except Exception as error:  # noqa: BLE001 - logged; their leases end by themselves
            self._outages.failed(error)


async def release_dead(db: WriteDb, *, processes: Collection[str]) -> int:
    """Give free, as they are due, the rows that dead processes hold; return their number."""
    count = 0
    for table in Base.metadata.tables.values():
        c = table.c
        if "lease_owner" not in c:
            continue
        theirs = or_(*(c.lease_owner.startswith(f"{name}.", autoescape=True) for name in processes))
        # whoever claims a row finds it due: so the index of due rows has all of them
        statement = update(table).where(c.due_at.is_not(None), theirs).values(lease_owner=None, lease_until=None)
        count += (await db.execute(statement)).rowcount
    return count
