"""
The meaning of the protocol's writes, for stores that decide in Python.

Rows in, rows out, and no I/O. A store that calls these functions inside its
transaction does what the contract says; docs/stores.md has a table of them by call.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from devsess.lifecycle import LivenessCutoffs, is_trusted
from devsess.models import EventType
from devsess.stores.base import ById, OfDevice, OfUser
from devsess.stores.calls import CORRECTED, HEARD, MUTABLE, MUTABLE_DEVICE, Full
from devsess.stores.rows import EventRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.lifecycle import Activity
    from devsess.stores.base import Ended, Ending, Insertion
    from devsess.stores.calls import Columns, Target
    from devsess.stores.rows import DeviceRow, SessionRow

# The columns that a sign-in writes into a device that is there already. The others
# were set by its user (name, trust, block) or are history (first seen, resemblance).
SEEN_AGAIN = ("label", "kind", "os", "browser", "last_seen_at", "fingerprint", "network")

# These three move only forward, in every write.
ACTIVITY = ("last_seen_at", "idle_from", "idle_expires_at")

# Newest entries of the log that a purge leaves, and the most that `changes` names
# one by one: beyond it, dropping the whole cache is cheaper.
LOG_KEPT = 10_000
LOG_READ = 1_000

# Events of one type that the history keeps of one session: a client can bring about
# as many as it sends requests (a renewal under another agent each time). And of one
# account, of those that name no session: each sign-in that is refused is one.
EVENTS_EACH = 1_000

# How many of a user's latest devices a sign-in is compared with.
DEVICES_COMPARED = 50


@frozen
class SessionsToEnd:
    """The live sessions that end for a sign-in, each least recently used first."""

    replaced: tuple[SessionRow, ...] = ()
    evicted: tuple[SessionRow, ...] = ()


def sessions_to_end(live: Sequence[SessionRow], insertion: Insertion) -> SessionsToEnd | Full:
    """The *live* sessions of the user that end for *insertion*; Full if it must be refused."""
    counted = [row for row in live if row.impersonator is None]
    by_use = sorted(counted, key=lambda row: (row.last_seen_at, row.id))
    own = insertion.row.device.id if insertion.replaces else None
    replaced = tuple(row for row in by_use if row.device.id == own)
    others = tuple(row for row in by_use if row.device.id != own)
    excess = 0 if insertion.limit is None else len(others) - insertion.limit + 1
    if excess <= 0:
        return SessionsToEnd(replaced)
    if not insertion.evict:
        return Full(others)
    return SessionsToEnd(replaced, others[:excess])


@frozen
class Covering:
    """
    An ending whose rows follow.

    Attributes:
        number: Rows inserted under a lower one are covered.
        user_id: The owner of the rows; None stands for all users.
        at, idle_after, created_after: Which of them were live then.
        reason, actor: As in Ending.
    """

    number: int
    user_id: str | None
    at: float
    idle_after: float
    created_after: float
    reason: str
    actor: str | None

    def covers(self, row: SessionRow) -> bool:
        """Whether *row* was inserted before this ending, and is one of its target's."""
        return row.ending_number < self.number and self.user_id in (None, row.user_id)

    @property
    def cutoffs(self) -> LivenessCutoffs:
        """The instants by which rows were live when it came."""
        return LivenessCutoffs(self.at, self.idle_after, self.created_after, self.at)


def covering_of(number: int, ending: Ending) -> Covering:
    """*ending*, drawn as *number*, as it covers rows."""
    at = ending.cutoffs
    user_id = ending.target.user_id if isinstance(ending.target, OfUser) else None
    return Covering(
        number, user_id, at.now, at.idle_after, at.created_after, ending.reason, ending.actor
    )


def first_covering(row: SessionRow, pending: Sequence[Covering]) -> Covering | None:
    """The first of *pending*, oldest first, that covers *row* and so is its end."""
    if row.revoked_at is not None:
        return None
    return next((it for it in pending if it.covers(row)), None)


def as_covered(row: SessionRow, by: Covering) -> SessionRow:
    """*row* as it reads while *by* covers it."""
    return ended(row, by.at, by.reason, by.actor)


def is_cut_off(signed_in_at: float, cut_off: float | None, at: LivenessCutoffs) -> bool:
    """
    Whether a sign-in that says when it was is older than a cut-off.

    One that lies in the future was set by a clock that was ahead, and decides nothing.
    """
    return cut_off is not None and signed_in_at < cut_off <= at.future_after


def next_cut_off(old: float | None, at: LivenessCutoffs) -> float:
    """The cut-off after an ending: never earlier than before, but for one in the future."""
    return at.now if old is None or old > at.future_after else max(old, at.now)


def ended(row: SessionRow, at: float, reason: str, actor: str | None) -> SessionRow:
    """*row*, revoked: its address is reduced to its network."""
    return evolve(row, revoked_at=at, reason=reason, actor=actor, ip=row.network)


def end_event(
    session_id: str,
    user_id: str,
    device_id: str,
    network: str | None,
    user_agent: str | None,
    at: float,
    reason: str,
    actor: str | None,
) -> EventRow:
    """The event of a session's end, with the network in place of the address."""
    return EventRow(
        type=EventType.SESSION_REVOKED,
        at=at,
        user_id=user_id,
        session_id=session_id,
        device_id=device_id,
        ip=network,
        network=network,
        user_agent=user_agent,
        reason=reason,
        actor=actor,
    )


def end_event_of(row: SessionRow, at: float, reason: str, actor: str | None) -> EventRow:
    """The event of *row*'s end."""
    known = (row.id, row.user_id, row.device.id, row.network, row.user_agent)
    return end_event(*known, at, reason, actor)


def with_own_event(ended: Ended, ending: Ending, *, marked: bool) -> Ended:
    """
    *ended*, with the event of *ending* itself behind those of the sessions, if it has one.

    Args:
        marked: Whether a device was blocked or forgotten.
    """
    due = not isinstance(ending.target, (ById, OfDevice))  # numbers are drawn in any case
    if ending.event is None or not (due or marked or ended.events):
        return ended
    return evolve(ended, events=(*ended.events, ending.event))


def seen_again(known: DeviceRow | None, given: DeviceRow) -> DeviceRow:
    """The device row after a sign-in that came with *given*."""
    if known is None:
        return given
    if known.forgotten:  # perhaps since *given* was read: its name and trust are forgotten too
        return evolve(given, name=None, trusted_until=None)
    return evolve(known, **{name: getattr(given, name) for name in SEEN_AGAIN})


def check_columns(*columns: Columns) -> None:
    """
    Check that *columns* name only columns of a session that may change.

    Raises:
        ValueError: If not.
    """
    for named in columns:
        _check(named, MUTABLE)


def is_heard(changes: Columns) -> bool:
    """Whether memories that hold the session must hear of *changes* by a rotation."""
    return not HEARD.isdisjoint(changes)


def holds(row: SessionRow, expected: Columns) -> bool:
    """Whether *row* has all the *expected* values."""
    return all(getattr(row, name) == value for name, value in expected.items())


def changed(row: SessionRow, changes: Columns) -> SessionRow:
    """*row* with *changes*; activity never moves back."""
    values: dict[str, Any] = dict(changes)
    for name in ACTIVITY:
        if name in values:
            values[name] = max(values[name], getattr(row, name))
    return evolve(row, **values)


def touched(
    row: SessionRow, activity: Activity, *, bound: bool, presented: int | None
) -> SessionRow:
    """*row* after a touch; *presented* counts only if it is the row's generation."""
    moved: dict[str, object] = {name: getattr(activity, name) for name in ACTIVITY}
    seen = row.presented or presented == row.generation
    return changed(row, {**moved, "bound": row.bound or bound, "presented": seen})


def corrected(row: SessionRow, changes: Columns) -> SessionRow:
    """
    *row* with *changes*, which may move its instants back.

    Raises:
        ValueError: If a column is not one that may be corrected.
    """
    _check(changes, CORRECTED)
    values: dict[str, Any] = dict(changes)
    return evolve(row, **values)


def changed_device(device: DeviceRow, changes: Columns) -> DeviceRow:
    """
    *device* with *changes*.

    Raises:
        ValueError: If a column is not one that may change.
    """
    _check(changes, MUTABLE_DEVICE)
    values: dict[str, Any] = dict(changes)
    return evolve(device, **values)


def marked_device(device: DeviceRow, target: OfDevice) -> DeviceRow:
    """*device* after an ending that forgets or blocks it."""
    if target.forget:
        return evolve(device, forgotten=True)
    return evolve(device, blocked=True, trusted_until=None)


def _check(columns: Columns, allowed: frozenset[str]) -> None:
    unknown = sorted(set(columns) - allowed)
    if unknown:
        raise ValueError(f"these columns never change: {', '.join(unknown)}")


def without_agent(changes: Columns) -> Columns:
    """*changes*, but for the user agent: each one that is kept takes room."""
    return {name: value for name, value in changes.items() if name != "user_agent"}


def check_size(limit: int) -> None:
    """
    Check that a page or batch can have the size *limit*.

    Raises:
        ValueError: If not.
    """
    if limit < 1:
        raise ValueError(f"a page or batch has at least one item, not {limit}")


def worth_comparing(
    devices: Sequence[DeviceRow], ids: Sequence[str], fingerprints: Sequence[bytes]
) -> list[DeviceRow]:
    """Those of a user's *devices*, latest first, that are asked for, and the latest few."""
    return [
        device
        for place, device in enumerate(devices)
        if place < DEVICES_COMPARED or device.id in ids or device.fingerprint in fingerprints
    ]


def is_targeted(row: SessionRow, target: Target) -> bool:
    """Whether an ending of *target* ends *row*, if it has not ended already."""
    if isinstance(target, ById):
        return row.id == target.session_id and target.user_id in (None, row.user_id)
    if isinstance(target, OfUser):
        return row.user_id == target.user_id and row.id != target.keep
    if isinstance(target, OfDevice):
        return (row.user_id, row.device.id) == (target.user_id, target.device_id)
    return True


def names_in(target: Target) -> tuple[str, ...]:
    """The ids that *target* is found by."""
    if isinstance(target, ById):
        return (target.session_id, target.user_id or "")
    if isinstance(target, OfDevice):
        return (target.user_id, target.device_id)
    return (target.user_id,) if isinstance(target, OfUser) else ()


def read_cursor(cursor: str | None) -> int | None:
    """
    The place in the history that *cursor* names; None is its newest end.

    Raises:
        ValueError: If it is mangled.
    """
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise ValueError("this cursor was not given out by history")
    return int(cursor)


def live_cursor(row: SessionRow) -> str:
    """The place behind *row* among a user's live sessions."""
    place = json.dumps([row.created_at, row.id]).encode()
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def read_live_cursor(cursor: str | None) -> tuple[float, str] | None:
    """
    When the last session of a page was made, and its id; None is the newest end.

    Raises:
        ValueError: If *cursor* is mangled.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        created_at, session_id = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):  # as bytes, as base64, as JSON, as a pair
        created_at, session_id = None, None
    is_instant = isinstance(created_at, float) and math.isfinite(created_at)
    if not is_instant or not isinstance(session_id, str):
        raise ValueError("this cursor was not given out by live")
    return created_at, session_id


def is_stale(device: DeviceRow, now: float, before: float) -> bool:
    """Whether a purge may take *device*, if it has no session."""
    kept = device.blocked or device.name is not None or is_trusted(device.trusted_until, now)
    return device.last_seen_at < before and not kept
