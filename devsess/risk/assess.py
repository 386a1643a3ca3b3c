"""The sum of the signals' points, and the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.models import Assessment, Decision, Signal
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Profile, as_of
from devsess.risk.remarks import remarks
from devsess.risk.signals import LACKING, in_use

if TYPE_CHECKING:
    from devsess.risk_policy import Risk


def assess(facts: Facts, profile: Profile | None, risk: Risk) -> Assessment:
    """
    How unusual *facts* are for the account of *profile*.

    Without a profile, or with one that is wholly forgotten, nothing is evaluated: the first
    sign-in is allowed, and teaches. A score never denies; a blocked device does.
    """
    if facts.proof is Proof.BLOCKED:
        signal = Signal("blocked_device", 0, "blocked device")
        return Assessment(decision=Decision.DENY, signals=(signal,))
    profile, signals = as_of(profile or Profile(), facts.at), in_use(risk.points)
    if not profile.sign_ins:
        return Assessment(not_evaluated=tuple(signals))
    score, found, lacking = risk.points.base, [], []
    for kind, rule in signals.items():
        finding = rule(facts, profile)
        if finding is LACKING:
            lacking.append(kind)
        elif finding is not None:
            worth = getattr(risk.points, finding.points)
            score += worth
            found.append(Signal(kind, worth, finding.message, finding.data))
    found += remarks(facts, profile)
    return Assessment(score, decided(score, risk), tuple(found), tuple(lacking))


def decided(score: int, risk: Risk) -> Decision:
    """The answer to a score."""
    if score >= risk.step_up_from:
        return Decision.STEP_UP
    return Decision.NOTIFY if score >= risk.notify_from else Decision.ALLOW
