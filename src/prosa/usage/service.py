"""What model calls cost their owner."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from prosa.auth.caller import Caller
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.database.engine import ReadDb
from prosa.errors import FieldError, InvalidInputError
from prosa.events.bus import Bus
from prosa.usage import budgets, repository, traffic
from prosa.usage.budgets import Budget, Scope, Spent
from prosa.usage.repository import Total, Where
from prosa.usage.traffic import Flow

DEFAULT_DAYS = 30
MOST_DAYS = 366
MOST_TOTALS = 10_000

PromptPrice = Callable[[str, str, int, float], int | None]
"""Of provider, model, tokens and the share of them that is cached: millionths of a US dollar; None: not known."""


@dataclass(frozen=True, slots=True)
class Report:
    """Totals, answers by where they came from, and how long calls for replies took."""

    totals: Sequence[Total]
    answers: dict[str, int]
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class Wait:
    """How long contacts waited for answers."""

    answers: int
    p50_ms: int | None
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages by group, and how long contacts waited for answers of the AI and of people."""

    flows: Sequence[Flow]
    ai: Wait
    people: Wait


class UsageService:
    """Reads what model calls cost, and which messages came and went."""

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        prompt_price: PromptPrice = lambda *_: None,
        bus: Bus | None = None,
    ) -> None:
        """Make the service.

        Args:
            database: Where calls and messages are.
            clock: The time.
            prompt_price: Says what saved tokens would have cost.
            bus: Tells who adds up what is spent, here and in other processes, of a budget that was set.
        """
        self._database = database
        self._clock = clock
        self._prompt_price = prompt_price
        self._bus = bus

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
        where = self._where(caller, first, last, session_id)
        async with self._database.read() as db:
            return await self._totals(db, where, group)

    async def traffic(
        self,
        caller: Caller,
        *,
        first: date | None = None,
        last: date | None = None,
        session_id: str | None = None,
        group: Sequence[str] = ("day",),
    ) -> Traffic:
        """Return the caller's messages by day, session or both, and waiting times; other arguments as for `totals`.

        Raises:
            InvalidInputError: The days are in the wrong order, or more than 366.
        """
        where = self._where(caller, first, last, session_id)
        async with self._database.read() as db:
            flows = await traffic.flows(db, where, _columns(group))
            waits = await traffic.waits(db, where)
        return Traffic(flows, _wait(waits["ai"]), _wait(waits["people"]))

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
        where = self._where(caller, first, last, session_id)
        async with self._database.read() as db:
            totals = await self._totals(db, where, group)
            answers = await traffic.answers_by_tier(db, where)
            p50, p95 = await repository.reply_times(db, where, (0.5, 0.95))
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
        if self._bus is not None:
            self._bus.tell(budgets.CHANGED, {"user_id": str(caller.user_id)})

    async def _totals(self, db: ReadDb, where: Where, group: Sequence[str]) -> Sequence[Total]:
        by = _columns(group)
        fine = list(dict.fromkeys([*by, "provider", "model"]))  # prices are a model's
        totals = await repository.totals(db, where, group=fine, limit=MOST_TOTALS + 1)
        if len(totals) > MOST_TOTALS:
            raise InvalidInputError(
                f"These are more than {MOST_TOTALS} totals.",
                fields=[FieldError("query.group", "group by less, or ask for fewer days")],
            )
        coarse: dict[tuple[object, ...], list[Total]] = {}
        unasked: dict[str, Any] = dict.fromkeys(name for name in fine if name not in by)
        for total in totals:
            priced = replace(total, saved_microusd=self._saved(total), **unasked)
            coarse.setdefault(tuple(getattr(total, name) for name in by), []).append(priced)
        return [_together(same) for same in coarse.values()]

    def _saved(self, total: Total) -> int:
        """Return about what the tokens that were not sent would have cost, as often cached as those that were."""
        if not total.saved_tokens or not total.input_tokens or total.provider is None or total.model is None:
            return 0
        share = total.cached_tokens / total.input_tokens
        return self._prompt_price(total.provider, total.model, total.saved_tokens, share) or 0

    def _where(self, caller: Caller, first: date | None, last: date | None, session_id: str | None) -> Where:
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
        return Where(caller, begin, end, session_id)


def _columns(group: Sequence[str]) -> list[str]:
    return list(dict.fromkeys("session_id" if name == "session" else name for name in group))


def _together(totals: Sequence[Total]) -> Total:
    """Return the sum of totals; its calls took as long as all of them on average."""
    if len(totals) == 1:
        return totals[0]
    sums = {name: sum(getattr(total, name) for total in totals) for name in _SUMS}
    took = sum(total.latency_ms * total.calls for total in totals)
    return replace(totals[0], **sums, latency_ms=round(took / sums["calls"]))


_SUMS = tuple(one.name for one in fields(Total) if one.name not in {*repository.GROUPS, "latency_ms"})


def _wait(times: Sequence[timedelta]) -> Wait:
    def at(share: float) -> int | None:
        return round(times[min(len(times) - 1, int(share * len(times)))].total_seconds() * 1000) if times else None

    return Wait(len(times), at(0.5), at(0.95))


def _bad_days(message: str) -> InvalidInputError:
    return InvalidInputError("The days do not make a period.", fields=[FieldError("query.from", message)])
