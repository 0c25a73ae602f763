"""Business hours: open now, or closed since when. Hours are wall-clock time of the number's zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from prosa.sessions.settings.hours import HoursSettings, minutes, zone

DAYS_BACK = 60
"""How far back the end of the last open time is looked for; a longer closed time counts as begun then."""


def is_open(hours: HoursSettings, now: datetime) -> bool:
    """Return whether it is open; always where there are no business hours, also where they count and none is given."""
    if not (hours.enabled and hours.given):
        return True
    local = now.astimezone(zone(hours.time_zone)).replace(tzinfo=None)
    # What began yesterday may go on into today.
    return any(
        begin <= local < end
        for day in (local.date(), local.date() - timedelta(days=1))
        for begin, end in _intervals(hours, day)
    )


def closed_since(hours: HoursSettings, now: datetime) -> datetime | None:
    """Return when it was open last, in UTC; None where it is open."""
    if is_open(hours, now):
        return None
    there = zone(hours.time_zone)
    local = now.astimezone(there).replace(tzinfo=None)
    for days in range(DAYS_BACK):
        # The day before that may hold an interval that ended later: it went on past midnight.
        both = (local.date() - timedelta(days=days + more) for more in (0, 1))
        ends = [end for day in both for _, end in _intervals(hours, day) if end <= local]
        if ends:
            return max(ends).replace(tzinfo=there).astimezone(UTC)
    return now - timedelta(days=DAYS_BACK)


def _intervals(hours: HoursSettings, day: date) -> Iterator[tuple[datetime, datetime]]:
    if f"{day:%Y-%m-%d}" in hours.holidays or f"{day:%m-%d}" in hours.holidays:
        return
    midnight = datetime.combine(day, time())
    for interval in hours.weekly.days[day.weekday()]:
        begin, end = minutes(interval)
        yield midnight + timedelta(minutes=begin), midnight + timedelta(minutes=end)
