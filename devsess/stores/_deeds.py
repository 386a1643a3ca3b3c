"""
What the deeds of the protocol come to, for stores that decide in Python.

Pure: rows in, rows out. A store that calls these inside one transaction (or
one lock) has the contract's meaning and need not find its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from devsess.lifecycle import is_trusted
from devsess.models import EventType
from devsess.rows import EventRow
from devsess.stores.base import MUTABLE, MUTABLE_DEVICE, ById, Full, OfDevice, OfUser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.rows import DeviceRow, SessionRow
    from devsess.stores.base import Columns, Insertion, Target

# What a sign-in writes into a device that is there already. The rest is its
# user's word (name, trust, block) or history (first seen, resemblance).
SEEN_AGAIN = ("label", "kind", "os", "browser", "last_seen_at", "fingerprint", "network")

# These three move only forward, whoever writes them.
ACTIVITY = ("last_seen_at", "idle_from", "idle_expires_at")

# Newest entries of the log that a purge leaves, and how far behind a reader
# may be to be told single ids: beyond it, forgetting everything is cheaper.
LOG_KEPT = 10_000
LOG_READ = 1_000

# How many of a user's latest devices a sign-in is compared with.
DEVICES_COMPARED = 50


@frozen
class Room:
    """The live sessions that end for a sign-in, each least recently used first."""

    replaced: tuple[SessionRow, ...] = ()
    evicted: tuple[SessionRow, ...] = ()


def room(live: Sequence[SessionRow], insertion: Insertion) -> Room | Full:
    """Which of the user's *live* sessions end for *insertion*, or those that are in its way."""
    by_use = sorted(live, key=lambda row: (row.last_seen_at, row.id))
    own = insertion.row.device.id if insertion.replaces else None
    replaced = tuple(row for row in by_use if row.device.id == own)
    others = tuple(row for row in by_use if row.device.id != own)
    excess = 0 if insertion.limit is None else len(others) - insertion.limit + 1
    if excess <= 0:
        return Room(replaced)
    if not insertion.evict:
        return Full(others)
    return Room(replaced, others[:excess])


def ended(row: SessionRow, at: float, reason: str, actor: str | None) -> SessionRow:
    """*row*, revoked: its address is reduced to its network."""
    return evolve(row, revoked_at=at, reason=reason, actor=actor, ip=row.network)


def end_event(row: SessionRow, at: float, reason: str, actor: str | None) -> EventRow:
    """The event of *row*'s end."""
    return EventRow(
        type=EventType.SESSION_REVOKED,
        at=at,
        user_id=row.user_id,
        session_id=row.id,
        device_id=row.device.id,
        ip=row.network,
        network=row.network,
        user_agent=row.user_agent,
        reason=reason,
        actor=actor,
    )


def limit_event(insertion: Insertion) -> EventRow:
    """The event of a limit that *insertion* exceeded, so that others had to end."""
    return EventRow(
        type=EventType.LIMIT_EXCEEDED,
        at=insertion.horizon.now,
        user_id=insertion.row.user_id,
        device_id=insertion.row.device.id,
        ip=insertion.row.network,
        network=insertion.row.network,
        user_agent=insertion.row.user_agent,
        reason="limit",
    )


def seen_again(known: DeviceRow | None, given: DeviceRow) -> DeviceRow:
    """The device row after a sign-in that came with *given*."""
    if known is None or known.forgotten:
        return given
    return evolve(known, **{name: getattr(given, name) for name in SEEN_AGAIN})


def check_columns(*columns: Columns) -> None:
    """
    Check that *columns* name only what may change in a session.

    Raises:
        ValueError: If not.
    """
    for named in columns:
        _check(named, MUTABLE)


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


def changed_device(device: DeviceRow, changes: Columns) -> DeviceRow:
    """
    *device* with *changes*.

    Raises:
        ValueError: If a column is not one that may change.
    """
    _check(changes, MUTABLE_DEVICE)
    values: dict[str, Any] = dict(changes)
    return evolve(device, **values)


def _check(columns: Columns, allowed: frozenset[str]) -> None:
    unknown = sorted(set(columns) - allowed)
    if unknown:
        raise ValueError(f"these columns never change: {', '.join(unknown)}")


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


def is_stale(device: DeviceRow, now: float, before: float) -> bool:
    """Whether a purge may take *device*, if it has no session."""
    kept = device.blocked or device.name is not None or is_trusted(device.trusted_until, now)
    return device.last_seen_at < before and not kept
