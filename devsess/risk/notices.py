"""
Whether the owner of an account is notified of a sign-in.

A notice that comes for nothing is the one after which the next is not read. So the mild band
between `Risk.notify_from` and `Risk.step_up_from` is silent for an account that is still young,
and after a few notices a day. A sign-in that asks for a step-up is always notified, up to the
number of questions that a store keeps open for an account. Several new devices in a short
time are notified as the mild band is, whatever the score. Refreshes are never notified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devsess.models import Decision
from devsess.risk.profile import recent_notices
from devsess.risk_policy import Risk

if TYPE_CHECKING:
    from devsess.models import Assessment
    from devsess.policy import Policy
    from devsess.risk.profile import Profile

# Open questions of one account: the 17th notice of a day says nothing that 16 did not.
MOST_A_DAY: Final = 16
# Signals of no points that notify as the mild band does.
FLAGGED: Final = frozenset({"device_burst"})


def is_notified(assessment: Assessment, profile: Profile, risk: Risk, at: float) -> bool:
    """Whether to notify the owner of a sign-in at *at*, which the account of *profile* makes."""
    recent = len(recent_notices(profile, at))
    return notifies(assessment, risk, sign_ins=profile.sign_ins, recent=recent)


def notifies(assessment: Assessment, risk: Risk, *, sign_ins: int, recent: int) -> bool:
    """
    Whether to notify the owner of this sign-in, by the numbers alone.

    Args:
        sign_ins: How many the account has had before: with none, the device is its first.
        recent: Notices that were sent to the owner in the 24 hours before.
    """
    if not sign_ins or recent >= MOST_A_DAY:
        return False
    if assessment.decision is Decision.STEP_UP:
        return True
    is_flagged = any(it.kind in FLAGGED for it in assessment.signals)
    if assessment.decision is not Decision.NOTIFY and not is_flagged:
        return False
    return sign_ins >= risk.quiet_sign_ins and recent < risk.notices_a_day


def questioned_from(policy: Policy) -> int:
    """The score from which on a live session is in question, until somebody answers for it."""
    return (policy.risk or Risk()).notify_from


def is_in_question(score: int | None, policy: Policy) -> bool:
    """Whether a live session of *score* is in question: its owner, or an operator, is asked."""
    return score is not None and score >= questioned_from(policy)
