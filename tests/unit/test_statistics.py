"""The sums of a store's counts: days, shares, medians."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsess import _life_tables
from devsess._life_tables import _ages_within
from devsess.history.words import REASONS
from devsess.models import EventType
from devsess.operations import _kinds
from devsess.statistics import (
    EARLIEST,
    LATEST,
    MOST_DAYS,
    Stats,
    bounds_of,
    days_of,
    stats_of,
    zone_of,
)
from devsess.stores.counting import (
    AGES,
    DAY,
    ERASED,
    FAILURES,
    KINDS,
    MEASURES,
    OTHER,
    QUARTER,
    WAYS,
    WEEK,
    Counts,
    Measures,
    Numbers,
    Period,
    age_bin,
    counted_to,
    resized,
)
from devsess.stores.memory.statistics import Statistics
from devsess.testing._rows import T0, session_row

MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


def numbers(**columns: Any) -> Numbers:
    """Numbers of two days, with nothing in them but *columns*."""
    nothing: dict[str, Any] = {"open": 0, "lagging": 0, "ranges": (Measures(),) * 3}
    return Numbers(
        **{**nothing, "tallies": {}, "spans": {}, "cohorts": {}, "sizes": (0,) * 6, **columns}
    )


def stats(found: Numbers, now: float = NOW, last: date = date(2026, 11, 24)) -> Stats:
    """The statistics of the days from MONDAY on."""
    days = days_of(MONDAY, last)
    return stats_of(found, Period(bounds_of(days, UTC), now), days, UTC, "UTC")


def test_the_reasons_that_are_told_apart_are_ours() -> None:
    """Every reason that devsess writes for an end has a line among lifespans."""
    assert {*REASONS[EventType.SESSION_REVOKED], ERASED} == WAYS


def test_the_items_of_failures_are_ours() -> None:
    """A failed sign-in is counted by the kinds of item that record one."""
    assert {_kinds.FAILURES, _kinds.UNKNOWN_FAILURES} == FAILURES


@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"]
)
def test_days_are_those_of_the_zone(zone: str) -> None:
    """Each begins where the one before ends, at a whole quarter of an hour, at local midnight."""
    here = zone_of(zone)
    days = days_of(date(2026, 1, 1), date(2026, 12, 31))
    bounds = bounds_of(days, here)

    assert 366 == len(bounds)
    assert {0.0} == {at % QUARTER for at in bounds}
    assert {"00:00"} == {datetime.fromtimestamp(at, here).strftime("%H:%M") for at in bounds}
    assert {23, 23.5, 24, 24.5, 25} >= {(b - a) / 3600 for a, b in pairwise(bounds)}


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        # Clocks go from 23:59:59 to 01:00: the day begins an hour late.
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-24T01:00:00+03:00"),
        # They go back from 01:00 to 00:00: it begins at the first of two midnights.
        ("America/Havana", date(2026, 11, 1), "2026-11-01T00:00:00-04:00"),
    ],
)
def test_a_day_without_one_midnight(zone: str, day: date, begins: str) -> None:
    """It begins at its first instant."""
    first, _ = bounds_of([day], zone_of(zone))
    assert begins == datetime.fromtimestamp(first, ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (MONDAY, date(2026, 11, 22)),
        (date(2016, 1, 1), date(2026, 1, 9)),
        (date(1969, 12, 31), MONDAY),
        (date(9999, 12, 30), date.max),
    ],
)
def test_odd_days_are_refused(first: date, last: date) -> None:
    """None at all, too many, before the epoch, and where the calendar ends."""
    with pytest.raises(ValueError, match="days"):
        days_of(first, last)


def test_days_that_end_before_they_begin_are_named() -> None:
    """As where only a first day is given, and it is ahead."""
    with pytest.raises(ValueError, match="begin at 2026-11-23, after they end at 2026-11-22"):
        days_of(MONDAY, date(2026, 11, 22))


def test_the_most_days_have_bounds() -> None:
    """The calendar's ends, and ten years, are read like any other days."""
    assert MOST_DAYS == len(days_of(MONDAY, date(2036, 11, 29)))
    for day in (EARLIEST, LATEST):
        assert (day,) == days_of(day, day)
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            assert 2 == len(bounds_of([day], zone_of(zone)))


def test_utc_needs_no_zones_on_the_machine() -> None:
    """Some have none, and no package of them."""
    assert UTC is zone_of("UTC")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "a\0b", "\ud800", "America"])
def test_there_is_no_such_zone(name: str) -> None:
    """A name that is no zone's is a ValueError, whatever it holds."""
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)


def test_open_sessions_are_reckoned_backwards() -> None:
    """From those open now: less what began since, and what is over since added."""
    ranges = (
        Measures(signed_in=5, ended=1),
        Measures(signed_in=3, ended=2),
        Measures(signed_in=1),  # a clock that was ahead wrote it into tomorrow
    )
    found = stats(numbers(open=10, lagging=3, ranges=ranges))

    assert [(MONDAY, 8), (date(2026, 11, 24), 9)] == [(it.date, it.open) for it in found.days]
    assert (7, 3) == (found.active, found.lagging)
    assert Measures(signed_in=8, ended=3) == found.total
    # A store may read one after the other: never fewer than none.
    assert 0 == stats(numbers(open=2, lagging=3)).active


def test_the_days_have_an_end() -> None:
    """They reach to the beginning of the day behind the last one."""
    found = stats(numbers(), last=date(2026, 11, 26))

    assert datetime(2026, 11, 23, tzinfo=UTC) == found.since
    assert datetime(2026, 11, 27, tzinfo=UTC) == found.until


def test_the_most_come_first() -> None:
    """By count, then by name; those that are many and have none come last."""
    tallies = {
        ("device", "Chrome\tWindows\tdesktop"): 2,
        ("device", "Firefox\tLinux\tdesktop"): 3,
        ("device", OTHER): 9,
        ("reason", "late"): 1,
        ("reason", "refused"): 4,
        ("reason", OTHER): 5,
        ("reason", "logout"): 4,
    }
    found = stats(numbers(tallies=tallies))

    assert ["Firefox", "Chrome", ""] == [it.browser for it in found.devices]
    assert ["logout", "refused", "late", OTHER] == [*found.reasons]


def test_a_city_is_one_place() -> None:
    """Whichever degrees a locator gave: it stands where most of its sign-ins are."""
    tallies = {
        ("place", "NG\tNigeria\tLagos\t6\t3"): 2,
        ("place", "NG\tNigeria\tLagos\t7\t3"): 5,
        ("place", "NG\tNigeria\t\t\t"): 2,
        ("place", "\t\tAtlantis\t-31\t0"): 1,
        ("place", OTHER): 20,
    }
    found = stats(numbers(tallies=tallies)).places

    assert [
        ("Lagos", 7, 3, 7),
        ("", None, None, 2),
        ("Atlantis", -31, 0, 1),
        ("", None, None, 20),
    ] == [(it.city, it.latitude, it.longitude, it.count) for it in found]


def test_shares_come_to_one() -> None:
    """At each age, those that live on and those that ended for each reason are everybody."""
    week = int(NOW // WEEK)
    spans = {(3, "logout", "phone"): 4, (20, "expired", "phone"): 3, (9, OTHER, "desktop"): 2}
    cohorts = {(week, "phone"): (9, 7), (week, "desktop"): (4, 2)}
    found = stats(numbers(spans=spans, cohorts=cohorts))

    assert found.survival
    assert all(1.0 == pytest.approx(it.alive + sum(it.over.values())) for it in found.survival)
    assert sorted(it.alive for it in found.survival)[::-1] == [it.alive for it in found.survival]
    assert {"all", "phone", "desktop"} == {*found.median_lifespan}


def test_a_life_table_by_hand() -> None:
    """Of four sessions two end in one bin, and two in a later one; then nobody is left."""
    spans = {
        (3, "logout", "phone"): 1,
        (3, "logout", "desktop"): 1,
        (20, "expired", "phone"): 2,
    }
    week = int(NOW // WEEK)
    found = stats(
        numbers(spans=spans, cohorts={(week, "phone"): (3, 3), (week, "desktop"): (1, 1)})
    )

    assert [*AGES[1:22]] == [it.age for it in found.survival]
    assert [1.0] * 3 + [0.5] * 17 + [0.0] == [it.alive for it in found.survival]
    assert [{}, {"logout": 0.5}, {"logout": 0.5, "expired": 0.5}] == [
        found.survival[at].over for at in (2, 3, 20)
    ]
    # In proportion: of the phones a third had ended before, and a quarter of that bin makes half.
    assert {
        "all": AGES[4],
        "desktop": (AGES[3] + AGES[4]) / 2,
        "phone": pytest.approx(AGES[20] + (AGES[21] - AGES[20]) / 4),
    } == found.median_lifespan


def test_a_median_within_the_first_bin() -> None:
    """Where all end in its minute, half of them have by the middle of it."""
    spans = {(0, "logout", "tv"): 3}
    found = stats(numbers(spans=spans, cohorts={(int(NOW // WEEK), "tv"): (3, 3)}))

    assert {"all": AGES[1] / 2, "tv": AGES[1] / 2} == found.median_lifespan


def test_the_ages_of_a_week_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again for each kind of device: that was most of the time of a day's statistics."""
    made: list[int] = []

    def ages_within(week: int, now: float) -> Iterator[tuple[int, float]]:
        made.append(week)
        return _ages_within(week, now)

    monkeypatch.setattr(_life_tables, "_ages_within", ages_within)
    weeks = [int(NOW // WEEK) - it for it in range(2)]
    stats(numbers(cohorts={(week, kind): (3, 1) for week in weeks for kind in KINDS}))

    assert weeks == sorted(made, reverse=True)


def test_those_that_live_count_half_in_their_bin() -> None:
    """Two of four have just begun: they are half of those who might have ended by then."""
    spans = {(0, "logout", "phone"): 1, (4, "late", "phone"): 1}
    cohorts = {(int(NOW // WEEK), "phone"): (2, 2), (9_999, "phone"): (2, 0)}
    found = stats(numbers(spans=spans, cohorts=cohorts)).survival

    assert [2 / 3] * 4 + [0.0] == pytest.approx([it.alive for it in found])
    assert {"logout": 1 / 3, "late": 2 / 3} == pytest.approx(dict(found[-1].over))
    # One alone that has just begun tells nothing of how long it will live.
    assert () == stats(numbers(cohorts={(9_999, "phone"): (1, 0)})).survival


def test_the_ages_of_those_that_live_are_spread_over_their_week() -> None:
    """Of a week that was over a week ago, a session is between one week and two weeks old."""
    at, week = age_bin(1.5 * WEEK), int(NOW // WEEK)
    spans, cohorts = {(at, "logout", "phone"): 1}, {(week - 2, "phone"): (3, 1)}
    found = stats(numbers(spans=spans, cohorts=cohorts), now=week * WEEK).survival
    younger, there = AGES[at] - WEEK, AGES[at + 1] - AGES[at]
    exposed = 3 - 2 * (younger + there / 2) / WEEK

    assert [1.0] * at + [1 - 1 / exposed] == pytest.approx([it.alive for it in found[: at + 1]])
    assert age_bin(2 * WEEK) >= len(found)


def test_the_last_bin_has_no_end() -> None:
    """It stands at twice the age at which it begins."""
    spans = {(len(AGES) - 1, "expired", "tv"): 1}
    found = stats(numbers(spans=spans, cohorts={(int(NOW // WEEK), "tv"): (1, 1)})).survival

    assert (2 * AGES[-1], 0.0) == (found[-1].age, found[-1].alive)
    assert len(AGES) == len(found)


def test_sessions_without_an_end_have_no_median() -> None:
    """Where more than half live on, nobody knows how long they will."""
    found = stats(numbers(cohorts={(int(NOW // WEEK) - 9, "phone"): (9, 0)}))
    assert {"all": None, "phone": None} == found.median_lifespan
    assert {} == stats(numbers()).median_lifespan


def test_numbers_that_do_not_fit_are_no_error() -> None:
    """A device that changed its kind, or an instant that was corrected, moves ends elsewhere."""
    spans = {(3, "logout", "phone"): 4}
    cohorts = {(int(NOW // WEEK), "phone"): (1, 4), (9_999, "tablet"): (2, 0)}
    found = stats(numbers(spans=spans, cohorts=cohorts))

    assert all(0 <= it.alive <= 1 for it in found.survival)


def exact(lives: list[tuple[float, bool]], ages: list[int]) -> list[float]:
    """The share that lives on at each of *ages*, by Kaplan and Meier (1958)."""
    alive, at_risk, shares = 1.0, len(lives), dict.fromkeys(ages, 1.0)
    for age, has_ended in sorted(lives):
        if has_ended:
            alive *= 1 - 1 / at_risk
        at_risk -= 1
        shares |= {it: alive for it in ages if it >= age}
    return [*shares.values()]


def test_the_life_table_is_near_the_exact_one() -> None:
    """Bins, and ages known by the week alone, cost less than a hundredth."""
    chance = random.Random(5)
    counts, lives = Counts(), []
    for number in range(4_000):
        begun = NOW - chance.uniform(0, 9 * WEEK)
        age = min(chance.expovariate(1 / (6 * DAY)), 14.0 * DAY)
        row = session_row(f"s{number}", created_at=begun, idle_expires_at=begun + 14 * DAY)
        counts.began(row)
        has_ended = begun + age <= NOW
        lives.append((age if has_ended else NOW - begun, has_ended))
        if has_ended:
            counts.ended(begun, begun + 14.0 * DAY, "desktop", begun + age, "logout")
    kept = Statistics()
    kept.add(counts)
    whole = Period((NOW // QUARTER * QUARTER - 9 * WEEK, NOW // QUARTER * QUARTER + QUARTER), NOW)
    found = stats(kept.numbers(whole, 0)).survival
    ages = [it.age for it in found]

    assert age_bin(14 * DAY) <= len(ages)
    apart = [abs(a - it.alive) for a, it in zip(exact(lives, ages), found, strict=True)]
    assert 0.01 > max(apart)


def test_accounts_by_their_open_sessions() -> None:
    """Each size with its bounds, the last without an end; the mean is of accounts with any."""
    found = stats(numbers(open=20, lagging=2, sizes=(3, 0, 0, 1, 0, 1)))
    sizes = [(it.least, it.most, it.count) for it in found.sessions_per_user]

    assert [(1, 1, 3), (2, 2, 0), (3, 3, 0), (4, 5, 1), (6, 10, 0), (11, None, 1)] == sizes
    assert 4.0 == found.mean_sessions_per_user
    assert None is stats(numbers()).mean_sessions_per_user


@given(before=st.integers(0, 30), more=st.integers(-30, 30))
def test_an_account_is_counted_no_further_than_it_matters(before: int, more: int) -> None:
    """What is open beyond `counted_to` changes nothing: sizes move as if all were counted."""
    after = max(before + more, 0)
    more = after - before

    def size(sessions: int) -> list[int]:
        sizes = [sessions <= most for most in (1, 2, 3, 5, 10, 1_000)]
        return [int(at == sizes.index(True) and sessions > 0) for at in range(6)]

    expected = [b - a for a, b in zip(size(before), size(after), strict=True)]
    assert expected == resized([(min(after, counted_to(more)), more)])


def test_as_csv() -> None:
    """A line a day behind the names, each ended as RFC 4180 has it."""
    found = stats(numbers(open=2, ranges=(Measures(signed_in=2), Measures(), Measures())))
    head, first, second, rest = found.to_csv().split("\r\n")

    assert ("date,open," + ",".join(MEASURES), "") == (head, rest)
    assert "2026-11-23,2,2" + ",0" * (len(MEASURES) - 1) == first
    assert "2026-11-24,2,0" + ",0" * (len(MEASURES) - 1) == second


def test_as_json() -> None:
    """JSON types alone, under the names that JavaScript is used to."""
    tallies = {("place", "NG\tNigeria\tLagos\t6\t3"): 2, ("device", "Chrome\tmacOS\tdesktop"): 1}
    found = stats(numbers(tallies=tallies, cohorts={(int(NOW // WEEK), "tv"): (1, 0)})).to_dict()

    assert found == json.loads(json.dumps(found))
    assert ("2026-11-23T00:00:00Z", "UTC") == (found["since"], found["timeZone"])
    assert {"signedIn", "stepUpsAsked", "riskStepUp"} < {*found["total"]}
    assert "NG" == found["places"][0]["countryCode"]
    assert {"date", "open", *found["total"]} == {*found["days"][0]}
    assert [{"age", "alive", "over"}] == [{*it} for it in found["survival"][:1]]
    assert {
        *("since", "until", "timeZone", "active", "lagging", "total", "days", "devices", "places"),
        *("reasons", "survival", "medianLifespan", "sessionsPerUser", "meanSessionsPerUser"),
    } == {*found}
    assert {"least": 11, "most": None, "count": 0} == found["sessionsPerUser"][-1]
    assert None is found["meanSessionsPerUser"]


def test_odd_columns_count_somewhere() -> None:
    """A damaged instant or kind counts at an end of the calendar, and takes nothing down."""
    counts = Counts()
    for at in (None, -5.0, float("inf"), 1e300, T0):
        counts.begun(at, ("", "", "no kind"), None, is_impersonation=False)
        counts.ended(at, None, b"odd", -1.0 if at is None else at, "\ud800")

    assert 0 == counts.open
    assert {"unknown"} == {kind for *_, kind in counts.spans} <= {*KINDS}
    assert all(0 <= week and age < len(AGES) for week, age, *_ in counts.spans)
