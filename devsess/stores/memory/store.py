"""
A store in this process's memory: for tests, for trying things out, and as the reference.

Obviously correct rather than fast: every other store must answer as this one
does. It is not shared by processes and says so where one forks.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

from devsess.errors import StoreUnavailableError
from devsess.lifecycle import counts_as_live
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.accounts import Mark
from devsess.stores.base import ALL, Changes, Ended, Inserted, OfDevice, Refused
from devsess.stores.calls import Full, Known, Settled
from devsess.stores.memory.searching import Searching
from devsess.stores.polled import read_position
from devsess.stores.rows import EVICTED, REPLACED

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.stores.base import Ending, Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer, Retention
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


class MemoryStore(Searching):
    """
    Sessions in memory; gone with the process.

    Raises:
        ConfigurationError: From every method, in a forked child: its copy and the
            parent's would not see each other's revocations.
        StoreUnavailableError: In a signal's handler, or a finalizer, that runs in the midst of one
            of its methods.
    """

    @property
    def mark_in_use(self) -> str:
        """See Store.mark_in_use."""
        return "memory"

    def mark(self) -> object:
        """How many changes there ever were."""
        if self._refusal:
            self._check()
        return self._last_change

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        """See Store.changes."""
        del wait
        with self._exclusive():
            here = (self._name, self._last_change)
            seq = self._seq(position)
            if seq is None or seq not in self._log:
                return Changes(here, ALL)
            behind = [entry for at, entry in self._log.items() if at > seq]
            named = dict.fromkeys(entry for entry in behind if entry is not None)
            whole = len(behind) <= semantics.LOG_READ and None not in behind
            return Changes(here, tuple(named) if whole else ALL)

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """See Store.get."""
        del wait
        with self._exclusive():
            row = self._sessions.get(session_id)
            return row and self._as_read(row)

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:  # noqa: ARG002
        """None: reading the whole row costs no more."""
        return None

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        with self._exclusive():
            return sorted(self._of_user(user_id), key=lambda row: (-row.last_seen_at, row.id))

    def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        with self._exclusive():
            found = [row for row in self._of_user(user_id) if counts_as_live(row, cutoffs)]
        found = [it for it in found if before is None or (it.created_at, it.id) < before]
        found.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        following = semantics.live_cursor(found[limit - 1]) if len(found) > limit else None
        return Page(tuple(found[:limit]), following)

    def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        with self._exclusive():
            return self._endings.marks.get(user_id, Mark()).cut_off

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        with self._exclusive():
            row, cutoffs = insertion.row, insertion.cutoffs
            refusal = self._refused(insertion)
            if refusal:
                return refusal
            if row.id in self._sessions:
                raise ValueError("there is a session with this id already")
            to_end = semantics.sessions_to_end(self._live_for(insertion), insertion)
            if isinstance(to_end, Full):
                return to_end
            endings = [self._end(it, cutoffs.now, REPLACED, None) for it in to_end.replaced]
            endings += [self._end(it, cutoffs.now, EVICTED, None) for it in to_end.evicted]
            self._insert_events(*endings)
            if to_end.evicted and insertion.limit_event is not None:
                self._insert_events(insertion.limit_event)
            key = row.user_id, row.device.id
            self._devices[key] = semantics.seen_again(self._devices.get(key), row.device)
            self._open.add(row)
            self._sessions[row.id] = row
            self._count_begun(row)
            self._insert_events(*insertion.events)
            missed = tuple(it.kind for it in insertion.items if not self._put_item(it))
            return Inserted(tuple(endings), missed)

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch."""
        with self._exclusive():
            row = self._unrevoked(session_id)
            if row is None:
                return False
            self._sessions[row.id] = semantics.touched(
                row, activity, bound=bound, presented=presented
            )
            return True

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        with self._exclusive():
            if event is not None and self._is_full(event):
                changes = semantics.without_agent(changes)
            raised = {**changes, "generation": expected_generation + 1}
            row = self._swap(session_id, {"generation": expected_generation}, raised)
            if row is not None and semantics.is_heard(changes):
                self._append_change(row.id)
            if row is not None and event is not None:
                self._insert_events(event)
            return row

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        with self._exclusive():
            row = self._swap(session_id, expected, changes)
            if row is not None:
                self._append_change(row.id)
                self._insert_events(event)
            return row

    def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        with self._exclusive():
            return self._endings.number(user_id, digests)

    def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        semantics.check_size(limit)
        with self._exclusive():
            rows = [self._as_read(row) for row in self._unwritten(None)]
            late = [it for it in rows if it.revoked_at is None and it.idle_expires_at > after]
            return sorted(late, key=lambda row: (-row.idle_expires_at, row.id))[:limit]

    def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """See Store.newest_instants."""
        semantics.check_size(limit)
        with self._exclusive():
            return [event.at for event in islice(reversed(self._events.values()), limit)]

    def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """See Store.set_back."""
        del wait
        with self._exclusive():
            row = self._unrevoked(session_id)
            if row is None or not semantics.holds(row, expected):
                return False
            self._sessions[row.id] = semantics.corrected(row, changes)
            self._append_change(row.id)
            return True

    def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        with self._exclusive():
            marked = self._mark_device(ending.target)
            ended = semantics.with_own_event(self._ended(ending), ending, marked=marked)
            self._insert_events(*ended.events)
            return ended

    def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        semantics.check_size(limit)
        with self._exclusive():
            ids = sorted(
                row.id
                for row, by in self._covered()
                if by.number == number and counts_as_live(row, by.cutoffs)
            )
            ids = [it for it in ids if cursor is None or it > cursor]
            return Page(tuple(ids[:limit]), ids[limit - 1] if len(ids) > limit else None)

    def settle(self, *, limit: int, own: int | None = None, before: float = math.inf) -> Settled:
        """See Store.settle."""
        semantics.check_size(limit)
        with self._exclusive():
            events = []
            for row, by in self._covered(own, before)[:limit]:
                event = self._mark_ended(row, by.at, by.reason, by.actor)
                if counts_as_live(row, by.cutoffs):
                    events.append(event)
            self._insert_events(*events)
            if not self._covered():
                self._endings.pending.clear()
            return Settled(tuple(events), bool(self._covered(own, before)))

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        with self._exclusive():
            rows = [it for it in self._devices.values() if it.user_id == user_id]
            kept = [row for row in rows if not row.forgotten]
            return sorted(kept, key=lambda row: (-row.last_seen_at, row.id))

    def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        """See Store.known_devices."""
        number = self.ending_number(user_id, digests=digests)  # first: see the protocol
        known = semantics.worth_comparing(self.devices(user_id), ids, fingerprints)
        return Known(known, number, self._account_items(user_id, kinds))

    def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        """See Store.put_device."""
        with self._exclusive():
            device = self._devices.get((user_id, device_id))
            if device is None or device.forgotten:
                return None
            if number is not None and not self._endings.is_latest(user_id, number):
                return Refused.CUT_OFF
            self._devices[user_id, device_id] = device = semantics.changed_device(device, changes)
            for row in self._target(OfDevice(user_id, device_id)):
                if row.revoked_at is None:
                    self._append_change(row.id)
            self._insert_events(event)
            return device

    def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        with self._exclusive():
            self._insert_events(event)

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See Store.events."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        with self._exclusive():
            places = [seq for seq, event in self._events.items() if event.user_id == user_id]
            places = [seq for seq in sorted(places, reverse=True) if not before or seq < before]
            shown = places[:limit]
            following = str(shown[-1]) if len(places) > limit else None
            return Page(tuple(self._read_event(self._events[seq]) for seq in shown), following)

    def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """See SupportsPolling.poll."""
        semantics.check_size(limit)
        with self._exclusive():
            last = self._last_event
            behind = read_position(position, last)
            # By number: a poll looks at no event again that was given already.
            kept = (seq for seq in range(behind + 1, last + 1) if seq in self._events)
            places = list(islice(kept, limit))
            events = tuple(self._read_event(self._events[seq]) for seq in places)
            return Page(events, str(places[-1] if len(places) == limit else last))

    def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """See Store.items."""
        semantics.check_size(limit)
        with self._exclusive():
            return self._items_of(kind, owner)[:limit]

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        """See Store.put_item."""
        with self._exclusive():
            return self._put_item(item, most)

    def purge(self, retention: Retention, *, limit: int) -> int:
        """See Store.purge. Each row has its own text of a user agent."""
        semantics.check_size(limit)
        now, before = retention.now, retention.before
        with self._exclusive():
            self._endings.forget_erased(now)
            done = self._date(now, retention.latest, limit)
            done += self._lapse(now, limit - done)
            done += self._delete_sessions(before, limit - done)
            done += self._delete_events(before, limit - done)
            done += self._delete_devices(now, retention.devices_before, limit - done)
            done += self._delete_items(now, limit - done)
            old = tuple(self._log)[: -semantics.LOG_KEPT][: limit - done]
            for seq in old:
                del self._log[seq]
            return done + len(old)

    def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        with self._exclusive():
            user_id = erasure.user_id
            sessions = [row.id for row in self._of_user(user_id)]
            devices = [key for key in self._devices if key[0] == user_id]
            events = [seq for seq, event in self._events.items() if event.user_id == user_id]
            for session_id in sorted(sessions):
                self._count_erased(session_id, erasure.at)
                self._open.drop(self._sessions.pop(session_id))
                self._append_change(session_id)
            for key in devices:
                del self._devices[key]
            for seq in events:
                self._delete_event(seq)
            items = [place for place in self._items if place[0] == user_id]
            for place in items:
                del self._items[place]
            rows = len(sessions) + len(devices) + len(events) + len(items)
            return rows + self._endings.forget(erasure)

    def statistics(self, period: Period) -> Numbers:
        """See SupportsStatistics.statistics."""
        with self._exclusive():
            rows = self._unwritten(None)
            over = [
                row
                for row in rows
                if row.idle_expires_at <= period.now or self._endings.covering(row)
            ]
            return self._statistics.numbers(period, len(over))

    def pending(self) -> builtins.list[str]:
        """Nothing: there is no schema."""
        with self._exclusive():
            return []

    def migrate(self) -> builtins.list[str]:
        """Nothing to do: there is no schema."""
        with self._exclusive():
            return []

    def close(self) -> None:
        """See Store.close."""
        self._refusal = self._refusal or StoreUnavailableError("this store was closed")
