"""
The answer of `validate` for a row that is plainly good, for speed alone.

Most rows that are read are live, on their own device, and have nothing to be written. For them
the law has no question that needs an operation: nothing is awaited, and no event comes of it.
The law's only place is `validate`. An answer given here is the one that it would give, and it
would write nothing; every other row is left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from devsess import lifecycle, rotation
from devsess.operations.validate import Validated
from devsess.tokens.device import unverified_ids
from devsess.views import live_view, touched_view

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.models import Client, Session
    from devsess.policy import Policy
    from devsess.stores.rows import ActivityRow, SessionRow
    from devsess.tokens.access import AccessClaims


def plainly_good(
    row: SessionRow,
    claims: AccessClaims,
    client: Client | None,
    now: float,
    policy: Policy,
) -> Validated | None:
    """The answer of `validate`; None leaves it to that one, whatever it will be."""
    standing = lifecycle.standing(row, now, policy)
    if (
        not _needs_no_write(standing, claims, now)
        or row.impersonator is not None
        or row.step_up_after is not None
        or row.user_id != claims.user_id
        or row.auth_time != claims.auth_time
        or not _device_token_changes_nothing(row, client)
    ):
        return None
    good_until = lifecycle.cacheable_until(standing, now, policy)
    seen = live_view(standing, auth_time=claims.auth_time)
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
    row = cast("SessionRow", activity)  # it has the columns that are asked for here
    standing = lifecycle.standing(row, now, policy)
    if (
        not _needs_no_write(standing, claims, now)
        or session.impersonator is not None
        or session.step_up_after is not None
        or row.generation != session.generation
        or not (row.bound or client is None or client.device_token is None)
    ):
        return None
    good_until = lifecycle.cacheable_until(standing, now, policy)
    seen = touched_view(session, standing, bound=row.bound)
    return Validated(seen, min(good_until, claims.expires_at), claims)


def _needs_no_write(standing: Standing, claims: AccessClaims, now: float) -> bool:
    """Whether the session is live, and no touch, correction or mark is due."""
    return (
        standing.is_live
        and not standing.written_ahead
        and not lifecycle.is_touch_due(standing, now)
        and not rotation.is_first_presentation(claims.generation, standing.row)
    )


def _device_token_changes_nothing(row: SessionRow, client: Client | None) -> bool:
    """
    Whether no device token came, or one that names a bound session's own device, genuine or not.

    A genuine one proves the device, and any other counts as not sent: here both are the same.
    """
    if client is None or client.device_token is None:
        return True
    return row.bound and row.device.id in unverified_ids(client.device_token)
