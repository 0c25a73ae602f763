"""The greeting of the phone's WhatsApp Business app is told from a person's message by how it comes."""

from datetime import UTC, datetime, timedelta

import pytest

from prosa.turns.policy.phone import looks_like_greeting, typed_by_nobody

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GREETING = "Hello! Thank you for writing to us."


@pytest.mark.parametrize(
    ("body", "seconds_ago", "greeting"),
    [
        (GREETING, [1], True),
        (GREETING, [0, 2, 5], True),
        (GREETING, [5], True),
        (GREETING, [1, 14 * 86400], True),
        (GREETING, [], False),
        (GREETING, [6], False),
        (GREETING, [1, 60], False),
        (GREETING, [1, 13 * 86400], False),
        ("Hi, what is it?", [1], False),
    ],
)
def test_a_greeting(body: str, seconds_ago: list[int], greeting: bool) -> None:
    assert looks_like_greeting(body, NOW, [NOW - timedelta(seconds=ago) for ago in seconds_ago]) is greeting


@pytest.mark.parametrize(("seconds", "nobody"), [(3, True), (-3, True), (6, False), (-3600, False)])
def test_what_comes_sooner_than_anybody_types(seconds: float, nobody: bool) -> None:
    assert typed_by_nobody("We are closed until tomorrow.", timedelta(seconds=seconds)) is nobody
    assert not typed_by_nobody("Yes, we are.", timedelta(seconds=seconds))
