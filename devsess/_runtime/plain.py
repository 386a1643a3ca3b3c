"""A validation that needs no operation: the plain case of a row that memory does not hold."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from devsess.models import Session
from devsess.operations._checks import checked_client
from devsess.operations.plain import plainly_good
from devsess.stores.calls import StoreBusyError
from devsess.stores.rows import SessionRow
from devsess.tokens.access import AccessClaims
from devsess.tokens.text import check_length

if TYPE_CHECKING:
    from devsess._runtime.cache import Cache
    from devsess.metrics import CallTimes
    from devsess.models import Client
    from devsess.policy import Policy
    from devsess.tokens.issuer import Tokens

# The session's row, read at once: a StoreBusyError says that it could not be.
Get: TypeAlias = Callable[[str], SessionRow | None]


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


class PlainWay:
    """
    Validations by one manager over a blocking store.

    Args:
        policy, tokens, cache, times: The manager's.
        on_kept: Called when a session was kept in memory.
        get: The store's call.
    """

    def __init__(
        self,
        policy: Policy,
        tokens: Tokens,
        cache: Cache,
        times: CallTimes,
        on_kept: Callable[[], None],
        get: Get,
    ) -> None:
        self._policy, self._cache, self._times = policy, cache, times
        self._verify, self._devices = tokens.access.verify, tokens.device
        self._on_kept, self._get = on_kept, get

    def validate(self, token: str, client: Client | None, now: float) -> Session | Seen:
        """
        The session, kept in memory; or what an operation needs that goes on from here.

        Raises:
            BadTokenError, TokenExpiredError, StoreUnavailableError: As the operation.
            TypeError: If *client* is no Client.
        """
        check_length(token)
        checked_client(client)
        ticket = self._cache.ticket()
        self._cache.misses += 1
        claims = self._verify(token, now)
        try:
            row = self._read(claims.session_id)
        except StoreBusyError:
            return Seen(ticket, claims, None, is_busy=True)
        found = row and plainly_good(row, claims, client, now, self._policy, self._devices)
        if not found:
            return Seen(ticket, claims, row)
        self._cache.keep(ticket, token, client, found)
        self._on_kept()
        return found.session

    def _read(self, session_id: str) -> SessionRow | None:
        start = perf_counter()
        try:
            return self._get(session_id)
        finally:
            self._times.add("get", perf_counter() - start)
