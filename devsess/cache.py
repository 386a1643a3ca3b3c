"""
What validate may answer from memory, and what keeps that honest.

Two laws. *Order*: whether this process is up to date is asked first, the entry
that answers is looked up after. *Fill*: a row is kept only if the log's position has not moved
since its read began, or a row read before a revocation could be kept after
another thread had already consumed that revocation.

Hits take no lock: each step of theirs is one atomic look into a dict. All that
changes entries or position happens under one lock, which is never held while
the store is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define

from devsess._fork import after_fork
from devsess.flows import _ask as ask
from devsess.stores.base import All, StoreBusyError
from devsess.tokens import MAX_TOKEN_LENGTH, AccessClaims

if TYPE_CHECKING:
    from devsess.flows import Flow, Validated
    from devsess.models import Client, Session
    from devsess.policy import Policy


class Stale(Enum):
    """The answer of `hit` when memory must not answer before it has caught up."""

    STALE = "stale"


STALE = Stale.STALE

# Equals nothing but itself: no mark, no client's address.
_NEVER = object()
# Access tokens of one session that are remembered; refreshing yields one each time.
_TOKENS_EACH = 8


@define(eq=False)
class Entry:
    """
    One access token's valid session, and the client it was judged for.

    Attributes:
        good_until: Seconds since the epoch; only ever too early.
        expires_at: When the token expires.
        stamp: The store's stamp of the row, if it was asked for before the row was read.
        used: Whether it was of use since the last sweep.
    """

    session: Session
    ip: object
    user_agent: object
    device_token: object
    good_until: float
    expires_at: float
    stamp: int | None
    used: bool = False

    def claims(self) -> AccessClaims:
        """What the token says: it was verified when the entry was made."""
        session = self.session
        auth_time = int(session.auth_time.timestamp())
        return AccessClaims(session.id, session.user_id, auth_time, self.expires_at)


class Cache:
    """
    Sessions by the very text of their access token.

    Args:
        policy: Size and greatest staleness.
        elapsed: A clock that only ever passes.
    """

    def __init__(self, policy: Policy, elapsed: Callable[[], float]) -> None:
        self._size = policy.cache_size
        self._max_staleness = policy.max_staleness
        self._elapsed = elapsed
        self._ask_mark: Callable[[], object] = object
        self._mark: object
        self._position: object
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
        if token not in self._entries:
            return None
        if self._max_staleness and self._elapsed() - self._heard_at < self._max_staleness:
            return self.look(token, client, now)
        return self.look(token, client, now) if self._is_current() else STALE

    def _is_current(self) -> bool:
        heard_at = self._elapsed() if self._max_staleness else 0.0
        try:
            current = bool(self._ask_mark() == self._mark)
        except StoreBusyError:
            return False
        if current and self._max_staleness:
            self._heard_at = heard_at
        return current

    def look(self, token: str, client: Client | None, now: float) -> Session | None:
        """The session of *token* for *client*; to be asked when up to date only."""
        entry = self.entry(token, client, now)
        return None if entry is None else entry.session

    def entry(self, token: str, client: Client | None, now: float) -> Entry | None:
        """What is known of *token*, judged for *client* and good at *now*; else None."""
        entry = self._entries.get(token)
        if entry is None or now >= entry.good_until:
            return None
        if client is not None and not (
            entry.ip == client.ip
            and entry.user_agent == client.user_agent
            and entry.device_token == client.device_token
        ):
            return None
        entry.used = True
        return entry

    def verified(self, token: str, now: float) -> AccessClaims | None:
        """The claims of *token*, if it was verified before and is within its time."""
        entry = self._entries.get(token)
        return entry.claims() if entry is not None and now < entry.expires_at else None

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
        entry = _entry(client, validated, stamp)
        with self._lock:
            if ticket != self._moves or not self._size:
                return
            if token not in self._entries and len(self._entries) >= self._size:
                self._make_room()
            self._entries[token] = entry
            known = [one for one in self._tokens.get(entry.session.id, ()) if one != token]
            for old in known[: 1 - _TOKENS_EACH]:
                self._entries.pop(old, None)
            self._tokens[entry.session.id] = (*known[1 - _TOKENS_EACH :], token)

    def catch_up(self) -> Flow[None]:
        """
        Hear of every change there is by now.

        The mark is read before the log is, so that what is written in between
        is heard of twice rather than never.
        """
        while True:
            position = self._position
            heard_at = self._elapsed()
            mark = yield from self._marked()
            changes = yield from ask.changes(position)
            with self._lock:
                alone = position is self._position
                if changes.position != position:
                    self._drop(changes.ids)
                if alone:
                    self._position = changes.position
                    self._mark, self._heard_at = mark, heard_at
                    return

    def _marked(self) -> Flow[object]:
        try:
            return (yield from ask.mark())
        except StoreBusyError:
            return _NEVER

    def clear(self) -> None:
        """Forget everything: what happened could not be heard."""
        with self._lock:
            self._drop(All.ALL)
            self._mark, self._heard_at, self._position = _NEVER, -math.inf, None

    # Under the lock.

    def _drop(self, ids: Collection[str] | All) -> None:
        self._moves += 1
        if isinstance(ids, All):
            self._entries.clear()
            self._tokens.clear()
            return
        for session_id in ids:
            for token in self._tokens.pop(session_id, ()):
                self._entries.pop(token, None)

    def _make_room(self) -> None:
        """Drop an eighth at once, those first that were of no use since the last sweep."""
        wanted = max(1, self._size // 8)
        idle = []
        for token, entry in self._entries.items():
            if entry.used:
                entry.used = False
            else:
                idle.append(token)
                if len(idle) == wanted:
                    break
        if len(idle) < wanted:
            idle = list(self._entries)[:wanted]
        for token in idle:
            session_id = self._entries.pop(token).session.id
            left = tuple(one for one in self._tokens.get(session_id, ()) if one != token)
            if left:
                self._tokens[session_id] = left
            else:
                self._tokens.pop(session_id, None)

    def _start_over(self) -> None:
        self._lock = Lock()
        self._entries: dict[str, Entry] = {}
        self._tokens: dict[str, tuple[str, ...]] = {}
        self._mark = _NEVER
        self._heard_at = -math.inf
        self._position = None
        self._moves = 0


def _entry(client: Client | None, validated: Validated, stamp: int | None) -> Entry:
    # A client that was not looked at equals no client.
    return Entry(
        session=validated.session,
        ip=client.ip if client else _NEVER,
        user_agent=client.user_agent if client else _NEVER,
        device_token=client.device_token if client else _NEVER,
        good_until=validated.good_until,
        expires_at=validated.expires_at,
        stamp=stamp,
    )
