"""Is this session still alive, and on its own device?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle, rotation, skew
from devsess.errors import StoreUnavailableError
from devsess.flows import _ask as ask
from devsess.flows.context import Context, corrected, live_row, presents_own_device
from devsess.lifecycle import Deed
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.lifecycle import Activity
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
    if touch and skew.was_ahead(row, now):
        row = yield from _corrected(context, now, row, claims)
    binds = presents_own_device(context, row, client) and not row.bound
    due = touch and (binds or lifecycle.is_touch_due(row, now, context.policy))
    first = rotation.is_first_presentation(claims.generation, row)
    written = True
    if due or first:
        note = _note(context, now, row, moves=touch, binds=touch and binds, first=first)
        noted = yield from _noted(row, note)
        if noted is None:  # ended since it was read: judge again, this time it raises
            row = yield from live_row(context, now, claims, Deed.VALIDATE)
        written = noted is not None and noted is not row
        row = noted or row
    good_until = lifecycle.trusted_at(
        row, now, context.policy, touched=written or not due, marked=written or not first
    )
    session = session_view(row, now, context.policy)
    good_until = min(good_until, claims.expires_at)
    return Validated(session, good_until)


def _corrected(
    context: Context, now: float, row: SessionRow, claims: AccessClaims
) -> Flow[SessionRow]:
    """
    *row* once corrected, judged again; itself where that failed, which fails no validation.

    Raises:
        InvalidSessionError: As `live_row`: it may have ended, or been stepped up, meanwhile.
    """
    try:
        yield from corrected(context, now, row, wait=False)
    except StoreUnavailableError:
        return row
    return (yield from live_row(context, now, claims, Deed.VALIDATE))


@frozen
class Note:
    """What a touch writes: activity, and the marks that the row does not have yet."""

    activity: Activity
    bound: bool
    presented: int | None


def _note(
    context: Context, now: float, row: SessionRow, *, moves: bool, binds: bool, first: bool
) -> Note:
    """What is to be written; where nothing *moves*, the marks alone."""
    activity = lifecycle.activity(row, now, context.policy) if moves else lifecycle.at_rest(row)
    return Note(activity, row.bound or binds, row.generation if first else None)


def _noted(row: SessionRow, note: Note) -> Flow[SessionRow | None]:
    """
    *row* after a touch, as a view shows it; None where it has ended; *row* itself where it failed.

    A failed touch never fails a validation: the session is valid all the same,
    and the next touch will say what this one could not.
    """
    try:
        there = yield from ask.touch(
            row.id, note.activity, bound=note.bound, presented=note.presented
        )
    except StoreUnavailableError:
        return row
    if not there:
        return None
    return evolve(
        row,
        last_seen_at=note.activity.last_seen_at,
        idle_from=note.activity.idle_from,
        idle_expires_at=note.activity.idle_expires_at,
        bound=note.bound,
    )
