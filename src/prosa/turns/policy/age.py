"""Whether messages are too old to be answered."""

from datetime import datetime, timedelta

from prosa.sessions.settings.turns import TurnSettings

LIVE = timedelta(minutes=2)
"""What reaches Prosa within so long of being written came while Prosa was there: connections falter, clocks differ."""
BUSY = timedelta(minutes=15)
"""A turn that begins so long after it was due waited for others, or a slow answer; a later one for Prosa itself."""
PATIENCE = timedelta(hours=1)
"""For so long a message that came live may wait for more of them, or for a provider that asked for time."""


def too_old(
    settings: TurnSettings,
    written_at: datetime | None,
    *,
    now: datetime,
    arrived_at: datetime | None,
    due_at: datetime | None = None,
) -> bool:
    """Return whether a turn's messages are too old to be answered.

    What came live is not, for a while, however short the limit: what it waits for then makes it no older.

    Args:
        settings: The number's.
        written_at: WhatsApp's time of the newest of them: whoever just wrote again wants an answer to the rest too.
            None where it is not known; then they are answered.
        now: The present moment.
        arrived_at: When the first of them reached Prosa; None: in time, as was found when they were first looked at.
        due_at: When their turn was due; None: now.
    """
    limit = settings.catch_up_minutes
    if limit is None or written_at is None or now - written_at <= timedelta(minutes=limit):
        return False
    came_live = arrived_at is None or arrived_at - written_at <= LIVE
    in_time = due_at is None or now - due_at <= BUSY
    return not (came_live and in_time and now - written_at <= PATIENCE)
