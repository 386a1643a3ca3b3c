"""A store of which a part is down: its log cannot be read whole, and rows can."""

from __future__ import annotations

from typing import Any

import pytest
from _network import LEASE, LeasedStore, Network, Process, played

from devsess import SessionRevokedError, StoreUnavailableError
from devsess.stores.base import Changes
from devsess.stores.calls import PartlyUnavailableError


class Parted(LeasedStore):
    """While the log is "down" in its network, no question about it is answered."""

    async def changes(self, position: object) -> Changes:
        try:
            return await super().changes(position)
        except StoreUnavailableError as error:
            raise PartlyUnavailableError("a node is down") from error


WAYS: list[dict[str, Any]] = [
    {"max_staleness": 0},
    {"max_staleness": LEASE},
    {"acknowledged": True, "lease": LEASE},
]


async def _parted(network: Network, kind: type[Any], way: dict[str, Any]) -> tuple[Process, Any]:
    """A process that knows a session, and cannot read the log any more."""
    process = Process(network, kind, store=Parted, **way)
    grant = await process.login("ada")
    for _ in range(2):
        await process.validate(grant.access_token)
    network.down |= {"changes", "renew"}
    network.clock.advance(2 * LEASE)
    return process, grant


@played
async def test_rows_are_read(network: Network, kind: type[Any]) -> None:
    """Each validation reads its row: it succeeds, and never where the session has ended."""
    for way in WAYS:
        network.down.clear()
        process, grant = await _parted(network, kind, way)
        for _ in range(3):
            before = network.calls["get"]
            await process.validate(grant.access_token)
            assert before + 1 == network.calls["get"]
        network.end(grant.session.id)
        with pytest.raises(SessionRevokedError):
            await process.validate(grant.access_token)


@played
async def test_the_log_is_asked_once_a_second(network: Network, kind: type[Any]) -> None:
    """Not by each validation, which would wait for the node that is down; memory recovers then."""
    process, grant = await _parted(network, kind, WAYS[0])
    asked = network.calls["changes"]
    for _ in range(5):
        await process.validate(grant.access_token)
        network.clock.advance(0.19)
    assert asked + 1 == network.calls["changes"]
    network.down.clear()
    network.clock.advance(0.05)
    rows = network.calls["get"]
    await process.validate(grant.access_token)

    assert asked + 2 == network.calls["changes"]
    assert rows == network.calls["get"]


@played
async def test_a_store_that_is_down_is_asked_once(network: Network, kind: type[Any]) -> None:
    """Where all of it is down, a validation fails at the log: its row would be waited for again."""
    process = Process(network, kind, max_staleness=0)
    token = (await process.login("ada")).access_token
    await process.validate(token)
    network.down |= {"changes", "get"}
    before = network.calls["get"]
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await process.validate(token)

    assert before == network.calls["get"]
