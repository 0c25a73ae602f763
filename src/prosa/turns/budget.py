"""What was spent this month, and whether more may be.

Sums are kept in the process: read from the table of calls at first need and again every half a minute, and whatever
this process records (answers, failed calls, summaries, embeddings) is added at once. So a turn costs no query, a
restart forgets nothing, and several processes overspend by what they spend in half a minute at most.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from prosa.ai.usage import CallUsage, Purpose
from prosa.clock import Clock, utc_now
from prosa.database import Database
from prosa.database.engine import WriteDb
from prosa.errors import ConflictError
from prosa.events import log
from prosa.events.bus import Bus, Word
from prosa.events.log import NewEvent
from prosa.events.types import BudgetAlertPayload
from prosa.sessions.facts import SessionFacts
from prosa.usage import budgets as usage_budgets
from prosa.usage.budgets import Scope, Spent

logger = structlog.get_logger("prosa.turns")

RECONCILE_SECONDS = 30.0
REPLIES = (Purpose.REPLY, Purpose.TRY)
"""What limits of one call for a reply hold for."""
_KEPT = 20_000
MICRO = 1_000_000


class BudgetUsedUpError(ConflictError):
    """What a model would be asked costs more than may be spent."""

    code = "budget_used_up"
    title = "A budget is used up"
    remedy = "GET /usage says what was spent; raise the budget, or wait until the first of the next month (UTC)."


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent in a month in one scope."""

    scope: Scope
    tokens: int | None
    microusd: int | None
    alert_share: float

    def share(self, spent: Spent) -> float:
        """Return how much of it is used, 1 being all."""
        shares = [
            used / most
            for used, most in ((spent.tokens, self.tokens), (spent.microusd, self.microusd))
            if most is not None
        ]
        return max(shares, default=0.0)


@dataclass(slots=True)
class _Sum:
    spent: Spent
    month: str
    read_at: float


class Budgets:
    """Adds up and decides."""

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        now: Callable[[], float] = time.monotonic,
        bus: Bus | None = None,
    ) -> None:
        """Make it.

        Args:
            database: Where calls are recorded.
            clock: The time.
            now: A clock that only moves forward, in seconds.
            bus: Tells of owners' budgets that are set; without it they are looked up again every half a minute.
        """
        self._database = database
        self._clock = clock
        self._now = now
        self._sums: OrderedDict[Scope, _Sum] = OrderedDict()
        self._reading: list[tuple[Scope, list[Spent]]] = []
        self._owners: dict[uuid.UUID, tuple[float, Limit | None]] = {}
        self._told: set[tuple[Scope, str, str]] = set()
        if bus is not None:
            bus.hear(usage_budgets.CHANGED, self._changed)

    async def stops(self, session: SessionFacts, conversation_id: uuid.UUID) -> bool:
        """Return whether a budget is used up; tells its owner, once a month."""
        return await self.used_up(session, conversation_id) is not None

    async def used_up(self, session: SessionFacts, conversation_id: uuid.UUID | None = None) -> Limit | None:
        """Return a budget that is used up, where one is; tells its owner, once a month.

        Args:
            session: The number.
            conversation_id: The conversation; None: only the number's and the owner's budgets count.
        """
        for limit in await self._limits(session, conversation_id):
            spent = await self._spent(limit.scope)
            if limit.share(spent) >= 1:
                await self._tell(session, limit, spent, stopped=True)
                return limit
        return None

    async def spent(
        self, session: SessionFacts, conversation_id: uuid.UUID | None, calls: Sequence[tuple[Purpose, CallUsage]]
    ) -> None:
        """Take in calls that were recorded just now.

        Their owner is told, once a month, of a budget nearly used up, and of a reply that came near its limit.
        """
        all_of_them = sum((_spent_by(used) for _, used in calls), Spent())
        scope = Scope(session.user_id, session.session_id, conversation_id)
        self.add(scope, tokens=all_of_them.tokens, microusd=all_of_them.microusd)
        for limit in await self._limits(session, conversation_id):
            spent = await self._spent(limit.scope)
            if limit.share(spent) >= limit.alert_share:
                await self._tell(session, limit, spent, stopped=limit.share(spent) >= 1)
        chosen = session.settings.budget
        if chosen.reply_tokens or chosen.reply_usd:
            scope = Scope(session.user_id, session.session_id, reply=True)
            limit = _limit(scope, chosen.reply_tokens, chosen.reply_usd, chosen.alert_share)
            for spent in (_spent_by(used) for purpose, used in calls if purpose in REPLIES):
                if limit.share(spent) >= limit.alert_share:
                    await self._tell(session, limit, spent, stopped=False)

    def add(self, scope: Scope, *, tokens: int, microusd: int) -> None:
        """Add what was recorded just now to the sums of a scope and of those around it, without telling anybody."""
        more = Spent(tokens, microusd)
        whole = (Scope(scope.user_id), Scope(scope.user_id, scope.session_id), scope)
        for one in dict.fromkeys(whole):
            known = self._sums.get(one)
            if known is not None and known.month == self._month():
                known.spent += more
            for reading, meanwhile in self._reading:
                if reading == one:
                    meanwhile.append(more)

    async def _limits(self, session: SessionFacts, conversation_id: uuid.UUID | None) -> list[Limit]:
        chosen = session.settings.budget
        limits = []
        if conversation_id is not None and (chosen.conversation_tokens or chosen.conversation_usd):
            scope = Scope(session.user_id, session.session_id, conversation_id)
            limits.append(_limit(scope, chosen.conversation_tokens, chosen.conversation_usd, chosen.alert_share))
        if chosen.number_tokens or chosen.number_usd:
            scope = Scope(session.user_id, session.session_id)
            limits.append(_limit(scope, chosen.number_tokens, chosen.number_usd, chosen.alert_share))
        owner = await self._owner(session.user_id)
        return [*limits, owner] if owner is not None else limits

    async def _owner(self, user_id: uuid.UUID) -> Limit | None:
        read_at, limit = self._owners.get(user_id, (None, None))
        if read_at is None or self._now() - read_at > RECONCILE_SECONDS:
            async with self._database.read() as db:
                found = await usage_budgets.find(db, user_id)
            limit = _limit(Scope(user_id), found.tokens, found.usd, found.alert_share) if found else None
            if len(self._owners) > _KEPT:
                self._owners.clear()
            self._owners[user_id] = (self._now(), limit)
        return limit

    def _changed(self, word: Word) -> None:
        self._owners.pop(uuid.UUID(word["user_id"]), None)

    async def _spent(self, scope: Scope) -> Spent:
        known, month = self._sums.get(scope), self._month()
        if known is None or known.month != month or self._now() - known.read_at > RECONCILE_SECONDS:
            # What is recorded while the sum is read may be in it or not; rather twice than not at all, until next time.
            reading: tuple[Scope, list[Spent]] = (scope, [])
            self._reading.append(reading)
            try:
                async with self._database.read() as db:
                    spent = await usage_budgets.spent(db, scope, begin=_begin(self._clock()))
            finally:
                self._reading = [one for one in self._reading if one is not reading]
            known = self._sums[scope] = _Sum(sum(reading[1], spent), month, self._now())
            if len(self._sums) > _KEPT:
                self._sums.popitem(last=False)
        return known.spent

    async def _tell(self, session: SessionFacts, limit: Limit, spent: Spent, *, stopped: bool) -> None:
        kind, month = ("stopped" if stopped else "alert"), self._month()
        key = (limit.scope, month, kind)
        if key in self._told:
            return
        alert = BudgetAlertPayload(
            scope=limit.scope.kind,
            conversation_id=limit.scope.conversation_id,
            month=month,
            tokens=spent.tokens,
            most_tokens=limit.tokens,
            cost_microusd=spent.microusd,
            most_microusd=limit.microusd,
            stopped=stopped,
        )
        event = NewEvent(session.user_id, session.session_id if limit.scope.session_id else None, alert)
        await self._database.submit(partial(_tell_once, limit.scope, month, kind, event))
        if len(self._told) > _KEPT:
            self._told.clear()
        self._told.add(key)
        logger.warning("a budget is used up" if stopped else "a budget is nearly used up", scope=limit.scope.kind)

    def _month(self) -> str:
        return f"{self._clock().astimezone(UTC):%Y-%m}"


def _limit(scope: Scope, tokens: int | None, usd: float | None, alert_share: float) -> Limit:
    return Limit(scope, tokens, None if usd is None else round(usd * MICRO), alert_share)


def _spent_by(used: CallUsage) -> Spent:
    return Spent(used.input_tokens + used.output_tokens, used.cost_microusd or 0)


def _begin(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def _tell_once(scope: Scope, month: str, kind: str, event: NewEvent, db: WriteDb) -> None:
    if await usage_budgets.mark(db, scope, month, kind):
        await log.append(db, event)
