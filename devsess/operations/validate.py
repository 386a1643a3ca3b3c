"""Is this session still alive, and on its own device?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle, rotation, skew
from devsess.errors import StoreUnavailableError
from devsess.lifecycle import Deed
from devsess.operations.common import corrected, live_row, presents_own_device
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.lifecycle import Activity
    from devsess.models import Client, Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow
    from devsess.tokens.kinds import AccessClaims


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


async def validate(
    op: Operation, claims: AccessClaims, client: Client | None, *, touch: bool
) -> Validated:
    """
    Judge a verified access token against its row.

    Raises:
        InvalidSessionError: As `live_row` and `presents_own_device` say.
    """
    row = await live_row(op, claims, Deed.VALIDATE)
    if touch and skew.was_ahead(row, op.now):
        row = await _corrected(op, row, claims)
    binds = presents_own_device(op, row, client) and not row.bound
    due = touch and (binds or lifecycle.is_touch_due(row, op.now, op.policy))
    first = rotation.is_first_presentation(claims.generation, row)
    written = True
    if due or first:
        note = _note(op, row, moves=touch, binds=touch and binds, first=first)
        noted = await _noted(op, row, note)
        if noted is None:  # ended since it was read: judge again, this time it raises
            row = await live_row(op, claims, Deed.VALIDATE)
        written = noted is not None and noted is not row
        row = noted or row
    good_until = lifecycle.trusted_at(
        row, op.now, op.policy, touched=written or not due, marked=written or not first
    )
    session = session_view(row, op.now, op.policy)
    good_until = min(good_until, claims.expires_at)
    return Validated(session, good_until)


async def _corrected(op: Operation, row: SessionRow, claims: AccessClaims) -> SessionRow:
    """
    *row* once corrected, judged again; itself where it was not, which fails no validation.

    Raises:
        InvalidSessionError: As `live_row`: it may have ended, or been stepped up, meanwhile.
    """
    try:
        if (await corrected(op, row, wait=False)) is row:
            return row
    except StoreUnavailableError:
        return row
    return await live_row(op, claims, Deed.VALIDATE)


@frozen
class Note:
    """What a touch writes: activity, and the marks that the row does not have yet."""

    activity: Activity
    bound: bool
    presented: int | None


def _note(op: Operation, row: SessionRow, *, moves: bool, binds: bool, first: bool) -> Note:
    """What is to be written; where nothing *moves*, the marks alone."""
    activity = lifecycle.activity(row, op.now, op.policy) if moves else lifecycle.at_rest(row)
    return Note(activity, row.bound or binds, row.generation if first else None)


async def _noted(op: Operation, row: SessionRow, note: Note) -> SessionRow | None:
    """
    *row* after a touch, as a view shows it; None where it has ended; *row* itself where it failed.

    A failed touch never fails a validation: the session is valid all the same,
    and the next touch will say what this one could not.
    """
    try:
        there = await op.store.touch(
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
