"""Whether messages are too old to be answered."""

from datetime import datetime, timedelta

from prosa.sessions.settings.turns import TurnSettings


def too_old(settings: TurnSettings, written_at: datetime | None, *, now: datetime) -> bool:
    """Return whether a turn's messages are too old to be answered.

    Args:
        settings: The number's.
        written_at: WhatsApp's time of the newest of them: whoever just wrote again wants an answer to the rest too.
            None where it is not known; then they are answered.
        now: The present moment.
    """
    limit = settings.catch_up_minutes
    return limit is not None and written_at is not None and now - written_at > timedelta(minutes=limit)
