"""When a turn is due."""

from datetime import datetime, timedelta

from prosa.sessions.settings import SessionSettings


def due_at(settings: SessionSettings, *, now: datetime, waiting_since: datetime | None) -> datetime:
    """Return when the turn is due after a message arrived `now`.

    Each message starts the wait anew, so that quick ones in a row get one answer; but the first one never waits longer
    than `debounce_max_seconds`. Where that is over (all hands are full), the turn keeps its place in the line: whoever
    goes on writing is not put behind the others.

    Args:
        settings: The number's.
        now: When the newest message arrived.
        waiting_since: When the first message of the waiting turn arrived; None where none waits.
    """
    quiet = now + timedelta(seconds=settings.debounce_seconds)
    latest = (waiting_since or now) + timedelta(seconds=settings.debounce_max_seconds)
    return min(quiet, latest)
