"""A lease: its grant, its time, and its end."""

from __future__ import annotations

from time import sleep
from typing import Any

import pytest
from _network import LEASE, LeasedStore, Network, Process, played

from devsess import SessionRevokedError
from devsess.stores.base import Changes
from devsess.testing import LeaseContract


class TestTheStoreOfTheseTests(LeaseContract):
    """The store of these tests keeps the contract."""

    def make_store(self) -> LeasedStore:
        network = Network()
        network.history, network.sleep = str(id(network)), sleep
        return LeasedStore(network)


@played
async def test_a_hit_under_a_lease_asks_nobody(network: Network, kind: type[Any]) -> None:
    """While the lease runs, a known token is answered without a call of the store."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)

    assert not await process.is_asked(token)
    metrics = process.manager.core.metrics()
    assert ("acknowledged", "held") == (metrics.way, metrics.lease)


@played
async def test_the_first_validation_asks(network: Network, kind: type[Any]) -> None:
    """Until the feed has renewed, each validation asks the store: no catch-up grants a lease."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    for _ in range(3):
        assert await process.is_asked(token)

    assert "over" == process.lease
    assert 0 == network.calls["renew"]


@played
async def test_an_inline_catch_up_grants_no_lease(network: Network, kind: type[Any]) -> None:
    """Once the lease is over, a request catches up for itself alone; the next one asks again."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    network.clock.advance(LEASE)

    assert await process.is_asked(token)
    assert await process.is_asked(token)
    assert "over" == process.lease
    process.turn()
    assert not await process.is_asked(token)


@played
async def test_a_write_of_its_own_grants_no_lease(network: Network, kind: type[Any]) -> None:
    """The catch-up after a write grants no lease either."""
    process = Process(network, kind)
    grant = await process.login("ada")
    await process.with_lease(grant.access_token)
    network.clock.advance(LEASE)
    await process.update(grant.session, claims={"n": 1})

    assert "over" == process.lease


@played
async def test_a_lease_runs_from_its_sending(network: Network, kind: type[Any]) -> None:
    """The time that a renewal is under way is time of the lease."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    network.after["renew"] = lambda _: network.clock.advance(LEASE - 0.5)
    network.down.add("wait")
    process.turn()

    network.clock.advance(0.4)
    assert not await process.is_asked(token)
    network.clock.advance(0.2)
    assert await process.is_asked(token)


@played
async def test_a_late_answer_grants_nothing(network: Network, kind: type[Any]) -> None:
    """A renewal whose answer comes after its time, as after a suspension, grants nothing."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    network.after["renew"] = lambda _: network.clock.advance(3 * LEASE)
    process.turn()

    assert "over" == process.lease
    assert await process.is_asked(token)


@played
async def test_ids_are_dropped_before_the_lease_runs(network: Network, kind: type[Any]) -> None:
    """While the changes of a renewal are dropped, the new lease does not run yet."""
    process = Process(network, kind)
    await process.with_lease((await process.login("ada")).access_token)
    network.clock.advance(LEASE)
    cache, seen = process.manager.core.cache, []

    class Watching(tuple[str, ...]):
        def __iter__(self) -> Any:
            seen.append(cache.holds_lease)
            return super().__iter__()

    changes = Changes("next", Watching(("s1",)))
    cache.renewed(network.clock.elapsed(), cache.position, changes, lambda: True)
    assert [False] == seen
    assert cache.holds_lease


@played
async def test_a_renewal_that_fails_grants_nothing(network: Network, kind: type[Any]) -> None:
    """While the store does not answer, the lease runs out, and requests ask; then it goes on."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    network.down.add("renew")
    process.turn(7)
    assert [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0] == process.feed.pace.pauses
    assert not await process.is_asked(token)
    network.clock.advance(LEASE)
    assert await process.is_asked(token)

    network.down.clear()
    process.turn()
    assert not await process.is_asked(token)


@played
async def test_a_revocation_is_heard_by_the_next_renewal(network: Network, kind: type[Any]) -> None:
    """A renewal drops the sessions that ended, and at once another one acknowledges it."""
    process = Process(network, kind)
    grant = await process.login("ada")
    await process.with_lease(grant.access_token)
    network.end(grant.session.id)
    waits = network.calls["wait"]
    process.turn()
    assert waits == network.calls["wait"]  # the next turn comes at once
    with pytest.raises(SessionRevokedError):
        await process.validate(grant.access_token)

    process.turn()
    assert waits + 1 == network.calls["wait"]
    position = (await process.store.changes(None)).position
    assert {} == (await process.store.readers_behind(position)).beats


@played
async def test_a_catch_up_during_a_renewal(network: Network, kind: type[Any]) -> None:
    """A request that catches up further than a renewal under way sets nothing back."""
    process = Process(network, kind)
    grant = await process.login("ada")
    await process.with_lease(grant.access_token)
    cache = process.manager.core.cache
    old = cache.position
    network.end(grant.session.id)
    newer = await cache.catch_up(process.store)
    cache.renewed(network.clock.elapsed(), old, Changes(old, ()), lambda: True)

    assert newer == cache.position
    assert cache.holds_lease


@played
async def test_a_row_read_before_a_revocation_is_not_kept(
    network: Network, kind: type[Any]
) -> None:
    """A row that was read before a renewal dropped its session is kept by no ticket of before."""
    process = Process(network, kind)
    grant = await process.login("ada")
    other = await process.login("bob")
    await process.with_lease(other.access_token)

    def end_and_renew(_: int) -> None:
        network.after.clear()
        network.end(grant.session.id)
        process.turn(2)

    network.after["get"] = end_and_renew
    await process.validate(grant.access_token)  # it began before
    assert not await process.is_asked(other.access_token)
    with pytest.raises(SessionRevokedError):
        await process.validate(grant.access_token)


@played
async def test_another_history_means_all(network: Network, kind: type[Any]) -> None:
    """Where the log's history is another one, memory is dropped, whatever the changes say."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    assert 1 == process.manager.core.metrics().entries
    network.forgets_history = True
    network.history = "second"
    process.turn()

    assert 0 == process.manager.core.metrics().entries
    assert await process.is_asked(token)


# Giving up.


@played
async def test_an_unused_member_renounces(network: Network, kind: type[Any]) -> None:
    """Without a validation for two leases a process gives up its lease, and then leaves."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    used_at = network.clock.elapsed()
    seen = []
    network.before["leave"] = lambda _: seen.append(process.lease)
    process.run()

    assert ["over"] == seen
    assert {} == network.readers
    assert 2 * LEASE <= network.clock.elapsed() - used_at < 2 * LEASE + 1


@played
async def test_a_used_member_stays(network: Network, kind: type[Any]) -> None:
    """Hits from memory count as use: a process that answers does not renounce."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    manager, left = process.manager, []

    def used(number: int) -> None:
        if number < 60:
            assert manager.core.cache.hit(token, None, network.clock.now().timestamp())
        left.append(network.calls["leave"])

    network.before["wait"] = used
    process.run()

    assert len(left) > 60
    assert {0} == {*left}


@played
async def test_a_validation_joins_again(network: Network, kind: type[Any]) -> None:
    """After it has renounced, a process asks; that validation starts another reader."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    first = process.reader.id
    process.run()
    process.feed.feed = None  # as its thread or task has ended

    assert await process.is_asked(token)
    process.turn(2)
    assert not await process.is_asked(token)
    assert first != process.reader.id
    assert {process.reader.id} == {*network.readers}


@played
async def test_a_child_inherits_no_lease(network: Network, kind: type[Any]) -> None:
    """An answer to the parent's renewal that comes to a forked child grants the child nothing."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    parent = process.feed.turned()

    def fork(_: int) -> None:  # as the hooks do in the child
        process.manager.core.cache._start_over()
        parent.member.disown()

    network.after["renew"] = fork
    process.turn()

    assert "over" == process.lease


@played
async def test_close_leaves_and_answers_nothing(network: Network, kind: type[Any]) -> None:
    """A closed manager answers nothing from memory."""
    process = Process(network, kind)
    token = (await process.login("ada")).access_token
    await process.with_lease(token)
    await process.close()

    assert "over" == process.lease
    assert 0 == process.manager.core.metrics().entries
