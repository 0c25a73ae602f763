"""When the messages of an answer are due."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prosa.outbox.pacing import due_times
from prosa.sessions.settings.sending import SendingSettings

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def waits(texts: list[str], spent: float = 0, chance: float = 0.5, **changes: float) -> list[float]:
    settings = SendingSettings(**changes)
    due = due_times(texts, settings, now=NOW, spent=spent, chance=lambda: chance)
    return [round((at - NOW).total_seconds(), 3) for at in due]


@pytest.mark.parametrize(
    ("texts", "spent", "changes", "expected"),
    [
        (["a" * 50], 0, {}, [1.5]),
        (["a" * 50], 1, {}, [0.5]),
        (["a" * 50], 9, {}, [0]),
        (["a" * 5000], 0, {}, [4]),
        (["a"], 0, {"typing_min_seconds": 2}, [2]),
        (["a" * 50, "b" * 100], 1, {}, [0.5, 3.5]),
        (["a" * 50, "b" * 100], 9, {}, [0, 3]),
        (["a" * 50, "b" * 100], 9, {"typing_ms_per_char": 0}, [0, 0]),
        (["a" * 50], 0, {"typing_max_seconds": 0}, [0]),
    ],
)
def test_typing_takes_its_time_and_the_models_time_counts(
    texts: list[str], spent: float, changes: dict[str, float], expected: list[float]
) -> None:
    assert waits(texts, spent, **changes) == expected


def test_times_vary() -> None:
    assert waits(["a" * 100], chance=0) == [2.4]
    assert waits(["a" * 100], chance=1) == [3.6]
    assert waits(["a" * 100], chance=1, jitter=0) == [3]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="typing_min_seconds"):
        SendingSettings(typing_min_seconds=5, typing_max_seconds=4)
