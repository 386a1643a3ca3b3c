"""The tables of the memory store, and the parts of its methods that run under its lock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from attrs import evolve

from devsess._runtime.fork import after_fork
from devsess._runtime.mutex import is_mine, new_lock
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.lifecycle import counts_as_live
from devsess.stores import counting, items, semantics
from devsess.stores.base import Ended, Everyone, OfDevice, OfUser, Refused
from devsess.stores.memory.endings import Endings, account_of
from devsess.stores.memory.event_places import EventPlaces
from devsess.stores.memory.open_sessions import OpenSessions
from devsess.stores.memory.statistics import Statistics
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.base import Ending, Insertion
    from devsess.stores.calls import Columns, Target
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.semantics import Covering


class Tables:
    """Sessions, devices, events, endings and the change log of one memory store."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._refusal: Exception | None = None
        self._name = object()
        self._sessions: dict[str, SessionRow] = {}
        self._open = OpenSessions()
        self._devices: dict[tuple[str, str], DeviceRow] = {}
        self._events: dict[int, EventRow] = {}
        self._event_places = EventPlaces()
        self._items: dict[tuple[str, str, str], Item] = {}
        self._endings = Endings()
        self._statistics = Statistics()
        self._log: dict[int, str | None] = {0: None}
        self._last_event = 0
        self._last_change = 0
        after_fork(self, Tables._in_child)

    # Shared by the operations; the lock is held.

    def _exclusive(self) -> AbstractContextManager[object]:
        """The lock itself: no interrupt comes between entering it and the first step under it."""
        self._check()
        return cast("AbstractContextManager[object]", self._lock)

    def _check(self) -> None:
        if self._refusal:
            raise type(self._refusal)(*self._refusal.args)
        if is_mine(self._lock):
            raise StoreUnavailableError(
                "this thread is using the memory store already: its tables are half-changed"
            )

    def _in_child(self) -> None:
        # Another thread may have held the lock when the process forked.
        self._lock = new_lock()
        self._refusal = ConfigurationError(
            "a memory store is not shared by processes: use SQLite, or make it after the fork"
        )

    def _seq(self, position: object) -> int | None:
        if isinstance(position, tuple) and position[0] is self._name:
            return int(position[1])
        return None

    def _as_read(self, row: SessionRow) -> SessionRow:
        """*row* as it reads: with its device as it is, and ended if it is covered."""
        device = self._devices[row.user_id, row.device.id]
        if device != row.device:  # to compare costs a fraction of a new row
            row = evolve(row, device=device)
        by = self._endings.covering(row)
        return semantics.as_covered(row, by) if by else row

    def _of_user(self, user_id: str) -> builtins.list[SessionRow]:
        return [self._as_read(it) for it in self._sessions.values() if it.user_id == user_id]

    def _live_for(self, insertion: Insertion) -> builtins.list[SessionRow]:
        """The live sessions that a sign-in may end; without a limit its own device's alone."""
        row, device_id = insertion.row, None
        if insertion.limit is None:
            if not insertion.replaces:
                return []
            device_id = row.device.id
        ids = self._open.of(row.user_id, device_id)
        rows = [self._as_read(self._sessions[it]) for it in ids if it in self._sessions]
        return [it for it in rows if counts_as_live(it, insertion.cutoffs)]

    def _unrevoked(self, session_id: str) -> SessionRow | None:
        row = self._sessions.get(session_id)
        whole = row and self._as_read(row)
        return whole if whole is not None and whole.revoked_at is None else None

    def _refused(self, insertion: Insertion) -> Refused | None:
        if self._endings.cut_off(insertion):
            return Refused.CUT_OFF
        device = self._devices.get((insertion.row.user_id, insertion.row.device.id))
        return Refused.BLOCKED if device is not None and device.blocked else None

    def _swap(self, session_id: str, expected: Columns, changes: Columns) -> SessionRow | None:
        semantics.check_columns(expected, changes)
        row = self._unrevoked(session_id)
        if row is None or not semantics.holds(row, expected):
            return None
        self._sessions[row.id] = row = semantics.changed(row, changes)
        return row

    def _target(self, target: Target) -> builtins.list[SessionRow]:
        rows = self._sessions.values()
        return [self._as_read(row) for row in rows if semantics.is_targeted(row, target)]

    def _unwritten(self, user_id: str | None) -> builtins.list[SessionRow]:
        """The rows of a user, or all, that are not written as ended, covered or not."""
        rows = self._sessions.values()
        return [it for it in rows if it.revoked_at is None and user_id in (None, it.user_id)]

    def _covered(
        self, own: int | None = None, before: float = math.inf
    ) -> builtins.list[tuple[SessionRow, Covering]]:
        """Rows with the ending that covers them, as Store.settle chooses; oldest ending first."""
        rows = [(row, self._endings.covering(row)) for row in self._unwritten(None)]
        found = [(row, by) for row, by in rows if by and (by.number == own or by.at <= before)]
        return sorted(
            found, key=lambda it: (it[1].number, it[0].user_id, it[0].device.id, it[0].id)
        )

    def _raise_number(self, target: OfUser | Everyone, cutoffs: LivenessCutoffs) -> int:
        number = self._endings.draw(account_of(target), cutoffs)
        if isinstance(target, OfUser):
            kept = self._unrevoked(target.keep or "")
            if kept is not None and kept.user_id == target.user_id:
                self._sessions[kept.id] = evolve(kept, ending_number=number)
                if target.compromised:  # its device changes
                    self._append_change(kept.id)
            if target.compromised:
                self._end_trust(target.user_id)
        return number

    def _end_trust(self, user_id: str) -> None:
        for key, device in self._devices.items():
            if key[0] == user_id:
                self._devices[key] = evolve(device, trusted_until=None)

    def _mark_device(self, target: Target) -> bool:
        """Block or forget the device that *target* names; whether there is one."""
        if not isinstance(target, OfDevice):
            return False
        device = self._devices.get((target.user_id, target.device_id))
        if device is None:
            return False
        self._devices[device.user_id, device.id] = semantics.marked_device(device, target)
        return True

    def _ended(self, ending: Ending) -> Ended:
        """End the sessions; their events are still to be inserted."""
        target = ending.target
        if not isinstance(target, (OfUser, Everyone)):
            return Ended(self._end_now(ending))
        unwritten = self._unwritten(account_of(target))
        number = self._raise_number(target, ending.cutoffs)
        if len(unwritten) <= ending.at_once:
            return Ended(self._end_now(ending))
        self._endings.cover(number, ending)
        self._append_change(None)
        return Ended(following=number)

    def _end_now(self, ending: Ending) -> tuple[EventRow, ...]:
        rows = [row for row in self._target(ending.target) if row.revoked_at is None]
        rows.sort(key=lambda row: (row.last_seen_at, row.id))
        if isinstance(ending.target, Everyone):
            self._append_change(None)
        events = []
        for row in rows:
            event = self._end(row, ending.cutoffs.now, ending.reason, ending.actor)
            if counts_as_live(row, ending.cutoffs):
                events.append(event)
        return tuple(events)

    def _end(self, row: SessionRow, at: float, reason: str, actor: str | None) -> EventRow:
        self._append_change(row.id)
        return self._mark_ended(row, at, reason, actor)

    def _mark_ended(self, row: SessionRow, at: float, reason: str, actor: str | None) -> EventRow:
        self._sessions[row.id] = ended = semantics.ended(row, at, reason, actor)
        self._open.drop(row)
        self._count_over(ended)
        self._reduce_events(row.id)
        return semantics.end_event_of(row, at, reason, actor)

    def _count_begun(self, row: SessionRow) -> None:
        counts = counting.Counts()
        counts.began(row)
        self._statistics.add(counts)

    def _count_over(self, row: SessionRow) -> None:
        """Count *row*, which is written as ended, with its device as it is."""
        counts = counting.Counts()
        counts.over(evolve(row, device=self._devices[row.user_id, row.device.id]))
        self._statistics.add(counts)

    def _count_erased(self, session_id: str, at: float | None) -> None:
        """Count a session that is deleted unless it is written as ended: then it was."""
        row = self._sessions[session_id]
        if row.revoked_at is None:
            by = self._endings.covering(row)
            self._count_over(semantics.as_covered(row, by) if by else counting.erased(row, at))

    def _reduce_events(self, session_id: str) -> None:
        for seq in self._event_places.of_session(session_id):
            if seq in self._events:
                event = self._events[seq]
                self._events[seq] = evolve(event, ip=event.network)

    def _read_event(self, event: EventRow) -> EventRow:
        """*event* as it reads: of a covered session, without its address."""
        row = self._sessions.get(event.session_id or "")
        covered = row is not None and self._endings.covering(row) is not None
        return evolve(event, ip=event.network) if covered else event

    def _insert_events(self, *events: EventRow) -> None:
        for event in events:
            if self._is_full(event):
                continue
            self._append_event(event)

    def _append_event(self, event: EventRow) -> None:
        self._last_event += 1
        self._event_places.add(self._last_event, event)
        self._events[self._last_event] = event
        counts = counting.Counts()
        counts.happened(event)
        self._statistics.add(counts)

    def _is_full(self, event: EventRow) -> bool:
        own = [seq for seq in self._event_places.beside(event) if seq in self._events]
        alike = [seq for seq in own if self._events[seq].type == event.type]
        return len(alike) >= semantics.EVENTS_EACH

    def _append_change(self, session_id: str | None) -> None:
        self._last_change += 1
        self._log[self._last_change] = session_id

    def _date(self, now: float, latest: float, limit: int) -> int:
        """Put *now* in the place of instants later than *latest*."""
        ends = [it for it in self._sessions.values() if (it.revoked_at or now) > latest][:limit]
        for row in ends:
            self._sessions[row.id] = evolve(row, revoked_at=now)
        left = limit - len(ends)
        events = [seq for seq, event in self._events.items() if event.at > latest][:left]
        for seq in events:
            self._events[seq] = evolve(self._events[seq], at=now)
        left -= len(events)
        endings = [it for it in self._endings.pending if it.at > latest][:left]
        for ending in endings:
            place = self._endings.pending.index(ending)
            self._endings.pending[place] = evolve(ending, at=now)
        left -= len(endings)
        devices = [key for key, it in self._devices.items() if it.last_seen_at > latest][:left]
        for key in devices:
            first = min(self._devices[key].first_seen_at, now)
            self._devices[key] = evolve(self._devices[key], first_seen_at=first, last_seen_at=now)
        return len(ends) + len(events) + len(endings) + len(devices)

    def _lapse(self, now: float, limit: int) -> int:
        rows = [it for it in self._unwritten(None) if self._endings.covering(it) is None]
        passed = [row for row in rows if row.idle_expires_at <= now]
        for row in passed[:limit]:
            self._mark_ended(row, row.idle_expires_at, EXPIRED, None)
        return len(passed[:limit])

    def _delete_sessions(self, before: float, limit: int) -> int:
        rows = self._sessions.values()
        old = [it.id for it in rows if it.revoked_at is not None and it.revoked_at < before]
        for session_id in old[:limit]:
            row = self._sessions.pop(session_id)
            key = row.user_id, row.device.id
            device = self._devices[key]
            if device.last_seen_at < before:
                self._devices[key] = evolve(device, network=None)
        return len(old[:limit])

    def _put_item(self, item: Item, most: int = 1) -> bool:
        items.check(item)
        place = item.owner, item.kind, item.key
        if not items.follows(item, self._items.get(place)):
            return False
        self._items[place] = item
        counts = counting.Counts()
        counts.put(item.kind, item.at, item.until)
        self._statistics.add(counts)
        for it in items.superfluous(self._items_of(item.kind, item.owner), most):
            del self._items[it.owner, it.kind, it.key]
        return True

    def _items_of(self, kind: str, owner: str) -> builtins.list[Item]:
        found = [it for it in self._items.values() if (it.kind, it.owner) == (kind, owner)]
        return items.in_order(found)

    def _account_items(self, user_id: str, kinds: Sequence[str]) -> tuple[Item, ...]:
        found = (self._items.get((user_id, kind, "")) for kind in kinds)
        return tuple(it for it in found if it is not None)

    def _delete_items(self, now: float, limit: int) -> int:
        old = [place for place, it in self._items.items() if it.until <= now]
        for place in old[:limit]:
            del self._items[place]
        return len(old[:limit])

    def _delete_events(self, before: float, limit: int) -> int:
        old = [seq for seq, event in self._events.items() if event.at < before]
        for seq in old[:limit]:
            self._delete_event(seq)
        return len(old[:limit])

    def _delete_event(self, seq: int) -> None:
        self._event_places.drop(seq, self._events.pop(seq))

    def _delete_devices(self, now: float, before: float, limit: int) -> int:
        used = {(row.user_id, row.device.id) for row in self._sessions.values()}
        free = [device for key, device in self._devices.items() if key not in used]
        old = [it for it in free if it.forgotten or semantics.is_stale(it, now, before)]
        for device in old[:limit]:
            del self._devices[device.user_id, device.id]
        return len(old[:limit])
