"""
Answers of `validate` from memory, and the two laws that keep them honest.

*Order*: a hit first asks whether this process is up to date, and looks the entry up after that.
*Fill*: a row is kept only if the log's position has not moved since its read began. Otherwise a
row that was read before a revocation could be kept after another thread had consumed that one.

Hits take no lock: each step of theirs is one atomic look into a dict. Entries and
position change under one lock, which is never held during a store's call.

A signal's handler may validate, and revoke, while its own thread is in the midst of such a change.
It cannot wait for that, and finds the entries half-changed: so it keeps nothing, and where it has
to drop some it puts an empty memory in their place. The change goes on in the old one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from devsess._runtime.entries import Entries, Entry
from devsess._runtime.fork import after_fork
from devsess._runtime.mutex import is_mine, new_lock
from devsess._runtime.sharded_dict import SHARD_MASK
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import All, Bytes, SharedMark, StoreBusyError
from devsess.tokens.text import MAX_TOKEN_LENGTH

if TYPE_CHECKING:
    from devsess.models import Client, Session
    from devsess.operations.validate import Validated
    from devsess.policy import Policy
    from devsess.stores.base import Changes


class Log(Protocol):
    """The part of a store that a cache asks."""

    async def changes(self, position: object) -> Changes: ...


class Stale(Enum):
    """The answer of `hit` when memory must not answer before it has caught up."""

    STALE = "stale"


STALE = Stale.STALE

# Equals no mark.
_NEVER = object()
# Seconds for which a SharedMark's memory is compared before the store is asked: by
# the clock of the validations, which saves a second one.
_ASK_EVERY = 0.5


# Without slots it is made in half the time.
@frozen(slots=False)
class Begun:
    """
    What was read before the log is.

    Attributes:
        position: Of the log, up to which all changes were dropped.
        at: When, by the cache's clock.
        mark: The store's.
        doubts: How often memory had been doubted by then.
    """

    position: object
    at: float
    mark: object
    doubts: int


class Cache:
    """
    Sessions by the hash of their access token.

    Args:
        policy: Size and greatest staleness.
        elapsed: A clock that never goes back.

    Attributes:
        hits, misses, catch_ups: As Metrics has them.
    """

    def __init__(self, policy: Policy, elapsed: Callable[[], float]) -> None:
        self._size = policy.cache_size
        self._span = policy.max_staleness
        self._is_leased = False
        self._elapsed = elapsed
        self._ask_mark: Callable[[], object] = object
        self._mark: object
        self._memory: Bytes
        self._position: object
        self._doubts: int
        self._entries: Entries
        self._start_over()
        after_fork(self, Cache._start_over)

    def watch(self, mark: Callable[[], object]) -> None:
        """Compare this *mark* of a store at each hit; without one, each hit reads the log."""
        self._ask_mark = mark

    def answer_under_leases(self, seconds: float) -> None:
        """Answer under leases of so many seconds, which `renewed` grants and nothing else does."""
        self._span, self._is_leased = seconds, True

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def evictions(self) -> int:
        """As Metrics has it."""
        return self._entries.evictions

    def hit(self, token: str, client: Client | None, now: float) -> Session | Stale | None:
        """
        The session of *token* for *client*, if memory may answer.

        None: it is not there. STALE: something may have changed, catch up first.
        """
        # The length first: a lookup reads the whole text to hash it.
        if token.__class__ is not str or len(token) > MAX_TOKEN_LENGTH:
            return STALE
        key = hash(token)
        # From here on as _is_current and Entry.answers have it, written out: most
        # validations pass here, and each call would cost a tenth of one.
        if self._span:
            lag = self._elapsed() - self._current_at
            if lag >= self._span and not self._is_current(now):
                return self._stale(token, client, now)
        elif self._asked_at <= now < self._ask_at:
            if self._memory.raw != self._raw:
                return self._stale(token, client, now)
        elif not self._is_current(now):
            return self._stale(token, client, now)
        entry = self._entries.tables[key & SHARD_MASK].get(key)
        if entry is None or now >= entry.good_until or not token.endswith(entry.end):
            return None
        if client is not None and not entry.is_for(client):
            return None
        entry.used = True
        self.hits += 1
        return entry.session

    def _stale(self, token: str, client: Client | None, now: float) -> Stale | None:
        """STALE, unless there is no answer here: then the row is read, whatever the log says."""
        entry = self._entries.by_key.get(hash(token))
        return STALE if entry is not None and entry.answers(token, client, now) else None

    def _is_current(self, now: float) -> bool:
        if self._mark is _NEVER:  # as before the first catch-up: no mark equals that
            return False
        current_at, doubts = self._elapsed(), self._doubts
        try:
            mark = self._ask_mark()
        except StoreBusyError:
            return False
        if mark != self._mark or doubts != self._doubts:
            return False
        self._current_at = current_at
        if type(mark) is SharedMark:
            self._compare(mark, now)
        return True

    def _compare(self, mark: SharedMark, now: float) -> None:
        """Compare the mark's memory for a while, without a call of the store."""
        with self._lock:
            if mark == self._mark:  # still: another thread may know a newer one
                self._memory, self._raw = mark.memory, mark.raw
                # Its end is set last: a thread that sees it sees all the rest.
                self._asked_at = now
                self._ask_at = now + _ASK_EVERY

    def look(self, token: str, client: Client | None, now: float) -> Session | None:
        """The session of *token* for *client*; only for a cache that has just caught up."""
        entry = self.entry(token, client, now)
        if entry is None:
            return None
        self.hits += 1
        return entry.session

    def entry(self, token: str, client: Client | None, now: float) -> Entry | None:
        """The entry of *token*, judged for *client* and good at *now*; else None."""
        entry = self._entries.by_key.get(hash(token))
        if entry is None or not entry.answers(token, client, now):
            return None
        entry.used = True
        return entry

    def known(self, token: str) -> Entry | None:
        """
        The entry of *token*, even for another client, even if expired; else None.

        The claims of its token hold for ever. For all else the mark must be compared before.
        """
        entry = self._entries.by_key.get(hash(token))
        return entry if entry is not None and entry.is_of(token) else None

    def is_current(self, now: float) -> bool:
        """Whether memory may answer, and the log need not be read."""
        if self._span and self._elapsed() - self._current_at < self._span:
            return True
        return self._is_current(now)

    def lag(self) -> float:
        """Seconds for which this process may have missed a change."""
        current_at = self._current_at
        if current_at == -math.inf:
            return 0.0  # memory answers nothing before the first time
        try:
            is_current = self._is_current(-math.inf)
        except StoreUnavailableError:
            is_current = False
        return 0.0 if is_current else max(0.0, self._elapsed() - current_at)

    def ticket(self) -> int:
        """A ticket, taken before a row is read; `keep` wants it with that row's session."""
        return self._moves

    def keep(
        self,
        ticket: int,
        token: str,
        client: Client | None,
        validated: Validated,
        stamp: int | None = None,
    ) -> None:
        """Answer from memory from now on, unless the log has moved since *ticket*."""
        entry = Entry.of(token, client, validated, stamp)
        if is_mine(self._lock):
            return
        with self._lock:
            entries = self._entries  # first: a handler that drops them moves on as well
            if ticket == self._moves and self._size:
                entries.put(hash(token), entry)

    @property
    def uses(self) -> int:
        """A number that grows with each validation that could be answered from memory."""
        return self.hits + self.misses

    @property
    def position(self) -> object:
        """The position of the log up to which all changes were dropped; None before the first."""
        return self._position

    @property
    def holds_lease(self) -> bool:
        """Whether memory may answer without asking the store."""
        return self._elapsed() - self._current_at < self._span

    def renewed(
        self,
        sent: float,
        position: object,
        changes: Changes,
        is_granted: Callable[[], bool],
    ) -> None:
        """
        Drop the *changes* behind *position*; then the lease runs, from when it was asked for.

        In this order: a validation in between must not find a dropped session under the new lease.

        Args:
            sent: When the renewal was sent, by the cache's clock. The store may have read
                its log at any time since.
            is_granted: Whether the lease was not given up since; asked under the lock, which
                `give_up_lease` takes after that. A reader that has left must not answer
                for an instant.
        """
        ids = self._to_drop(changes)
        with self._lock:
            if ids:
                self._drop(ids)
            if position is self._position:
                self._position = changes.position
            if is_granted():
                self._current_at = sent

    def give_up_lease(self) -> None:
        """Answer nothing from memory without asking, until the next renewal."""
        with self._lock:
            self._current_at = -math.inf

    async def catch_up(self, store: Log) -> object:
        """
        Drop every session that *store* says has changed by now; the position of its log.

        Under leases it makes memory current for the caller alone: the store does not know
        of this reader, so nobody would wait for it.

        The mark is read before the log is: a change that is written in between
        is read twice rather than never.
        """
        self.catch_ups += 1
        while True:
            begun = self.begin()
            changes = await store.changes(begun.position)
            if self.caught_up(begun, changes):
                return changes.position

    def begin(self) -> Begun:
        """Begin to catch up: the log's changes behind `position` are asked for after this."""
        return Begun(self._position, self._elapsed(), self._marked(), self._doubts)

    def caught_up(self, begun: Begun, changes: Changes) -> bool:
        """Drop the *changes*. False: another thread has caught up meanwhile; begin again."""
        position, ids = begun.position, self._to_drop(changes)
        with self._lock:
            alone, has_moved = position is self._position, changes.position != position
            if has_moved:
                self._drop(ids)
            # A write that is doubted may be younger than what was read.
            if not alone or begun.doubts != self._doubts:
                return False
            self._ask_at = -math.inf
            if has_moved:  # else those that ask at the same time would all ask again
                self._position = changes.position
            self._mark = begun.mark
            if not self._is_leased:
                self._current_at = begun.at
            return True

    def _marked(self) -> object:
        try:
            return self._ask_mark()
        except StoreBusyError:
            return _NEVER

    def doubt(self) -> None:
        """Answer nothing more before the log was read: a write may have been done, or not."""
        with self._lock:
            self._doubts += 1
            self._mark, self._current_at, self._ask_at = _NEVER, -math.inf, -math.inf

    def clear(self) -> None:
        """Drop everything: the log could not be read."""
        with self._lock:
            self._drop(All.ALL)
            self._mark, self._current_at, self._position = _NEVER, -math.inf, None
            self._ask_at = -math.inf

    def _to_drop(self, changes: Changes) -> Collection[str] | All:
        """
        Those that changed; all, if this thread was interrupted in the midst of a change.

        To be asked before the lock is taken: under it each change would be in its own midst.
        """
        return All.ALL if changes.ids and is_mine(self._lock) else changes.ids

    def _drop(self, ids: Collection[str] | All) -> None:
        """Under the lock: drop these sessions; tickets taken before are void."""
        self._moves += 1
        if isinstance(ids, All):
            self._entries = self._entries.emptied()
        else:
            self._entries.drop(ids)

    def _start_over(self) -> None:
        self.hits = self.misses = self.catch_ups = 0
        self._lock = new_lock()
        self._entries = Entries(self._size)
        self._mark = _NEVER
        self._current_at = -math.inf
        self._raw = b""
        self._asked_at = self._ask_at = -math.inf
        self._position = None
        self._moves = self._doubts = 0
