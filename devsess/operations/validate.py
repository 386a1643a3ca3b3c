"""Is this session still alive, and on its own device?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle, rotation
from devsess.errors import StoreUnavailableError
from devsess.operations.common import corrected, live_row, live_session, presents_own_device
from devsess.operations.moving import note_move
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, Standing
    from devsess.models import Client, Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow
    from devsess.tokens.access import AccessClaims


# Without slots it is made in half the time.
@frozen(slots=False)
class Validated:
    """
    A valid session, and until when the answer may be repeated from memory.

    Attributes:
        session: The session.
        good_until: Seconds since the epoch; only ever too early.
        claims: The token's.
    """

    session: Session
    good_until: float
    claims: AccessClaims


async def validate(
    op: Operation,
    claims: AccessClaims,
    client: Client | None,
    *,
    touch: bool,
    row: SessionRow | None = None,
) -> Validated:
    """
    Judge a verified access token against its row.

    Args:
        claims: The token's.
        client: The request.
        touch: Whether it counts as activity.
        row: The row, if it was read just now.

    Raises:
        InvalidSessionError: As `live_session` and `presents_own_device` say.
    """
    standing = await (live_session(op, claims) if row is None else live_row(op, row, claims))
    if touch and standing.written_ahead:
        standing = await _corrected(op, standing, claims)
    row = standing.row
    binds = presents_own_device(op, row, client) and not row.bound
    due = touch and (binds or lifecycle.is_touch_due(standing, op.now))
    first = rotation.is_first_presentation(claims.generation, row)
    written = True
    if due or first:
        news = _touch(op, row, moves=touch, binds=touch and binds, first=first)
        touched = await _touched(op, standing, news)
        written = touched is not None and touched is not standing
        # Ended since it was read: judge again, this time it raises.
        standing = touched or await live_session(op, claims)
        if due and written:
            await note_move(op, standing.row, client)
    good_until = lifecycle.cacheable_until(
        standing, op.now, op.policy, touched=written or not due, marked=written or not first
    )
    if row.impersonator is not None or (binds and not touch):
        # It ends with another session, which each validation reads; and a poll leaves it to the
        # next request to bind a session, which must reach the row. No instant would do: a clock
        # that is set back comes to it again.
        good_until = -math.inf
    return Validated(session_view(standing), min(good_until, claims.expires_at), claims)


async def _corrected(op: Operation, standing: Standing, claims: AccessClaims) -> Standing:
    """
    The session once corrected, judged again; *standing* if that failed, which fails no validation.

    Raises:
        InvalidSessionError: As `live_session`: it may have ended, or been stepped up, meanwhile.
    """
    try:
        if (await corrected(op, standing, wait=False)) is standing:
            return standing
    except StoreUnavailableError:
        return standing
    return await live_session(op, claims)


@frozen
class Touch:
    """The writes of a touch: activity, and the marks that the row does not have yet."""

    activity: Activity
    bound: bool
    presented: int | None


def _touch(op: Operation, row: SessionRow, *, moves: bool, binds: bool, first: bool) -> Touch:
    """The activity to write; where nothing *moves*, the marks alone."""
    activity = lifecycle.activity(row, op.now, op.policy) if moves else lifecycle.at_rest(row)
    return Touch(activity, row.bound or binds, row.generation if first else None)


async def _touched(op: Operation, standing: Standing, touch: Touch) -> Standing | None:
    """
    The session after a touch, as a view shows it; None if it has ended; *standing* if the
    touch failed.

    A failed touch never fails a validation: the next touch writes the same.
    """
    activity, row = touch.activity, standing.row
    try:
        there = await op.store.touch(row.id, activity, bound=touch.bound, presented=touch.presented)
    except StoreUnavailableError:
        return standing
    if not there:
        return None
    row = evolve(
        row,
        last_seen_at=activity.last_seen_at,
        idle_from=activity.idle_from,
        idle_expires_at=activity.idle_expires_at,
        bound=touch.bound,
    )
    return lifecycle.standing(row, op.now, op.policy)
