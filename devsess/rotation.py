"""
LAW: what a presented refresh token means, row by row (RFC 9700 §4.14.2).

A refresh token names a session and a generation. What comes with it is *same*
(the session's own device) or *foreign*; which generation it names tells the
rest. `VERDICTS` is the whole law: what is not in it does not happen.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.rows import RotatedBy


class Age(Enum):
    """Which generation was presented, beside the row's."""

    CURRENT = "current"
    GRACE_REFRESH = "previous, within the grace period, rotated by refresh"
    GRACE_STEP_UP = "previous, within the grace period, rotated by step-up"
    LATE = "previous, after the grace period"
    STALE = "older"
    FUTURE = "newer than the row"


class Bearer(Enum):
    """Who presented it."""

    SAME = "same"
    FOREIGN_BOUND = "foreign, the session is bound"
    FOREIGN_UNBOUND = "foreign, the session is not bound"


class Verdict(Enum):
    """What follows."""

    ROTATE = "a new generation"
    ROTATE_WITH_SIGNAL = "a new generation, and a signal"
    CONVERGE = "the same successor again"
    EXPIRED = "this token's time is over; the session lives"
    UNKNOWN = "not a token of this row; the session lives"
    END_FOREIGN = "foreign-device"
    END_LATE = "late"
    END_STALE = "stale"


# A newer generation than the row's comes from a restored backup: the session
# must not die for the operator's deed.
VERDICTS: dict[tuple[Age, Bearer], Verdict] = {
    (Age.CURRENT, Bearer.SAME): Verdict.ROTATE,
    (Age.CURRENT, Bearer.FOREIGN_BOUND): Verdict.END_FOREIGN,
    (Age.CURRENT, Bearer.FOREIGN_UNBOUND): Verdict.ROTATE_WITH_SIGNAL,
    (Age.GRACE_REFRESH, Bearer.SAME): Verdict.CONVERGE,
    (Age.GRACE_REFRESH, Bearer.FOREIGN_BOUND): Verdict.END_FOREIGN,
    (Age.GRACE_REFRESH, Bearer.FOREIGN_UNBOUND): Verdict.END_FOREIGN,
    (Age.GRACE_STEP_UP, Bearer.SAME): Verdict.EXPIRED,
    (Age.GRACE_STEP_UP, Bearer.FOREIGN_BOUND): Verdict.END_FOREIGN,
    (Age.GRACE_STEP_UP, Bearer.FOREIGN_UNBOUND): Verdict.END_FOREIGN,
    (Age.LATE, Bearer.SAME): Verdict.END_LATE,
    (Age.LATE, Bearer.FOREIGN_BOUND): Verdict.END_LATE,
    (Age.LATE, Bearer.FOREIGN_UNBOUND): Verdict.END_LATE,
    (Age.STALE, Bearer.SAME): Verdict.END_STALE,
    (Age.STALE, Bearer.FOREIGN_BOUND): Verdict.END_STALE,
    (Age.STALE, Bearer.FOREIGN_UNBOUND): Verdict.END_STALE,
    (Age.FUTURE, Bearer.SAME): Verdict.UNKNOWN,
    (Age.FUTURE, Bearer.FOREIGN_BOUND): Verdict.UNKNOWN,
    (Age.FUTURE, Bearer.FOREIGN_UNBOUND): Verdict.UNKNOWN,
}

ENDINGS = frozenset({Verdict.END_FOREIGN, Verdict.END_LATE, Verdict.END_STALE})


def age_of(presented: int, current: int, rotated_by: RotatedBy | None, *, in_grace: bool) -> Age:
    """Which age the generation *presented* has beside a row at *current*."""
    if presented > current:
        return Age.FUTURE
    if presented == current:
        return Age.CURRENT
    if presented < current - 1:
        return Age.STALE
    if not in_grace:
        return Age.LATE
    return Age.GRACE_STEP_UP if rotated_by == "step_up" else Age.GRACE_REFRESH


def judge(age: Age, bearer: Bearer) -> Verdict:
    """The law's answer."""
    return VERDICTS[age, bearer]
