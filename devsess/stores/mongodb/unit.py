"""One transaction: what it reads, and what it writes at its end with one request."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pymongo import DeleteMany, ReplaceOne, UpdateMany, UpdateOne

from devsess.models import EventType
from devsess.stores import semantics
from devsess.stores.counting import Counts, resized
from devsess.stores.mongodb import counts, log
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb.errors import EmptiedError
from devsess.stores.mongodb.marks import Marks
from devsess.stores.mongodb.reading import with_device

if TYPE_CHECKING:
    from datetime import datetime

    from devsess.stores.items import Item
    from devsess.stores.mongodb.ports import Document, Filter, Port
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

# A session begins once and ends once: nobody can bring about many of these.
_ONCE = (EventType.SESSION_CREATED, EventType.NEW_DEVICE, EventType.SESSION_REVOKED)


class Unit:
    """
    The reads of one transaction, all of one snapshot, and its writes until `flush`.

    Two transactions that write one document conflict, and one of them begins again. So
    each that reads an account to decide about it writes the account's *gate*: one of
    64 documents, by the account's id. An ending of everyone writes them all. A sign-in
    that has read the numbers before such an ending has committed therefore conflicts with
    it at the gate, whichever of the two comes first, and reads them again: none slips
    between. Sign-ins of different accounts seldom meet at a gate.

    A gate also keeps the last place in the history that was given to its accounts. The
    next place is higher than that, and than all that this process has seen: so it is exact
    for an account, and for all of them nearly so, without a counter that all wait for.
    """

    def __init__(self, port: Port, session: Any, clock: Places) -> None:
        self._port = port
        self._session = session
        self._clock = clock
        self._known: dict[str, Document] = {}
        self._gates: set[str] = set()
        self._writes: list[Any] = []
        self._events: list[EventRow] = []
        self._changes: list[str | None] = []
        self._kinds: dict[str, object] = {}
        self._counted: set[str] = set()
        self._sized: set[str] = set()
        self._open: dict[str, int] = {}
        self._erased: set[str] = set()
        self._counts: dict[int, Counts] = {}
        self._part: int | None = None
        self._read: set[str] = set()

    # Reads.

    async def find(
        self,
        where: Filter,
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
        fields: Filter | None = None,
        is_noted: bool = True,
    ) -> list[Document]:
        """Documents, as the transaction sees them but for what it is still to write."""
        found = await self._port.find(
            where, sort=sort, limit=limit, skip=skip, fields=fields, session=self._session
        )
        for it in found if is_noted else ():
            self._note(it)
        return found

    def _note(self, document: Document) -> None:
        """Remember what `flush` or the statistics need of a document."""
        table = document.get("table")
        if table in ("gate", "log"):
            self._known[document["_id"]] = document
        elif table == "device" and "kind" in document:
            self._kinds.setdefault(document["_id"], document["kind"])
        elif table == "session" and "id" in document:
            self._counted.update([document["id"]] if document.get("counted") else [])
            self._sized.update([document["id"]] if document.get("sized") else [])
        elif table == "open":
            self._open[document["user_id"]] = int(document["sessions"])
        elif document.get("counts") == "t":
            self._clock.keys.read(document)

    async def marks(self, user_id: str, digests: Sequence[bytes] = ()) -> Marks:
        """The numbers and endings that bind an account."""
        return marking.marks_from(await self.find(docs.bound_by(user_id, digests)))

    async def everyones_marks(self) -> Marks:
        """The store's numbers, and the endings of all accounts."""
        where = {"$or": [{"binds": docs.MARK}, docs.PENDING]}
        return marking.marks_from(await self.find(where))

    async def unrevoked(
        self, session_id: str, ends: tuple[float, str] | None = None
    ) -> SessionRow | None:
        """
        A session that has not ended, with its device.

        And what has to be known to count that it *ends*, at an instant and for a reason.
        """
        key = docs.session_key(session_id)
        owned = [it for it in await self.find(asked_with(key)) if it["_id"] == key]
        if not owned:
            return None
        [session] = owned
        user_id = str(session["user_id"])
        keys = [session["device_key"], docs.gate_key(user_id)]
        if ends is not None:
            over = Counts()
            over.ended(None, None, None, *ends)
            keys += [*self._lacking(user_id, over), self.ask_open(user_id)]
        found = await self.find({"$or": [docs.bound_by(user_id), {"_id": {"$in": keys}}]})
        devices = [docs.device_from(it) for it in found if it.get("table") == "device"]
        row = docs.session_from(session, with_device(session, devices))
        row = marking.marks_from(found).as_read(row)
        return row if row.revoked_at is None else None

    async def count(self, where: Filter, most: int = 2**31 - 1) -> int:
        """How many documents there are, at most *most*."""
        one = {"$group": {"_id": None, "count": {"$sum": 1}}}
        pipeline: list[Document] = [{"$match": where}, {"$limit": most}, one]
        found = await self._port.aggregate(pipeline, session=self._session)
        return int(found[0]["count"]) if found else 0

    async def is_full(self, event: EventRow) -> bool:
        """Whether the history has as many events of this kind as it may."""
        found = await self.find(
            {"alike": docs.alike(event)},
            skip=semantics.EVENTS_EACH - 1,
            limit=1,
            fields={"place": 1},
        )
        return bool(found)

    def server_time(self) -> datetime:
        """As the port has it."""
        return self._port.server_time()

    # Writes.

    def add(self, *writes: Any) -> None:
        """Carry out *writes* of the driver's kinds when the transaction ends."""
        self._writes += writes

    def put(self, document: Document) -> None:
        """Write a document whole."""
        self.add(ReplaceOne({"_id": document["_id"]}, document, upsert=True))

    def put_session(self, row: SessionRow, now: float) -> None:
        """Write a new session."""
        dies_at = docs.dies_at(self._port.server_time(), row.absolute_expires_at - now)
        self.put(docs.session_document(row) | {"dies_at": dies_at, "counted": True, "sized": True})

    def change_session(self, row: SessionRow, columns: Iterable[str]) -> None:
        """Write *columns* of a session that is there."""
        values = docs.session_values(row, columns)
        if values:
            self.add(UpdateOne({"_id": docs.session_key(row.id)}, {"$set": values}))

    def put_device(self, row: DeviceRow) -> None:
        """Write a device."""
        self.put(docs.device_document(row))

    def put_item(self, item: Item) -> None:
        """Write an item, whatever is there."""
        dies_at = docs.dies_at(self._port.server_time(), item.until - item.at)
        self.put(docs.item_document(item) | {"dies_at": dies_at})

    # Statistics.

    def count_apart(self) -> None:
        """Count with the writes that concern many accounts, which pass no gate for it."""
        self._part = counts.MANY

    def counts_of(self, user_id: str) -> Counts:
        """The counts of this transaction for an account."""
        part = docs.gate_number(user_id) if self._part is None else self._part
        return self._counts.setdefault(part, Counts())

    def asked_for(self, row: SessionRow) -> list[str]:
        """The documents to read before *row* can be counted as begun, beside others."""
        begun = Counts()
        begun.began(row)
        return [*self._lacking(row.user_id, begun), self.ask_open(row.user_id)]

    def ask_open(self, user_id: str) -> str:
        """The document that says how many sessions are open to an account, which is read next."""
        self._open.setdefault(user_id, 0)
        return docs.open_key(user_id)

    def _lacking(self, user_id: str, more: Counts) -> list[str]:
        tallies = counts.wanted({docs.gate_number(user_id): more})
        lacking = self._clock.keys.lacking(tallies)
        self._read |= lacking
        return sorted(lacking)

    async def count_ends(self, rows: Sequence[SessionRow]) -> None:
        """Count *rows*, which end, each with its device as that is."""
        await self.read_kinds(rows)
        for row in rows:
            if row.id in self._counted:
                kind = self._kinds.get(docs.device_key(row.user_id, row.device.id))
                at, reason = row.revoked_at or 0.0, row.reason or ""
                ends = self.counts_of(row.user_id)
                ends.ended(row.created_at, row.idle_expires_at, kind, at, reason)
            if row.id in self._sized:
                self.counts_of(row.user_id).users[row.user_id] -= 1

    async def read_kinds(self, rows: Sequence[SessionRow]) -> None:
        """Read the kinds of the devices of *rows* with one request, unless they are known."""
        needed = {docs.device_key(it.user_id, it.device.id) for it in rows}
        keys = sorted(needed - self._kinds.keys())
        if keys:
            unread = {it.user_id for it in rows} - self._open.keys()
            keys += map(self.ask_open, sorted(unread))
            fields = {"table": 1, "kind": 1, "user_id": 1, "sessions": 1}
            await self.find({"_id": {"$in": keys}}, fields=fields)

    def count_merged(self, row: SessionRow, was: SessionRow | None) -> None:
        """Count a session that a merge writes in the place of what *was* there."""
        merged = self.counts_of(row.user_id)
        is_new = row.id not in self._counted
        if is_new:
            merged.began(row)
        if row.revoked_at is not None and (is_new or was is None or was.revoked_at is None):
            merged.over(row)

    def pass_gates(self, *user_ids: str) -> None:
        """Conflict with each other transaction of these accounts."""
        self._gates.update(map(docs.gate_key, user_ids))

    def pass_all_gates(self) -> None:
        """Conflict with each other transaction of any account."""
        self._gates.update(docs.ALL_GATES)

    async def forget_account(self, user_id: str) -> None:
        """Delete what binds an account, and how many sessions are open to it, and write neither."""
        self._erased.add(user_id)
        keys = {"_id": docs.open_key(user_id)}
        await self.delete({"$or": [{"binds": docs.account_key(user_id)}, keys]})

    def append_changes(self, session_ids: Iterable[str | None]) -> None:
        """Append to the log; None stands for all sessions."""
        self._changes += session_ids

    async def end_sessions(
        self, rows: Sequence[SessionRow], at: float, reason: str, actor: str | None
    ) -> None:
        """Write sessions as ended, count them, and reduce the addresses of their events."""
        if not rows:
            return
        keys = [docs.session_key(it.id) for it in rows]
        self.add(UpdateMany({"_id": {"$in": keys}}, docs.ended_values(at, reason, actor)))
        self.reduce_events([it.id for it in rows])
        await self.count_ends([semantics.ended(it, at, reason, actor) for it in rows])

    def reduce_events(self, session_ids: Sequence[str]) -> None:
        """Leave the networks alone of the addresses in the events of these sessions."""
        whose = {"session_id": {"$in": [*session_ids]}, "table": "event"}
        self.add(UpdateMany(whose, _REDUCED))

    async def insert_events(self, *events: EventRow) -> None:
        """Append those to the history that it is not full of."""
        self._events += [it for it in events if not await self.is_full(it)]

    def insert_first_events(self, *events: EventRow) -> None:
        """Append events of which a session has one: of its sign-in or its end."""
        self._events += events

    async def flush(self) -> None:
        """Write, with one request."""
        self._gates.update(docs.gate_key(event.user_id) for event in self._events)
        for event in self._events:
            self.counts_of(event.user_id).happened(event)
        counted = {part: it for part, it in self._counts.items() if it != Counts()}
        self._gates.update(f"gate/{part}" for part in counted.keys() - {counts.MANY})
        needed = {*self._gates, *([log.HEADER] if self._changes else [])} - self._known.keys()
        tallies = self._clock.keys.lacking(counts.wanted(counted)) - self._read
        users = {user for it in counted.values() for user in it.changed_users()}
        opened = {self.ask_open(str(it)) for it in users - self._open.keys()}
        if needed or tallies or opened:
            await self.find({"_id": {"$in": sorted(needed | tallies | opened)}})
        if not needed <= self._known.keys():
            raise EmptiedError
        self._add_events()
        for part, it in counted.items():
            self.add(*counts.writes(part, it, self._resized(it), self._clock.keys))
        self._counts = {}
        if self._changes:
            header = self._known.pop(log.HEADER)
            self.add(*log.appended(header, self._changes, secrets.token_hex(4)))
        writes, self._writes, self._events, self._changes = self._writes, [], [], []
        if writes:
            await self._port.write(writes, session=self._session)

    def _resized(self, counted: Counts) -> list[int]:
        """Write how many sessions are open to each account; what that adds to each size."""
        changes = []
        for user, more in counted.changed_users().items():
            user_id = str(user)
            self._open[user_id] = now = max(self._open[user_id] + more, 0)
            if user_id not in self._erased:
                # Where none is open the server deletes it: to delete it here is a request more.
                dies = {} if now else {"dies_at": self._port.server_time()}
                self.put(docs.open_document(user_id, now) | dies)
            changes.append((now, more))
        return resized(changes)

    def _add_events(self) -> None:
        """Give the events their places, and write them and the gates."""
        last = [int(self._known.pop(key)["last"]) for key in self._gates]
        first = self._clock.after(last)
        dies_at = docs.dies_at(self._port.server_time(), 0.0)
        for number, event in enumerate(self._events):
            place = docs.place(event.user_id, first, number)
            self.put(docs.event_document(event, place) | {"dies_at": dies_at})
        highest = first + len(self._events) // docs.PLACES
        if self._gates:
            passed = {"$set": {"last": highest}}
            # First: two that meet here need not find out about each other at a row.
            self._writes.insert(0, UpdateMany({"_id": {"$in": sorted(self._gates)}}, passed))
        self._clock.seen(highest)
        self._gates = set()

    async def delete(self, where: Filter) -> int:
        """Delete now; how many documents."""
        done = await self._port.write([DeleteMany(where)], session=self._session)
        return int(done.deleted_count)


_REDUCED = {"$unset": {"ip": ""}}


def asked_with(*keys: str) -> Document:
    """Finds these documents, and the log's header, which a write needs too."""
    return {"_id": {"$in": [*keys, log.HEADER]}}


class Places:
    """
    The highest place in the history that this process has seen: a Lamport clock.

    Attributes:
        keys: Those of the statistics that it has seen.
    """

    def __init__(self) -> None:
        self._highest = 0
        self.keys = counts.Keys()

    def after(self, others: Iterable[int]) -> int:
        """The next place after those seen here and *others*."""
        return max([self._highest, *others]) + 1

    def seen(self, place: int) -> None:
        """Go on from *place*, if it is the highest."""
        self._highest = max(self._highest, place)
