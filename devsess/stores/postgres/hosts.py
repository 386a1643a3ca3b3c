"""
The hosts that a URL names, of which one is the primary.

Each is tried in its share of the call's time. The driver's own limit is of each host, and two
seconds at least: of several that fall silent the call would be over long before the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import OperationalError
from psycopg._conninfo_attempts import conninfo_attempts
from psycopg._conninfo_attempts_async import conninfo_attempts_async
from psycopg.conninfo import conninfo_to_dict

from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection, connecting

if TYPE_CHECKING:
    from devsess.stores.postgres.settings import Settings

# Of a host, for the driver.
_WHERE = ("host", "hostaddr", "port")


class Hosts:
    """
    Where connections are made.

    Args:
        settings: The store's.

    Attributes:
        latest: The host that answered last. It is tried first: one that is silent costs its
            share of the time once, and not each new connection.
    """

    def __init__(self, settings: Settings) -> None:
        self._conninfo = settings.conninfo
        self.latest: dict[str, Any] | None = None

    def connect(self, deadline: float) -> LimitedConnection:
        """
        A new connection to the primary.

        Raises:
            psycopg.OperationalError: If there is none before *deadline*.
        """
        failure: psycopg.Error = OperationalError("there was no time to connect")
        for attempt, until in self._tries(conninfo_attempts(self._params()), deadline):
            try:
                with connecting(until):
                    made = LimitedConnection.connect(autocommit=True, **attempt)
            except psycopg.Error as error:
                failure = error
            else:
                self.latest = _where(attempt)
                return made
        raise failure

    async def connect_awaited(self, deadline: float) -> LimitedAsyncConnection:
        """See `connect`."""
        failure: psycopg.Error = OperationalError("there was no time to connect")
        attempts = await conninfo_attempts_async(self._params())
        for attempt, until in self._tries(attempts, deadline):
            try:
                with connecting(until):
                    made = await LimitedAsyncConnection.connect(autocommit=True, **attempt)
            except psycopg.Error as error:
                failure = error
            else:
                self.latest = _where(attempt)
                return made
        raise failure

    def _params(self) -> dict[str, Any]:
        params = conninfo_to_dict(self._conninfo)
        return {"application_name": "devsess", **params}

    def _tries(
        self, attempts: list[dict[str, Any]], deadline: float
    ) -> Iterator[tuple[dict[str, Any], float]]:
        """Each attempt, and until when it may last: of what is left, its share."""
        attempts = sorted(attempts, key=lambda it: _where(it) != self.latest)
        for place, attempt in enumerate(attempts):
            now = monotonic()
            if now >= deadline:
                return
            yield attempt, now + (deadline - now) / (len(attempts) - place)


def _where(attempt: dict[str, Any]) -> dict[str, Any]:
    return {name: attempt.get(name) for name in _WHERE}
