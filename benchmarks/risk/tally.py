"""Counts of scores, of owners and attackers and by group; every rate is read from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

from attrs import define, field

from benchmarks.risk.replay import OWNER, Assessed, Refreshed
from devsess.models import Decision
from devsess.risk.remarks import REMARKS
from devsess.risk.signals import SETTLED

ALL, FEWER, TEN = "all", "fewer than ten", "ten or more"
# Past sign-ins; those above the last are few, and counted with it.
HISTORIES = ((1, 1), (2, 3), (4, 6), (7, 9), (10, 15), (16, 29), (30, 50))


def history(sign_ins: int) -> str:
    """The group of an account with so many sign-ins behind it."""
    found = next((it for it in HISTORIES if sign_ins <= it[1]), None)
    return f"over {HISTORIES[-1][1]}" if found is None else span(found)


def span(ends: tuple[int, int]) -> str:
    """A group's name."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


@define
class Scores:
    """How often each score came, by who and group."""

    of: defaultdict[tuple[str, str], Counter[float]] = field(factory=lambda: defaultdict(Counter))

    def add(self, who: str, groups: Iterable[str], score: float) -> None:
        """Count one."""
        for group in groups:
            self.of[who, group][score] += 1

    def many(self, who: str, group: str = ALL) -> int:
        """How many there were."""
        return self.of[who, group].total()

    def share(self, who: str, at_least: float, group: str = ALL) -> float:
        """The share of them with a score of *at_least*; 0 of none."""
        counts = self.of[who, group]
        above = sum(count for score, count in counts.items() if score >= at_least)
        return above / max(1, counts.total())

    def curve(self, attacker: str, group: str = ALL) -> list[tuple[float, float]]:
        """Challenged and caught shares at each threshold, from the highest on."""
        owners, others = self.of[OWNER, ALL], self.of[attacker, group]
        order = sorted({*owners, *others}, reverse=True)
        challenged = accumulate((owners[it] for it in order), initial=0)
        caught = accumulate((others[it] for it in order), initial=0)
        every, each = max(1, owners.total()), max(1, others.total())
        return [(one / every, other / each) for one, other in zip(challenged, caught, strict=True)]


def at_rate(curve: list[tuple[float, float]], rate: float) -> float:
    """The share caught where *rate* of the owners' sign-ins is challenged, on a straight line."""
    for (x, y), (right, above) in pairwise(curve):
        if x <= rate <= right and right > x:
            return y + (above - y) * (rate - x) / (right - x)
    return curve[-1][1]


@define
class Tally:
    """Everything that is counted of one variant."""

    scores: Scores = field(factory=Scores)
    refreshes: Scores = field(factory=Scores)
    travels: Counter[str] = field(factory=Counter)
    notified: Counter[str] = field(factory=Counter)
    reasons: Counter[str] = field(factory=Counter)
    accounts: int = 0
    challenged_accounts: int = 0

    def account(self, events: Iterable[Assessed | Refreshed]) -> None:
        """Count all that happened at one account."""
        challenged = False
        for event in events:
            if isinstance(event, Refreshed):
                self._refreshed(event)
            else:
                self._assessed(event)
                asked = event.assessment.decision is Decision.STEP_UP
                challenged |= event.who == OWNER and asked
        self.accounts += 1
        self.challenged_accounts += challenged

    def _assessed(self, event: Assessed) -> None:
        kinds = [it.kind for it in event.assessment.signals if it.kind not in REMARKS]
        self.scores.add(event.who, _groups(event), event.assessment.score)
        self.travels[event.who] += "impossible_travel" in kinds
        self.notified[event.who] += event.is_notified
        if event.who == OWNER and event.assessment.decision is Decision.STEP_UP:
            self.reasons[", ".join(kinds)] += 1

    def _refreshed(self, event: Refreshed) -> None:
        is_other = event.facts.os != event.facts.session_os
        groups = [ALL, "another system" if is_other else "the same system"]
        if event.moved and event.who == OWNER:
            groups.append("moved")
        self.refreshes.add(event.who, groups, event.assessment.score)


def _groups(event: Assessed) -> Iterator[str]:
    sign_ins = event.profile.sign_ins
    yield from (ALL, history(sign_ins), TEN if sign_ins >= SETTLED else FEWER)
    if event.who == OWNER:
        yield event.why
        yield "token" if event.facts.is_proven else "no token"
