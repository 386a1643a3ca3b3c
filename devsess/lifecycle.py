"""
LAW: the states of a session, and every deadline.

It alone decides whether a session is live; stores repeat its comparison for rows that
they count or purge, in `counts_as_live`. Three rules bind it all: only a live session
is used; an expired one can still be revoked, and revoked is terminal; and a deadline is
the earlier of the one written in the row and the one today's policy would give, so a
tightened policy binds old sessions too. `leeway` belongs to a JWT's own times; here it
only lengthens how long a tombstone is kept.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Literal

from attrs import asdict, frozen

from devsess import skew
from devsess.errors import SessionExpiredError, SessionRevokedError
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from devsess.policy import Policy
    from devsess.stores.plain_rows import AnyRow, PlainRow
    from devsess.stores.rows import Levels, SessionRow

# Levels that a row keeps, the latest event's among them.
MAX_LEVELS = 8
# Seconds until a touch that could not be written is due again, for activity or for the
# mark of a presented generation.
TOUCH_RETRY = 1.0


class State(Enum):
    """Where a session stands."""

    LIVE = "live"
    IDLE_EXPIRED = "idle"
    ABSOLUTE_EXPIRED = "absolute"
    REVOKED = "revoked"


@frozen
class LivenessCutoffs:
    """
    The instants that part live rows from dead ones at *now*, for a store to compare with.

    A row counts as live when it is not revoked, both its deadlines are after
    `now`, it idles from later than `idle_after`, and it was created later than
    `created_after` (the last two are today's policy). An instant later than
    `future_after` was written by a clock that was ahead.
    """

    now: float
    idle_after: float
    created_after: float
    future_after: float


def cutoffs(now: float, policy: Policy) -> LivenessCutoffs:
    """The cutoffs at *now* under *policy*."""
    return LivenessCutoffs(
        now, now - policy.idle_timeout, now - policy.absolute_lifetime, skew.latest(now)
    )


def counts_as_live(row: SessionRow, at: LivenessCutoffs) -> bool:
    """Whether *row* is live by *at*; says the same as `standing` for the same policy."""
    return (
        row.revoked_at is None
        and row.idle_expires_at > at.now
        and row.absolute_expires_at > at.now
        and row.idle_from > at.idle_after
        and row.created_at > at.created_after
    )


# Without slots it is made in half the time, and every validation that reads a row makes one.
@frozen(slots=False)
class Standing:
    """
    Where a session stands at one instant, judged once from its row and handed on.

    Attributes:
        row: As read; a changed row has another standing.
        state: Live, or how it ended.
        idle_deadline: When it ends without activity; never after `absolute_deadline`.
        absolute_deadline: When it ends in any case.
        touch_due_at: From when on an activity is written.
        written_ahead: Whether a clock that was ahead wrote the row.
    """

    row: SessionRow
    state: State
    idle_deadline: float
    absolute_deadline: float
    touch_due_at: float
    written_ahead: bool

    @property
    def is_live(self) -> bool:
        """Whether the session may be used."""
        return self.state is State.LIVE


def deadlines(row: AnyRow, policy: Policy) -> tuple[float, float]:
    """The idle and the absolute deadline: the earlier of the row's own and today's policy's."""
    absolute = min(row.absolute_expires_at, row.created_at + policy.absolute_lifetime)
    return min(row.idle_expires_at, row.idle_from + policy.idle_timeout, absolute), absolute


def standing(row: SessionRow, now: float, policy: Policy) -> Standing:
    """Where *row* stands at *now*."""
    idle, absolute = deadlines(row, policy)
    return Standing(
        row,
        _state(row, now, idle, absolute),
        idle,
        absolute,
        touch_due_at(row, policy),
        skew.was_ahead(row, now),
    )


def _state(row: SessionRow, now: float, idle: float, absolute: float) -> State:
    """The state at *now*. A row that purge marked as expired never lives again."""
    if row.revoked_at is not None and row.reason != EXPIRED:
        return State.REVOKED
    if absolute <= now and absolute <= idle:
        return State.ABSOLUTE_EXPIRED
    if idle <= now or row.revoked_at is not None:
        return State.IDLE_EXPIRED
    return State.LIVE


def require_live(standing: Standing) -> None:
    """
    Check that a session may be used: it must be live.

    Raises:
        SessionRevokedError: If it was revoked.
        SessionExpiredError: If it expired.
    """
    if standing.state is State.REVOKED:
        raise _revoked(standing.row)
    if standing.state is not State.LIVE:
        raise _expired(standing)


def _revoked(row: SessionRow) -> SessionRevokedError:
    revoked_at = instant(row.revoked_at or 0.0)
    return SessionRevokedError(
        f"the session was revoked at {revoked_at:%Y-%m-%d %H:%M:%S} UTC ({row.reason})",
        reason=row.reason,
        revoked_at=revoked_at,
    )


def _expired(standing: Standing) -> SessionExpiredError:
    clock: Literal["idle", "absolute"]
    clock = "absolute" if standing.state is State.ABSOLUTE_EXPIRED else "idle"
    expired_at = instant(standing.idle_deadline)  # the earlier of the two, whichever clock it was
    return SessionExpiredError(
        f"the session reached its {clock} deadline at {expired_at:%Y-%m-%d %H:%M:%S} UTC",
        clock=clock,
        expired_at=expired_at,
    )


def first_deadlines(
    now: float, policy: Policy, lifetime: float | None = None
) -> tuple[float, float]:
    """
    The idle and the absolute deadline of a session that begins at *now*; the first is never later.

    Args:
        lifetime: Seconds that its sign-in gave it, if it did; those of the policy count if fewer.
    """
    longest = policy.absolute_lifetime
    absolute = now + (longest if lifetime is None else min(lifetime, longest))
    return min(now + policy.idle_timeout, absolute), absolute


def touch_due_at(row: AnyRow, policy: Policy) -> float:
    """From when on an activity is written."""
    return row.last_seen_at + policy.touch_interval


def is_touch_due(standing: Standing, now: float) -> bool:
    """Whether an activity at *now* is written."""
    return now >= standing.touch_due_at


@frozen
class Activity:
    """The three columns that an activity moves; stores move each only forward."""

    last_seen_at: float
    idle_from: float
    idle_expires_at: float


def columns(moved: Activity) -> dict[str, object]:
    """*moved* as the columns it writes."""
    return asdict(moved)


def activity(row: SessionRow, now: float, policy: Policy) -> Activity:
    """The columns that an activity at *now* writes into *row*: none moves back."""
    return Activity(
        last_seen_at=max(row.last_seen_at, now),
        idle_from=max(row.idle_from, now),
        idle_expires_at=max(
            row.idle_expires_at, min(now + policy.idle_timeout, row.absolute_expires_at)
        ),
    )


def at_rest(row: SessionRow) -> Activity:
    """The row's own columns: a write that is no activity moves none."""
    return Activity(row.last_seen_at, row.idle_from, row.idle_expires_at)


def extended(standing: Standing, by: float, policy: Policy) -> Activity:
    """The columns with the idle deadline *by* seconds later, up to the absolute one."""
    row, until = standing.row, min(standing.idle_deadline + by, standing.absolute_deadline)
    return Activity(
        last_seen_at=row.last_seen_at,
        idle_from=max(row.idle_from, until - policy.idle_timeout),
        idle_expires_at=max(row.idle_expires_at, until),
    )


def cacheable_until(
    standing: Standing, now: float, policy: Policy, *, touched: bool = True, marked: bool = True
) -> float:
    """
    Until when a validation may be repeated from memory.

    The next deadline or the next touch, whichever comes first; only ever too early.
    *touched* is false when a due touch could not be written, *marked* when the mark of
    a presented generation could not. Then the next attempt is soon: not at every
    request, and not only after an interval in which a session that is in use could
    expire.
    """
    if standing.written_ahead:
        return now  # the next request puts it right, if this one could not
    touch_at = standing.touch_due_at
    if not touched:
        touch_at = now + min(TOUCH_RETRY, policy.touch_interval)
    if not marked:
        touch_at = min(touch_at, now + TOUCH_RETRY)
    return min(standing.idle_deadline, touch_at)


def token_expiry(standing: Standing, now: float, policy: Policy) -> int:
    """Whole second at which an access token minted at *now* expires: never after its session."""
    return math.floor(min(now + policy.access_lifetime, standing.idle_deadline))


def step_up_time(row: SessionRow, now: float) -> int:
    """
    The `auth_time` of a step-up at *now*: whole seconds, at least one more than before.

    If the one before was far ahead, the new one only differs from it.
    """
    second = math.floor(now)
    return second if skew.is_ahead(row.auth_time, now) else max(second, row.auth_time + 1)


def levels_reached(row: SessionRow | PlainRow) -> dict[str, int]:
    """Each context that *row* reached, and the second at which it last was; the latest last."""
    levels = dict(row.levels)
    if row.acr is not None:
        levels[row.acr] = row.auth_time
    return levels


def levels_before(row: SessionRow, acr: str | None, now: float) -> Levels:
    """
    The levels that *row* keeps when an event to *acr* takes place at *now*.

    Beyond `MAX_LEVELS` those reached first are dropped. The true instant of one far
    ahead is unknown, so it counts as long ago.
    """
    others = [
        (level, 0 if skew.is_ahead(at, now) else at)
        for level, at in levels_reached(row).items()
        if level != acr
    ]
    return tuple(others[-(MAX_LEVELS - (acr is not None)) :])


def within_grace(row: SessionRow, now: float, policy: Policy) -> bool:
    """Whether *row*'s last rotation is so recent that the previous token is excused."""
    return (
        row.rotated_at is not None and skew.age(row.rotated_at, now) <= policy.refresh_grace_period
    )


def is_over(until: float, now: float) -> bool:
    """Whether an instant has come until which something holds; at that instant it is over."""
    return until <= now


def is_trusted(trusted_until: float | None, now: float) -> bool:
    """Whether the trust given to a device still holds."""
    return trusted_until is not None and trusted_until > now


def purge_before(now: float, policy: Policy) -> float:
    """
    Instant before which ended sessions and events may be deleted.

    A tombstone stays at least until the last token it answers for has expired.
    """
    return now - max(policy.privacy.retention, policy.access_lifetime + policy.leeway)


def purge_devices_before(now: float, policy: Policy) -> float:
    """Instant before which a device without a session may be deleted; it outlives its sessions."""
    return min(purge_before(now, policy), now - policy.privacy.device_retention)


# A store writes once a day that a user agent was seen.
AGENTS_SEEN_EVERY = 86_400.0


def purge_agents_before(now: float, policy: Policy) -> float:
    """
    Instant before which the text of a user agent, if not seen since, may be deleted.

    A session that came with it may have lasted since then, and is kept for as long
    as ended ones are.
    """
    return purge_before(now, policy) - policy.absolute_lifetime - AGENTS_SEEN_EVERY


def instant(seconds: float) -> datetime:
    """*seconds* since the epoch as an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)
