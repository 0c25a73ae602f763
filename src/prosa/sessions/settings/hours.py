"""Business hours: when the AI answers, and what contacts hear at other times."""

import re
from datetime import date, time
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from prosa.sessions.settings.base import FixedText, Group

_INTERVAL = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
_LEAP_YEAR = 2024
_MINUTES_A_DAY = 24 * 60


@lru_cache(maxsize=1000)
def minutes(interval: str) -> tuple[int, int]:
    """Return an interval as minutes from the day's midnight; one past midnight ends beyond 1,440.

    Raises:
        ValueError: It is not an interval.
    """
    found = _INTERVAL.fullmatch(interval)
    if found is None:
        raise PydanticCustomError(
            "interval", "must be like 09:00-18:00; 24:00 is the day's end, 22:00-02:00 goes on into the next day"
        )
    hour, minute, end_hour, end_minute = (int(part) for part in found.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if end > _MINUTES_A_DAY:
        raise PydanticCustomError(
            "interval", "must end at 24:00 at the latest; what goes on into the next day is like 22:00-02:00"
        )
    if begin == end:
        raise PydanticCustomError(
            "interval_empty", "must end at another time than it begins; the whole day is 00:00-24:00"
        )
    return begin, end if end > begin else end + _MINUTES_A_DAY


def _interval(value: str) -> str:
    minutes(value)
    return value


@lru_cache(maxsize=1000)
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError(
            "time_zone", "must be a time zone of the IANA list, such as America/Sao_Paulo or Europe/Lisbon"
        ) from None


def _zone_name(value: str) -> str:
    zone(value)
    return value


def _holiday(value: str) -> str:
    found = _DAY.fullmatch(value)
    try:
        if found is None:
            raise ValueError  # noqa: TRY301 - told below
        year, month, day = found.groups()
        date(int(year or _LEAP_YEAR), int(month), int(day))
    except ValueError:
        raise PydanticCustomError("holiday", "must be a date like 2026-12-25, or 12-25 for every year") from None
    return value


Interval = Annotated[str, StringConstraints(max_length=11), AfterValidator(_interval)]
TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone_name)]
Holiday = Annotated[str, StringConstraints(max_length=10), AfterValidator(_holiday)]


def _apart(intervals: tuple[str, ...]) -> tuple[str, ...]:
    """Make sure that the intervals of a day do not overlap."""
    before = 0
    for begin, end in sorted(minutes(interval) for interval in intervals):
        if begin < before:
            raise PydanticCustomError(
                "intervals_overlap",
                "overlap at {time}; join them into one interval",
                {"time": f"{time(begin // 60, begin % 60):%H:%M}"},
            )
        before = end
    return intervals


Day = Annotated[
    tuple[Interval, ...],
    Field(max_length=10, description="Intervals in which it is open; empty: closed.", examples=[["09:00-18:00"]]),
    AfterValidator(_apart),
]


class Week(Group):
    """When it is open, by the day on which an interval begins."""

    monday: Day = ()
    tuesday: Day = ()
    wednesday: Day = ()
    thursday: Day = ()
    friday: Day = ()
    saturday: Day = ()
    sunday: Day = ()

    @property
    def days(self) -> tuple[tuple[str, ...], ...]:
        """The intervals of Monday to Sunday."""
        return (
            self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday,
        )  # fmt: skip


class HoursSettings(Group):
    """Settings of business hours."""

    enabled: bool = Field(
        default=False,
        description="Whether business hours count; then the week needs at least one interval. To answer at no time, "
        "switch ai_enabled off.",
    )
    time_zone: TimeZone = Field(
        "UTC", description="IANA name of the time zone that the hours are in.", examples=["America/Sao_Paulo"]
    )
    weekly: Week = Field(
        Week(), description="The week's hours.", examples=[{"monday": ["09:00-12:00", "13:00-18:00"], "friday": []}]
    )
    holidays: tuple[Holiday, ...] = Field(
        (),
        max_length=400,
        description="Days that are closed: 2026-12-25, or 12-25 for every year.",
        examples=[["12-25"]],
    )
    outside: Literal["silence", "ai"] = Field(
        "silence", description="Whether the AI answers at other times (after the message, where there is one)."
    )
    message: FixedText | None = Field(
        None,
        description="Sent at other times, once in each conversation until it is open again; null: nothing is sent.",
        examples=["We are closed now and will answer from 9 h on."],
    )

    @property
    def given(self) -> bool:
        """Whether it is open at any time of the week."""
        return any(self.weekly.days)
