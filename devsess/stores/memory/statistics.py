"""Statistics in memory; the store's lock guards them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

from attrs import define, field

from devsess.stores.counting import (
    BEGAN,
    MEASURES,
    MOST_KEYS,
    OTHER,
    SIZES,
    Measures,
    Numbers,
    resized,
)

if TYPE_CHECKING:
    from devsess.stores.counting import Counts, Period


@define
class Statistics:
    """
    All that was ever counted.

    Attributes:
        open, quarters, tallies, spans: As in Counts.
        users: The same, of accounts with open sessions alone.
        sizes: By the place in SIZES: the accounts with so many.
    """

    open: int = 0
    quarters: Counter[tuple[int, str]] = field(factory=Counter)
    tallies: Counter[tuple[int, str, str]] = field(factory=Counter)
    spans: Counter[tuple[int, int, str, str]] = field(factory=Counter)
    users: Counter[Hashable] = field(factory=Counter)
    sizes: list[int] = field(factory=lambda: [0] * len(SIZES))

    def add(self, counts: Counts) -> None:
        """Add *counts*."""
        self.open += counts.open
        self.quarters.update(counts.quarters)
        self.spans.update(counts.spans)
        for (day, dimension, key), count in counts.tallies.items():
            self.tallies[day, dimension, self._placed(day, dimension, key)] += count

        for user, more in counts.changed_users().items():
            self._resize(user, more)

    def _resize(self, user: Hashable, more: int) -> None:
        self.users[user] += more
        changes = resized([(self.users[user], more)])
        self.sizes = [it + change for it, change in zip(self.sizes, changes, strict=True)]
        if not self.users[user]:
            del self.users[user]

    def _placed(self, day: int, dimension: str, key: str) -> str:
        """*key*, if it has a place among those of its day, or can have one."""
        if (day, dimension, key) in self.tallies:
            return key
        keys = {it[2] for it in self.tallies if it[:2] == (day, dimension)} - {OTHER}
        return key if len(keys) < MOST_KEYS[dimension] else OTHER

    def numbers(self, period: Period, lagging: int) -> Numbers:
        """See SupportsStatistics.statistics."""
        first, behind = period.days
        tallies: Counter[tuple[str, str]] = Counter()
        for (day, *key), count in self.tallies.items():
            if first <= day < behind:
                tallies[key[0], key[1]] += count
        first, behind = period.weeks
        spans: Counter[tuple[int, str, str]] = Counter()
        cohorts: dict[tuple[int, str], tuple[int, int]] = {}
        for (week, age, way, kind), count in self.spans.items():
            if first <= week < behind:
                begun, over = cohorts.get((week, kind), (0, 0))
                if age == BEGAN:
                    cohorts[week, kind] = begun + count, over
                else:
                    cohorts[week, kind] = begun, over + count
                    spans[age, way, kind] += count
        ranges, sizes = self._ranges(period), tuple(self.sizes)
        return Numbers(self.open, lagging, ranges, tallies, spans, cohorts, sizes)

    def _ranges(self, period: Period) -> tuple[Measures, ...]:
        bounds = period.quarters
        ends = [*bounds[1:], max([it for it, _ in self.quarters], default=0) + 1]
        return tuple(
            Measures(**{name: self._sum(name, first, behind) for name in MEASURES})
            for first, behind in zip(bounds, ends, strict=True)
        )

    def _sum(self, measure: str, first: int, behind: int) -> int:
        return sum(
            count
            for (quarter, name), count in self.quarters.items()
            if name == measure and first <= quarter < behind
        )
