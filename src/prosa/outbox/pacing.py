"""When the messages of an answer are due, so that they come as if somebody typed them. Pure arithmetic."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from prosa.sessions.settings.sending import SendingSettings

Chance = Callable[[], float]
"""Returns a number from 0 to below 1; tests give their own."""


def typing_time(text: str, settings: SendingSettings) -> float:
    """Return how long a message takes to type, in seconds."""
    return typing_time_of(len(text), settings)


def typing_time_of(length: int, settings: SendingSettings) -> float:
    """Return how long so many characters take to type, in seconds."""
    wanted = length * settings.typing_ms_per_char / 1000
    return min(max(wanted, settings.typing_min_seconds), settings.typing_max_seconds)


def varied(seconds: float, settings: SendingSettings, chance: Chance = random.random) -> float:
    """Return a length of time, a little shorter or longer by chance."""
    return seconds * (1 + settings.jitter * (2 * chance() - 1))


def due_times(
    texts: Sequence[str], settings: SendingSettings, *, now: datetime, spent: float, chance: Chance = random.random
) -> list[datetime]:
    """Return when each message of an answer is due: typed one after the other.

    Args:
        texts: The messages.
        settings: The number's.
        now: The present moment.
        spent: Seconds for which the contact has seen "typing…" already, while the answer was made.
        chance: Makes times vary.
    """
    if not settings.types:
        return [now] * len(texts)
    result, due = [], now - timedelta(seconds=spent)
    for text in texts:
        due = max(now, due + timedelta(seconds=varied(typing_time(text, settings), settings, chance)))
        result.append(due)
    return result
