"""What model calls cost their owner."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from prosa.auth.caller import Caller
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.errors import FieldError, InvalidInputError
from prosa.usage import repository
from prosa.usage.repository import Total

DEFAULT_DAYS = 30
MOST_DAYS = 366


class UsageService:
    """Reads what model calls cost."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def totals(
        self, caller: Caller, *, first: date | None = None, last: date | None = None, session_id: str | None = None
    ) -> Sequence[Total]:
        """Return the caller's totals by day, model and purpose, the newest day first.

        Args:
            caller: Whose calls.
            first: The first day (UTC); 29 days before the last where left out.
            last: The last day; today where left out.
            session_id: Of one number only.

        Raises:
            InvalidInputError: The days are in the wrong order, or more than 366.
        """
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
        async with self._database.read() as db:
            return await repository.totals(db, user_id=caller.user_id, begin=begin, end=end, session_id=session_id)


def _bad_days(message: str) -> InvalidInputError:
    return InvalidInputError("The days do not make a period.", fields=[FieldError("query.from", message)])
