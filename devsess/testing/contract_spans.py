"""The spans and keys that statistics are asked for by, as tests: part of StatisticsContract."""

from __future__ import annotations

from typing import Protocol

from attrs import evolve

from devsess.models import Location
from devsess.stores.base import AsyncStore, ById, Everyone
from devsess.stores.capabilities import AsyncSupportsStatistics
from devsess.stores.counting import (
    AGES,
    DAY,
    LATEST,
    MOST_KEYS,
    OTHER,
    QUARTER,
    WEEK,
    Numbers,
    Period,
    age_bin,
)
from devsess.testing import _both_sides  # noqa: F401 - it comes before the modules that it names
from devsess.testing import _rows as rows
from devsess.testing._rows import HOUR, T0, session_row, sign_in, with_a_store

# The week of T0, from its first instant, and all that comes behind it.
FIRST = T0 // WEEK * WEEK
THIS_WEEK = (int(T0 // WEEK), "desktop")
LAGOS = Location("Lagos", "Nigeria", 6.45, 3.39, 20.0, country_code="NG")


class CountingStore(AsyncStore, AsyncSupportsStatistics, Protocol):
    """A store that counts as it writes."""


def quarter(at: float) -> float:
    """The beginning of its quarter of an hour."""
    return at // QUARTER * QUARTER


async def numbers(store: CountingStore, *bounds: float, now: float = T0) -> Numbers:
    """The numbers from *bounds*, or all from the week of T0 on."""
    return await store.statistics(Period(bounds or (FIRST, FIRST + 9 * WEEK), now))


def reasons(found: Numbers) -> dict[str, int]:
    """Of the tallies, those of reasons."""
    return {key: count for (kind, key), count in found.tallies.items() if kind == "reason"}


class SpansContract:
    """Ranges of quarters, days and weeks, and the keys of a day."""

    @with_a_store
    async def test_ranges_go_from_bound_to_bound(self, store: CountingStore) -> None:
        """A bound belongs to the range that it begins; the last range has no end."""
        bound = quarter(T0 + HOUR)
        for number, at in enumerate(
            (bound - QUARTER - 1, bound - 1, bound, bound + QUARTER, LATEST)
        ):
            row = session_row(f"s{number}", created_at=float(at), idle_expires_at=2.0 * LATEST)
            await sign_in(store, row)
        bounds = (bound - QUARTER, bound, bound, bound + QUARTER)

        found = await numbers(store, *bounds)
        assert [1, 0, 1, 2] == [it.signed_in for it in found.ranges]

    @with_a_store
    async def test_days_are_those_whose_noon_is_asked_for(self, store: CountingStore) -> None:
        """So each day belongs to one of two periods that meet."""
        noon = T0 // DAY * DAY + DAY / 2
        await sign_in(store, session_row())
        periods = [(noon - DAY, noon), (noon, noon + QUARTER), (noon + QUARTER, noon + DAY)]

        found = [(await store.statistics(Period(it, T0))).tallies for it in periods]
        assert [{}, {("device", "Chrome\tmacOS\tdesktop"): 1}, {}] == found

    @with_a_store
    async def test_weeks_are_those_of_the_beginning(self, store: CountingStore) -> None:
        """A lifespan counts in the week in which its session began."""
        rows_of = [session_row("a"), session_row("b", created_at=T0 + WEEK, last_seen_at=T0 + WEEK)]
        await sign_in(store, *(evolve(it, idle_expires_at=T0 + 4 * WEEK) for it in rows_of))
        await store.end(rows.ending(Everyone(), T0 + 2 * WEEK, reason="late"))
        first = await store.statistics(Period((FIRST, FIRST + WEEK), T0))
        second = await store.statistics(Period((FIRST + WEEK, FIRST + WEEK + QUARTER), T0))

        assert {(age_bin(2 * WEEK), "late", "desktop"): 1} == first.spans
        assert {(age_bin(WEEK), "late", "desktop"): 1} == second.spans
        assert {(THIS_WEEK[0] + 1, "desktop"): (1, 1)} == second.cohorts

    @with_a_store
    async def test_the_keys_of_a_day_are_bounded(self, store: CountingStore) -> None:
        """
        Those that come later count under the others; those that are there go on.

        Of one account: a store of several parts has so many keys in each.
        """
        most = MOST_KEYS["reason"]
        for number in range(most + 2):
            await sign_in(store, session_row(f"s{number}"))
            await store.end(rows.ending(ById(f"s{number}"), reason=f"reason {number}"))
        await sign_in(store, session_row("again"))
        await store.end(rows.ending(ById("again"), reason="reason 0"))
        found = reasons(await numbers(store))

        assert {f"reason {number}": 1 for number in range(1, most)} | {
            "reason 0": 2,
            OTHER: 2,
        } == found

    @with_a_store
    async def test_keys_are_short_and_printable(self, store: CountingStore) -> None:
        """A reason is an application's free text, and a place anybody's."""
        place = evolve(LAGOS, city="a\tb\0c\n" + "x" * 500, latitude=None)
        await sign_in(store, session_row(location=place))
        await store.end(rows.ending(ById("s1"), reason="\u202ea\tb" + "y" * 500))
        found = await numbers(store)

        assert {" a b" + "y" * 60: 1} == reasons(found)
        assert 1 == found.tallies["place", "NG\tNigeria\ta b c " + "x" * 58 + "\t\t3"]

    def test_ages_have_bins(self) -> None:
        """Three a doubling, from a minute on; what is older than the last stays in it."""
        assert [0, 0, 0, 1, 4] == [age_bin(it) for it in (-9.0, 0.0, 59.9, 60.0, 120.0)]
        assert len(AGES) - 1 == age_bin(1e12)
        assert [*range(len(AGES))] == [age_bin(it) for it in AGES]
