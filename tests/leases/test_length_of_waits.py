"""LAW: an ending waits as long as the longest lease may last, and says so if it was in vain."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from _network import OVER, BlockingByHand, Network, Process, played
from _waiting import passing, two

TEN = {"acknowledged": True, "lease": 10}


@played
async def test_the_time_counts_from_the_answer(network: Network, kind: type[Any]) -> None:
    """For a process that does not react: the lease and a margin, from the answer to the write."""
    here, _, grant = await two(network, kind)
    answered = []

    def answer(_: int) -> None:
        network.clock.advance(1.5)  # the write was under way for so long
        answered.append(network.clock.elapsed())

    network.after["end"] = answer
    network.after["get"] = lambda _: answered.append(network.clock.elapsed())
    asked = passing(network)
    await here.revoke(grant.session)

    assert asked[-2] - answered[-1] < OVER <= asked[-1] - answered[-1]
    assert (1, 1, 0) == here.counts


@played
async def test_the_longest_lease_counts(network: Network, kind: type[Any]) -> None:
    """Endings and observers wait for the longest lease that any process has asked for."""
    here = Process(network, kind)
    there = Process(network, kind, **TEN)
    grant = await here.login("ada")
    await there.with_lease(grant.access_token)
    begun = network.clock.elapsed()
    passing(network, 1.0)
    await here.revoke(grant.session)

    assert network.clock.elapsed() - begun >= 10 * 1.005 + 0.05
    assert (1, 1, 0) == here.counts


@played
async def test_the_longest_lease_counts_in_a_failure_too(network: Network, kind: type[Any]) -> None:
    """A lease that the store has named is waited for, also when the store answers no more."""
    here, there = Process(network, kind, max_staleness=1), Process(network, kind, **TEN)
    grant = await here.login("ada")
    await there.with_lease(grant.access_token)
    begun, asked = network.clock.elapsed(), network.calls["readers_behind"]

    def fail(number: int) -> None:
        network.clock.advance(1.0)
        if number > asked + 1:
            network.down.add("readers_behind")

    network.before["readers_behind"] = fail
    await here.revoke(grant.session)

    assert network.clock.elapsed() - begun >= 10 * 1.005 + 0.05


@played
async def test_its_own_lease_counts(network: Network, kind: type[Any]) -> None:
    """Where the store knows of shorter leases alone, a manager waits for one of its own length."""
    here = Process(network, kind, **TEN)
    grant = await here.login("ada")
    network.lease, network.seasoned = 0.5, None
    begun = network.clock.elapsed()
    passing(network, 1.0)
    await here.revoke(grant.session)

    assert network.clock.elapsed() - begun >= 10 * 1.005 + 0.05


def test_the_pauses_grow() -> None:
    """The questions come after pauses that grow from a millisecond to a twentieth of a second."""

    async def scenario() -> None:
        network = Network()
        network.seasoned = network.history
        here, _, grant = await two(network, BlockingByHand)
        network.end(grant.session.id)
        wait, pauses = here.manager.core.currency.wait(), []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)  # on this clock no time passes: what was slept counts

        await wait.for_readers(here.store, sleep)
        assert [0.001, 0.0015, 0.00225] == pytest.approx(pauses[:3])
        assert 0.05 == max(pauses) == pauses[-2]
        assert pauses[-1] < 0.05
        assert OVER == pytest.approx(sum(pauses))

    asyncio.run(scenario())


@played
async def test_a_wait_in_vain_is_logged(network: Network, kind: type[Any]) -> None:
    """The warning says how long the wait was and for how many processes, and no id."""
    records: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler = Keeping()
    logging.getLogger("devsess").addHandler(handler)
    try:
        here, there, grant = await two(network, kind)
        passing(network)
        await here.revoke(grant.session)
        network.down.add("readers_behind")
        await here.revoke(grant.session)
        network.down.clear()
        network.fail_over("second")
        await here.revoke(grant.session)
    finally:
        logging.getLogger("devsess").removeHandler(handler)

    reasons = [
        "for 1 process(es) that did not react",
        "for a store that did not answer",
        "for leases of before the store's log began, or began again",
    ]
    assert 3 == len(records)
    for reason, record in zip(reasons, records, strict=True):
        assert record.startswith("an ending has waited 2.")
        assert f" seconds {reason}; it holds everywhere by now. If that goes on, look" in record
        assert grant.session.id not in record
        assert there.reader.id not in record
