"""
Statistics: each shard counts by itself, and they are added up here.

A script sums up so many days at most. The numbers of several scripts are not of one instant: what
is counted in between is in the later ones alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from devsess.stores.counting import BEGAN, LOOKED, MEASURES, SIZES, Measures, Numbers
from devsess.stores.redis.columns import instant, some
from devsess.stores.redis.counts import QUARTERS
from devsess.stores.redis.searching import Searching

if TYPE_CHECKING:
    from devsess.stores.counting import Period

# The accounts of each size, as scripts name them.
_SIZES = some([f"users{size}" for size in SIZES])
# The most days, and weeks, of one script.
TOGETHER = 32


class Statistics(Searching):
    """`SupportsStatistics`; see there."""

    async def statistics(self, period: Period) -> Numbers:
        await self._check_indexed(5)
        (first, behind), weeks = period.days, period.weeks
        from_day = min(first, period.quarters[0] // QUARTERS)
        looked = str(max(LOOKED // len(self._tags), 1))
        how = (instant(period.now), looked, str(from_day), *map(str, weeks), *_SIZES)
        counted = await self._ask_all("counted", *how)
        days, weeks_there = (_union(it[place] for it in counted) for place in (2, 3))
        bounds, sums = some([str(it) for it in period.quarters]), _Sums()
        for some_days, some_weeks in _parts(days, weeks_there):
            asked = (*bounds, *some(some_days), str(first), str(behind), *some(some_weeks))
            for answer in await self._ask_all("sums", *asked):
                sums.add(*answer)
        still_open, lagging = (sum(int(it[place]) for it in counted) for place in (0, 1))
        ranges = tuple(sums.measures(place) for place in range(1, len(period.bounds) + 1))
        tallies = {(name[0], name[2]): n for name, n in sums.tallies.items()}
        sizes = (tuple(int(it or 0) for it in answer[4]) for answer in counted)
        sized = tuple(map(sum, zip(*sizes, strict=True)))
        return Numbers(still_open, lagging, ranges, tallies, sums.spans, sums.cohorts, sized)


@define
class _Sums:
    """
    The sums of the scripts so far.

    Attributes:
        ranges: By the place of the range, from 1 on, and the measure.
        tallies: By dimension, ":", key.
        spans, cohorts: As in Numbers.
    """

    ranges: Counter[tuple[int, str]] = field(factory=Counter)
    tallies: Counter[tuple[str, str, str]] = field(factory=Counter)
    spans: Counter[tuple[int, str, str]] = field(factory=Counter)
    cohorts: dict[tuple[int, str], tuple[int, int]] = field(factory=dict)

    def add(self, ranges: Sequence[Any], tallies: Sequence[Any], spans: Sequence[Any]) -> None:
        """Add the answer of one script."""
        for name, count in _pairs(ranges):
            place, _, measure = name.partition(":")
            self.ranges[int(place), measure] += count
        for name, count in _pairs(tallies):
            self.tallies[name.partition(":")] += count
        for week, counts in spans:
            for name, count in _pairs(counts):
                self._add_span(int(week), name, count)

    def _add_span(self, week: int, name: str, count: int) -> None:
        age, reason, kind = name.split("\t")
        begun, over = self.cohorts.get((week, kind), (0, 0))
        if int(age) == BEGAN:
            self.cohorts[week, kind] = begun + count, over
            return
        self.cohorts[week, kind] = begun, over + count
        self.spans[int(age), reason, kind] += count

    def measures(self, place: int) -> Measures:
        """The counts of one range."""
        return Measures(**{it: self.ranges[place, it] for it in MEASURES})


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[str, int]]:
    for name, count in zip(flat[::2], flat[1::2], strict=True):
        yield name.decode(), int(count)


def _union(parts: Iterator[Sequence[bytes]]) -> list[bytes]:
    return sorted({it for part in parts for it in part}, key=int)


def _parts(
    days: Sequence[bytes], weeks: Sequence[bytes]
) -> Iterator[tuple[Sequence[bytes], Sequence[bytes]]]:
    for start in range(0, max(len(days), len(weeks)), TOGETHER):
        yield days[start : start + TOGETHER], weeks[start : start + TOGETHER]
