"""LAW: an ending that was written is true, and waits in full where nobody answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from _network import OVER, AwaitingByHand, BlockingByHand, Network, played
from _waiting import passing, turning, two

from devsess import Event, SessionRevokedError, StoreUnavailableError


@played
async def test_a_store_that_fails_after_the_write(network: Network, kind: type[Any]) -> None:
    """Where the store does not answer after the write, an ending waits in full, and is true."""
    here, _, grant = await two(network, kind)
    await here.with_lease(grant.access_token)
    assert 1 == here.manager.core.metrics().entries
    network.down |= {"changes", "renew"}
    begun = network.clock.elapsed()
    network.before["changes"] = lambda _: network.clock.advance(0.25)
    assert await here.revoke(grant.session)

    assert OVER <= network.clock.elapsed() - begun < OVER + 0.5
    assert (1, 1, 0) == here.counts
    assert 0 == here.manager.core.metrics().entries


@played
async def test_a_store_that_comes_back(network: Network, kind: type[Any]) -> None:
    """A wait goes on as soon as the store answers again."""
    here, there, grant = await two(network, kind)
    network.down.add("changes")
    asked = network.calls["changes"]

    def mend(number: int) -> None:
        if number == asked + 3:
            network.down.clear()

    network.before["changes"] = mend
    turning(network, there, at=2)
    assert await here.revoke(grant.session)

    assert (1, 0, 0) == here.counts


@played
async def test_a_register_that_fails(network: Network, kind: type[Any]) -> None:
    """An unanswered question about the readers is no answer that there are none."""
    here, _, grant = await two(network, kind)
    network.down.add("readers_behind")
    passing(network)
    assert await here.revoke(grant.session)

    assert (1, 1, 0) == here.counts


@played
async def test_a_write_that_fails_does_not_wait(network: Network, kind: type[Any]) -> None:
    """A write that was not answered raises at once: the caller tries again, and waits then."""
    here, _, grant = await two(network, kind)
    network.down.add("end")
    before = network.calls["readers_behind"]
    with pytest.raises(StoreUnavailableError):
        await here.revoke(grant.session)

    assert before == network.calls["readers_behind"]


class _Interrupted(BaseException):
    """As a signal raises it."""


def test_an_interrupted_wait_is_no_lost_write() -> None:
    """An interrupt during the wait is raised; the session has ended, and its event was emitted."""

    async def scenario() -> None:
        network = Network()
        network.seasoned = network.history
        here, there, grant = await two(network, BlockingByHand)
        events: list[Event] = []
        here.manager._on_event = events.append

        def interrupt(_: int) -> None:
            raise _Interrupted

        network.before["readers_behind"] = interrupt
        with pytest.raises(_Interrupted):
            await here.revoke(grant.session)
        network.before.clear()

        assert [grant.session.id] == [event.session_id for event in events]
        there.turn(2)
        for process in (here, there):
            with pytest.raises(SessionRevokedError):
                await process.validate(grant.access_token)

    asyncio.run(scenario())


def test_a_cancelled_caller_loses_no_write() -> None:
    """A caller that goes away while an ending waits: the ending stands, and goes on waiting."""

    async def scenario() -> None:
        network = Network()
        network.seasoned = network.history
        here, there, grant = await two(network, AwaitingByHand)
        before = network.calls["readers_behind"]
        task = asyncio.ensure_future(here.revoke(grant.session))
        while before == network.calls["readers_behind"]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = network.calls["readers_behind"]  # before the last question, which is still to come
        there.turn(2)
        with pytest.raises(SessionRevokedError):
            await there.validate(grant.access_token)
        while asked == network.calls["readers_behind"]:
            await asyncio.sleep(0.001)

    asyncio.run(scenario())
