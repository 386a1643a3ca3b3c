"""
Search over the sessions of all accounts: the filter, the capability, and the places between pages.

Rows in, answers out, and no I/O: stores that search in their own language say the same there.
A search never sorts, and looks at a bounded number of rows a call: so a page may be short, or
empty, and still have a next one.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import frozen

from devsess.lifecycle import counts_as_live

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.rows import EventRow, SessionRow

# Rows that a page looks at, at most; and those that a count does.
LOOKED = 2_000
COUNTED = 5_000
# Sessions that are counted one by one; of more it is said that they are more.
MOST = 1_000

# Among sessions, by (created_at, id); in the queue, by (score, created_at, id).
Place: TypeAlias = tuple[float, str]
QueuePlace: TypeAlias = tuple[int, float, str]

# No id is empty: before, and behind, every session.
LAST: Place = (-math.inf, "")
FIRST: Place = (math.inf, "")


@frozen
class Filter:
    """
    The sessions to find: those to which all that is given applies.

    Attributes:
        user_id: The account.
        network: The network (/24, /48), as the row has it.
        ip: The address, as the row reads: an ended session has its network in that place.
        device_id: The device.
        since: They began at this instant or later.
        until: They began before this instant.
        is_ended: Whether they have ended, or count as live; None for both.
    """

    user_id: str | None = None
    network: str | None = None
    ip: str | None = None
    device_id: str | None = None
    since: float | None = None
    until: float | None = None
    is_ended: bool | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts among them."""
        named = (self.user_id, self.network, self.ip, self.device_id)
        return tuple(it for it in named if it is not None)

    def after(self, cutoffs: LivenessCutoffs) -> Place:
        """The place at or behind which a session can begin: none lives longer than it may."""
        since = -math.inf if self.since is None else self.since
        return (max(since, cutoffs.created_after) if self.is_ended is False else since, "")

    def before(self, cursor: Place | None) -> Place:
        """The place before which those of the page behind *cursor* begin."""
        until = FIRST if self.until is None else (self.until, "")
        return until if cursor is None else min(until, cursor)


class SupportsSearch(Protocol):
    """
    A blocking store whose sessions can be searched, whichever account they belong to.

    A covered row reads as ended here too: with the instant, reason and actor of its ending,
    and its network in place of its address. The law is in the module `searching`.
    """

    def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """
        A page of the sessions *wanted*, the newest first, by (created_at, id).

        Looks at *looked* rows at most, chosen by an index: a page may be short, or empty, and
        still have a next one. Sessions that match while all pages are read are each on
        exactly one. ValueError for a mangled cursor.

        Args:
            cutoffs: The instants by which rows count as live.
        """
        ...

    def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        """
        How many sessions there are as *wanted*, if that is at most *most*; *most* + 1 otherwise.

        And where more than *looked* rows would have to be looked at: never too few.
        """
        ...

    def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """
        A page of the live sessions with a score of *at_least*; the highest first, then the newest.

        Otherwise as `search`.
        """
        ...

    def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """
        The events whose actor is not their account's owner: what operators and programs did.

        The one that was inserted last comes first; a page has a next one only where one is left.
        ValueError for a mangled cursor.
        """
        ...


class AsyncSupportsSearch(Protocol):
    """`SupportsSearch`, awaited; see there."""

    async def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """A page of the sessions *wanted*, the newest first: see `SupportsSearch.search`."""
        ...

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        """How many sessions are as *wanted*, *most* + 1 at most: see `SupportsSearch.count`."""
        ...

    async def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """A page of the live sessions with so many points: see `SupportsSearch.queue`."""
        ...

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """A page of the events whose actor is not their account's owner, the latest first."""
        ...


def matches(row: SessionRow, wanted: Filter, cutoffs: LivenessCutoffs) -> bool:
    """Whether *row*, as it reads, is one of those *wanted*."""
    is_named = (
        wanted.user_id in (None, row.user_id)
        and wanted.network in (None, row.network)
        and wanted.ip in (None, row.ip)
        and wanted.device_id in (None, row.device.id)
    )
    began = (wanted.since is None or row.created_at >= wanted.since) and (
        wanted.until is None or row.created_at < wanted.until
    )
    is_ended = not counts_as_live(row, cutoffs)
    return is_named and began and wanted.is_ended in (None, is_ended)


def is_queued(row: SessionRow, at_least: int, cutoffs: LivenessCutoffs) -> bool:
    """Whether *row*, as it reads, waits to be reviewed: it is live and has so many points."""
    return row.score is not None and row.score >= at_least and counts_as_live(row, cutoffs)


def is_act(event: EventRow) -> bool:
    """Whether somebody else did it than the account's owner: an operator, or a program."""
    return event.actor is not None and event.actor != event.user_id


def place_of(row: SessionRow) -> Place:
    """The place of *row* among sessions."""
    return row.created_at, row.id


def queue_place_of(row: SessionRow) -> QueuePlace:
    """The place of *row* in the queue."""
    return row.score or 0, row.created_at, row.id


def cursor_of(place: Place | QueuePlace) -> str:
    """The opaque text for the place behind which a page begins."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()


def read_cursor(cursor: str | None) -> Place | None:
    """
    The place among sessions that *cursor* names; None is the newest end.

    Raises:
        ValueError: If it is mangled.
    """
    if cursor is None:
        return None
    found = _read(cursor)
    if len(found) != 2:
        raise _mangled()
    return _session_place(*found)


def read_queue_cursor(cursor: str | None) -> QueuePlace | None:
    """
    The place in the queue that *cursor* names; None is its head.

    Raises:
        ValueError: If it is mangled.
    """
    if cursor is None:
        return None
    found = _read(cursor)
    if len(found) != 3 or type(found[0]) is not int or not -(2**63) <= found[0] < 2**63:
        raise _mangled()
    return (found[0], *_session_place(*found[1:]))


def _read(cursor: str) -> list[object]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, RecursionError):  # as ASCII, as base64, as JSON
        found = None
    if not isinstance(found, list):
        raise _mangled()
    return found


def _session_place(created_at: object, session_id: object) -> Place:
    if not isinstance(created_at, float) or not math.isfinite(created_at):
        raise _mangled()
    if not isinstance(session_id, str) or not _is_storable(session_id):
        raise _mangled()
    return created_at, session_id


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _mangled() -> ValueError:
    return ValueError("this cursor was not given out by a search")
