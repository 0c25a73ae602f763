"""What model calls cost their owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from prosa.auth.caller import Caller
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.database.engine import ReadDb
from prosa.errors import FieldError, InvalidInputError
from prosa.usage import budgets, repository
from prosa.usage.budgets import Budget, Scope, Spent
from prosa.usage.repository import Total

DEFAULT_DAYS = 30
MOST_DAYS = 366
MOST_TOTALS = 10_000


@dataclass(frozen=True, slots=True)
class Report:
    """Totals, answers by where they came from, and how long calls for replies took."""

    totals: Sequence[Total]
    answers: dict[str, int]
    p50_ms: int | None
    p95_ms: int | None


class UsageService:
    """Reads what model calls cost."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def totals(
        self,
        caller: Caller,
        *,
        first: date | None = None,
        last: date | None = None,
        session_id: str | None = None,
        group: Sequence[str] = ("day", "provider", "model", "purpose"),
    ) -> Sequence[Total]:
        """Return the caller's totals, the newest day first.

        Args:
            caller: Whose calls.
            first: The first day (UTC); 29 days before the last where left out.
            last: The last day; today where left out.
            session_id: Of one number only.
            group: By what to add up: day, session, purpose, provider, model.

        Raises:
            InvalidInputError: The days are in the wrong order, or more than 366; or there are more than 10,000 totals.
        """
        begin, end = self._period(first, last)
        async with self._database.read() as db:
            return await _totals(db, caller, begin, end, session_id, group)

    async def report(
        self,
        caller: Caller,
        *,
        first: date | None = None,
        last: date | None = None,
        session_id: str | None = None,
        group: Sequence[str] = ("day", "provider", "model", "purpose"),
    ) -> Report:
        """Return the totals, where answers came from, and how long they took; arguments as for `totals`."""
        begin, end = self._period(first, last)
        async with self._database.read() as db:
            totals = await _totals(db, caller, begin, end, session_id, group)
            where: dict[str, Any] = {
                "user_id": caller.user_id, "begin": begin, "end": end, "session_id": session_id
            }  # fmt: skip
            answers = await repository.answers_by_tier(db, **where)
            p50, p95 = await repository.reply_times(db, (0.5, 0.95), **where)
        return Report(totals, answers, p50, p95)

    async def budget(self, caller: Caller) -> tuple[Budget, Spent]:
        """Return the caller's own budget, and what is spent of it this month."""
        begin = self._clock().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        async with self._database.read() as db:
            found = await budgets.find(db, caller.user_id)
            return found or Budget(), await budgets.spent(db, Scope(caller.user_id), begin=begin)

    async def set_budget(self, caller: Caller, budget: Budget) -> None:
        """Set the caller's own budget."""
        async with self._database.write() as db:
            await budgets.put(db, caller.user_id, budget)

    def _period(self, first: date | None, last: date | None) -> tuple[datetime, datetime]:
        last = last or self._clock().astimezone(UTC).date()
        try:
            first = first or last - timedelta(days=DEFAULT_DAYS - 1)
            begin = datetime.combine(first, time(), UTC)
            end = datetime.combine(last + timedelta(days=1), time(), UTC)
        except OverflowError:
            raise _bad_days("the calendar ends at 9999-12-31 and begins at 0001-01-01") from None
        if first > last:
            raise _bad_days("must not be after 'to'")
        if (last - first).days >= MOST_DAYS:
            raise _bad_days(f"at most {MOST_DAYS} days before 'to'")
        return begin, end


async def _totals(
    db: ReadDb, caller: Caller, begin: datetime, end: datetime, session_id: str | None, group: Sequence[str]
) -> Sequence[Total]:
    by = list(dict.fromkeys("session_id" if name == "session" else name for name in group))
    totals = await repository.totals(
        db, user_id=caller.user_id, begin=begin, end=end, session_id=session_id, group=by, limit=MOST_TOTALS + 1
    )
    if len(totals) > MOST_TOTALS:
        raise InvalidInputError(
            f"These are more than {MOST_TOTALS} totals.",
            fields=[FieldError("query.group", "group by less, or ask for fewer days")],
        )
    return totals


def _bad_days(message: str) -> InvalidInputError:
    return InvalidInputError("The days do not make a period.", fields=[FieldError("query.from", message)])
