"""
Capabilities that a store may have beside the protocol of `base`.

Both managers find them once. Without a mark they ask for the changes, without stamps for the row.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from attrs import frozen

if TYPE_CHECKING:
    from devsess.models import Page
    from devsess.stores.accounts import Batch
    from devsess.stores.calls import Changes
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.plain_rows import SupportsPlainRows
    from devsess.stores.rows import ActivityRow, EventRow, SessionRow
    from devsess.stores.searching import SupportsSearch


class SupportsMark(Protocol):
    """
    A store, blocking or awaited, that can say without I/O whether its log has grown.

    Without a mark each validation asks for the changes.
    """

    @property
    def mark_in_use(self) -> str:
        """The kind of mark in one word, for metrics."""
        ...

    def mark(self) -> object:
        """
        A value that differs whenever the log may have grown since it was last read.

        Never awaited, and cheap: every validation reads it. If it is a SharedMark,
        validations compare its memory, and ask the store twice a second.

        Raises StoreBusyError where it cannot be read at once.
        """
        ...


class SupportsStamps(Protocol):
    """A blocking store whose rows have stamps, so that a `fresh` validation reads less."""

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """
        A number for the row's whole content, device included: another once any of it changes.

        Cheaper than `get`, and enough if the row was read before. None for an unknown
        or revoked row.
        """
        ...


class AsyncSupportsStamps(Protocol):
    """`SupportsStamps`, awaited; see there."""

    async def stamp(self, session_id: str) -> int | None:
        """A number for the row's whole content, or None: see `SupportsStamps.stamp`."""
        ...


class SupportsActivity(Protocol):
    """A blocking store that reads a session's activity alone: another process may have moved it."""

    def activity(self, session_id: str, *, wait: bool = True) -> ActivityRow | None:
        """
        All that can differ in an unrevoked row since it was read, if the log names no change of it.

        Cheaper than `get`. None for an unknown or revoked row.
        """
        ...


class SupportsMany(Protocol):
    """A blocking store that reads several sessions at once; of others each is asked for."""

    def get_many(self, session_ids: Sequence[str]) -> list[SessionRow]:
        """The sessions of these ids that are there, each as from `get`, in any order."""
        ...


class AsyncSupportsMany(Protocol):
    """`SupportsMany`, awaited; see there."""

    async def get_many(self, session_ids: Sequence[str]) -> list[SessionRow]:
        """The sessions of these ids that are there, in any order."""
        ...


class SupportsLeases(Protocol):
    """
    An awaited store whose readers may answer from memory under a lease.

    A reader registers with the position of the log that it has applied, so that the
    caller of an ending can wait until each has heard (Gray and Cheriton, "Leases", SOSP
    1989). Spans are timed by the readers' own clocks: the store has none, and never
    removes a reader by itself.
    """

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        """
        Register *reader*, which has applied all changes up to *position*; then read the log behind.

        The registration is committed before the log is read: an ending that is not in the
        answer finds the reader registered. It gives the reader a new beat, a number
        that this reader never had before, not even before it left or was expelled.
        A position that `changes` would answer with ALL is registered too: behind every other.

        Args:
            reader: An id, at most 64 of the letters, digits, `-` and `_`.
            position: Of `changes` or an earlier renewal; None at first.
            lease: Seconds for which the reader will answer from memory. See `Behind.lease`.

        Raises StoreUnavailableError where it was not registered, or where that is not
        known: no lease is granted.
        """
        ...

    async def leave(self, reader: str) -> None:
        """Take *reader* off the register, if it is there: nobody waits for it any more."""
        ...

    async def readers_behind(self, position: object) -> Behind:
        """
        The readers that have not applied all changes up to *position*.

        All of them where *position* is of another history.
        """
        ...

    async def expel(self, reader: str, beat: int) -> None:
        """Take *reader* off the register if its beat is still *beat*: it died."""
        ...

    async def season(self, history: str) -> None:
        """
        Note that *history* is older than any lease; nothing if the log has another one now.

        The note is valid for that history alone.
        """
        ...

    async def wait(self, seconds: float) -> None:
        """
        Return once the log may have grown, or after *seconds*.

        A change counts that came before the call, unless `wait` has returned for it: a store
        goes on listening between two calls. One caller at a time. A hint, which may be
        lost. Raises StoreUnavailableError where nothing can be heard; the caller pauses then.
        """
        ...


@frozen
class Renewal:
    """
    A lease, and the changes behind the position that it was asked with.

    Attributes:
        changes: As `changes` gives them.
        history: The log's history: another text once the log may have lost entries that were
            committed, or the register readers (a failover, a restored backup, a
            server that was emptied). A position is of one history: `changes` answers
            ALL for one of another.
    """

    changes: Changes
    history: str


@frozen
class Behind:
    """
    The readers that have still to hear.

    Attributes:
        beats: The beat of each, by its id.
        history: The log's history, as in `Renewal`.
        is_seasoned: Whether `season` was called for it. If not, readers of an earlier
            history may hold leases, and are not named here.
        lease: The longest that any reader has ever asked for, 0.0 if none has. Kept with the
            rows, in the transaction of `renew`, not with the register: it only grows.
    """

    beats: Mapping[str, int]
    history: str
    is_seasoned: bool
    lease: float


class SupportsCopy(Protocol):
    """
    A blocking store whose accounts can be copied to another one while processes use both.

    The law of a merge is in the module `merging`.
    """

    def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """
        A page of at most *limit* accounts, whole, in an order that no write changes.

        An account that is there while all pages are read is on one of them. Its rows and mark are
        of one instant. So is the page; or else its ending of everyone is one that every account
        shows, no later one was complete when an account was read, and no number is above the
        highest drawn. ValueError for a mangled cursor.
        """
        ...

    def accounts(self, user_ids: Sequence[str]) -> Batch:
        """These accounts, in this order; an unknown one is empty."""
        ...

    def merge(self, batch: Batch) -> None:
        """
        Merge each account of *batch*, whole or not at all, into the one that is here.

        One of very many rows may be merged in parts that others see, if another merge completes
        what one that stopped has begun: the mark comes behind every row that it ends.
        Before the first of them, the highest number drawn and the store's are raised; an ending
        of everyone that this store does not know is made here. `changes` names each
        session that was here and is changed. Merging again changes nothing.
        """
        ...


class AsyncSupportsCopy(Protocol):
    """`SupportsCopy`, awaited; see there."""

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """A page of at most *limit* accounts, each whole: see `SupportsCopy.export`."""
        ...

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        """These accounts, in this order; an unknown one is empty."""
        ...

    async def merge(self, batch: Batch) -> None:
        """Merge each account of *batch* into the one that is here: see `SupportsCopy.merge`."""
        ...


class SupportsPolling(Protocol):
    """A blocking store that gives the events of all accounts to those who ask again and again."""

    def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """
        At most *limit* events behind *position*, and in `next` the position behind them.

        None is the position before the oldest event. An event is behind every position that
        was given before it was committed, in whichever order transactions end: whoever
        goes on from each `next` is given each event once. Those of one account
        come in the order of its history, but for events of transactions that ran at the same time.
        Events may be held back while a transaction that began before them is open. Purged and
        erased events are not given any more; one that is damaged is passed over, and logged, since
        it would hold back all others for ever.

        ValueError for a position that is mangled, or that this database did not give.
        """
        ...


class AsyncSupportsPolling(Protocol):
    """`SupportsPolling`, awaited; see there."""

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """At most *limit* events behind *position*: see `SupportsPolling.poll`."""
        ...


class SupportsStatistics(Protocol):
    """
    A blocking store that counts as it writes, so that statistics are read and never reckoned.

    The law of counting is in the module `counting`: after any writes the numbers are those of
    a recount over all that was written. A copy brings the sessions and events that it
    writes, as if they were written here, and no other numbers.
    """

    def statistics(self, period: Period) -> Numbers:
        """The numbers of a period, of one instant. Reads no row of a session that is counted."""
        ...


class AsyncSupportsStatistics(Protocol):
    """`SupportsStatistics`, awaited; see there."""

    async def statistics(self, period: Period) -> Numbers:
        """The numbers of a period, of one instant."""
        ...


class Joined(Protocol):
    """The calls of a store within an application's transaction, beside those of an AsyncStore."""

    async def begin(self) -> None:
        """An operation begins: all that it writes can be undone."""
        ...

    async def keep(self, at_commit: Callable[[], Awaitable[None] | None]) -> None:
        """It has returned: it stands or falls with the transaction. *at_commit* is called then."""
        ...

    async def undo(self) -> None:
        """It has raised: nothing of it stays in the transaction."""
        ...

    async def write_apart(self, on_late: Callable[[], object]) -> None:
        """Write for good what was undone: now; or when all has ended, and then call *on_late*."""
        ...

    async def put_off(self, again: Callable[[], Awaitable[None] | None]) -> bool:
        """
        Undo it, and do it *again* outside of the transaction, when that has ended at last.

        False, with nothing done, where no transaction of the application's is open.
        """
        ...


class SupportsJoining(Protocol):
    """A store whose writes can join a transaction of the application's."""

    def join(self, transaction: object) -> Joined:
        """This store within *transaction*; ConfigurationError if it cannot join that."""
        ...


@frozen(eq=False)
class Capabilities:
    """
    The capabilities of one store; None for each that it does not have.

    Attributes:
        mark: Says whether the log has grown.
        stamps: Tells versions of a row apart. Awaited, where the store is.
        plain: Reads of a row what validations look at. Blocking stores alone.
        activity: Reads what touches and rotations change. Blocking stores alone.
        many: Reads several sessions at once. Awaited, where the store is.
        leases: Lets readers answer from memory while endings wait for them.
        copy: Gives and takes whole accounts. Awaited, where the store is.
        polling: Gives the events of all accounts. Awaited, where the store is.
        statistics: Counts as it writes. Awaited, where the store is.
        searching: Finds sessions of all accounts. Awaited, where the store is.
        joining: Joins the application's transactions.
    """

    mark: SupportsMark | None = None
    stamps: SupportsStamps | None = None
    plain: SupportsPlainRows | None = None
    activity: SupportsActivity | None = None
    many: SupportsMany | None = None
    leases: SupportsLeases | None = None
    copy: SupportsCopy | None = None
    polling: SupportsPolling | None = None
    statistics: SupportsStatistics | None = None
    searching: SupportsSearch | None = None
    joining: SupportsJoining | None = None

    @property
    def mark_in_use(self) -> str:
        """The kind of mark in one word: `none` without one, `unnamed` if it has no name."""
        return "none" if self.mark is None else getattr(self.mark, "mark_in_use", "unnamed")


def capabilities_of(store: object) -> Capabilities:
    """
    The capabilities of *store*, blocking or awaited.

    Each is found by the name of its method, on the store itself and not on its class: so a
    store keeps them behind a wrapper that passes each attribute on.
    """
    return Capabilities(
        mark=cast("SupportsMark", store) if _has(store, "mark") else None,
        stamps=cast("SupportsStamps", store) if _has(store, "stamp") else None,
        plain=cast("SupportsPlainRows", store) if _has(store, "plain_row") else None,
        activity=cast("SupportsActivity", store) if _has(store, "activity") else None,
        many=cast("SupportsMany", store) if _has(store, "get_many") else None,
        leases=cast("SupportsLeases", store) if _is_awaited(store, "renew") else None,
        copy=cast("SupportsCopy", store) if _has(store, "export") else None,
        polling=cast("SupportsPolling", store) if _has(store, "poll") else None,
        statistics=cast("SupportsStatistics", store) if _has(store, "statistics") else None,
        searching=cast("SupportsSearch", store) if _has(store, "search") else None,
        joining=cast("SupportsJoining", store) if _has(store, "join") else None,
    )


def _has(store: object, name: str) -> bool:
    return callable(getattr(store, name, None))


def _is_awaited(store: object, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(store, name, None))
