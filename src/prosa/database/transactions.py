"""What a transaction can do: `ReadDb` and `WriteDb`, which are distinct so that types tell who may write."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, Literal

from sqlalchemy import Executable
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from prosa.database.drivers import Driver, Params, SqlAlchemyDriver
from prosa.database.prepared import Prepared, Values


class ReadDb:
    """A connection for reading: `execute` for any statement, `fetch` for those of the hot path, `orm` for the rest."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._orm: AsyncSession | None = None

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database this is."""
        return "sqlite" if self._driver.dialect.name == "sqlite" else "postgresql"

    @property
    def connection(self) -> AsyncConnection:
        """SQLAlchemy's connection, for what is not a statement.

        Raises:
            RuntimeError: In a submitted job, where there is none.
        """
        if isinstance(self._driver, SqlAlchemyDriver):
            return self._driver.connection
        raise RuntimeError("a submitted job has statements only; open a transaction of its own")

    @property
    def orm(self) -> AsyncSession:
        """An ORM session on this transaction; not in a submitted job."""
        if self._orm is None:
            # rollback_only: the transaction around the session is not the session's to end
            self._orm = AsyncSession(
                bind=self.connection, expire_on_commit=False, join_transaction_mode="rollback_only"
            )
        return self._orm

    async def execute(self, statement: Executable, params: Params = None) -> CursorResult[Any]:
        """Run a Core statement."""
        return await self._driver.execute(statement, params)

    async def fetch(
        self, prepared: Prepared, values: Values, *, about: Collection[Hashable] | None = None
    ) -> list[Any]:
        """Run a prepared statement; return its rows, with columns by name. `about` matters to `WriteDb` only."""
        del about
        return await self._driver.fetch(prepared, values)

    async def flush(self) -> None:
        """Send what the ORM session holds back."""
        if self._orm is not None:
            await self._orm.flush()

    async def aclose(self) -> None:
        """Let go of the ORM session."""
        if self._orm is not None:
            await self._orm.close()
            self._orm = None


class WriteDb(ReadDb):
    """A transaction that may write. Only services open one; it is short, and never open across a network call."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.wakes: set[str] = set()
        self.calls: list[Callable[[], None]] = []
        self._later: defaultdict[Prepared, list[Values]] = defaultdict(list)
        self._about: set[Hashable] = set()

    def wake(self, topic: str) -> None:
        """Wake the listeners of `topic` once this transaction is committed."""
        self.wakes.add(topic)

    def then(self, call: Callable[[], None]) -> None:
        """Call something on the event loop as soon as this transaction is committed, before any other one begins.

        It is not called where the commit was not confirmed, whatever became of it. It must not wait.
        """
        self.calls.append(call)

    def later(self, prepared: Prepared, values: Values, *, about: Hashable = None) -> None:
        """Run a prepared statement, which returns nothing, at the end of the transaction, or when its row is needed.

        Jobs that share a transaction then share the statement: it is run once, with the rows of all of them.

        Args:
            prepared: The statement.
            values: Its values.
            about: What the row is about, such as the id of a conversation; see `fetch`.
        """
        self._later[prepared].append(values)
        if about is not None:
            self._about.add(about)

    async def fetch(
        self, prepared: Prepared, values: Values, *, about: Collection[Hashable] | None = None
    ) -> list[Any]:
        """Run a prepared statement; return its rows.

        Args:
            prepared: The statement.
            values: Its values.
            about: Of the rows that were put off, it needs to see only those about these; left out: all of them.
        """
        if self._later:
            await (self._catch_up() if about is None else self.caught_up(*about))
        return await super().fetch(prepared, values)

    async def fetch_many(
        self, prepared: Prepared, rows: Sequence[Values], *, about: Collection[Hashable] | None = None
    ) -> list[list[Any]]:
        """Run a prepared statement that is `bulk` for all of some values; return the rows of each.

        Values that name the same row are taken one after another. `about` is as in `fetch`.
        """
        if self._later:
            await (self._catch_up() if about is None else self.caught_up(*about))
        same = prepared.each is not None and len({values[prepared.each[0]] for values in rows}) < len(rows)
        if same or len(rows) == 1:
            return [await self._driver.fetch(prepared, values) for values in rows]
        return await self._driver.fetch_many(prepared, rows)

    async def mine(self, *keys: Hashable) -> bool:
        """Say what this job is about to read and change, such as a conversation.

        Jobs that share a transaction and run side by side (`prosa.database.together`) wait here for one another. Return
        whether another one had any of it before: then what was read until now may be out of date.
        """
        del keys
        return False

    async def caught_up(self, *about: Hashable) -> bool:
        """Send what was put off, if any of it is about one of these; return whether there was such."""
        if self._about.isdisjoint(about):
            return False
        await self._catch_up()
        return True

    async def execute(self, statement: Executable, params: Params = None) -> CursorResult[Any]:
        """Run a Core statement, after everything that was put off."""
        if self._later:
            await self._catch_up()
        return await super().execute(statement, params)

    async def flush(self) -> None:
        """Send everything that was put off, and what the ORM session holds back."""
        if self._later:
            await self._catch_up()
        await super().flush()

    async def _catch_up(self) -> None:
        waiting = dict(self._later)
        self._later.clear()
        self._about.clear()
        # a row comes after those that it refers to
        await self._driver.run_all(sorted(waiting.items(), key=lambda item: item[0].rank))
