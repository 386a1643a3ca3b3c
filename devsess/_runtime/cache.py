"""
What validate may answer from memory, and what keeps that honest.

Two laws. *Order*: whether this process is up to date is asked first, the entry that answers is
looked up after. *Fill*: a row is kept only if the log's position has not moved since its read
began, or one read before a revocation could be kept after another thread had consumed that.

Hits take no lock: each step of theirs is one atomic look into a dict. All that
changes entries or position happens under one lock, which is never held while
the store is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from devsess._runtime.fork import after_fork
from devsess._runtime.shares import LAST, Shares
from devsess.errors import StoreUnavailableError
from devsess.operations._checks import checked_client
from devsess.stores.base import SharedMark, StoreBusyError
from devsess.stores.records import All, Bytes
from devsess.tokens.kinds import MAX_TOKEN_LENGTH

if TYPE_CHECKING:
    from devsess.models import Client, Session
    from devsess.operations import Validated
    from devsess.policy import Policy
    from devsess.stores.base import Changes


class Log(Protocol):
    """The part of a store that a cache asks."""

    async def changes(self, position: object) -> Changes: ...


class Stale(Enum):
    """The answer of `hit` when memory must not answer before it has caught up."""

    STALE = "stale"


STALE = Stale.STALE

# Equals nothing but itself: no mark, no client's address.
_NEVER = object()
# A token is known by the hash of its whole text, which is keyed anew in every
# process, and by its end, which is (part of) its signature: a quarter of the
# memory that the text takes, and nothing in memory that could be presented.
_END = 43
# Seconds for which a SharedMark's memory is compared before the store is asked: by
# the clock of the validations, which saves a second one.
_ASK_EVERY = 0.5
# Access tokens of one session that are remembered; refreshing yields one each time.
_TOKENS_EACH = 8
# Entries in use that one eviction passes by, and dropped ones that one keeping frees.
_PASSED_BY = 512
_FREED = 64


@define(eq=False, weakref_slot=False)
class Entry:
    """
    One access token's valid session, and the client it was judged for.

    Attributes:
        end: The end of the token.
        good_until: Seconds since the epoch; only ever too early.
        stamp: The store's stamp of the row, if it was asked for before the row was read.
        used: Whether it was of use since the hand came by.
        place: Where the hand finds it.
    """

    session: Session
    end: str = field(repr=False)
    ip: object
    user_agent: object
    device_token: object = field(repr=False)
    good_until: float
    stamp: int | None
    used: bool = False
    place: int = 0

    def answers(self, token: str, client: Client | None, now: float) -> bool:
        """Whether it is *token*'s, judged for *client*, and good at *now*."""
        if now >= self.good_until or self.end != token[-_END:]:
            return False
        return client is None or self.is_for(client)

    def is_for(self, client: Client) -> bool:
        """
        Whether it was judged for what *client* presents.

        Raises:
            TypeError: If *client* is no Client.
        """
        try:
            return (
                self.ip == client.ip
                and self.user_agent == client.user_agent
                and self.device_token == client.device_token
            )
        except AttributeError:
            checked_client(client)  # asked only now: most validations pass here
            raise


class Cache:
    """
    Sessions by the hash of their access token.

    Args:
        policy: Size and greatest staleness.
        elapsed: A clock that only ever passes.

    Attributes:
        hits, misses, catch_ups, evictions: As Metrics tells them.
    """

    def __init__(self, policy: Policy, elapsed: Callable[[], float]) -> None:
        self._size = policy.cache_size
        self._max_staleness = policy.max_staleness
        self._elapsed = elapsed
        self._ask_mark: Callable[[], object] = object
        self._mark: object
        self._memory: Bytes
        self._position: object
        self._entries: Shares[int, Entry]
        self._keys: Shares[str, tuple[int, ...]]
        # Keys by the places that a hand goes round; the places that are free.
        self._ring: list[int]
        self._free: list[int]
        self._hand: int
        # Freed a few at a time.
        self._dropped: list[dict[int, Entry]]
        self._start_over()
        after_fork(self, Cache._start_over)

    def watch(self, mark: Callable[[], object]) -> None:
        """Compare with this *mark* of a store; without one, every hit asks the store."""
        self._ask_mark = mark

    def __len__(self) -> int:
        return len(self._entries)

    def hit(self, token: str, client: Client | None, now: float) -> Session | Stale | None:
        """
        The session of *token* for *client*, if memory may answer.

        None: it is not there. STALE: something may have happened, catch up first.
        """
        # The length first: a lookup reads the whole text to hash it.
        if token.__class__ is not str or len(token) > MAX_TOKEN_LENGTH:
            return STALE
        key = hash(token)
        # From here on as _is_current and Entry.answers have it, written out: most
        # validations pass here, and each call would cost a tenth of one.
        if self._max_staleness:
            lag = self._elapsed() - self._heard_at
            if lag >= self._max_staleness and not self._is_current(now):
                return self._stale(key)
        elif self._asked_at <= now < self._ask_at:
            if self._memory.raw != self._raw:
                return self._stale(key)
        elif not self._is_current(now):
            return self._stale(key)
        entry = self._entries.tables[key & LAST].get(key)
        if entry is None or now >= entry.good_until or entry.end != token[-_END:]:
            return None
        if client is not None and not entry.is_for(client):
            return None
        entry.used = True
        self.hits += 1
        return entry.session

    def _stale(self, key: int) -> Stale | None:
        """What is not there needs no catching up."""
        return None if self._entries.get(key) is None else STALE

    def _is_current(self, now: float) -> bool:
        heard_at = self._elapsed()
        try:
            mark = self._ask_mark()
        except StoreBusyError:
            return False
        if mark != self._mark:
            return False
        self._heard_at = heard_at
        if type(mark) is SharedMark:
            self._compare(mark, now)
        return True

    def _compare(self, mark: SharedMark, now: float) -> None:
        """For a while compare its memory, and leave the store alone."""
        with self._lock:
            if mark == self._mark:  # still: another thread may know a newer one
                self._memory, self._raw = mark.memory, mark.raw
                # Its end is set last: a thread that sees it sees all the rest.
                self._asked_at = now
                self._ask_at = now + _ASK_EVERY

    def look(self, token: str, client: Client | None, now: float) -> Session | None:
        """The session of *token* for *client*; to be asked when up to date only."""
        entry = self.entry(token, client, now)
        if entry is None:
            return None
        self.hits += 1
        return entry.session

    def entry(self, token: str, client: Client | None, now: float) -> Entry | None:
        """What is known of *token*, judged for *client* and good at *now*; else None."""
        entry = self._entries.get(hash(token))
        if entry is None or not entry.answers(token, client, now):
            return None
        entry.used = True
        return entry

    def lag(self) -> float:
        """Seconds for which something may have happened that was not heard of."""
        heard_at = self._heard_at
        if heard_at == -math.inf:
            return 0.0  # memory answers nothing before the first time
        try:
            is_current = self._is_current(-math.inf)
        except StoreUnavailableError:
            is_current = False
        return 0.0 if is_current else max(0.0, self._elapsed() - heard_at)

    def ticket(self) -> int:
        """To be taken before a row is read, and shown to keep what was read."""
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
        entry = _entry(token, client, validated, stamp)
        key = hash(token)
        with self._lock:
            if ticket != self._moves or not self._size:
                return
            self._free_some()
            old = self._entries.get(key)
            entry.place = self._place() if old is None else old.place
            # First: what is kept can be dropped, wherever an interrupt strikes.
            self._note(entry.session.id, key)
            self._ring[entry.place] = key
            self._entries.put(key, entry)

    async def catch_up(self, store: Log) -> None:
        """
        Hear of every change that *store* knows by now.

        The mark is read before the log is, so that what is written in between
        is heard of twice rather than never.
        """
        self.catch_ups += 1
        while True:
            position = self._position
            heard_at = self._elapsed()
            mark = self._marked()
            changes = await store.changes(position)
            with self._lock:
                alone = position is self._position
                if changes.position != position:
                    self._drop(changes.ids)
                if alone:
                    self._ask_at = -math.inf
                    self._position = changes.position
                    self._mark, self._heard_at = mark, heard_at
                    return

    def _marked(self) -> object:
        try:
            return self._ask_mark()
        except StoreBusyError:
            return _NEVER

    def clear(self) -> None:
        """Forget everything: what happened could not be heard."""
        with self._lock:
            self._drop(All.ALL)
            self._mark, self._heard_at, self._position = _NEVER, -math.inf, None
            self._ask_at = -math.inf

    # Under the lock.

    def _note(self, session_id: str, key: int) -> None:
        known = self._keys.get(session_id) or ()
        if known:
            known = tuple(one for one in known if one != key)
            for old in known[: 1 - _TOKENS_EACH]:
                self._remove(old)
            known = known[1 - _TOKENS_EACH :]
        self._keys.put(session_id, (*known, key))

    def _drop(self, ids: Collection[str] | All) -> None:
        self._moves += 1
        if isinstance(ids, All):
            self._clear()
            return
        for session_id in ids:
            for key in self._keys.get(session_id) or ():
                self._remove(key)
            self._keys.pop(session_id)  # last: what an interrupt leaves is found again

    def _place(self) -> int:
        """A place in the ring for one entry more; if all are taken, another one's."""
        if self._free:
            return self._free.pop()
        if len(self._ring) < self._size:
            self._ring.append(0)
            return len(self._ring) - 1
        return self._evicted()

    def _evicted(self) -> int:
        """
        The place of the next entry that was of no use since the hand came by.

        The hand goes on from where it stood (CLOCK, "second chance"), and past so many
        at a time only: nobody waits for a whole round.
        """
        for _ in range(_PASSED_BY):
            entry = self._entries.get(self._ring[self._hand])
            if entry is None or not entry.used:
                break
            entry.used = False
            self._hand = (self._hand + 1) % len(self._ring)
        place, self._hand = self._hand, (self._hand + 1) % len(self._ring)
        self._forget(self._ring[place])
        return place

    def _forget(self, key: int) -> None:
        entry = self._entries.pop(key)
        if entry is None:
            return
        self.evictions += 1
        session_id = entry.session.id
        left = tuple(one for one in self._keys.get(session_id) or () if one != key)
        if left:
            self._keys.put(session_id, left)
        else:
            self._keys.pop(session_id)

    def _remove(self, key: int) -> None:
        """Drop an entry, and free its place."""
        entry = self._entries.pop(key)
        if entry is not None:
            self._free.append(entry.place)

    def _clear(self) -> None:
        # What is dropped is freed bit by bit: tens of milliseconds, if it were at once.
        self._dropped.extend(self._entries.tables)
        self._entries, self._keys = Shares(), Shares()
        self._ring, self._free, self._hand = [], [], 0

    def _free_some(self) -> None:
        """Free a few of those that were dropped."""
        left = _FREED
        while self._dropped and left:
            entries = self._dropped[-1]
            while entries and left:
                entries.popitem()
                left -= 1
            if not entries:
                self._dropped.pop()

    def _start_over(self) -> None:
        self.hits = self.misses = self.catch_ups = self.evictions = 0
        self._lock = Lock()
        self._entries, self._keys = Shares(), Shares()
        self._ring, self._free, self._hand = [], [], 0
        self._dropped = []
        self._mark = _NEVER
        self._heard_at = -math.inf
        self._raw = b""
        self._asked_at = self._ask_at = -math.inf
        self._position = None
        self._moves = 0


def _entry(token: str, client: Client | None, validated: Validated, stamp: int | None) -> Entry:
    session = validated.session
    # A client that was not looked at equals no client; equal texts are kept once.
    ip: object = _NEVER
    user_agent: object = _NEVER
    device_token: object = _NEVER
    if client is not None:
        ip = session.ip if client.ip == session.ip else client.ip
        same = client.user_agent == session.user_agent
        user_agent = session.user_agent if same else client.user_agent
        device_token = client.device_token
    good_until = validated.good_until
    return Entry(session, token[-_END:], ip, user_agent, device_token, good_until, stamp)
