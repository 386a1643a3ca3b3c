"""Failed sign-ins, counted by whose they were, by network and by hour, in a bounded record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from attrs import astuple, evolve, frozen

from devsess import skew

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR: Final = 3_600
# Rows of one record; of the oldest first no more is known.
MOST_ROWS: Final = 100
# So many of one account within the hour stand for as many or more: from then on a flood writes
# nothing, and a sender of many networks pushes no more than so many rows out.
MOST_COUNTED: Final = 100
# How long a failure is remembered: as long as `Privacy.retention` keeps events by default.
KEPT: Final = 90 * 86_400


@frozen
class Failures:
    """
    The failed sign-ins of one account from one network in one hour.

    Attributes:
        whose: Digest of what was typed, where no account is named so; else empty.
        network: The /24 (IPv4) or /48 (IPv6), or None.
        hour: Hours since the epoch.
        count: At least so many, where those of the hour come to MOST_COUNTED.
        at: Whole second of the latest.
    """

    whose: str
    network: str | None
    hour: int
    count: int
    at: int


def counted(
    rows: Sequence[Failures], whose: str, network: str | None, at: float
) -> tuple[Failures, ...]:
    """*rows* with one failure more, newest first; the same ones where the hour is full."""
    if within_an_hour(rows, whose, at) >= MOST_COUNTED:
        return tuple(rows)
    second = int(at)
    new = Failures(whose, network, second // HOUR, 1, second)
    same = [it for it in rows if (it.whose, it.network, it.hour) == (whose, network, new.hour)]
    if same:
        new = evolve(new, count=same[0].count + 1)
    kept = [it for it in rows if it not in same and second - it.at < KEPT]
    return (new, *kept[: MOST_ROWS - 1])


def within_an_hour(rows: Sequence[Failures], whose: str, at: float) -> int:
    """
    The failures of the hour before *at*, as far as rows of hours tell.

    A clock a little ahead of this one may have dated them.
    """
    latest = skew.latest(at)
    return sum(it.count for it in rows if it.whose == whose and at - HOUR < it.at <= latest)


def dump(rows: Sequence[Failures]) -> str:
    """*rows* as JSON."""
    return json.dumps([astuple(it) for it in rows], separators=(",", ":"))


def load(text: str) -> tuple[Failures, ...]:
    """The rows that `dump` wrote; none where it is damaged, for they are counted anew then."""
    try:
        rows = tuple(Failures(*values) for values in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()
    return rows if all(map(_is_sound, rows)) else ()


def _is_sound(row: Failures) -> bool:
    """Whether its numbers are such as `counted` writes."""
    is_whole = {int} == {*map(type, (row.hour, row.count, row.at))}
    return is_whole and 1 <= row.count <= MOST_COUNTED
