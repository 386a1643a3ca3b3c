"""LAW: where the register may have lost readers, an ending waits until no lease can be left."""

from __future__ import annotations

from typing import Any

from _network import LEASE, OVER, Network, Process, played
from _waiting import passing, two


@played
async def test_a_history_that_is_not_seasoned(network: Network, kind: type[Any]) -> None:
    """Where readers of an earlier history may hold leases, an ending waits in full."""
    here, _, grant = await two(network, kind)
    network.fail_over("second")
    begun = network.clock.elapsed()
    passing(network)
    await here.revoke(grant.session)

    assert OVER <= network.clock.elapsed() - begun < OVER + 0.5
    assert (1, 1, 0) == here.counts


@played
async def test_a_failover_during_the_wait(network: Network, kind: type[Any]) -> None:
    """A register that is lost while an ending waits is no answer: the full time passes."""
    here, _, grant = await two(network, kind)
    begun = network.clock.elapsed()
    asked = network.calls["readers_behind"]

    def tick(number: int) -> None:
        network.clock.advance(0.25)
        if number == asked + 2:
            network.fail_over("second")

    network.before["readers_behind"] = tick
    await here.revoke(grant.session)

    assert network.clock.elapsed() - begun >= OVER


@played
async def test_a_feed_seasons_the_history(network: Network, kind: type[Any]) -> None:
    """A reader that has known a history for longer than any lease says so; before, it does not."""
    network.seasoned = None
    network.lease = 10.0  # another process's leases are longer
    process = Process(network, kind)
    await process.with_lease((await process.login("ada")).access_token)
    known_since = network.clock.elapsed()
    seasoned = []
    network.before["season"] = lambda _: seasoned.append(network.clock.elapsed())
    process.turn_until(lambda: network.seasoned is not None)

    assert 10 * 1.005 + 0.05 - LEASE <= seasoned[0] - known_since < 10 * 1.005 + 1.5
    process.turn(30)
    assert 1 == network.calls["season"]


@played
async def test_a_new_history_begins_unseasoned(network: Network, kind: type[Any]) -> None:
    """After a failover a reader's time with the log counts from nothing."""
    process = Process(network, kind)
    await process.with_lease((await process.login("ada")).access_token)
    process.turn(30)
    network.fail_over("second")
    begun = network.clock.elapsed()
    process.turn_until(lambda: network.seasoned == "second")

    assert OVER <= network.clock.elapsed() - begun
