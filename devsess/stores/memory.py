"""
A store in this process's memory: for tests, for trying things out, and as the reference.

Obviously correct rather than fast: every other store must answer as this one
does. It is not shared by processes and says so where one forks.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from attrs import evolve

from devsess._fork import after_fork
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.lifecycle import counts_as_live
from devsess.models import Page
from devsess.rows import EVICTED, EXPIRED, REPLACED
from devsess.stores import _deeds as deeds
from devsess.stores.base import (
    ALL,
    ById,
    Changes,
    Everyone,
    Full,
    Inserted,
    OfDevice,
    OfUser,
    Refused,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence

    from devsess.lifecycle import Activity
    from devsess.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.base import Columns, Ending, InsertAnswer, Insertion, Target


class MemoryStore:
    """
    Sessions in memory; gone with the process.

    Raises:
        ConfigurationError: From every method, in a forked child: the copy there
            would neither hear of the parent's revocations nor tell of its own.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._refusal: Exception | None = None
        self._name = object()
        self._sessions: dict[str, SessionRow] = {}
        self._devices: dict[tuple[str, str], DeviceRow] = {}
        self._events: dict[int, EventRow] = {}
        self._cut_offs: dict[str, float] = {}
        self._cut_off = float("-inf")
        self._log: dict[int, str | None] = {0: None}
        self._last_event = 0
        self._last_change = 0
        after_fork(self, MemoryStore._in_child)

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
        with self._deed():
            here = (self._name, self._last_change)
            seq = self._seq(position)
            if seq is None or seq not in self._log:
                return Changes(here, ALL)
            behind = [entry for at, entry in self._log.items() if at > seq]
            named = dict.fromkeys(entry for entry in behind if entry is not None)
            whole = len(behind) <= deeds.LOG_READ and None not in behind
            return Changes(here, tuple(named) if whole else ALL)

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """See Store.get."""
        del wait
        with self._deed():
            row = self._sessions.get(session_id)
            return row and self._whole(row)

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:  # noqa: ARG002
        """None: reading the whole row costs no more."""
        return None

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        with self._deed():
            return sorted(self._of_user(user_id), key=lambda row: (-row.last_seen_at, row.id))

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        with self._deed():
            row, horizon = insertion.row, insertion.horizon
            refusal = self._refused(insertion)
            if refusal:
                return refusal
            if row.id in self._sessions:
                raise ValueError("there is a session with this id already")
            live = [
                it for it in self._of_user(row.user_id) if counts_as_live(it, insertion.horizon)
            ]
            room = deeds.room(live, insertion)
            if isinstance(room, Full):
                return room
            endings = [self._end(it, horizon.now, REPLACED, None) for it in room.replaced]
            endings += [self._end(it, horizon.now, EVICTED, None) for it in room.evicted]
            self._keep(*endings)
            if room.evicted:
                self._keep(deeds.limit_event(insertion))
            key = row.user_id, row.device.id
            self._devices[key] = deeds.seen_again(self._devices.get(key), row.device)
            self._sessions[row.id] = row
            self._keep(insertion.event)
            return Inserted(tuple(endings))

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch."""
        with self._deed():
            row = self._unrevoked(session_id)
            if row is None:
                return False
            moved = {name: getattr(activity, name) for name in deeds.ACTIVITY}
            marks = {
                "bound": row.bound or bound,
                "presented": row.presented or presented == row.generation,
            }
            self._sessions[row.id] = deeds.changed(row, {**moved, **marks})
            return True

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        with self._deed():
            raised = {**changes, "generation": expected_generation + 1}
            row = self._swap(session_id, {"generation": expected_generation}, raised)
            if row is not None and event is not None:
                self._keep(event)
            return row

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        with self._deed():
            row = self._swap(session_id, expected, changes)
            if row is not None:
                self._note(row.id)
                self._keep(event)
            return row

    def end(self, ending: Ending) -> Sequence[EventRow]:
        """See Store.end."""
        with self._deed():
            now, target = ending.horizon.now, ending.target
            self._mark_target(target, now)
            rows = [row for row in self._target(target) if row.revoked_at is None]
            rows.sort(key=lambda row: (row.last_seen_at, row.id))
            if isinstance(target, Everyone):
                self._note(None)
            events = []
            for row in rows:
                event = self._end(row, now, ending.reason, ending.actor)
                if counts_as_live(row, ending.horizon):
                    events.append(event)
            self._keep(*events)
            return events

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        with self._deed():
            rows = [it for it in self._devices.values() if it.user_id == user_id]
            kept = [row for row in rows if not row.forgotten]
            return sorted(kept, key=lambda row: (-row.last_seen_at, row.id))

    def known_devices(
        self, user_id: str, *, ids: Sequence[str], fingerprints: Sequence[bytes]
    ) -> builtins.list[DeviceRow]:
        """See Store.known_devices."""
        return deeds.worth_comparing(self.devices(user_id), ids, fingerprints)

    def put_device(
        self, user_id: str, device_id: str, *, changes: Columns, event: EventRow
    ) -> DeviceRow | None:
        """See Store.put_device."""
        with self._deed():
            device = self._devices.get((user_id, device_id))
            if device is None or device.forgotten:
                return None
            self._devices[user_id, device_id] = device = deeds.changed_device(device, changes)
            for row in self._target(OfDevice(user_id, device_id)):
                if row.revoked_at is None:
                    self._note(row.id)
            self._keep(event)
            return device

    def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        with self._deed():
            self._keep(event)

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See Store.events."""
        deeds.check_size(limit)
        before = deeds.read_cursor(cursor)
        with self._deed():
            places = [seq for seq, event in self._events.items() if event.user_id == user_id]
            places = [seq for seq in sorted(places, reverse=True) if not before or seq < before]
            shown = places[:limit]
            following = str(shown[-1]) if len(places) > limit else None
            return Page(tuple(self._events[seq] for seq in shown), following)

    def purge(self, *, now: float, before: float, devices_before: float, limit: int) -> int:
        """See Store.purge."""
        deeds.check_size(limit)
        with self._deed():
            done = self._lapse(now, limit)
            done += self._delete_sessions(before, limit - done)
            done += self._delete_events(before, limit - done)
            done += self._delete_devices(now, devices_before, limit - done)
            for seq in tuple(self._log)[: -deeds.LOG_KEPT]:
                del self._log[seq]
            return done

    def erase(self, user_id: str) -> int:
        """See Store.erase."""
        with self._deed():
            sessions = [row.id for row in self._of_user(user_id)]
            devices = [key for key in self._devices if key[0] == user_id]
            events = [seq for seq, event in self._events.items() if event.user_id == user_id]
            for session_id in sorted(sessions):
                del self._sessions[session_id]
                self._note(session_id)
            for key in devices:
                del self._devices[key]
            for seq in events:
                del self._events[seq]
            cut_off = self._cut_offs.pop(user_id, None) is not None
            return len(sessions) + len(devices) + len(events) + cut_off

    def migrate(self) -> builtins.list[str]:
        """Nothing to do: there is no schema."""
        with self._deed():
            return []

    def close(self) -> None:
        """See Store.close."""
        self._refusal = self._refusal or StoreUnavailableError("this store was closed")

    # What the deeds share; the lock is held.

    @contextmanager
    def _deed(self) -> Iterator[None]:
        with self._lock:
            self._check()
            yield

    def _check(self) -> None:
        if self._refusal:
            raise type(self._refusal)(*self._refusal.args)

    def _in_child(self) -> None:
        # Another thread may have held the lock when the process forked.
        self._lock = RLock()
        self._refusal = ConfigurationError(
            "a memory store is not shared by processes: use SQLite, or make it after the fork"
        )

    def _seq(self, position: object) -> int | None:
        if isinstance(position, tuple) and position[0] is self._name:
            return int(position[1])
        return None

    def _whole(self, row: SessionRow) -> SessionRow:
        return evolve(row, device=self._devices[row.user_id, row.device.id])

    def _of_user(self, user_id: str) -> builtins.list[SessionRow]:
        return [self._whole(it) for it in self._sessions.values() if it.user_id == user_id]

    def _unrevoked(self, session_id: str) -> SessionRow | None:
        row = self._sessions.get(session_id)
        return self._whole(row) if row is not None and row.revoked_at is None else None

    def _refused(self, insertion: Insertion) -> Refused | None:
        user_id = insertion.row.user_id
        cut_off = max(self._cut_off, self._cut_offs.get(user_id, self._cut_off))
        if insertion.auth_instant < cut_off:
            return Refused.CUT_OFF
        device = self._devices.get((user_id, insertion.row.device.id))
        return Refused.BLOCKED if device is not None and device.blocked else None

    def _swap(self, session_id: str, expected: Columns, changes: Columns) -> SessionRow | None:
        deeds.check_columns(expected, changes)
        row = self._unrevoked(session_id)
        if row is None or not deeds.holds(row, expected):
            return None
        self._sessions[row.id] = row = deeds.changed(row, changes)
        return row

    def _target(self, target: Target) -> builtins.list[SessionRow]:
        if isinstance(target, ById):
            row = self._sessions.get(target.session_id)
            found = row is not None and target.user_id in (None, row.user_id)
            return [self._whole(row)] if row is not None and found else []
        if isinstance(target, OfUser):
            return [row for row in self._of_user(target.user_id) if row.id != target.keep]
        if isinstance(target, OfDevice):
            rows = self._of_user(target.user_id)
            return [row for row in rows if row.device.id == target.device_id]
        return [self._whole(row) for row in self._sessions.values()]

    def _mark_target(self, target: Target, now: float) -> None:
        if isinstance(target, Everyone):
            self._cut_off = max(self._cut_off, now)
        elif isinstance(target, OfUser):
            self._cut_offs[target.user_id] = max(self._cut_offs.get(target.user_id, now), now)
        elif isinstance(target, OfDevice):
            key = target.user_id, target.device_id
            if key in self._devices:
                device = self._devices[key]
                self._devices[key] = (
                    evolve(device, forgotten=True)
                    if target.forget
                    else evolve(device, blocked=True)
                )

    def _end(self, row: SessionRow, at: float, reason: str, actor: str | None) -> EventRow:
        self._sessions[row.id] = deeds.ended(row, at, reason, actor)
        self._reduce_events(row.id)
        self._note(row.id)
        return deeds.end_event(row, at, reason, actor)

    def _reduce_events(self, session_id: str) -> None:
        for seq, event in self._events.items():
            if event.session_id == session_id:
                self._events[seq] = evolve(event, ip=event.network)

    def _keep(self, *events: EventRow) -> None:
        for event in events:
            self._last_event += 1
            self._events[self._last_event] = event

    def _note(self, session_id: str | None) -> None:
        self._last_change += 1
        self._log[self._last_change] = session_id

    def _lapse(self, now: float, limit: int) -> int:
        rows = [it for it in self._sessions.values() if it.revoked_at is None]
        passed = [row for row in rows if row.idle_expires_at <= now]
        for row in passed[:limit]:
            self._sessions[row.id] = deeds.ended(row, row.idle_expires_at, EXPIRED, None)
            self._reduce_events(row.id)
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

    def _delete_events(self, before: float, limit: int) -> int:
        old = [seq for seq, event in self._events.items() if event.at < before]
        for seq in old[:limit]:
            del self._events[seq]
        return len(old[:limit])

    def _delete_devices(self, now: float, before: float, limit: int) -> int:
        used = {(row.user_id, row.device.id) for row in self._sessions.values()}
        free = [device for key, device in self._devices.items() if key not in used]
        old = [it for it in free if it.forgotten or deeds.is_stale(it, now, before)]
        for device in old[:limit]:
            del self._devices[device.user_id, device.id]
        return len(old[:limit])
