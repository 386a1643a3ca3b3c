"""
The answer of `validate` for a row that is plainly good, for speed alone.

Most rows that are read are live, on their own device, and have nothing to be written. For them
the law has no question that needs an operation: nothing is awaited, and no event comes of it.
The law's only place is `validate`. An answer given here is the one that it would give, and it
would write nothing; every other row is left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import lifecycle, rotation, skew
from devsess.operations.validate import Validated
from devsess.tokens.device import names_device
from devsess.views import live_view, touched_view

if TYPE_CHECKING:
    from devsess.models import Client, Session
    from devsess.policy import Policy
    from devsess.stores.plain_rows import AnyRow, PlainRow
    from devsess.stores.rows import ActivityRow
    from devsess.tokens.access import AccessClaims


def plainly_good(
    row: PlainRow, claims: AccessClaims, client: Client | None, now: float, policy: Policy
) -> Validated | None:
    """The answer of `validate`; None leaves it to that one, whatever it will be."""
    idle_deadline, absolute_deadline = lifecycle.deadlines(row, policy)
    good_until = _good_until(row, idle_deadline, claims, now, policy)
    if (
        lifecycle.is_over(good_until, now)
        or row.revoked_at is not None
        or row.is_impersonation
        or row.step_up_after is not None
        or row.user_id != claims.user_id
        or row.auth_time != claims.auth_time
        or not _device_token_changes_nothing(row, client)
    ):
        return None
    # Memory has the token's number of `auth_time` already: the row's is not kept as well.
    seen = live_view(row, idle_deadline, absolute_deadline, claims.auth_time)
    return Validated(seen, min(good_until, claims.expires_at), claims)


def still_good(
    session: Session,
    activity: ActivityRow,
    claims: AccessClaims,
    client: Client | None,
    now: float,
    policy: Policy,
) -> Validated | None:
    """
    As `plainly_good`, of a *session* whose row is as it was judged, but for its *activity*.

    It was judged for these *claims* and this *client*. Only a rotation could have changed more
    without a word in the log.
    """
    idle_deadline, _ = lifecycle.deadlines(activity, policy)
    good_until = _good_until(activity, idle_deadline, claims, now, policy)
    if (
        lifecycle.is_over(good_until, now)
        or session.impersonator is not None
        or session.step_up_after is not None
        or activity.generation != session.generation
        or not (activity.bound or client is None or client.device_token is None)
    ):
        return None
    seen = touched_view(session, activity, idle_deadline)
    return Validated(seen, min(good_until, claims.expires_at), claims)


def _good_until(
    row: AnyRow, idle_deadline: float, claims: AccessClaims, now: float, policy: Policy
) -> float:
    """
    Until when a row that has not ended is live and no touch is due; *now* where more is to be done.

    The idle deadline is never after the absolute one.
    """
    if skew.was_ahead(row, now) or rotation.is_first_presentation(claims.generation, row):
        return now
    return min(idle_deadline, lifecycle.touch_due_at(row, policy))


def _device_token_changes_nothing(row: PlainRow, client: Client | None) -> bool:
    """
    Whether no device token came, or one that names a bound session's own device, genuine or not.

    A genuine one proves the device, and any other counts as not sent: here both are the same.
    """
    if client is None or client.device_token is None:
        return True
    return row.bound and names_device(client.device_token, row.device[0])
