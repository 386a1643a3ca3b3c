"""Validations that need no operation: the plain case of a row, and a row that has not changed."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import frozen

from devsess.models import Session
from devsess.operations._checks import checked_client
from devsess.operations.plain import plainly_good, still_good
from devsess.stores.calls import Changes, StoreBusyError
from devsess.stores.plain_rows import PlainRow, plain_row_of
from devsess.stores.rows import ActivityRow, SessionRow
from devsess.tokens.access import AccessClaims
from devsess.tokens.text import check_length

if TYPE_CHECKING:
    from devsess._runtime.cache import Cache
    from devsess._runtime.entries import Entry
    from devsess.metrics import CallTimes
    from devsess.models import Client
    from devsess.operations.validate import Validated
    from devsess.policy import Policy
    from devsess.tokens.access import AccessTokens
    from devsess.tokens.issuer import Tokens

A = TypeVar("A")
T = TypeVar("T")

# A store's calls, made at once: a StoreBusyError says that they could not be.
Get: TypeAlias = Callable[[str], SessionRow | None]
Read: TypeAlias = Callable[[str], PlainRow | None]
Ask: TypeAlias = Callable[[object], Changes]
Stamp: TypeAlias = Callable[[str], "int | None"]
GetActivity: TypeAlias = Callable[[str], ActivityRow | None]


@frozen(slots=False)
class Seen:
    """
    What was read already, for the operation that goes on.

    Attributes:
        ticket: The cache's, taken before the row was read.
        claims: Of the verified token.
        row: Its session's, or None: read it again.
        is_busy: The store could not be read at once: wait for it.
    """

    ticket: int
    claims: AccessClaims
    row: SessionRow | None
    is_busy: bool = False


def whole_by(get: Get) -> Read:
    """The reading of rows over a store that reads them whole alone."""

    def read(session_id: str) -> PlainRow | None:
        row = get(session_id)
        return None if row is None else plain_row_of(row)

    return read


class PlainWay:
    """
    Validations by one manager over a blocking store.

    Args:
        policy, tokens, cache, times: The manager's.
        on_kept: Called when a session was kept in memory.
        read: Reads a row.
        changes, stamp, activity: The store's calls; the last two None where it has none.
        reads_log: Whether memory catches up here: not over a store parts of which may be down.
    """

    def __init__(
        self,
        policy: Policy,
        tokens: Tokens,
        cache: Cache,
        times: CallTimes,
        on_kept: Callable[[], None],
        read: Read,
        changes: Ask,
        stamp: Stamp | None,
        activity: GetActivity | None,
        *,
        reads_log: bool,
    ) -> None:
        self._policy, self._cache, self._times = policy, cache, times
        self._tokens, self._on_kept = tokens.access, on_kept
        self._read, self._changes = read, changes
        self._stamp, self._activity, self._reads_log = stamp, activity, reads_log

    def validate(
        self, token: str, client: Client | None, now: float, *, stale: bool
    ) -> Session | Seen | None:
        """
        The session, kept in memory; or what an operation needs that goes on from here.

        None: all is left to the operation.

        Args:
            stale: Whether memory must catch up before it is looked into.
            others: As for SessionManager.validate.

        Raises:
            BadTokenError, TokenExpiredError, StoreUnavailableError: As the operation.
            TypeError: If *client* is no Client.
        """
        check_length(token)
        checked_client(client)
        if not stale:
            return self._from_row(token, client, now)
        if not (self._reads_log and self._has_caught_up()):
            return None
        session = self._cache.look(token, client, now)
        if session is None:
            return self._from_row(token, client, now)
        self._on_kept()
        return session

    def unchanged(self, token: str, client: Client | None, now: float) -> Session | None:
        """
        The session as kept, if the store gives its row the same stamp; else all is left.

        Raises:
            BadTokenError, StoreUnavailableError, TypeError: As `validate`.
        """
        check_length(token)
        checked_client(client)
        entry = self._cache.entry(token, client, now)
        if self._stamp is None or entry is None or entry.stamp is None:
            return None
        try:
            stamp = self._timed("stamp", self._stamp, entry.session.id)
        except StoreBusyError:
            return None
        return entry.session if stamp == entry.stamp else None

    def _has_caught_up(self) -> bool:
        """As Cache.catch_up; False if the log cannot be read at once."""
        self._cache.catch_ups += 1
        try:
            while True:
                begun = self._cache.begin()
                changes = self._timed("changes", self._changes, begun.position)
                if self._cache.caught_up(begun, changes):
                    return True
        except StoreBusyError:
            return False

    def _from_row(self, token: str, client: Client | None, now: float) -> Session | Seen:
        self._cache.misses += 1
        known = self._cache.known(token)
        claims = verified(token, known, now, self._tokens)
        if known is not None and _is_over(known, client, now):
            found = self._touched(token, claims, client, now)
            if found is not None:
                return found
        ticket, start = self._cache.ticket(), perf_counter()
        try:
            row = self._read(claims.session_id)
        except StoreBusyError:
            return Seen(ticket, claims, None, is_busy=True)
        finally:  # as `_timed`, written out: each first sight of a token passes here
            self._times.add("get", perf_counter() - start)
        judged = row and plainly_good(row, claims, client, now, self._policy)
        if not judged:
            return Seen(ticket, claims, None if row is None else row.whole)
        return self._kept(ticket, token, client, judged)

    def _kept(self, ticket: int, token: str, client: Client | None, judged: Validated) -> Session:
        self._cache.keep(ticket, token, client, judged)
        self._on_kept()
        return judged.session

    def _touched(
        self, token: str, claims: AccessClaims, client: Client | None, now: float
    ) -> Session | Seen | None:
        """
        The session in memory, if nothing but its activity can have changed.

        None: its row is to be read. A Seen: it is not plainly good.
        """
        if self._activity is None or not self._is_current(now):
            return None
        ticket = self._cache.ticket()
        entry = self._cache.known(token)  # once memory is current: it may have been dropped
        if entry is None or not _is_over(entry, client, now):
            return None
        try:
            activity = self._timed("activity", self._activity, entry.session.id)
        except StoreBusyError:
            return None
        judged = activity and still_good(entry.session, activity, claims, client, now, self._policy)
        return self._kept(ticket, token, client, judged) if judged else Seen(ticket, claims, None)

    def _is_current(self, now: float) -> bool:
        return self._cache.is_current(now) or (self._reads_log and self._has_caught_up())

    def _timed(self, name: str, call: Callable[[A], T], subject: A) -> T:
        start = perf_counter()
        try:
            return call(subject)
        finally:
            self._times.add(name, perf_counter() - start)


def verified(token: str, known: Entry | None, now: float, tokens: AccessTokens) -> AccessClaims:
    """
    The claims of *token*, which is verified once for as long as memory has an entry of it.

    Raises:
        BadTokenError, TokenExpiredError: As AccessTokens.verify.
    """
    if known is None:
        return tokens.verify(token, now)
    claims = known.claims
    tokens.check_expiry(claims, now)
    return claims


def _is_over(entry: Entry, client: Client | None, now: float) -> bool:
    """Whether the entry's time is over, and all else fits; never an impersonation's."""
    if now < entry.good_until or entry.session.impersonator is not None:
        return False
    return client is None or entry.is_for(client)
