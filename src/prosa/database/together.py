"""Jobs of one transaction that run side by side: what several of them ask of the database at once is one statement.

Each job runs until it needs something; when all wait, the same prepared statement of many jobs is run once, for all of
them, and they go on. So a job reads as if it were alone, and a hundred of them cost hardly more statements than one.

A job that changes a conversation says so first (`WriteDb.mine`), and another one with the same conversation waits until
it has ended. Where one fails, or all wait for each other, the group is undone and its jobs run one after another.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from prosa.database.prepared import Prepared, Values
from prosa.database.transactions import WriteDb

Job = Callable[[WriteDb], Awaitable[Any]]
Steps = Generator[Any, Any, Any]


class JobFailedError(Exception):
    """A job raised (`__cause__`); nothing of its group is kept.

    Attributes:
        place: Which one of the group.
    """

    def __init__(self, place: int) -> None:
        super().__init__(f"job {place} of the group failed")
        self.place = place


class GroupFailedError(Exception):
    """Jobs could not be run side by side, none of them alone being the cause; nothing of their group is kept."""


@dataclass(slots=True)
class _Ask:
    """A job waits for rows."""

    prepared: Prepared
    values: Values
    about: Collection[Hashable] | None

    def __await__(self) -> Generator["_Ask", list[Any], list[Any]]:
        return (yield self)


@dataclass(slots=True)
class _Lock:
    """A job waits until nobody else has some things."""

    keys: Collection[Hashable]

    def __await__(self) -> Generator["_Lock", bool, bool]:
        return (yield self)


class _SharedDb(WriteDb):
    """A group's transaction as one of its jobs sees it."""

    def __init__(self, group: WriteDb) -> None:
        super().__init__(group._driver)  # noqa: SLF001 - its own kind
        self.wakes = group.wakes
        self.calls = group.calls
        self._later = group._later  # noqa: SLF001
        self._about = group._about  # noqa: SLF001

    async def fetch(
        self, prepared: Prepared, values: Values, *, about: Collection[Hashable] | None = None
    ) -> list[Any]:
        """Run a prepared statement, together with those of other jobs where it can be."""
        if not prepared.bulk:
            return await super().fetch(prepared, values, about=about)
        return await _Ask(prepared, values, about)

    async def mine(self, *keys: Hashable) -> bool:
        """Wait until no other job of the group has any of these; return whether one had before this one."""
        return await _Lock(keys)


class _Done:
    """A job ended."""

    def __init__(self, result: Any) -> None:
        self.result = result


class _Step:
    """Lets a job run until it asks, or ends; what it awaits of the event loop itself is passed on."""

    def __init__(self, steps: Steps, answer: Any) -> None:
        self._steps = steps
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, "_Ask | _Lock | _Done"]:
        go, answer = self._steps.send, self._answer
        while True:
            try:
                wanted = go(answer)
            except StopIteration as ended:
                return _Done(ended.value)
            if isinstance(wanted, _Ask | _Lock):
                return wanted
            try:
                go, answer = self._steps.send, (yield wanted)
            except BaseException as error:  # noqa: BLE001 - the job's to deal with
                go, answer = self._steps.throw, error


async def run_together(db: WriteDb, jobs: Sequence[Job]) -> list[Any]:
    """Run jobs side by side in a transaction; return what each returned.

    Raises:
        JobFailedError: A job raised.
        GroupFailedError: A statement for several jobs failed (`__cause__`), or jobs wait for each other.
    """
    return await _Group(db, jobs).run()


class _Group:
    def __init__(self, db: WriteDb, jobs: Sequence[Job]) -> None:
        self._db = db
        self._steps: list[Any] = [job(_SharedDb(db)).__await__() for job in jobs]
        self._results: list[Any] = [None] * len(jobs)
        self._ready: list[tuple[int, Any]] = [(place, None) for place in range(len(jobs))]
        self._asking: list[tuple[int, _Ask]] = []
        self._held: dict[Hashable, int] = {}
        """Who has what, while it has not ended."""
        self._had: set[Hashable] = set()
        """What those had that have ended: whoever read it beside them may have read it as it was."""
        self._blocked: dict[int, Collection[Hashable]] = {}

    async def run(self) -> list[Any]:
        try:
            while self._ready:
                await self._let_run()
                await self._answer()
            if self._blocked:
                raise GroupFailedError("jobs wait for each other")
        finally:
            for steps in self._steps:
                steps.close()
        return self._results

    async def _let_run(self) -> None:
        """Let all jobs run that can, in their order, until each of them asks, waits or has ended."""
        while self._ready:
            ready, self._ready = sorted(self._ready, key=lambda waiting: waiting[0]), []
            for place, answer in ready:
                await self._go(place, answer)

    async def _go(self, place: int, answer: Any) -> None:
        while True:
            try:
                wanted = await _Step(self._steps[place], answer)
            except Exception as error:
                raise JobFailedError(place) from error
            if isinstance(wanted, _Ask):
                self._asking.append((place, wanted))
                return
            if isinstance(wanted, _Done):
                self._results[place] = wanted.result
                self._ended(place)
                return
            answer = any(key in self._had and key not in self._held for key in wanted.keys)
            if not self._take(place, wanted.keys):
                self._blocked[place] = wanted.keys
                return

    def _take(self, place: int, keys: Collection[Hashable]) -> bool:
        if any(self._held.get(key, place) != place for key in keys):
            return False
        self._held.update(dict.fromkeys(keys, place))
        return True

    def _ended(self, place: int) -> None:
        for key in [key for key, holder in self._held.items() if holder == place]:
            del self._held[key]
            self._had.add(key)
        for waiting in sorted(self._blocked):
            if self._take(waiting, self._blocked[waiting]):
                del self._blocked[waiting]
                self._ready.append((waiting, True))

    async def _answer(self) -> None:
        """Run what was asked, each statement once."""
        asking, self._asking = self._asking, []
        same: defaultdict[Prepared, list[tuple[int, _Ask]]] = defaultdict(list)
        for place, ask in asking:
            same[ask.prepared].append((place, ask))
        for prepared, asked in same.items():
            about: set[Hashable] | None = set()
            for _, ask in asked:
                about = None if about is None or ask.about is None else about.union(ask.about)
            try:
                rows = await self._db.fetch_many(prepared, [ask.values for _, ask in asked], about=about)
            except Exception as error:
                raise GroupFailedError("a statement for several jobs failed") from error
            self._ready += [(place, found) for (place, _), found in zip(asked, rows, strict=True)]
