"""
LAW: what two copies of an account come to.

One store's copy of an account is merged into another's while processes use both:

- An ending wins: no merge brings a session back. Of two endings the earlier one stands.
- Of a session's refresh tokens the higher generation is the valid one.
- Of an item the higher version stands.
- A demand for a step-up holds until a later authentication has met it.
- Activity, an account's number and its cut-off only move forward.
- A block of a device holds, and trust that an ending took away stays away.
- A session that one store alone has ends if the other store ended all of the account's, or
  everyone's, and this store does not know of it.

Where neither copy is ahead of the other, the one that is merged in decides. Stores
call `difference` inside the transaction that writes it.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import evolve, frozen

from devsess.lifecycle import LivenessCutoffs, counts_as_live
from devsess.models import EventType
from devsess.stores import as_json, items, semantics
from devsess.stores.accounts import Account, ErasedAccount, Mark
from devsess.stores.base import Ending, Everyone
from devsess.stores.semantics import ACTIVITY

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.semantics import Covering

R = TypeVar("R", "DeviceRow", "SessionRow")

Keyed: TypeAlias = "tuple[Hashable, EventRow]"

# The reason in the row of a session that ends since the other store had an ending.
ENDED_ELSEWHERE = "revoked"
FOREIGN = "a session with this id is another account's here"

# Columns that are taken together, from the copy that is ahead by the first of them.
ROTATION = ("generation", "rotated_at", "rotated_by", "previous_generation", "salt")
PROOF = ("auth_time", "amr", "acr", "levels")
CLIENT = ("last_seen_at", "ip", "network", "user_agent", "location", "score")
# These two are only ever moved back, where a clock was ahead.
_EARLIER = ("created_at", "absolute_expires_at")
_OF_DEVICES = frozenset(
    {
        EventType.DEVICE_RENAMED,
        EventType.DEVICE_TRUSTED,
        EventType.DEVICE_BLOCKED,
        EventType.DEVICE_UNBLOCKED,
        EventType.DEVICE_FORGOTTEN,
    }
)


@frozen
class Difference:
    """
    The writes that a merge comes to, in their order.

    Attributes:
        devices: New or changed.
        mark: The account's, or None if it stays.
        sessions: New or changed.
        reduced: Sessions whose events lose their addresses.
        events: New ones, oldest first. None is one too many.
        logged: Sessions that were there, and whose change must take effect at once.
        items: New or changed.
    """

    devices: tuple[DeviceRow, ...] = ()
    mark: Mark | None = None
    sessions: tuple[SessionRow, ...] = ()
    reduced: tuple[str, ...] = ()
    events: tuple[EventRow, ...] = ()
    logged: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()


def is_unknown(ending: Mark, known: Mark) -> bool:
    """
    Whether *ending* is later than the one that is *known*.

    By their instants: each store draws numbers of its own.
    """
    return ending.cut_off is not None and (known.cut_off is None or known.cut_off < ending.cut_off)


def later_mark(one: Mark, other: Mark) -> Mark:
    """The number and the cut-off of two marks; neither ever falls."""
    instants = [it.cut_off for it in (one, other) if it.cut_off is not None]
    return Mark(max(one.number, other.number), max(instants, default=None))


def merged(mine: Account, theirs: Account, my_everyone: Mark, their_everyone: Mark) -> Account:
    """
    *mine* after *theirs* was merged into it.

    Args:
        my_everyone: The latest ending of everyone in the store of *mine*.
        their_everyone: The same in the store of *theirs*.

    Raises:
        ValueError: If they are two accounts.
    """
    if mine.user_id != theirs.user_id:
        raise ValueError("only two copies of one account are merged")
    mark = later_mark(mine.mark, theirs.mark)
    devices = _devices(mine, theirs)
    floor = max(mark.number, my_everyone.number, their_everyone.number)
    found = _sessions(mine, theirs, my_everyone, their_everyone)
    rows = [_lifted(row, floor, devices) for row in found]
    return Account(
        mine.user_id,
        mark,
        tuple(devices.values()),
        tuple(rows),
        _events(mine, theirs, rows),
        items.merged(mine.items, theirs.items),
    )


def _lifted(row: SessionRow, floor: int, devices: Mapping[str, DeviceRow]) -> SessionRow:
    """*row*, with its device; a live one is under the latest number, whichever store drew it."""
    number = row.ending_number if row.revoked_at is not None else max(row.ending_number, floor)
    return evolve(row, device=devices[row.device.id], ending_number=number)


def _sessions(
    mine: Account, theirs: Account, my_everyone: Mark, their_everyone: Mark
) -> list[SessionRow]:
    mine_by_id = {row.id: row for row in mine.sessions}
    theirs_by_id = {row.id: row for row in theirs.sessions}
    changed = _latest(mine, _claims_of), _latest(theirs, _claims_of)
    found = []
    for session_id in dict.fromkeys([*mine_by_id, *theirs_by_id]):
        one, other = mine_by_id.get(session_id), theirs_by_id.get(session_id)
        if one is not None and other is not None:
            at = [instants.get(session_id, 0.0) for instants in changed]
            found.append(merged_session(one, other, is_newer=at[1] >= at[0]))
        elif one is not None:
            found.append(_alone(one, (theirs.mark, mine.mark), (their_everyone, my_everyone)))
        elif other is not None:
            found.append(_alone(other, (mine.mark, theirs.mark), (my_everyone, their_everyone)))
    return found


def _alone(row: SessionRow, *endings: tuple[Mark, Mark]) -> SessionRow:
    """*row*, which one store has alone: ended, if the other had an ending unknown to this one."""
    unknown = [ending.cut_off for ending, known in endings if is_unknown(ending, known)]
    if row.revoked_at is not None or not unknown:
        return row
    return semantics.ended(row, max(at for at in unknown if at is not None), ENDED_ELSEWHERE, None)


def merged_session(one: SessionRow, other: SessionRow, *, is_newer: bool) -> SessionRow:
    """
    *one* after *other*, the same session in another store, was merged into it.

    Args:
        is_newer: Whether the claims of *other* were set later, or at the same time.
    """
    columns: dict[str, object] = {}
    for group in (ROTATION, PROOF, CLIENT):
        ahead = other if getattr(other, group[0]) >= getattr(one, group[0]) else one
        columns |= {name: getattr(ahead, name) for name in group}
    columns |= {name: max(getattr(one, name), getattr(other, name)) for name in ACTIVITY}
    columns |= {name: min(getattr(one, name), getattr(other, name)) for name in _EARLIER}
    columns["claims"] = (other if is_newer else one).claims
    columns["bound"] = one.bound or other.bound
    columns["presented"] = any(
        row.presented for row in (one, other) if row.generation == columns["generation"]
    )
    columns["ending_number"] = max(one.ending_number, other.ending_number)
    columns["step_up_after"] = _demand(one, other)
    row: SessionRow = evolve(other, **columns, revoked_at=None, reason=None, actor=None)  # type: ignore[arg-type]
    ends = [it for it in (other, one) if it.revoked_at is not None]
    if not ends:
        return row
    first = min(ends, key=lambda it: it.revoked_at or 0.0)
    return semantics.ended(row, first.revoked_at or 0.0, first.reason or "", first.actor)


def _demand(one: SessionRow, other: SessionRow) -> int | None:
    """The latest demand for a step-up, unless a later authentication has met it."""
    demands = [it.step_up_after for it in (one, other) if it.step_up_after is not None]
    met_until = max(one.auth_time, other.auth_time)
    return max((it for it in demands if it >= met_until), default=None)


def _devices(mine: Account, theirs: Account) -> dict[str, DeviceRow]:
    found = {row.id: row for row in mine.devices}
    set_at = _latest(mine, _device_of), _latest(theirs, _device_of)
    for other in theirs.devices:
        one = found.get(other.id)
        if one is None:
            found[other.id] = other
            continue
        at = [
            max(set_.get(other.id, 0.0), it.last_seen_at)
            for set_, it in zip(set_at, (one, other), strict=True)
        ]
        ahead = other if at[1] >= at[0] else one
        trusted = ahead
        if mine.mark.cut_off != theirs.mark.cut_off:  # it may have taken all trust away
            trusted = one if is_unknown(mine.mark, theirs.mark) else other
        found[other.id] = merged_device(one, other, ahead, trusted)
    return found


def merged_device(
    one: DeviceRow, other: DeviceRow, ahead: DeviceRow, trusted: DeviceRow
) -> DeviceRow:
    """Two copies as one: *ahead*, trusted as *trusted* is, and blocked if either is."""
    blocked = one.blocked or other.blocked
    return evolve(
        ahead,
        first_seen_at=min(one.first_seen_at, other.first_seen_at),
        last_seen_at=max(one.last_seen_at, other.last_seen_at),
        blocked=blocked,
        trusted_until=None if blocked else trusted.trusted_until,
    )


def _latest(account: Account, whose: Callable[[EventRow], str | None]) -> dict[str, float]:
    """The instant of the latest event of each session, or device, that *whose* names."""
    found: dict[str, float] = {}
    for event in account.events:
        key = whose(event)
        if key is not None:
            found[key] = max(event.at, found.get(key, event.at))
    return found


def _claims_of(event: EventRow) -> str | None:
    return event.session_id if event.type is EventType.SESSION_UPDATED else None


def _device_of(event: EventRow) -> str | None:
    return event.device_id if event.type in _OF_DEVICES else None


def _events(mine: Account, theirs: Account, rows: Sequence[SessionRow]) -> tuple[EventRow, ...]:
    """Those of *mine*, then those that it lacks; without addresses where a session has ended."""
    keyed = [(_key(event), event) for event in theirs.events]
    bare = {key for key, event in keyed if event.ip == event.network}
    bare |= {row.id for row in rows if row.revoked_at is not None}
    there = [(_key(event), event) for event in mine.events]
    whole = [*there, *_missing(there, keyed)]
    reduced = [
        evolve(event, ip=event.network) if bare & {key, event.session_id} else event
        for key, event in whole
    ]
    named = {event.session_id for event in reduced if event.type is EventType.SESSION_REVOKED}
    written = {row.id for row in (*mine.sessions, *theirs.sessions) if row.revoked_at is not None}
    noted = named | written
    ends = [_end_event(row) for row in rows if row.id not in noted]
    return (*reduced, *(event for event in ends if event is not None))


def _end_event(row: SessionRow) -> EventRow | None:
    if row.revoked_at is None:
        return None
    return semantics.end_event_of(row, row.revoked_at, row.reason or "", row.actor)


def _missing(there: Sequence[Keyed], others: Sequence[Keyed]) -> list[Keyed]:
    """Those of *others* that are not *there*, as far as the history has room for them."""
    lacking = Counter(key for key, _ in others) - Counter(key for key, _ in there)
    kept = Counter(_alike(event) for _, event in there)
    found = []
    for key, event in reversed(others):  # of equal ones, those that came last are the new ones
        if lacking[key] > 0 and kept[_alike(event)] < semantics.EVENTS_EACH:
            found.append((key, event))
            kept[_alike(event)] += 1
            lacking[key] -= 1
    return found[::-1]


def _key(event: EventRow) -> Hashable:
    """Equal for the copies of one event; a session ends but once."""
    if event.type is EventType.SESSION_REVOKED and event.session_id is not None:
        return (event.type, event.session_id)
    return as_json.dump(evolve(event, ip=None))


def _alike(event: EventRow) -> Hashable:
    return (event.type, event.session_id, event.session_id or event.user_id)


def difference(
    mine: Account, theirs: Account, my_everyone: Mark, their_everyone: Mark
) -> Difference:
    """The writes by which *mine*, with its sessions as they read, becomes what `merged` says."""
    after = merged(mine, theirs, my_everyone, their_everyone)
    devices = _changed(mine.devices, after.devices)
    there = {row.id for row in mine.sessions}
    sessions = _changed(mine.sessions, after.sessions)
    old = len(mine.events)
    return Difference(
        devices=devices,
        mark=None if after.mark == mine.mark else after.mark,
        sessions=sessions,
        reduced=tuple(
            dict.fromkeys(
                was.session_id
                for was, now in zip(mine.events, after.events[:old], strict=True)
                if was != now and was.session_id is not None
            )
        ),
        events=after.events[old:],
        logged=tuple(row.id for row in sessions if row.id in there),
        items=tuple(it for it in after.items if it not in mine.items),
    )


def _changed(before: Iterable[R], after: Iterable[R]) -> tuple[R, ...]:
    known = {row.id: row for row in before}
    return tuple(row for row in after if known.get(row.id) != row)


def ending_of_everyone(mark: Mark) -> Ending:
    """The ending that the other store's *mark*, unknown to this one, comes to here."""
    at = LivenessCutoffs(mark.cut_off or 0.0, -math.inf, -math.inf, math.inf)
    return Ending(Everyone(), ENDED_ELSEWHERE, None, at, at_once=0)


def later_erasure(one: ErasedAccount | None, other: ErasedAccount) -> ErasedAccount:
    """The memory of an erased account that two stores know, or only the *other*."""
    if one is None:
        return other
    return ErasedAccount(one.digest, max(one.number, other.number), max(one.until, other.until))


def as_read(account: Account, pending: Sequence[Covering]) -> Account:
    """
    *account*, as it is written, with its sessions as they read while *pending* cover them.

    `difference` wants the copy that is here so: a merge leaves the events of ends to `settle`.
    """
    ends = [(row, semantics.first_covering(row, pending)) for row in account.sessions]
    rows = tuple(row if by is None else semantics.as_covered(row, by) for row, by in ends)
    return evolve(account, sessions=rows)


def settled(account: Account, pending: Sequence[Covering]) -> Account:
    """
    *account*, as it is written, as it will be once `settle` has written all of *pending*.

    So no copy has to wait for an ending whose rows follow.
    """
    ends = [(row, semantics.first_covering(row, pending)) for row in account.sessions]
    covered = {row.id for row, by in ends if by is not None}
    events = [
        evolve(it, ip=it.network) if it.session_id in covered else it for it in account.events
    ]
    events += [
        semantics.end_event_of(row, by.at, by.reason, by.actor)
        for row, by in ends
        if by is not None and counts_as_live(row, by.cutoffs)
    ]
    return evolve(as_read(account, pending), events=tuple(events)) if covered else account
