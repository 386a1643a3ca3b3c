"""
LAW: instants that lie ahead of this clock.

Two machines' clocks differ a little: up to CLOCKS_APART an instant ahead counts
as now. An instant further ahead was written by a clock that was wrong. Its age is
not known, so it counts as over. A row that such a clock dated would live too long,
by as much as the clock was ahead, so the first write that meets the row sets it back
to now. A purge meets all rows. It corrects none if the newest events of the history
lie ahead too, for then this clock is the one that is behind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.policy import Policy
    from devsess.stores.plain_rows import AnyRow
    from devsess.stores.rows import SessionRow

# Seconds.
CLOCKS_APART = 300.0
# A clock may correct rows in bulk unless more than half of the NEWEST events of the
# history lie ahead of it; where there are fewer than ENOUGH events, it may.
NEWEST = 64
ENOUGH = 32
# No session was written before 2025-01-01: a clock that shows an earlier time has not
# been set yet, as after a start without a battery. To it everything lies ahead.
NEVER_BEFORE = 1_735_689_600.0


def is_unset(now: float) -> bool:
    """Whether this clock is the one that is wrong."""
    return now < NEVER_BEFORE


def is_ahead(at: float, now: float) -> bool:
    """Whether a clock that was wrong wrote *at*."""
    return at > latest(now)


def latest(now: float) -> float:
    """The latest instant that a clock which is right may have written by *now*."""
    return now + CLOCKS_APART


def age(since: float, now: float) -> float:
    """Seconds from *since* to *now*: 0 if that is a little ahead, infinite if it is far ahead."""
    return math.inf if is_ahead(since, now) else max(0.0, now - since)


def was_ahead(row: AnyRow, now: float) -> bool:
    """Whether a clock that was ahead wrote *row*, whose deadlines would be far away for ever."""
    return max(row.created_at, row.last_seen_at) > latest(now) and not is_unset(now)


def ahead_by(row: SessionRow, now: float) -> float:
    """Seconds by which *row* is dated later than *now*; negative if it is not."""
    return max(row.created_at, row.last_seen_at) - now


def disputed_by(newest: Sequence[float], now: float) -> float:
    """
    Seconds by which the *newest* events of the history lie ahead of this clock; 0 if it is right.

    A row that lies ahead was dated by a clock that is wrong, or this clock is behind; the
    history decides which. This clock is behind if more than half of the events lie ahead,
    and hence their lower median. With fewer than ENOUGH events this clock is believed.
    """
    if len(newest) < ENOUGH:
        return 0.0
    median = sorted(newest)[(len(newest) - 1) // 2]
    return median - now if is_ahead(median, now) else 0.0


def latest_deadline(now: float, policy: Policy) -> float:
    """The latest deadline that a clock which is right may have written by *now*."""
    return latest(now) + policy.absolute_lifetime


def set_back(row: SessionRow, now: float, policy: Policy) -> dict[str, object]:
    """
    The columns that a write at *now* corrects in a row of which `was_ahead` holds.

    The instant of the authentication is no longer known. It is set to one as long ago
    as a session lasts, so that it is never later than the true one.
    """
    created_at = min(row.created_at, now)
    lifetime = row.absolute_expires_at - row.created_at  # a sign-in may have given it less
    absolute = created_at + min(lifetime, policy.absolute_lifetime)
    long_ago = math.floor(now - policy.absolute_lifetime)
    last = latest(now)
    return {
        "created_at": created_at,
        "last_seen_at": min(row.last_seen_at, now),
        "idle_from": now,
        "idle_expires_at": min(now + policy.idle_timeout, absolute),
        "absolute_expires_at": absolute,
        "auth_time": row.auth_time if row.auth_time <= last else long_ago,
        "levels": tuple((acr, at if at <= last else long_ago) for acr, at in row.levels),
    }
