"""A store that breaks a law of `SupportsLeases` lets an ended session in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _network import Entry, LeasedStore, Network, Process, played

from devsess import SessionRevokedError
from devsess.stores.base import Changes
from devsess.stores.capabilities import Renewal


class InOrder(LeasedStore):
    """Registers, lets others do something, and then reads the log."""

    between: Callable[[], None] = staticmethod(lambda: None)

    async def renew(self, reader: str, position: Any, *, lease: float) -> Renewal:
        self._register(reader, position, lease)
        self.between()
        return Renewal(self._changes(position), self.network.history)

    def _register(self, reader: str, position: Any, lease: float) -> None:
        self.network.readers[reader] = Entry(position, len(self.network.calls))
        self.network.lease = lease


class ReadsFirst(InOrder):
    """Reads the log, and registers after that."""

    async def renew(self, reader: str, position: Any, *, lease: float) -> Renewal:
        changes = self._changes(position)
        self.between()
        self._register(reader, position, lease)
        return Renewal(changes, self.network.history)


class WithoutHistory(LeasedStore):
    """Has plain numbers for positions, and one name for all histories."""

    async def renew(self, reader: str, position: Any, *, lease: float) -> Renewal:
        renewal = await super().renew(reader, position, lease=lease)
        return Renewal(renewal.changes, "always the same")

    def _changes(self, position: Any) -> Changes:
        here = self.network.rows.changes(None).position
        if position is not None and position == here:
            return Changes(here, ())
        return self.network.rows.changes(position)


async def is_let_in(there: Process, token: str) -> bool:
    """Whether a session that has ended is validated."""
    try:
        await there.validate(token)
    except SessionRevokedError:
        return False
    return True


@pytest.mark.parametrize(("store", "expected"), [(InOrder, False), (ReadsFirst, True)])
def test_the_registration_comes_first(
    store: type[InOrder], expected: bool, kind: type[Any]
) -> None:
    """An ending between the two finds the reader, or is in what the reader reads."""

    @played
    async def scenario(network: Network, kind: type[Any]) -> None:
        here, there = Process(network, kind), Process(network, kind, store=store)
        grant = await here.login("ada")
        for _ in range(3):  # caught up by itself, and in its memory
            await there.validate(grant.access_token)
        there.store.between = lambda: network.end(grant.session.id)
        there.turn()

        assert expected == await is_let_in(there, grant.access_token)

    scenario(kind)


@pytest.mark.parametrize(("store", "expected"), [(LeasedStore, False), (WithoutHistory, True)])
def test_a_history_stands_beside_the_position(
    store: type[LeasedStore], expected: bool, kind: type[Any]
) -> None:
    """After a failover that lost an entry, the next ending takes its number: it must be read."""

    @played
    async def scenario(network: Network, kind: type[Any]) -> None:
        there = Process(network, kind, store=store)
        lost, other = await there.login("ada"), await there.login("bob")
        await there.with_lease(other.access_token)
        saved = network.rows
        network.rows = _copied(saved)
        network.end(lost.session.id)  # on the server that dies
        there.turn(2)
        network.rows = saved  # on the one that takes over
        network.fail_over("second")
        network.end(other.session.id)
        there.turn()

        assert expected == await is_let_in(there, other.access_token)

    scenario(kind)


def _copied(rows: Any) -> Any:
    """The rows and the log of a server, as a second one has them."""
    import copy
    from threading import RLock

    twin = copy.copy(rows)
    for name, value in vars(rows).items():
        if isinstance(value, dict):
            setattr(twin, name, copy.copy(value))
    twin._lock = RLock()
    return twin
