"""
The storage protocol and its contract.

Each call is one transaction: it happens whole or not at all, and other
processes see it whole or not at all. Stores have no clock: instants come as
arguments, and a row past its deadlines is returned like any other. Four words
mean the same in every method:

- *unknown*: there is no such row. The answer is None, empty, or nothing done.
- *expired*: a row past its deadlines. It is returned; the caller judges.
- *malformed* (an id with strange characters, a mangled cursor): as unknown;
  a mangled cursor raises ValueError.
- *broken* (locked, full, unreachable, corrupt): `StoreUnavailableError`, and
  nothing was written.

A revoked row is never changed again. There is no blind save: every write names
what it expects or applies to live rows only.

The change log. Calls that must take effect at once append the session's id to
it, in the same transaction: end, replace, evict, update, set_back, put_device,
erase, and a rotate that names a HEARD column. Touches, other rotations, plain
logins and `settle` do not: covered rows were logged by their ending, as ALL.

Endings are ordered by number. Ending a user's or all sessions draws the next
number of the store and writes it to the account, or to the store. A row keeps
the number under which it was inserted, and is *covered*, and so has ended, once
either of the two is higher. Where many rows are covered, the number alone is
written: it is in force at once, and `settle` writes the rows afterwards, in
batches. A covered row reads like one that was written as ended: every
method treats it as revoked, at the instant and with the reason and actor of the
first ending that covers it, and gives its network in place of its address.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from devsess.stores.async_base import AsyncStore
from devsess.stores.calls import (
    ALL,
    ById,
    Changes,
    Columns,
    Ended,
    Ending,
    Erasure,
    Everyone,
    InsertAnswer,
    Inserted,
    Insertion,
    Known,
    OfDevice,
    OfUser,
    Refused,
    Retention,
    Settled,
)

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

__all__ = [
    "ALL",
    "AsyncStore",
    "ById",
    "Changes",
    "Ended",
    "Ending",
    "Erasure",
    "Everyone",
    "Inserted",
    "Insertion",
    "OfDevice",
    "OfUser",
    "Refused",
    "Store",
]


class Store(Protocol):
    """A blocking store. Safe to use from many threads."""

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        """
        The changes in the log behind *position*.

        ALL for a position of None, of another database, ahead of the log, or
        below the oldest entry kept.
        """
        ...

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """The session, whatever its state, or None."""
        ...

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """All rows of a user, whatever their state; latest activity first, then by id."""
        ...

    def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """
        A page of the user's rows that count as live by *cutoffs*; newest first, then by id.

        The order is by an instant that no activity moves: a session that is live while
        all pages are read is on exactly one. Reads a page, however many there are.
        """
        ...

    def cut_off(self, user_id: str) -> float | None:
        """The instant before which a dated sign-in of this account is refused, or None."""
        ...

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """
        Write a session, its device and its event; Insertion says why it may be refused.

        Raises ValueError if there is a session with this id already.
        """
        ...

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """
        Move an unrevoked row's activity forward, bind it if *bound*, and say whether it was there.

        If *presented* is the row's generation, the row is marked so. Need not
        survive a power loss. No column moves back. Never waits, so that an
        event loop may call it: raises StoreBusyError while another process or thread
        writes. The store may write it later all the same.
        """
        ...

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """
        Raise an unrevoked row's generation by one and apply *changes*.

        None, and nothing done, unless the row has the expected generation. Logged if
        *changes* name a HEARD column. Activity columns move only forward. Where the
        history keeps 1,000 events of the event's type and session already, the user agent
        stays as it is: a client can send another one with each request.
        """
        ...

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """Apply *changes* to an unrevoked row in which all *expected* hold, and log it; or None."""
        ...

    def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """
        The highest of the account's ending number, the store's, and those kept under *digests*.

        0 before the first ending. *digests* find the number of an account that was
        erased: see Erasure.
        """
        ...

    def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """
        Sessions that have not ended and whose idle deadline is later than *after*.

        At most *limit*; the latest deadline first, then by id.
        """
        ...

    def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """Instants of the events that were inserted last, of all users, newest first."""
        ...

    def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """
        Correct instants of a row that has not ended and log it: a clock was ahead.

        Returns whether all *expected* held; if not, nothing is done. *changes* may name
        CORRECTED columns. No other call but `purge` moves an instant back. Without
        *wait* it raises StoreBusyError where it cannot be written at once.
        """
        ...

    def end(self, ending: Ending) -> Ended:
        """
        Revoke, log, reduce addresses to networks; or, of many rows, cover them and log ALL.

        Rows are covered only for OfUser and Everyone, and only if more than
        `ending.at_once` of the target's rows are not written as ended; a store may
        count these before the write begins.
        A device named by OfDevice is blocked or forgotten also where it has no
        session.
        """
        ...

    def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """
        Ids of the sessions that the ending *number* was the first to cover, if they were live then.

        Without those that `settle` has written already. A page may be short, and still
        have a next one.
        """
        ...

    def settle(self, *, limit: int, own: int | None = None, before: float = math.inf) -> Settled:
        """
        Write at most *limit* covered rows as ended, with their events; oldest ending first.

        Takes rows of the ending *own*, and of endings not later than *before*: the caller
        of a later ending is still reading the ids that it covers.
        Any process may call it at any time. If one dies on the way, the next call
        goes on with the rest.
        """
        ...

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """A user's devices that are not forgotten; latest sign-in first, then by id."""
        ...

    def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        """
        Of `devices`, in its order: those with these ids or fingerprints, and the latest few.

        And the account's items of these *kinds* that have no key. With the `ending_number`:
        a sign-in reads it first, and inserts its row under it. An ending that comes later
        refuses it. Never read the number after the devices: an account that is erased in
        between would get them back.
        """
        ...

    def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        """
        Change a device that is not forgotten, log its unrevoked sessions; None if unknown.

        With *number*, CUT_OFF if the account's or the store's is higher by now, or it was
        never drawn (a backup was restored): nothing is done.
        """
        ...

    def add_event(self, event: EventRow) -> None:
        """
        Insert an event.

        Here and in every other call that inserts one: of one session the history keeps
        1,000 of a type, and none beyond; and so of an account, where no session is named.
        """
        ...

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """A user's events, newest first, by the order in which they were inserted."""
        ...

    def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """The items of a kind and owner: the one that lasts longest first, then by key."""
        ...

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        """
        Write an item, if the one that is there has the version before it; whether it was written.

        Version 1 is written where there is none. Of its kind and owner the *most* that
        last longest are kept. Raises ValueError if its body is longer than MAX_BODY.
        """
        ...

    def purge(self, retention: Retention, *, limit: int) -> int:
        """
        One bounded batch of cleaning; rows deleted or reduced, 0 when nothing is left to do.

        Entries of the log count too: the newest 10,000 are left.

        Ends, events and sightings of devices later than `retention.latest` are dated
        `retention.now` first.

        Unrevoked rows whose written deadlines have passed are marked as ended at that
        deadline with reason `EXPIRED` and lose their address. With the sessions that
        are deleted go the networks of their devices, unless a sign-in since then says
        otherwise. Devices are deleted at once if they were forgotten, and never while
        blocked, trusted or named. Digests of erased accounts whose `until` has passed
        are deleted, and not counted. Items are deleted once their `until` has passed.
        """
        ...

    def erase(self, erasure: Erasure) -> int:
        """
        Delete everything about a user, its items too, and log the sessions; rows deleted.

        Until `erasure.until` the store keeps each of `erasure.digests` with a new ending number.
        """
        ...

    def pending(self) -> builtins.list[str]:
        """
        The names of the steps that `migrate` would take. Writes nothing.

        Raises StoreUnavailableError if a newer devsess made the schema.
        """
        ...

    def migrate(self) -> builtins.list[str]:
        """Bring the schema up to date; the names of the steps taken."""
        ...

    def close(self) -> None:
        """Release everything; closing twice is fine."""
        ...
