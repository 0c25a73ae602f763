"""Delivers the events that one look at the log found, and tells a receiver that is away from an event that it refuses.

Events of one conversation are a lane and go one after another; lanes run side by side. An event that is not accepted
is tried again, for a few seconds, while its lane waits. Then it counts who got through meanwhile: where others did, it
is put aside and its lane goes on; where nobody did, the receiver is away, and the whole line waits. After that the
events are sent one at a time until one gets through, so that a receiver that is away is asked no more than it must be.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from prosa.events.log import LoggedEvent, Position
from prosa.leases import backoff
from prosa.webhooks.sending import Outcome

LANES = 10
"""Requests to one receiver at a time."""
TRIES = 3
"""Of an event, before it is put aside or its receiver counts as away."""
BASE_SECONDS = 1.0
"""Before the second try; twice as long before the third."""
FEELERS, SILENT = 10, 3
"""Events that are sent, one at a time, to a receiver that was away; one more at each further look, so that a row of
events that it refuses does not hide those behind that it would take. Where it does not answer at all, few will do."""

Post: TypeAlias = Callable[[LoggedEvent], Awaitable[Outcome]]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Tried:
    """An event, and what became of it in this round."""

    event: LoggedEvent
    attempts: int = 0
    outcome: Outcome | None = None
    aside: bool = False

    @property
    def done(self) -> bool:
        """Whether the line may go on behind it."""
        return self.aside or (self.outcome is not None and self.outcome.ok)


@dataclass(slots=True)
class Round:
    """One look at the log.

    Attributes:
        tried: What was sent, by its place.
        trouble: Why the line cannot go on; None where it can.
        halted: It was told to stop.
    """

    events: Sequence[LoggedEvent]
    post: Post
    sleep: Sleep = asyncio.sleep
    tried: dict[Position, Tried] = field(default_factory=dict)
    trouble: Outcome | None = None
    halted: bool = False
    _through: int = 0

    async def run(self, failed_looks: int) -> None:
        """Deliver.

        Args:
            failed_looks: Looks in a row, before this one, after which the line could not go on.
        """
        rest = await self._feel(FEELERS + failed_looks) if failed_looks and self.events else self.events
        lanes = deque(_lanes(rest))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(LANES, len(lanes))):
                group.create_task(self._work(lanes))

    def halt(self) -> None:
        """Begin nothing more; what is under way is finished."""
        self.halted = True

    @property
    def done_until(self) -> int:
        """How many of the events, from the first on, are done."""
        for count, event in enumerate(self.events):
            tried = self.tried.get(event.position)
            if tried is None or not tried.done:
                return count
        return len(self.events)

    def _over(self) -> bool:
        return self.halted or self.trouble is not None

    async def _feel(self, most: int) -> Sequence[LoggedEvent]:
        """Send one event at a time until one gets through; return those behind it."""
        refused: list[LoggedEvent] = []
        silent = 0
        for number, event in enumerate(self.events[:most]):
            if self._over():
                return ()
            outcome = await self._try(event)
            if outcome.ok:
                for other in refused:  # the receiver may have come back between this one and that
                    if not self._over() and not (await self._try(other)).ok and not self._over():
                        self.tried[other.position].aside = True
                return self.events[number + 1 :] if not self._over() else ()
            refused.append(event)
            silent += outcome.status is None
            if silent == SILENT:
                break
        if self.trouble is None and refused:
            self.trouble = self.tried[refused[0].position].outcome
        return ()

    async def _work(self, lanes: deque[list[LoggedEvent]]) -> None:
        while lanes and not self._over():
            for event in lanes.popleft():
                if self._over():
                    return
                await self._deliver(event)

    async def _deliver(self, event: LoggedEvent) -> None:
        before = self._through
        for attempt in range(TRIES):
            if attempt:
                await self.sleep(backoff(attempt - 1, base=BASE_SECONDS, ceiling=60).total_seconds())
            if self._over() and attempt:
                return
            if (await self._try(event)).ok:
                return
        if self._over():
            return
        if self._through > before:
            self.tried[event.position].aside = True
        else:
            self.trouble = self.tried[event.position].outcome

    async def _try(self, event: LoggedEvent) -> Outcome:
        tried = self.tried.setdefault(event.position, Tried(event))
        outcome = await self.post(event)
        tried.attempts += 1
        tried.outcome = outcome
        if outcome.ok:
            self._through += 1
        elif outcome.gone or outcome.wait is not None:
            self.trouble = outcome
        return outcome


def _lanes(events: Iterable[LoggedEvent]) -> list[list[LoggedEvent]]:
    """Return events by conversation, each in order; those that name none, by their number.

    Where two conversations turned out to be one, they are one lane.
    """
    events = list(events)
    merged = {
        str(event.payload["merged_id"]): str(event.payload["id"]) for event in events if event.payload.get("merged_id")
    }
    lanes: dict[str, list[LoggedEvent]] = {}
    for event in events:
        lane = _conversation(event)
        for _ in range(len(merged)):
            if lane not in merged:
                break
            lane = merged[lane]
        lanes.setdefault(lane, []).append(event)
    return list(lanes.values())


def _conversation(event: LoggedEvent) -> str:
    known = event.payload.get("conversation_id")
    if known is None and event.type.startswith("conversation."):
        known = event.payload.get("id")
    return str(known) if known is not None else f"session:{event.session}"
