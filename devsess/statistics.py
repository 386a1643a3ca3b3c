"""
Statistics of all accounts: how many sign in, from where, and how long their sessions last.

Made from the counts that a store adds up as it writes; no account is in them. The
meaning of each is in `stores/counting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict, evolve, field, frozen

from devsess._instants import iso
from devsess._life_tables import ALL_KINDS as ALL_KINDS
from devsess._life_tables import Share as Share
from devsess._life_tables import life_tables
from devsess.stores.counting import MEASURES, OTHER, QUARTER, SIZES, Measures

if TYPE_CHECKING:
    from datetime import tzinfo

    from devsess.stores.counting import Numbers, Period

# Days of one answer, at most: ten years.
MOST_DAYS: Final = 3_660
EARLIEST: Final = date(1970, 1, 2)
LATEST: Final = date(9999, 12, 29)


@frozen
class Day:
    """
    One day of a time zone.

    Attributes:
        date: Which.
        counts: Of the events on it.
        open: Sessions begun and not over at its end; now, where it has not ended.
    """

    date: date
    counts: Measures
    open: int

    def to_dict(self) -> dict[str, Any]:
        """This day as JSON types."""
        return {"date": self.date.isoformat(), "open": self.open, **_counts(self.counts)}


@frozen
class DeviceCount:
    """Sign-ins from one browser, operating system and kind of device; "" where they are many."""

    browser: str
    os: str
    kind: str
    count: int


@frozen
class PlaceCount:
    """
    Sign-ins from one city.

    Attributes:
        country_code, country, city: As a locator knows them, "" where it does not.
        latitude, longitude: Whole degrees, or None.
        count: How many. Without a country and a city: those of all further places.
    """

    country_code: str
    country: str
    city: str
    latitude: int | None
    longitude: int | None
    count: int


@frozen
class UserCount:
    """
    Accounts by how many sessions are open to them.

    Attributes:
        least, most: The fewest and the most such sessions; *most* is None where there is no limit.
        count: Accounts.
    """

    least: int
    most: int | None
    count: int


@frozen
class Stats:
    """
    Statistics of all accounts.

    Attributes:
        since: The beginning of the first day.
        until: The end of the last day, which may be still to come.
        time_zone: The name of the zone whose days they are.
        active: Sessions that live now.
        lagging: Sessions that have ended, and are not counted as over yet: a purge, or the rest
            of an ending, will. Of an ending of very many at least so many.
        days: Oldest first.
        devices, places: Sign-ins of those days, the most first. By days of UTC, of which each
            counts where its noon is in the time; and so do the reasons.
        reasons: By reason, sessions over; "" for those of all further reasons.
        survival: The fate of a session, by its age: of those begun in the weeks (of UTC,
            from Thursday on) of this time.
        median_lifespan: By kind of device, and "all": the seconds that half of the sessions
            reach; None where more than half live on.
        sessions_per_user: Accounts by the sessions that are open to them now, those that lag too:
            all that have any, the fewest sessions first.
    """

    since: datetime
    until: datetime
    time_zone: str
    active: int
    lagging: int
    days: tuple[Day, ...]
    devices: tuple[DeviceCount, ...]
    places: tuple[PlaceCount, ...]
    reasons: Mapping[str, int] = field(hash=False)
    survival: tuple[Share, ...]
    median_lifespan: Mapping[str, float | None] = field(hash=False)
    sessions_per_user: tuple[UserCount, ...]

    @property
    def mean_sessions_per_user(self) -> float | None:
        """Of the accounts that have any: the mean of open sessions; None without such accounts."""
        users = sum(it.count for it in self.sessions_per_user)
        return (self.active + self.lagging) / users if users else None

    @property
    def total(self) -> Measures:
        """The counts of all days together."""
        return Measures(*(sum(getattr(it.counts, name) for it in self.days) for name in MEASURES))

    def to_dict(self) -> dict[str, Any]:
        """These statistics as JSON types."""
        return {
            "since": iso(self.since.astimezone(UTC)),
            "until": iso(self.until.astimezone(UTC)),
            "timeZone": self.time_zone,
            "active": self.active,
            "lagging": self.lagging,
            "total": _counts(self.total),
            "days": [it.to_dict() for it in self.days],
            "devices": [asdict(it) for it in self.devices],
            "places": [
                {"countryCode" if name == "country_code" else name: value for name, value in it}
                for it in (asdict(place).items() for place in self.places)
            ],
            "reasons": dict(self.reasons),
            "survival": [
                {"age": it.age, "alive": it.alive, "over": dict(it.over)} for it in self.survival
            ],
            "medianLifespan": dict(self.median_lifespan),
            "sessionsPerUser": [asdict(it) for it in self.sessions_per_user],
            "meanSessionsPerUser": self.mean_sessions_per_user,
        }

    def to_csv(self) -> str:
        """The days as CSV (RFC 4180): a line each, behind one of names."""
        lines = [",".join(("date", "open", *MEASURES))]
        for day in self.days:
            counts = (getattr(day.counts, name) for name in MEASURES)
            lines.append(",".join(map(str, (day.date, day.open, *counts))))
        return "".join(f"{line}\r\n" for line in lines)


def _counts(counts: Measures) -> dict[str, int]:
    return {_camel(name): getattr(counts, name) for name in MEASURES}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(it.capitalize() for it in others)


def zone_of(name: str) -> tzinfo:
    """
    The time zone of that IANA name.

    Raises:
        ValueError: If there is none; or, on a machine without time zones, no package "tzdata".
    """
    from zoneinfo import ZoneInfo

    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def days_of(first: date, last: date) -> tuple[date, ...]:
    """
    The days from *first* to *last*.

    Raises:
        ValueError: If *last* is before *first*, they are more than MOST_DAYS, or before 1970.
    """
    if first < EARLIEST or last > LATEST:
        raise ValueError(f"statistics are of days from {EARLIEST} on, not {first} to {last}")
    if last < first:
        raise ValueError(f"the days begin at {first}, after they end at {last}")
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise ValueError(f"statistics are of 1 to {MOST_DAYS:,} days, not {count:,}")
    return tuple(first + timedelta(days=it) for it in range(count))


def bounds_of(days: Sequence[date], zone: tzinfo) -> tuple[float, ...]:
    """The instants at which *days* begin, and the end of the last one: whole quarters."""
    following = (*days, days[-1] + timedelta(days=1))
    begin = (datetime.combine(it, time(), zone).timestamp() for it in following)
    return tuple(at // QUARTER * QUARTER for at in begin)


def stats_of(
    found: Numbers, period: Period, days: Sequence[date], zone: tzinfo, name: str
) -> Stats:
    """The statistics that the *found* numbers of a period come to."""
    since, until = (
        datetime.fromtimestamp(it, zone) for it in (period.bounds[0], period.bounds[-1])
    )
    lives = life_tables(found, period.now)
    return Stats(
        since=since,
        until=until,
        time_zone=name,
        active=max(0, found.open - found.lagging),
        lagging=found.lagging,
        days=tuple(_days(found, days)),
        devices=tuple(_devices(found)),
        places=tuple(_places(found)),
        reasons=dict(_tallied(found, "reason")),
        survival=tuple(lives[ALL_KINDS].shares()) if lives else (),
        median_lifespan={kind: it.median() for kind, it in lives.items()},
        sessions_per_user=tuple(_users(found)),
    )


def _days(found: Numbers, days: Sequence[date]) -> Iterator[Day]:
    following = [*found.ranges[1:], Measures()]
    after = found.open
    ends = []
    for counts in reversed(following):
        after -= counts.signed_in - counts.ended
        ends.append(after)
    for day, counts, still_open in zip(days, found.ranges, reversed(ends), strict=False):
        yield Day(day, counts, still_open)


def _tallied(found: Numbers, dimension: str) -> list[tuple[str, int]]:
    """The keys of *dimension*, the most frequent first; the others, which are many, last."""
    counts = [(key, count) for (of, key), count in found.tallies.items() if of == dimension]
    return sorted(counts, key=lambda it: (it[0] == OTHER, -it[1], it[0]))


def _parts(key: str, count: int) -> tuple[str, ...]:
    parts = key.split("\t")
    return tuple([*parts, *[""] * count][:count])


def _devices(found: Numbers) -> Iterator[DeviceCount]:
    for key, count in _tallied(found, "device"):
        browser, system, kind = _parts(key, 3)
        yield DeviceCount(browser, system, kind, count)


def _places(found: Numbers) -> Iterable[PlaceCount]:
    """A city's degrees are those of most of its sign-ins."""
    cities: dict[tuple[str, ...], PlaceCount] = {}
    for key, count in _tallied(found, "place"):
        code, country, city, latitude, longitude = _parts(key, 5)
        at = (_degrees(latitude), _degrees(longitude))
        known = cities.get((code, country, city))
        cities[code, country, city] = (
            PlaceCount(code, country, city, *at, count)
            if known is None
            else evolve(known, count=known.count + count)
        )
    return sorted(cities.values(), key=lambda it: (not (it.country or it.city), -it.count))


def _users(found: Numbers) -> Iterator[UserCount]:
    ends = (*(it - 1 for it in SIZES[1:]), None)
    for least, most, count in zip(SIZES, ends, found.sizes, strict=True):
        yield UserCount(least, most, max(0, count))


def _degrees(text: str) -> int | None:
    return int(text) if text else None
