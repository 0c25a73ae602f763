"""A look ahead: when the next message is due, and "typing…" for the answers that are being typed.

Only for numbers whose messages are due at times of their own. It decides nothing: the tables say what is sent when, and
whoever misses a look sends at the next poll.
"""

import time
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select

from prosa.clock import Clock
from prosa.conversations.held import TABLE as CONVERSATIONS
from prosa.conversations.hot import MESSAGES
from prosa.conversations.models import Author
from prosa.conversations.online import OnlineNumbers
from prosa.database.engine import Database, ReadDb
from prosa.outbox.claims import first_in_line
from prosa.outbox.courtesies import Courtesies
from prosa.outbox.pace import Paces
from prosa.outbox.pacing import typing_time_of
from prosa.outbox.sending import unsent

HORIZON = timedelta(seconds=45)
"""Longer than any message is typed for."""
LOOK_SECONDS = 0.25
"""Between two looks, however much happens."""
MOST = 200

_m, _c = MESSAGES.c, CONVERSATIONS.c


class Ahead:
    """Looks ahead for one sender."""

    def __init__(self, database: Database, numbers: OnlineNumbers, paces: Paces, clock: Clock) -> None:
        self._database = database
        self._paces = paces
        self._clock = clock
        self._looked = float("-inf")
        self._due: list[datetime] = []
        """When messages are due that the last look saw, the next one first."""
        self._shown: dict[uuid.UUID, datetime] = {}
        self._courtesies = Courtesies(numbers)

    async def wait(self, longest: float, *, taken_at: datetime) -> float:
        """Return for how many seconds nothing is due, at most `longest`; show "typing…" on the way.

        What was due by `taken_at` was asked for already. What became due since then was not, though it is past by now.
        """
        watched = self._paces.watched()
        if not watched:
            return longest
        rest = self._looked + LOOK_SECONDS - time.monotonic()
        if rest <= 0:
            await self._look(watched, taken_at)
        now = self._clock()
        coming = (next((due for due in self._due if due > taken_at), None), self._paces.next_free(taken_at))
        moments = [moment for moment in coming if moment is not None]
        waits = [max(0.0, (moment - now).total_seconds()) for moment in moments]
        if rest > 0:
            waits.append(rest)
        return min([longest, *waits])

    async def stop(self) -> None:
        """Drop what is being told to WhatsApp."""
        await self._courtesies.close()

    async def _look(self, names: Collection[str], since: datetime) -> None:
        self._looked = time.monotonic()
        now = self._clock()
        async with self._database.read() as db:
            coming = await _coming(db, names, since, now + HORIZON)
        self._due = [row.due_at for row in coming]
        self._shown = {key: due for key, due in self._shown.items() if due > now}
        for row in coming:
            self._show(row, now)

    def _show(self, row: Row[tuple[object, ...]], now: datetime) -> None:
        settings = self._paces.settings(row.session_id)
        typed = timedelta(seconds=typing_time_of(row.length, settings.sending) * (1 + settings.sending.jitter))
        being_typed = row.author == Author.AI and row.first and not row.attempts and row.due_at - now <= typed
        if not being_typed or row.id in self._shown or not settings.show_typing:
            return
        if self._courtesies.tell(row.session_id, lambda number: number.send_typing(row.contact_jid, typing=True)):
            self._shown[row.id] = row.due_at


async def _coming(
    db: ReadDb, names: Collection[str], since: datetime, until: datetime
) -> list[Row[tuple[object, ...]]]:
    statement = (
        select(
            _m.id, _m.session_id, _m.due_at, _m.author, _m.attempts, func.length(_m.body).label("length"),
            first_in_line.label("first"), _c.contact_jid,
        )
        .join(CONVERSATIONS, _c.id == _m.conversation_id)
        .where(_m.session_id.in_(names), _m.due_at > since, _m.due_at <= until, unsent(_m.status))
        .order_by(_m.due_at)
        .limit(MOST)
    )  # fmt: skip
    return list(await db.execute(statement))
