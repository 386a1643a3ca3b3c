"""How long sessions last, as life tables, made from the counts of a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from devsess.stores.counting import AGES, WEEK

if TYPE_CHECKING:
    from devsess.stores.counting import Numbers

# The kinds of device together.
ALL_KINDS: Final = "all"


@frozen
class Share:
    """
    The fate of sessions by an age.

    Attributes:
        age: Seconds.
        alive: The share that lives on, 0 to 1.
        over: By reason, the share that has ended so. The reasons are those of devsess; ""
            stands for all others. With `alive` they come to 1.
    """

    age: int
    alive: float
    over: Mapping[str, float] = field(hash=False)


@define
class LifeTable:
    """
    A life table of sessions (Cutler and Ederer 1958): those that still live count half in the
    bin of their age, and lost to no later one.

    Attributes:
        begun: Sessions.
        over: By bin: by reason, those over.
        alive: By bin: those that still live, at that age.
    """

    begun: int = 0
    over: dict[int, dict[str, int]] = field(factory=dict)
    alive: dict[int, float] = field(factory=lambda: dict.fromkeys(range(len(AGES)), 0.0))

    def add_over(self, age: int, reason: str, count: int) -> None:
        """Count sessions that were over at an age."""
        reasons = self.over.setdefault(age, {})
        reasons[reason] = reasons.get(reason, 0) + count

    def add_cohort(self, begun: int, over: int, ages: Sequence[tuple[int, float]]) -> None:
        """Count the sessions of a week, which have these *ages* now if they still live."""
        self.begun += begun
        if begun > over:
            for place, share in ages:
                self.alive[place] += share * (begun - over)

    def ends(self) -> Iterator[tuple[int, float, Mapping[str, int]]]:
        """
        By bin: the age at its end, the share of those that reach it and end in it, and why.

        Until nobody is left to count.
        """
        at_risk = float(self.begun)
        for place, age in enumerate((*AGES[1:], 2 * AGES[-1])):
            exposed = at_risk - self.alive[place] / 2
            if exposed <= 0.5:
                return
            reasons = self.over.get(place, {})
            count = sum(reasons.values())
            at_risk -= self.alive[place] + count
            yield age, min(count / exposed, 1.0), reasons

    def shares(self) -> Iterator[Share]:
        """The share that lives on at the end of each bin, and that of each reason."""
        alive = 1.0
        over: dict[str, float] = {}
        for age, ended, reasons in self.ends():
            count = sum(reasons.values())
            for reason, its_count in reasons.items():
                part = its_count / count
                over[reason] = over.get(reason, 0.0) + alive * ended * part
            alive *= 1 - ended
            yield Share(age, alive, dict(over))

    def median(self) -> float | None:
        """The age that half of them reach: between two bins, in proportion."""
        before, begins = 1.0, 0
        for age, ended, _ in self.ends():
            alive = before * (1 - ended)
            if alive <= 1 / 2:
                within = (before - 1 / 2) / (before - alive)
                return begins + within * (age - begins)
            before, begins = alive, age
        return None


def life_tables(found: Numbers, now: float) -> dict[str, LifeTable]:
    """The tables of all kinds of device together, and of each; none without any session."""
    kinds = sorted({*(kind for _, kind in found.cohorts), *(kind for *_, kind in found.spans)})
    lives = {kind: LifeTable() for kind in (ALL_KINDS, *kinds)} if kinds else {}
    for (age, reason, kind), count in found.spans.items():
        for of in (ALL_KINDS, kind):
            lives[of].add_over(age, reason, count)
    ages = {week: tuple(_ages_within(week, now)) for week in {week for week, _ in found.cohorts}}
    for (week, kind), (begun, over) in found.cohorts.items():
        for of in (ALL_KINDS, kind):
            lives[of].add_cohort(begun, over, ages[week])
    return lives


def _ages_within(week: int, now: float) -> Iterator[tuple[int, float]]:
    """The bins of the ages that sessions of a *week* have now, each with its share of them."""
    # Where a clock that was ahead wrote them, they are of the first bin.
    oldest = max(1.0, now - week * WEEK)
    youngest = max(0.0, oldest - WEEK)
    for place, (begins, ends) in enumerate(zip(AGES, (*AGES[1:], float("inf")), strict=True)):
        share = (min(ends, oldest) - max(begins, youngest)) / (oldest - youngest)
        if share > 0:
            yield place, share
