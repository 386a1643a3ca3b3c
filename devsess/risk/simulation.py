"""Sign-ins that have been, assessed as a policy would have, account by account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from devsess.models import Decision
from devsess.risk import profile as profiles
from devsess.risk.assess import assess
from devsess.risk.notices import is_notified
from devsess.risk.profile import Profile
from devsess.risk.remarks import unlike

if TYPE_CHECKING:
    from devsess.models import Assessment
    from devsess.risk.facts import Facts
    from devsess.risk_policy import Risk


@frozen
class Replayed:
    """
    One sign-in under the policy.

    Attributes:
        user_id: Whose.
        facts: As they were recorded.
        assessment: The policy's.
        is_first: Whether the account had no habits to compare it with.
        is_noticed: Whether the owner would have been notified.
    """

    user_id: str
    facts: Facts
    assessment: Assessment
    is_first: bool
    is_noticed: bool


def replay(user_id: str, sign_ins: Iterable[Facts], risk: Risk) -> Iterator[Replayed]:
    """
    The sign-ins of one account, oldest first, each compared with those before it.

    They were all successes, so each teaches as `login` does under "observe". One that no known
    device made is taken for one of a new device.
    """
    profile = Profile()
    for facts in _among_new_devices(sign_ins):
        before = profiles.as_of(profile, facts.at)
        found = assess(facts, before, risk)
        is_noticed = is_notified(found, before, risk, facts.at)
        yield Replayed(user_id, facts, found, not before.sign_ins, is_noticed)
        profile = profiles.learned(before, facts, confirmed=facts.is_proven)
        if is_noticed:
            profile = profiles.noticed(profile, facts.at)


def _among_new_devices(sign_ins: Iterable[Facts]) -> Iterator[Facts]:
    """Each of *sign_ins*, with the count of the devices that were new in the 24 hours before."""
    new: list[Facts] = []
    for facts in sign_ins:
        if facts.is_proven:
            yield facts
            continue
        new = [*(it for it in new if it.at > facts.at - profiles.DAY), facts]
        yield evolve(facts, new_devices=unlike(new))


@frozen
class Proposal:
    """
    The lowest threshold that challenges few enough.

    Attributes:
        step_up_from: The threshold.
        challenged: The sign-ins that it challenges.
        rate: Their share of all.
    """

    step_up_from: int
    challenged: int
    rate: float


@frozen(eq=False)
class Tally:
    """
    The sum of many replayed sign-ins.

    Attributes:
        most: How many of the highest scores are kept, each with its sum.
        counts: Of "accounts" and "sign_ins", and of those that were "first" and "noticed".
        decisions: How many of each; first ones are allowed.
        signals: How often each signal was in a sign-in of that decision.
        scores: How many had each score, of those that were evaluated.
        top: The highest scores that were not allowed.
    """

    most: int
    counts: Counter[str] = field(factory=Counter)
    decisions: Counter[Decision] = field(factory=Counter)
    signals: dict[Decision, Counter[str]] = field(factory=dict)
    scores: Counter[int] = field(factory=Counter)
    top: list[Replayed] = field(factory=list)

    def add(self, account: Iterable[Replayed]) -> None:
        """Count the sign-ins of one account."""
        found = list(account)
        self.counts["accounts"] += bool(found)
        for it in found:
            self._count(it)
        unusual = [it for it in found if it.assessment.decision is not Decision.ALLOW]
        self.top[:] = sorted([*self.top, *unusual], key=_rank)[: self.most]

    def _count(self, it: Replayed) -> None:
        decision = it.assessment.decision
        self.counts["sign_ins"] += 1
        self.counts["first"] += it.is_first
        self.counts["noticed"] += it.is_noticed
        self.decisions[decision] += 1
        self.signals.setdefault(decision, Counter()).update(
            signal.kind for signal in it.assessment.signals
        )
        if not it.is_first:
            self.scores[it.assessment.score] += 1

    def share(self, count: int) -> float:
        """*count* of all sign-ins."""
        return count / self.counts["sign_ins"] if self.counts["sign_ins"] else 0.0

    def proposal(self, at_most: float, risk: Risk) -> Proposal:
        """
        The lowest `step_up_from` that challenges no more than *at_most* of all sign-ins.

        Never below `notify_from`, which is milder. Scores are discrete: the rate reached may
        be well below.
        """
        challenged = 0
        for score in sorted(self.scores, reverse=True):
            more = challenged + self.scores[score]
            if score < risk.notify_from:
                break
            if self.share(more) > at_most:
                return Proposal(score + 1, challenged, self.share(challenged))
            challenged = more
        return Proposal(risk.notify_from, challenged, self.share(challenged))


def _rank(it: Replayed) -> tuple[int, float, str]:
    return (-it.assessment.score, it.facts.at, it.user_id)
