"""Statistics of all accounts, for a range of days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from devsess import statistics
from devsess.lifecycle import instant
from devsess.operations._checks import checked_datetime
from devsess.stores.counting import Period

if TYPE_CHECKING:
    from datetime import tzinfo

    from devsess.operations.operation import Operation
    from devsess.statistics import Stats

# Days before the last one, where the first is not given: thirty together.
BEFORE = timedelta(days=29)


async def stats(op: Operation, *, since: date | None, until: date | None, tz: str) -> Stats:
    """
    The statistics of the days from *since* to *until*, both with it.

    Raises:
        ConfigurationError: If the store keeps no statistics.
        TypeError, ValueError: If an argument is no day, no aware instant or no time zone, or
            the days are none or more than ten years.
    """
    if not isinstance(tz, str):
        raise TypeError(f"tz must be a str, not {type(tz).__name__}")
    zone = statistics.zone_of(tz)
    last = instant(op.now).astimezone(zone).date() if until is None else _day(until, "until", zone)
    first = last - min(BEFORE, last - date.min) if since is None else _day(since, "since", zone)
    days = statistics.days_of(first, last)
    period = Period(statistics.bounds_of(days, zone), op.now)
    found = await op.store.statistics(period)
    return statistics.stats_of(found, period, days, zone, tz)


def _day(value: date, name: str, zone: tzinfo) -> date:
    if isinstance(value, datetime):
        checked_datetime(value, name)
        return value.astimezone(zone).date()
    if not isinstance(value, date):
        raise TypeError(f"{name} must be a date or a datetime, not {type(value).__name__}")
    return value
