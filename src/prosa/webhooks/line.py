"""One webhook's way through the log: reads on from its place, delivers, and writes down how far it came."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row

from prosa.auth.vault import SealBrokenError, Vault
from prosa.clock import Clock, utc_now
from prosa.database.engine import Database
from prosa.database.outage import OutageLog
from prosa.events import log
from prosa.events.log import LoggedEvent, Position
from prosa.leases import LeaseLostError
from prosa.outgoing import Outgoing
from prosa.webhooks import metrics, repository, signing, writing
from prosa.webhooks.delivering import Round
from prosa.webhooks.sealing import target_of
from prosa.webhooks.sending import Outcome, Target, post, unreadable
from prosa.webhooks.writing import Report

READ = 500
"""Events that are read at a time; of those of no interest nothing is kept."""
BATCH = 100
"""Events of one round; fewer than the deliveries that are kept, so that what a broken-off round did is known."""
POLL_SECONDS = 30.0
"""Between two looks, without a word that there is something new (`prosa.webhooks.follower` has it)."""
RETRY_SECONDS = 1.0
"""After a look that did not work."""
IDLE_SECONDS = 60.0
"""How often a place is written down that moved without any delivery."""
ASIDE_AT_ONCE = 5
"""Events put aside that are tried again in one round."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What lines need."""

    database: Database
    outgoing: Outgoing
    vault: Vault
    clock: Clock = utc_now


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look at the log found.

    Attributes:
        row: The webhook as it is now.
        wanted: Its events behind its place.
        fresh: Those that were not dealt with yet.
        reach: How far the log is done with once these are.
        more: There may be more behind.
        aside: What was put aside and is due next.
    """

    row: Row[Any]
    wanted: Sequence[LoggedEvent]
    fresh: Sequence[LoggedEvent]
    reach: Position
    more: bool
    aside: Sequence[Row[Any]]


class Line:
    """Delivers one webhook's events for as long as its lease is held."""

    def __init__(self, parts: Parts, row: Row[Any], owner: str) -> None:
        """Make it for a webhook that was claimed.

        Args:
            parts: The database and so on.
            row: The webhook.
            owner: Who holds it.
        """
        self.id: uuid.UUID = row.id
        self.owner = owner
        self.row = row
        self._parts = parts
        self._place = self._written = repository.place_of(row)
        self._written_at = parts.clock()
        self._unsure = True
        self._untidy = writing.TIDY_EVERY
        self._news = asyncio.Event()
        self._round: Round | None = None
        self._stopping = False

    def wake(self) -> None:
        """Say that there may be something new."""
        self._news.set()

    def halt(self) -> None:
        """Begin nothing more; `run` returns once what is under way is finished."""
        self._stopping = True
        self._news.set()
        if self._round is not None:
            self._round.halt()

    async def run(self) -> None:
        """Deliver until the webhook is given back, switched off, or somebody else's."""
        outages = OutageLog("delivering to a webhook")
        while not self._stopping:
            self._news.clear()
            try:
                wait = await self._step()
                outages.worked()
            except LeaseLostError:
                return
            except Exception as error:  # noqa: BLE001 - logged; the log is read on from the same place
                outages.failed(error)
                self._unsure = True
                wait = RETRY_SECONDS
            if wait is None:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    async def _step(self) -> float | None:
        """Deliver what there is; return for how many seconds there is nothing, or None where this is over."""
        found = await self._look()
        if found is None:
            return None
        self.row = row = found.row
        now = self._parts.clock()
        due = [] if row.attempts else [one for one in found.aside if one.due_at <= now]
        again = False
        if found.fresh or due:
            report = await self._deliver(found, due)
            if report.over:
                return None
            again = report.aside
        elif row.attempts or (self._written != found.reach and self._idle(now)):
            await self._write(Report({"attempts": 0}), found.reach)  # what it had to wait for is not there any more
        else:
            self._place = found.reach
        self._unsure = False
        if found.more or again:
            return 0.0
        coming = min((one.due_at for one in found.aside if one not in due), default=None)
        wait = POLL_SECONDS if coming is None else (coming - self._parts.clock()).total_seconds()
        return min(POLL_SECONDS, max(0.05, wait))

    def _idle(self, now: datetime) -> bool:
        return (now - self._written_at).total_seconds() >= IDLE_SECONDS

    async def _look(self) -> _Found | None:
        async with self._parts.database.read() as db:
            row = await repository.held(db, self.id, self.owner)
            if row is None:
                return None
            place = max(self._place, repository.place_of(row))
            end = await log.end(db)  # before reading: what it has is then read, too
            read = await log.read_after(db, place, user_id=row.user_id, limit=READ)
            wanted = [event for event in read if repository.wants(row, event.type, event.session)]
            known = set[str]()
            if self._unsure:
                known = await repository.known(db, self.id, [event.position for event in wanted[:BATCH]])
            aside = await repository.aside(db, self.id, limit=ASIDE_AT_ONCE)
        if len(wanted) > BATCH:
            wanted, more = wanted[:BATCH], True
            reach = wanted[-1].position
        else:
            more = len(read) == READ
            reach = read[-1].position if more else max([place, end, *(event.position for event in read[-1:])])
        fresh = [event for event in wanted if str(event.position) not in known]
        return _Found(row, wanted, fresh, reach, more, aside)

    async def _deliver(self, found: _Found, due: Sequence[Row[Any]]) -> Report:
        """Send events, and those put aside; write down what came of it."""
        target = self._target(found.row)
        again: list[tuple[Row[Any], Outcome]] = []

        async def send(envelope: dict[str, Any]) -> Outcome:
            if isinstance(target, Outcome):
                return target
            name = signing.message_id(self.id, envelope["id"])
            outcome = await post(self._parts.outgoing, target, name, envelope, self._parts.clock())
            (metrics.ACCEPTED if outcome.ok else metrics.REFUSED).inc()
            return outcome

        async def send_again(one: Row[Any]) -> None:
            again.append((one, await send(one.envelope)))

        self._round = round_ = Round(found.fresh, lambda event: send(event.envelope()))
        if self._stopping:
            round_.halt()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(round_.run(found.row.attempts))
                for one in due:
                    group.create_task(send_again(one))
        finally:  # also where it was cancelled: what got through must not be sent again
            self._round = None
            report = writing.report(found.row, round_, again, self._parts.clock())
            await self._write(report, _reached(found, round_, self._place))
        return report

    def _target(self, row: Row[Any]) -> Target | Outcome:
        try:
            return target_of(self._parts.vault, row, self._parts.clock())
        except SealBrokenError as error:
            return unreadable(error)

    async def _write(self, report: Report, reach: Position) -> None:
        self._untidy += len(report.notes)
        now = self._parts.clock()
        job = partial(
            writing.write, row=self.row, owner=self.owner, report=report, reach=reach, now=now,
            tidy=self._untidy >= writing.TIDY_EVERY or not report.notes,
        )  # fmt: skip
        await self._parts.database.submit(job)
        if self._untidy >= writing.TIDY_EVERY:
            self._untidy = 0
        self._place = self._written = reach
        self._written_at = now


def _reached(found: _Found, round_: Round, place: Position) -> Position:
    """Return the place up to which everything is dealt with."""
    if round_.done_until == len(found.fresh):
        return found.reach
    front = found.fresh[round_.done_until].position
    return max([place, *(event.position for event in found.wanted if event.position < front)])
