"""LAW: a reader that died delays endings until it is expelled; one that lives is never expelled."""

from __future__ import annotations

from typing import Any

import pytest
from _network import LEASE, OVER, Network, Process, played
from _waiting import passing, two

from devsess import SessionManager


@played
async def test_a_dead_reader_delays_until_it_is_expelled(network: Network, kind: type[Any]) -> None:
    """A feed finds the beat that stands still, and expels it once any lease of it is over."""
    here, _, grant = await two(network, kind)
    token = (await here.login("bob")).access_token
    await here.with_lease(token)
    passing(network)
    await here.revoke(grant.session)
    assert (1, 1, 0) == here.counts
    network.before.clear()
    ended_at = network.clock.elapsed()
    here.turn_until(lambda: here.counts[2] > 0)

    assert OVER <= network.clock.elapsed() - ended_at < OVER + 2
    assert {here.reader.id} == {*network.readers}
    await here.revoke(token_session(here, token))
    assert (1, 1, 1) == here.counts


def token_session(process: Process, token: str) -> str:
    """The id of the session that *token* is for."""
    core = process.manager.core
    return str(core.tokens.access.verify(token, core.now()).session_id)


@played
async def test_a_wait_in_vain_has_the_dead_expelled(network: Network, kind: type[Any]) -> None:
    """A process that only ends sessions starts its feed after a wait in vain, to expel."""
    here, _, grant = await two(network, kind)
    passing(network)
    assert here.feed.member is None
    await here.revoke(grant.session)
    network.before.clear()
    here.run()

    assert (1, 1, 1) == here.counts
    assert {} == network.readers


@played
async def test_after_a_wait_in_vain_the_next_has_a_feed_beside_it(
    network: Network, kind: type[Any]
) -> None:
    """A loop that ends with its ending takes along the feed that was started after the wait."""
    here, _, grant = await two(network, kind)
    passing(network)
    await here.revoke(grant.session)
    here.feed.feed = None  # as the loop has ended
    runs: list[bool] = []

    def tick(_: int) -> None:
        network.clock.advance(0.25)
        runs.append(here.feed.member is not None)

    network.before["readers_behind"] = tick
    await here.revoke((await here.login("bob")).session)
    assert [False, True] == runs[:2]


WITHOUT_LEASES = [{"max_staleness": 1}, {"max_staleness": 0}]


@pytest.mark.parametrize("policy", WITHOUT_LEASES, ids=["following", "asking"])
@pytest.mark.parametrize("seasoned", [True, False], ids=["dead", "unseasoned"])
def test_who_takes_no_leases_waits_once(
    kind: type[Any], policy: dict[str, Any], seasoned: bool
) -> None:
    """Nobody else may be left who takes one: the policy was another when the reader died."""

    async def scenario(network: Network, kind: type[Any]) -> None:
        here, there = Process(network, kind, **policy), Process(network, kind)
        first, second = await here.login("ada"), await here.login("bob")
        await there.with_lease(first.access_token)
        network.seasoned = network.history if seasoned else None
        passing(network)
        await here.revoke(first.session)
        assert (1, 1) == here.counts[:2]
        await here.revoke(second.session)
        assert (2, 1, 1) == here.counts
        assert {} == network.readers
        assert network.history == network.seasoned

    played(scenario)(kind)


@pytest.mark.parametrize("policy", WITHOUT_LEASES, ids=["following", "asking"])
def test_where_nobody_takes_leases_nothing_is_seasoned(policy: dict[str, Any]) -> None:
    """An ending is one question more than its write, however old the history is."""

    async def scenario(network: Network, kind: type[Any]) -> None:
        here, network.seasoned = Process(network, kind, **policy), None
        for user in ("ada", "bob"):
            await here.revoke((await here.login(user)).session)
            network.clock.advance(OVER)
        assert (2, 0) == (network.calls["readers_behind"], network.calls["season"])

    played(scenario)(SessionManager)


@played
async def test_readers_of_short_lives_expel_the_dead(network: Network, kind: type[Any]) -> None:
    """A program may run each request in a loop of its own, which is shorter than a lease."""
    here, there, grant = await two(network, kind)
    token = (await here.login("bob")).access_token
    network.end(grant.session.id)
    network.seasoned = None
    for _ in range(6):
        here.feed.feed = None  # as the loop's task has ended
        await here.validate(token)
        here.turn(2)
        here.reader.stop()
        await here.reader.leave()
        network.clock.advance(LEASE / 4)

    assert 1 == here.counts[2]
    assert there.reader.id not in network.readers
    assert network.history == network.seasoned


@played
async def test_a_living_reader_is_not_expelled(network: Network, kind: type[Any]) -> None:
    """A reader that renews is not expelled, however long it is behind."""
    here, there, grant = await two(network, kind)
    await here.with_lease((await here.login("bob")).access_token)
    network.end(grant.session.id)
    position = there.manager.core.cache.position

    def renews(number: int) -> None:
        network.readers[there.reader.id].beat = 10_000 + number
        network.readers[there.reader.id].position = position

    network.before["readers_behind"] = renews
    here.turn(50)

    assert network.calls["readers_behind"] > 10
    assert 0 == network.calls["expel"]
