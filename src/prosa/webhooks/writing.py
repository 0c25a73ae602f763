"""What came of a round, as it is written down: how far the line is, what was delivered, when it is tried again."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from prosa import leases
from prosa.database.engine import WriteDb
from prosa.events.log import Position
from prosa.ids import new_id
from prosa.leases import backoff
from prosa.webhooks import repository
from prosa.webhooks.delivering import TRIES, Round, Tried
from prosa.webhooks.models import DeliveryState, DisabledReason
from prosa.webhooks.sending import Outcome

WAIT_SECONDS, MOST_WAIT_SECONDS = 5.0, 300.0
"""Before a receiver that is away is asked again: at first, and at most."""
GIVE_UP_AFTER = timedelta(days=3)
"""A webhook is switched off where nothing was accepted for so long, though it was tried."""
MOST_ASIDE = 100
"""Events put aside that are tried again by themselves; what more is refused counts as failed at once."""
ASIDE_SECONDS, MOST_ASIDE_SECONDS = 30.0, 6 * 3600.0
MOST_TRIES = 15
"""Of an event, the first ones included: the last comes after about a day."""
TIDY_EVERY = 50
"""Deliveries, between two looks for old ones."""

logger = structlog.get_logger("prosa.webhooks")


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be written.

    Attributes:
        values: Columns of the webhook.
        notes: New deliveries.
        again: Columns of those that were tried again.
        over: The line was given back, or switched off.
    """

    values: dict[str, Any]
    notes: Sequence[dict[str, Any]] = ()
    again: Sequence[tuple[uuid.UUID, dict[str, Any]]] = ()
    over: bool = False

    @property
    def aside(self) -> bool:
        """Whether something was put aside, or tried again."""
        return bool(self.again) or any(note["due_at"] is not None for note in self.notes)


def report(row: Row[Any], round_: Round, again: Sequence[tuple[Row[Any], Outcome]], now: datetime) -> Report:
    """Return what came of a round.

    Args:
        row: The webhook.
        round_: What became of its events.
        again: What became of those that had been put aside.
        now: The present moment.
    """
    done = sorted((tried for tried in round_.tried.values() if tried.done), key=lambda tried: tried.event.position)
    outcomes = [tried.outcome for tried in round_.tried.values() if tried.outcome] + [outcome for _, outcome in again]
    accepted = any(outcome.ok for outcome in outcomes)
    refused = round_.trouble or next((outcome for outcome in outcomes if not outcome.ok), None)
    values: dict[str, Any] = {}
    if accepted:
        values |= {"last_success_at": now, "failing_since": None, "attempts": 0}
    if refused is not None:
        values |= {"last_error": refused.error, "last_error_at": now}
    gone = any(outcome.gone for outcome in outcomes)
    over = gone or round_.trouble is not None
    if over:
        values |= _given_back(row, round_.trouble, now, accepted=accepted, gone=gone)
    return Report(
        values,
        [_note(row.id, tried, now) for tried in done],
        [(one.id, tried_again(one, outcome, now)) for one, outcome in again],
        over,
    )


def _given_back(row: Row[Any], trouble: Outcome | None, now: datetime, *, accepted: bool, gone: bool) -> dict[str, Any]:
    attempts = 1 if accepted else row.attempts + 1
    since = now if accepted or row.failing_since is None else row.failing_since
    values = {"failing_since": since, **leases.released(None, attempts=attempts)}
    reason = DisabledReason.GONE if gone else DisabledReason.FAILING if now - since >= GIVE_UP_AFTER else None
    if reason is not None:
        logger.warning("webhook_switched_off", webhook=str(row.id), reason=reason.value)
        return values | {"enabled": False, "disabled_reason": reason.value}
    if trouble is not None and trouble.wait is not None:
        return values | {"due_at": now + timedelta(seconds=trouble.wait)}
    return values | {"due_at": now + backoff(attempts - 1, base=WAIT_SECONDS, ceiling=MOST_WAIT_SECONDS)}


def _note(webhook_id: uuid.UUID, tried: Tried, now: datetime) -> dict[str, Any]:
    event, outcome = tried.event, tried.outcome
    return {
        "id": new_id(),
        "webhook_id": webhook_id,
        "event_id": str(event.position),
        "event": event.type,
        "session": event.session,
        "envelope": event.envelope() if tried.aside else None,
        "state": (DeliveryState.RETRYING if tried.aside else DeliveryState.DELIVERED).value,
        "attempts": tried.attempts,
        "created_at": now,
        "due_at": now + backoff(0, base=ASIDE_SECONDS, ceiling=MOST_ASIDE_SECONDS) if tried.aside else None,
        "delivered_at": None if tried.aside else now,
        **_told(outcome),
    }


def _told(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"status": None, "error": None, "response": None, "duration_ms": 0}
    return {
        "status": outcome.status, "error": outcome.error, "response": outcome.response,
        "duration_ms": outcome.duration_ms,
    }  # fmt: skip


def tried_again(one: Row[Any], outcome: Outcome, now: datetime) -> dict[str, Any]:
    """Return the columns of a delivery that was tried again."""
    values = {"attempts": one.attempts + 1, **_told(outcome)}
    if outcome.ok:
        return values | {
            "state": DeliveryState.DELIVERED.value, "due_at": None, "delivered_at": now, "envelope": None,
        }  # fmt: skip
    if one.due_at is None:
        return values  # it was given up, or accepted before
    if values["attempts"] >= MOST_TRIES:
        return values | {"state": DeliveryState.FAILED.value, "due_at": None}
    wait = backoff(max(0, one.attempts + 1 - TRIES), base=ASIDE_SECONDS, ceiling=MOST_ASIDE_SECONDS)
    return values | {"due_at": now + max(wait, timedelta(seconds=outcome.wait or 0))}


async def write(
    db: WriteDb,
    *,
    row: Row[Any],
    owner: str,
    report: Report,
    reach: Position,
    now: datetime,
    tidy: bool,
) -> None:
    """Write a report down, where the line is still the holder's.

    Args:
        db: The transaction.
        row: The webhook, as it was when the round began.
        owner: The holder.
        report: What came of the round.
        reach: How far the log is done with.
        now: The present moment.
        tidy: Whether to forget old deliveries.

    Raises:
        LeaseLostError: It is not.
    """
    await leases.hold(db, repository.TABLE, row.id, owner=owner, now=now)
    await repository.change(db, row.id, report.values | repository.columns_of(reach))
    notes = report.notes
    if row.limited:  # a number may have been taken out of it since the round began
        numbers = await repository.numbers_of(db, row.id)
        notes = [note for note in notes if note["session"] in numbers]
    aside = [note for note in notes if note["due_at"] is not None]
    room = max(0, MOST_ASIDE - await repository.count_aside(db, row.id)) if aside else 0
    too_many = {note["id"] for note in aside[room:]}
    given_up = {"state": DeliveryState.FAILED.value, "due_at": None}
    await repository.note(db, [note | (given_up if note["id"] in too_many else {}) for note in notes])
    for delivery_id, values in report.again:
        await repository.tried(db, delivery_id, values)
    if tidy:
        await repository.tidy(db, row.id, now)
