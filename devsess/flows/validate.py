"""Is this session still alive, and on its own device?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle
from devsess.errors import StoreUnavailableError
from devsess.flows import _ask as ask
from devsess.flows.context import Context, live_row, presents_own_device
from devsess.lifecycle import Deed
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.models import Client, Session
    from devsess.rows import SessionRow
    from devsess.tokens import AccessClaims


@frozen
class Validated:
    """
    A valid session, and until when the answer may be repeated from memory.

    Attributes:
        session: The session.
        good_until: Seconds since the epoch; only ever too early.
    """

    session: Session
    good_until: float


def validate(
    context: Context, now: float, claims: AccessClaims, client: Client | None, *, touch: bool
) -> Flow[Validated]:
    """
    Judge a verified access token against its row.

    Raises:
        InvalidSessionError: As `live_row` and `presents_own_device` say.
    """
    row = yield from live_row(context, now, claims, Deed.VALIDATE)
    binds = presents_own_device(context, row, client) and not row.bound
    touched = True
    if touch and (binds or lifecycle.is_touch_due(row, now, context.policy)):
        moved = yield from _touched(context, now, row, bound=binds or row.bound)
        if moved is None:  # ended since it was read: judge again, this time it raises
            row = yield from live_row(context, now, claims, Deed.VALIDATE)
        touched = moved is not None and moved is not row
        row = moved or row
    good_until = lifecycle.trusted_at(row, now, context.policy, touched=touched)
    session = session_view(row, now, context.policy)
    good_until = min(good_until, claims.expires_at)
    return Validated(session, good_until)


def _touched(
    context: Context, now: float, row: SessionRow, *, bound: bool
) -> Flow[SessionRow | None]:
    """
    *row* after a touch; None where it has ended; *row* itself where the touch failed.

    A failed touch never fails a validation: the session is valid all the same,
    and the next touch will say what this one could not.
    """
    activity = lifecycle.activity(row, now, context.policy)
    try:
        there = yield from ask.touch(row.id, activity, bound=bound)
    except StoreUnavailableError:
        return row
    if not there:
        return None
    return evolve(
        row,
        last_seen_at=activity.last_seen_at,
        idle_from=activity.idle_from,
        idle_expires_at=activity.idle_expires_at,
        bound=bound,
    )
