"""
The SQLite store: one file, many threads, many processes.

Every write is one transaction of the writer connection. Reads take a pooled
reader, or, with `wait=False`, the watch connection, which never waits. Nor does
a touch.
"""

from __future__ import annotations

import math
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from devsess.errors import StoreUnavailableError
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.base import ALL, Changes, Ended
from devsess.stores.calls import Known, Settled, StoreBusyError
from devsess.stores.polled import read_position, readable
from devsess.stores.sqlite import (
    covered,
    endings,
    ids,
    items,
    polling,
    rows,
    schema,
    statistics,
    writes,
)
from devsess.stores.sqlite.checks import is_text
from devsess.stores.sqlite.connections import MAX_READERS
from devsess.stores.sqlite.errors import is_damage
from devsess.stores.sqlite.file import atomically
from devsess.stores.sqlite.late_touches import LateTouches
from devsess.stores.sqlite.log import insert_events
from devsess.stores.sqlite.needless import NeedlessDevices
from devsess.stores.sqlite.plain_rows import GET_PLAIN, plain_row
from devsess.stores.sqlite.searching import Searching

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.stores.base import Ending, Erasure, Insertion, Refused
    from devsess.stores.calls import Columns, InsertAnswer, Retention
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.items import Item
    from devsess.stores.plain_rows import PlainRow
    from devsess.stores.rows import ActivityRow, DeviceRow, EventRow, SessionRow

_LOG = "SELECT seq, tag, session_id FROM changes WHERE seq >= ? ORDER BY seq LIMIT ?"
_LOG_END = "SELECT seq, tag FROM changes ORDER BY seq DESC LIMIT 1"
_NEWEST = 2**63 - 1


class SQLiteStore(Searching):
    """
    Sessions in one SQLite file, which is created if its folder is there.

    Args:
        path: The file.
        timeout: Seconds to wait for other writers, threads and processes together.
        readers: Connections that may read at the same time, 1 or more.

    Raises:
        ConfigurationError: If *path* names no file, SQLite is too old, or *readers* is no count.
        StoreUnavailableError: If the file cannot be used; the message says why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout: float = 5.0,
        readers: int = MAX_READERS,
    ) -> None:
        super().__init__(path, timeout=timeout, readers=readers)
        self._late = LateTouches(self._touch_late, timeout)
        self._needless = NeedlessDevices(self._rows, self._transaction)

    def mark(self) -> object:
        """
        See SupportsMark.mark: the bytes that every commit changes.

        Where they cannot be looked at, SQLite's own count of other connections' commits.
        """
        if time.monotonic() >= self._look_at:
            self._look(wait=False)
        opened = self._opened
        shared = None if opened is None else opened.shared_mark()
        if shared is not None:
            return shared
        epoch, [found] = self._at_once("PRAGMA data_version", ())
        return epoch, found[0]

    @property
    def mark_in_use(self) -> str:
        """ "wal-index" or "data_version"; see SupportsMark.mark_in_use."""
        opened = self._opened
        return "data_version" if opened is None or opened.index is None else "wal-index"

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        """See Store.changes. A position is an opening of the file, and an entry with its tag."""
        if isinstance(position, tuple):
            epoch, entries = self._query(_LOG, (position[1], semantics.LOG_READ + 2), wait=wait)
            here = writes.changes_since(position, epoch, entries)
            if here is not None:
                return here
        epoch, entries = self._query(_LOG_END, (), wait=wait)
        [position] = self._made(writes.position_of, entries or [()])
        return Changes((epoch, *position), ALL)

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """See Store.get."""
        return self._row(rows.session_row, self._session(rows.GET, session_id, wait=wait))

    def plain_row(self, session_id: str, *, wait: bool = True) -> PlainRow | None:
        """See SupportsPlainRows.plain_row. By a reader where the watch connection is in use."""
        try:
            found = self._session(GET_PLAIN, session_id, wait=False, queues=False)
        except StoreBusyError:
            if not wait:
                raise
            found = self._session(GET_PLAIN, session_id, wait=True)
        return self._row(plain_row, found)

    def get_many(self, session_ids: Sequence[str]) -> builtins.list[SessionRow]:
        """See SupportsMany.get_many."""
        ids = [it for it in session_ids if is_text(it)]
        marks = ", ".join("?" * len(ids))
        found = self._rows(f"{rows.SELECT_SESSION} WHERE s.id IN ({marks})", (*ids,))
        return self._made(rows.session_row, found)

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """See Store.stamp."""
        found = self._session(rows.SELECT_STAMP, session_id, wait=wait)
        return rows.stamp(found) if found else None

    def activity(self, session_id: str, *, wait: bool = True) -> ActivityRow | None:
        """See SupportsActivity.activity."""
        found = self._session(rows.SELECT_ACTIVITY, session_id, wait=wait)
        return self._row(rows.activity_row, found)

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        return self._made(rows.session_row, self._of_user(rows.LIST, user_id))

    def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        if not is_text(user_id, before[1] if before else ""):
            return Page(())
        statement, values = endings.live_page(user_id, cutoffs, before)
        found = self._made(rows.session_row, self._rows(statement, (*values, limit + 1)))
        following = semantics.live_cursor(found[limit - 1]) if len(found) > limit else None
        return Page(tuple(found[:limit]), following)

    def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        found = self._rows(endings.CUT_OFF, (user_id,)) if is_text(user_id) else []
        return next(iter(self._made(endings.cut_off_of, found)), None)

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        return self._transaction(writes.insert, insertion)

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch; one that could not be written at once is written later."""
        if not is_text(session_id):
            return False
        moved = (activity.last_seen_at, activity.idle_from, activity.idle_expires_at)
        values = (*moved, bound, presented, session_id)
        try:
            return self._write(0.0, lambda opened: writes.touch(opened.toucher, values))
        except StoreBusyError:
            self._late.add(session_id, values)
            raise

    def _touch_late(self, touches: Sequence[tuple[object, ...]]) -> None:
        work = partial(writes.touch_all, touches=touches)
        self._write(0.0, lambda opened: atomically(opened.toucher, work))

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        expected = {"generation": expected_generation}
        changes = {**changes, "generation": expected_generation + 1}
        semantics.check_columns(expected, changes)
        if not is_text(session_id):
            return None
        return self._transaction(writes.rotate, session_id, expected, changes, event)

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        semantics.check_columns(expected, changes)
        if not is_text(session_id):
            return None
        return self._transaction(writes.update, session_id, expected, changes, event)

    def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        if not is_text(user_id):
            return 0
        found = self._rows(*endings.marks(user_id, digests))
        return max(self._made(endings.number_of, found or [()]))

    def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        semantics.check_size(limit)
        found: builtins.list[SessionRow] = []
        place = 0
        while True:  # damaged rows take no place of others
            page = self._rows(writes.AHEAD_KEYS, (after, limit, place))
            read = (self._ahead(key, after) for (key,) in page)
            found += [row for row in read if row is not None]
            place += len(page)
            if len(found) >= limit or len(page) < limit:
                return found[:limit]

    def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """See Store.newest_instants."""
        semantics.check_size(limit)
        return [at for (at,) in self._rows(writes.NEWEST_INSTANTS, (limit,))]

    def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """See Store.set_back."""
        if not is_text(session_id):
            return False
        if wait:
            return self._transaction(writes.set_back, session_id, expected, changes)
        return self._write(
            0.0,
            lambda opened: atomically(
                opened.toucher, lambda db: writes.set_back(db, session_id, expected, changes)
            ),
        )

    def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        if not is_text(*semantics.names_in(ending.target)):
            return Ended()
        follow = endings.are_many(self._rows, ending)
        return self._transaction(endings.end, ending, follow=follow)

    def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        semantics.check_size(limit)
        [page] = self._made(lambda _: covered.live_covered(self._rows, number, limit, cursor), [()])
        return page

    def settle(self, *, limit: int, own: int | None = None, before: float = math.inf) -> Settled:
        """See Store.settle."""
        semantics.check_size(limit)
        return self._transaction(covered.settle, limit, own, before)

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        found = self._of_user(rows.SELECT_DEVICES, user_id)
        return self._made(rows.device_row, found)

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
        if not is_text(user_id):
            return Known([], number)
        found_items = self._rows(*items.of_account(user_id, kinds)) if kinds else []
        ids = [device_id for device_id in ids if is_text(device_id)]
        statement, values = rows.known_devices(
            user_id, semantics.DEVICES_COMPARED, ids, fingerprints
        )
        _, found = self._query(statement, tuple(values))
        known = self._made(rows.device_row, found)
        return Known(known, number, self._made(items.item, found_items))

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
        if not is_text(user_id, device_id):
            return None
        return self._transaction(writes.put_device, user_id, device_id, changes, event, number)

    def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        self._transaction(insert_events, event)

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See Store.events."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor) or _NEWEST
        found = self._of_user(rows.EVENTS, user_id, before, limit + 1)
        following = str(found[limit - 1][0]) if len(found) > limit else None
        events = self._made(rows.event_row, [values[1:] for values in found[:limit]])
        return Page(tuple(events), following)

    def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """See SupportsPolling.poll."""
        semantics.check_size(limit)
        [newest] = self._made(rows.last_event, [self._rows(rows.LAST_EVENT, ())])
        place = read_position(position, newest)
        last, found = polling.behind(self._rows, place, limit)
        events = readable(((it[0], it[1:]) for it in found), self._event)
        return Page(events, str(last))

    def _event(self, values: Sequence[Any]) -> EventRow:
        [event] = self._made(rows.event_row, [values])
        return event

    def statistics(self, period: Period) -> Numbers:
        """See SupportsStatistics.statistics."""
        return self._at_one_instant(partial(statistics.numbers, period=period))

    def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """See Store.items."""
        semantics.check_size(limit)
        if not is_text(kind, owner):
            return []
        return self._made(items.item, self._rows(items.OF_KIND, (owner, kind, limit)))

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        """See Store.put_item."""
        return self._transaction(items.put, item, most)

    def purge(self, retention: Retention, *, limit: int) -> int:
        """See Store.purge."""
        semantics.check_size(limit)
        done = self._transaction(writes.purge, retention, limit)
        # Behind the sessions, in a transaction of their own: a device may have been the last one's.
        return self._needless.delete(retention, limit, done)

    def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        if not is_text(erasure.user_id):
            return 0
        return self._transaction(writes.erase, erasure)

    def pending(self) -> builtins.list[str]:
        """See Store.pending; nothing, since opening the file takes the steps."""
        return self._write(self._timeout, lambda opened: schema.pending(opened.writer.connection))

    def migrate(self) -> builtins.list[str]:
        """See Store.migrate; opening the file has done it already."""
        return self._write(
            self._timeout, lambda opened: schema.bring_up_to_date(opened.writer.connection)
        )

    def _ahead(self, key: int, after: float) -> SessionRow | None:
        """The row, if it is still ahead; one that cannot be read is left as it is."""
        try:
            found = self._made(rows.session_row, self._rows(writes.AHEAD, (key, after)))
        except StoreUnavailableError as error:
            if not is_damage(error.__cause__):
                raise
            ids.log.error("a session that a clock dated ahead is not set back: %s", error)
            return None
        return found[0] if found else None

    def _of_user(
        self, statement: str, user_id: str, *values: object
    ) -> builtins.list[tuple[Any, ...]]:
        if not is_text(user_id):
            return []
        return self._rows(statement, (user_id, *values))
