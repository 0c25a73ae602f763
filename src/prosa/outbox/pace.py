"""How fast each number that is online here may send. Kept in memory; what must survive a restart is in the tables.

A number whose rate is limited sends one message and is left alone until its next may go: nothing waits in a task, and
nothing is leased meanwhile. A number without limits costs nothing here but a look into a dict.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from prosa.clock import Clock
from prosa.database.engine import Database
from prosa.database.outage import is_outage
from prosa.outbox import limits
from prosa.outbox.limits import Pause
from prosa.outbox.pacing import Chance, varied
from prosa.sessions.facts import Numbers
from prosa.sessions.settings import SessionSettings

logger = structlog.get_logger("prosa.outbox")

FRESH = timedelta(seconds=5)
"""How long the settings of a number that sends are used before they are looked up again."""
LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(slots=True)
class _Pace:
    """One number.

    Attributes:
        settings: As looked up last.
        read_at: When that was.
        free_at: Its next message may go then, where its rate is limited.
        hungry: It may have more to send at that moment.
        full: It held messages to new contacts back while it might write to so many; None: it holds none back.
        pause: WhatsApp said that it sends too fast.
    """

    settings: SessionSettings
    read_at: datetime
    free_at: datetime
    hungry: bool = True
    full: int | None = None
    pause: Pause | None = None

    @property
    def gap(self) -> float:
        """Seconds between two messages; 0: not limited."""
        rate = self.settings.sending.messages_per_minute
        return 60 / rate if rate else 0


@dataclass(frozen=True, slots=True)
class Turnout:
    """Which numbers may send now: those without a limited rate, and those with one whose next message may go."""

    quick: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


class Paces:
    """The numbers that have something to do with sending here."""

    def __init__(
        self, database: Database, sessions: Numbers | None, clock: Clock, *, chance: Chance = random.random
    ) -> None:
        """Make it.

        Args:
            database: Where pauses are kept.
            sessions: Where numbers' settings are looked up; None: the defaults hold.
            clock: The time.
            chance: Makes gaps vary.
        """
        self._database = database
        self._sessions = sessions
        self._clock = clock
        self._chance = chance
        self._paces: dict[str, _Pace] = {}

    async def know(self, names: Collection[str]) -> None:
        """Look up numbers that are new here, and forget those that are gone."""
        for gone in self._paces.keys() - set(names):
            del self._paces[gone]
        new = [name for name in names if name not in self._paces]
        if not new:
            return
        async with self._database.read() as db:
            pauses, full = await limits.read_pauses(db, new), await limits.holding_back(db, new)
        for name in new:
            now = self._clock()
            pace = _Pace(await self._settings(name), now, now, pause=pauses.get(name))
            # What it might do when they were held back is not known.
            pace.full = -1 if name in full else None
            # Whoever had the number before may have sent something just now.
            pace.free_at = now + timedelta(seconds=pace.gap)
            self._paces[name] = pace

    async def refresh(self, names: Collection[str]) -> None:
        """Look up the settings of numbers again that were not looked up lately; while that fails, the old ones hold."""
        now = self._clock()
        for name in names:
            pace = self._paces.get(name)
            if pace is None or now - pace.read_at <= FRESH:
                continue
            try:
                pace.settings = await self._settings(name)
            except Exception as error:
                if not is_outage(error):
                    raise
            pace.read_at = now

    def filled(self, names: Collection[str]) -> None:
        """Take note of numbers of which messages to new contacts too many were held back."""
        for name in names:
            self._paces[name].full = self.cap(name)

    async def roomier(self) -> list[str]:
        """Return numbers that held messages back and may write to more new contacts by now; each is told once."""
        full = [name for name, pace in self._paces.items() if pace.full is not None]
        await self.refresh(full)
        more: list[str] = []
        for name in full:
            pace, cap = self._paces[name], self.cap(name)
            if pace.full is not None and (cap is None or cap > pace.full):
                pace.full = None
                more.append(name)
        return more

    def turnout(self, names: Collection[str], now: datetime) -> Turnout:
        """Return which numbers may send now."""
        turnout = Turnout()
        for name in names:
            pace = self._paces[name]
            if pace.pause is not None and pace.pause.until > now:
                continue
            if not pace.gap:
                turnout.quick.append(name)
            elif pace.free_at <= now:
                turnout.slow.append(name)
        return turnout

    def went(self, slow: Collection[str], taken: Collection[str], now: datetime) -> None:
        """Take note of numbers with a limited rate that were asked, and of those that had a message."""
        for name in slow:
            pace = self._paces[name]
            pace.hungry = name in taken
            if pace.hungry:
                pace.free_at = now + timedelta(seconds=varied(pace.gap, pace.settings.sending, self._chance))

    def may_send(self, name: str, now: datetime) -> bool:
        """Whether a number is known here, has no limited rate, and is not paused."""
        pace = self._paces.get(name)
        return pace is not None and not pace.gap and (pace.pause is None or pace.pause.until <= now)

    def is_slow(self, name: str) -> bool:
        """Whether a number's rate is limited."""
        return self._paces[name].gap > 0

    def cap(self, name: str) -> int | None:
        """Return how many new contacts a number writes to within 24 hours; None: any number."""
        return self.settings(name).sending.new_contacts_per_day

    def settings(self, name: str) -> SessionSettings:
        """Return a number's settings as they were lately."""
        pace = self._paces.get(name)
        return pace.settings if pace is not None else SessionSettings()

    def watched(self) -> list[str]:
        """Return the numbers whose messages are due at a time of their own: typed, or at a limited rate."""
        return [name for name, pace in self._paces.items() if pace.gap or pace.settings.sending.types]

    def is_paused(self, name: str) -> bool:
        """Whether a number is left alone because WhatsApp said that it sends too fast."""
        pace = self._paces.get(name)
        return pace is not None and pace.pause is not None and pace.pause.until > self._clock()

    def next_free(self, since: datetime) -> datetime | None:
        """Return the next moment after `since` when a number with a limited rate may send again; None: there is none.

        Numbers that might send by then were asked; those that are offline or paused still are as they were.
        """
        return min((p.free_at for p in self._paces.values() if p.gap and p.hungry and p.free_at > since), default=None)

    async def slower(self, name: str) -> Pause:
        """Pause a number because WhatsApp said that it sends too fast; return the pause, which is kept."""
        now = self._clock()
        pace = self._paces.get(name)
        before = pace.pause if pace is not None else None
        if before is not None and before.until > now:
            return before  # said of a message that was on its way before
        strikes = before.strikes + 1 if before is not None else 1
        sending = self.settings(name).sending
        seconds = min(LONGEST_PAUSE_SECONDS, sending.rate_limit_pause_seconds * 2.0 ** min(strikes - 1, 30))
        pause = Pause(now + timedelta(seconds=varied(seconds, sending, self._chance)), strikes)
        if pace is not None:
            pace.pause = pause
        await self._database.submit(partial(limits.write_pause, session_id=name, pause=pause))
        logger.warning("WhatsApp says that a number sends too fast", session=name, strikes=strikes, until=pause.until)
        return pause

    async def through(self, name: str) -> None:
        """Take note that a message of a number went through; what WhatsApp said before its last pause is forgotten."""
        pace = self._paces.get(name)
        if pace is not None and pace.pause is not None and pace.pause.until <= self._clock():
            pace.pause = None
            await self._database.submit(partial(limits.forget_pause, session_id=name))

    async def _settings(self, name: str) -> SessionSettings:
        facts = await self._sessions.get(name) if self._sessions is not None else None
        return facts.settings if facts is not None else SessionSettings()
