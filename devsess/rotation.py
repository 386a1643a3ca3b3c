"""
LAW: the meaning of a presented refresh token, row by row (RFC 9700 §4.14.2).

A refresh token names a session and a generation. Its bearer is *same* (the
session's own device) or *foreign*; its generation has an age beside the row's.
`VERDICTS` is the whole law: a verdict that is not in it does not happen.

Two generations of a row are good: the current one, and the one it succeeds. A
successor is *presented* once its access token was validated here, or its
refresh token came. Until then its answer may have been lost, and the previous
token gets another successor; the lost one is dead.

A step-up that follows a refresh within its grace period has both generations
before it as previous ones, as long as its own lasts: a tab whose request was
overtaken by both is no thief. Neither token gets another.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.stores.plain_rows import AnyRow
    from devsess.stores.rows import RotatedBy, SessionRow


class Age(Enum):
    """The age of a presented generation beside the row's."""

    CURRENT = "current"
    GRACE_REFRESH = "previous, within the grace period, rotated by refresh"
    GRACE_STEP_UP = "previous, within the grace period, rotated by step-up"
    LOST_REFRESH = "previous, after the grace period, a refresh's successor never presented"
    LOST_STEP_UP = "previous, after the grace period, a step-up's successor never presented"
    LATE = "previous, after the grace period, its successor presented"
    DEAD = "a successor whose answer was lost, and which another replaced"
    STALE = "older than the previous"
    FUTURE = "newer than the row"


class Bearer(Enum):
    """The client that presented it, beside the session's own device."""

    SAME = "same"
    FOREIGN_BOUND = "foreign, the session is bound"
    FOREIGN_UNBOUND = "foreign, the session is not bound"


class Verdict(Enum):
    """The consequence."""

    ROTATE = "a new generation"
    ROTATE_WITH_SIGNAL = "a new generation, and a signal"
    REISSUE = "a new generation in place of the lost one"
    CONVERGE = "the same successor again"
    EXPIRED = "this token's time is over; the session lives"
    UNKNOWN = "not a token of this row; the session lives"
    END_FOREIGN = "the session ends: a foreign device"
    END_LATE = "the session ends: too late"
    END_STALE = "the session ends: too old"


# To converge late would let two holders of a copied token go on for ever where
# only other services validate: a reissue parts them by the second round.
# A newer generation than the row's comes from a restored backup: the session
# must not end because an operator restored one.
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
    (Age.LOST_REFRESH, Bearer.SAME): Verdict.REISSUE,
    (Age.LOST_REFRESH, Bearer.FOREIGN_BOUND): Verdict.END_FOREIGN,
    (Age.LOST_REFRESH, Bearer.FOREIGN_UNBOUND): Verdict.END_FOREIGN,
    (Age.LOST_STEP_UP, Bearer.SAME): Verdict.EXPIRED,
    (Age.LOST_STEP_UP, Bearer.FOREIGN_BOUND): Verdict.END_FOREIGN,
    (Age.LOST_STEP_UP, Bearer.FOREIGN_UNBOUND): Verdict.END_FOREIGN,
    (Age.LATE, Bearer.SAME): Verdict.END_LATE,
    (Age.LATE, Bearer.FOREIGN_BOUND): Verdict.END_LATE,
    (Age.LATE, Bearer.FOREIGN_UNBOUND): Verdict.END_LATE,
    (Age.DEAD, Bearer.SAME): Verdict.END_STALE,
    (Age.DEAD, Bearer.FOREIGN_BOUND): Verdict.END_STALE,
    (Age.DEAD, Bearer.FOREIGN_UNBOUND): Verdict.END_STALE,
    (Age.STALE, Bearer.SAME): Verdict.END_STALE,
    (Age.STALE, Bearer.FOREIGN_BOUND): Verdict.END_STALE,
    (Age.STALE, Bearer.FOREIGN_UNBOUND): Verdict.END_STALE,
    (Age.FUTURE, Bearer.SAME): Verdict.UNKNOWN,
    (Age.FUTURE, Bearer.FOREIGN_BOUND): Verdict.UNKNOWN,
    (Age.FUTURE, Bearer.FOREIGN_UNBOUND): Verdict.UNKNOWN,
}

# The class of a reuse, as the error, the row and its event name it: rows hold these words.
REUSES = {
    Verdict.END_FOREIGN: "foreign-device",
    Verdict.END_LATE: "late",
    Verdict.END_STALE: "stale",
}
SUCCESSIONS = frozenset({Verdict.ROTATE, Verdict.ROTATE_WITH_SIGNAL, Verdict.REISSUE})


def age_of(presented: int, row: SessionRow, *, in_grace: bool) -> Age:
    """The age of the generation *presented* beside *row*."""
    if presented > row.generation:
        return Age.FUTURE
    if presented == row.generation:
        return Age.CURRENT
    previous, by_step_up = row.previous_generation, row.rotated_by == "step_up"
    if by_step_up and not in_grace:
        previous = row.generation - 1  # the one that it overtook has had its time
    if previous is None or presented < previous:
        return Age.STALE
    if presented > previous and not by_step_up:
        return Age.DEAD  # a step-up leaves none: all from the previous one on are previous
    return _age_of_previous(row, in_grace=in_grace)


def _age_of_previous(row: SessionRow, *, in_grace: bool) -> Age:
    by_step_up = row.rotated_by == "step_up"
    if in_grace:
        return Age.GRACE_STEP_UP if by_step_up else Age.GRACE_REFRESH
    if row.presented:
        return Age.LATE
    return Age.LOST_STEP_UP if by_step_up else Age.LOST_REFRESH


def judge(age: Age, bearer: Bearer) -> Verdict:
    """The consequence that the law gives."""
    return VERDICTS[age, bearer]


def is_first_presentation(presented: int | None, row: AnyRow) -> bool:
    """
    Whether *row* must learn that a validated access token names the generation *presented*.

    Never so for a token that names no generation, nor before the first rotation: then
    nothing depends on it.
    """
    return presented == row.generation and not row.presented and row.previous_generation is not None


def overtakes(row: SessionRow, *, in_grace: bool) -> bool:
    """
    Whether a step-up of *row* comes so soon after a refresh that it overtakes others.

    Not after a reissue: then a dead generation lies between.
    """
    is_plain = row.previous_generation == row.generation - 1
    return in_grace and is_plain and row.rotated_by == "refresh"


def succession(
    row: SessionRow, by: RotatedBy, now: float, *, keeps_previous: bool
) -> dict[str, object]:
    """
    The columns that a new generation of *row* writes, beside its number.

    The previous one stays as it is for a reissue, and for a step-up that `overtakes`.
    """
    return {
        "previous_generation": row.previous_generation if keeps_previous else row.generation,
        "presented": False,
        "rotated_at": now,
        "rotated_by": by,
    }
