"""Business hours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from prosa.sessions.settings.hours import HoursSettings
from prosa.turns.policy.hours import closed_since, is_open

SHOP = HoursSettings.model_validate({
    "enabled": True,
    "time_zone": "America/Sao_Paulo",
    "weekly": {
        "monday": ["09:00-12:00", "13:00-18:00"],
        "friday": ["13:00-18:00", "20:00-24:00"],
        "saturday": ["00:00-02:00", "22:00-03:00"],
    },
    "holidays": ["2026-11-23", "12-25"],
})  # fmt: skip
"""Three hours behind UTC."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        ("2026-11-16T12:00", None),  # Monday 09:00
        ("2026-11-16T11:59:59", "2026-11-15T06:00"),  # open last until Sunday 03:00
        ("2026-11-16T15:00", "2026-11-16T15:00"),  # 12:00 sharp is closed
        ("2026-11-16T15:30", "2026-11-16T15:00"),
        ("2026-11-16T16:00", None),
        ("2026-11-17T12:00", "2026-11-16T21:00"),  # Tuesday
        ("2026-11-21T03:30", None),  # Saturday 00:30, joined to Friday's end
        ("2026-11-21T05:00", "2026-11-21T05:00"),
        ("2026-11-22T05:59", None),  # Sunday 02:59, begun on Saturday
        ("2026-11-22T06:00", "2026-11-22T06:00"),
        ("2026-11-23T13:00", "2026-11-22T06:00"),  # a Monday, and a holiday
        ("2026-12-25T17:00", "2026-12-21T21:00"),  # a Friday, and a holiday every year
        ("2026-12-26T03:30", None),  # the day after is none
    ],
)
def test_open_or_closed_since(now: str, closed: str | None) -> None:
    assert closed_since(SHOP, utc(now)) == (utc(closed) if closed else None)
    assert is_open(SHOP, utc(now)) is (closed is None)


def test_wall_clock_time_goes_on_when_clocks_change() -> None:
    lisbon = HoursSettings.model_validate(
        {"enabled": True, "time_zone": "Europe/Lisbon", "weekly": {"sunday": ["09:00-18:00"]}}
    )
    assert is_open(lisbon, utc("2026-10-18T08:00")), "summer time: an hour before UTC"
    assert not is_open(lisbon, utc("2026-10-25T08:59"))
    assert is_open(lisbon, utc("2026-10-25T09:00"))
    assert closed_since(lisbon, utc("2026-10-20T00:00")) == utc("2026-10-18T17:00")


@pytest.mark.parametrize("hours", [{}, {"enabled": True}, {"enabled": False, "weekly": {"monday": ["09:00-10:00"]}}])
def test_always_open(hours: dict[str, Any]) -> None:
    assert closed_since(HoursSettings.model_validate(hours), utc("2026-11-17T12:00")) is None


def test_closed_for_longer_than_anybody_looks_back() -> None:
    holidays = [f"{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    never = HoursSettings.model_validate({"enabled": True, "weekly": {"monday": ["09:00-10:00"]}, "holidays": holidays})
    now = utc("2026-11-17T12:00")
    since = closed_since(never, now)
    assert since is not None
    assert (now - since).days == 60


@pytest.mark.parametrize(
    ("hours", "place", "says"),
    [
        ({"time_zone": "Brazil/Sampa"}, ("time_zone",), "America/Sao_Paulo"),
        ({"time_zone": "../etc/passwd"}, ("time_zone",), "IANA"),
        ({"weekly": {"monday": ["9-18"]}}, ("weekly", "monday", 0), "09:00-18:00"),
        ({"weekly": {"monday": ["09:00-25:00"]}}, ("weekly", "monday", 0), "09:00-18:00"),
        ({"weekly": {"monday": ["09:00-24:30"]}}, ("weekly", "monday", 0), "24:00"),
        ({"weekly": {"monday": ["09:00-09:00"]}}, ("weekly", "monday", 0), "00:00-24:00"),
        ({"weekly": {"monday": ["13:00-18:00", "09:00-13:30"]}}, ("weekly", "monday"), "overlap at 13:00"),
        ({"weekly": {"mon": []}}, ("weekly", "mon"), "Extra"),
        ({"holidays": ["2026-02-30"]}, ("holidays", 0), "12-25"),
        ({"holidays": ["25/12"]}, ("holidays", 0), "12-25"),
    ],
)
def test_mistakes_are_named(hours: dict[str, Any], place: tuple[Any, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HoursSettings.model_validate(hours)
    [error] = caught.value.errors()
    assert error["loc"] == place
    assert says in error["msg"]
