"""LAW: an ending returns once no process answers from a memory of before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from _network import SECRET, BlockingByHand, LeasedStore, Network, Process, done, played
from _waiting import turning, two

from devsess import (
    AsyncSessionManager,
    Client,
    Policy,
    SessionManager,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess.errors import InvalidSessionError

Explicit = Callable[[Process, Any], Awaitable[object]]


EXPLICIT: dict[str, Explicit] = {
    "revoke": lambda process, grant: process.revoke(grant.session),
    "revoke_all": lambda process, grant: process.revoke_all(grant.session.user_id),
    "revoke_everyone": lambda process, _: process.revoke_everyone(reason="breach"),
    "block_device": lambda process, grant: process.block_device("ada", grant.session.device.id),
    "forget_device": lambda process, grant: process.forget_device("ada", grant.session.device.id),
    "step_up": lambda process, grant: process.step_up(grant.access_token, amr=("otp",)),
    "erase_user": lambda process, _: process.erase_user("ada"),
}


@pytest.mark.parametrize("name", EXPLICIT)
def test_explicit_endings_wait(name: str, kind: type[Any]) -> None:
    """Each method that ends sessions returns after the other process has heard, and not before."""

    async def scenario() -> None:
        network = Network()
        network.seasoned = network.history
        here, there, grant = await two(network, kind)
        turning(network, there)
        before = network.calls["readers_behind"]
        await EXPLICIT[name](here, grant)

        assert before + 3 == network.calls["readers_behind"]
        assert (1, 0, 0) == here.counts
        with pytest.raises(InvalidSessionError):
            await there.validate(grant.access_token)

    asyncio.run(scenario())


@played
async def test_other_writes_wait_for_nobody(network: Network, kind: type[Any]) -> None:
    """A sign-in that evicts, a refresh, an update, and a name ask for no readers."""
    process = Process(network, kind, acknowledged=True, max_sessions=1)
    first = await process.login("ada")
    await process.with_lease(first.access_token)
    before = network.calls["readers_behind"]
    second = await process.login("ada")
    assert (first.session.id,) == second.evicted
    third = await process.refresh(second.refresh_token)
    await process.update(third.session, claims={"n": 1})
    await process.extend(third.session, 60)
    device = third.session.device.id
    await process.rename_device("ada", device, "kitchen")
    await process.unblock_device("ada", device)
    await process.end_trust(Client())
    await process.purge()

    assert before == network.calls["readers_behind"]


@played
async def test_nobody_to_wait_for(network: Network, kind: type[Any]) -> None:
    """Where no other process reads from memory, an ending asks once."""
    process = Process(network, kind)
    grant = await process.login("ada")
    await process.with_lease(grant.access_token)
    before = network.calls["readers_behind"]
    await process.revoke(grant.session)

    assert before + 1 == network.calls["readers_behind"]
    assert (0, 0, 0) == process.counts  # its own memory has caught up


@played
async def test_its_own_memory_has_caught_up(network: Network, kind: type[Any]) -> None:
    """The process that ended a session refuses it, under the lease that it had before."""
    process = Process(network, kind)
    grant = await process.login("ada")
    other = await process.login("bob")
    await process.with_lease(grant.access_token, other.access_token)
    await process.revoke(grant.session)

    assert not await process.is_asked(other.access_token)
    with pytest.raises(SessionRevokedError):
        await process.validate(grant.access_token)


@played
async def test_a_second_revoke_waits_too(network: Network, kind: type[Any]) -> None:
    """An ending that finds the session ended waits as the first one does."""
    here, there, grant = await two(network, kind)
    network.end(grant.session.id)
    turning(network, there)
    assert await here.revoke(grant.session)

    assert (1, 0, 0) == here.counts
    with pytest.raises(SessionRevokedError):
        await there.validate(grant.access_token)


@played
async def test_a_renewal_of_before_is_no_answer(network: Network, kind: type[Any]) -> None:
    """A renewal that has not applied the ending is waited for, however often it comes."""
    here, there, grant = await two(network, kind)
    position = there.manager.core.cache.position

    def renew_without(_: int) -> None:
        network.clock.advance(0.25)
        entry = network.readers[there.reader.id]
        entry.position, entry.beat = position, entry.beat + 1

    network.before["readers_behind"] = renew_without
    await here.revoke(grant.session)

    assert (1, 1, 0) == here.counts


@played
async def test_the_position_waited_for_has_the_ending(network: Network, kind: type[Any]) -> None:
    """The position is one that was caught up after the write, not one of before."""
    here, there, grant = await two(network, kind)
    await here.validate(grant.access_token)
    here.turn(2)
    seen = []
    original = here.store.readers_behind

    async def watched(position: object) -> Any:
        seen.append(position)
        return await original(position)

    here.store.readers_behind = watched
    turning(network, there, at=1)
    await here.revoke(grant.session)

    assert [(await here.store.changes(None)).position] == seen


@played
async def test_a_reader_that_left_delays_nobody(network: Network, kind: type[Any]) -> None:
    """A process that has renounced is not waited for, and asks for itself."""
    here, there, grant = await two(network, kind)
    there.run()
    before = network.calls["readers_behind"]
    await here.revoke(grant.session)

    assert before + 1 == network.calls["readers_behind"]
    assert (0, 0, 0) == here.counts
    with pytest.raises(SessionRevokedError):
        await there.validate(grant.access_token)


@played
async def test_any_manager_waits(network: Network, kind: type[Any]) -> None:
    """A manager that asks, or follows, waits for the processes that hold leases too."""
    for policy in ({"max_staleness": 0}, {"max_staleness": 1}):
        here, there = Process(network, kind, **policy), Process(network, kind)
        grant = await here.login("ada")
        await there.with_lease(grant.access_token)
        turning(network, there)
        await here.revoke(grant.session)

        assert 1 == here.counts[0]
        with pytest.raises(SessionRevokedError):
            await there.validate(grant.access_token)
        there.run()


@played
async def test_nobody_has_ever_taken_a_lease(network: Network, kind: type[Any]) -> None:
    """Where no process ever took a lease, a manager without one waits for none, in no history."""
    network.seasoned = None
    here = Process(network, kind, max_staleness=0)
    grant = await here.login("ada")
    await here.revoke(grant.session)

    assert (0, 0, 0) == here.counts
    assert "asking" == here.manager.core.metrics().way


@pytest.mark.parametrize("manager", [SessionManager, AsyncSessionManager])
@pytest.mark.parametrize("location", ["memory://", "sqlite"])
def test_a_store_with_a_mark_waits_for_nobody(
    manager: type[Any], location: str, tmp_path: Any
) -> None:
    """On memory and SQLite acknowledged=True is accepted: their mark keeps the promise."""
    where = location if location == "memory://" else tmp_path / "s.db"
    sessions = manager(where, keys=SECRET, policy=Policy(acknowledged=True))

    async def scenario() -> None:
        grant = await done(sessions.login("ada"))
        await done(sessions.validate(grant.access_token))
        await done(sessions.revoke(grant.session))
        with pytest.raises(SessionRevokedError):
            await done(sessions.validate(grant.access_token))
        metrics = sessions.core.metrics()
        assert ("asking", "none", 0) == (metrics.way, metrics.lease, metrics.waits)
        await done(sessions.close())

    asyncio.run(scenario())


def test_an_unmarked_store_without_leases_asks() -> None:
    """A store that has neither mark nor leases is asked each time, under any policy."""

    class Bare(LeasedStore):
        renew = None  # type: ignore[assignment]

    async def scenario() -> None:
        process = Process(Network(), BlockingByHand)
        sessions = SessionManager(
            Bare(process.network), keys=SECRET, policy=Policy(acknowledged=True)
        )
        token = sessions.login("ada").access_token
        sessions.validate(token)
        before = process.network.calls["changes"]
        sessions.validate(token)
        assert before + 1 == process.network.calls["changes"]
        assert ("asking", "none") == (sessions.metrics().way, sessions.metrics().lease)

    asyncio.run(scenario())


def test_old_tokens_end_with_a_step_up() -> None:
    """After a step-up returned, the token of before is refused in the other process."""

    async def scenario() -> None:
        network = Network()
        network.seasoned = network.history
        here, there, grant = await two(network, BlockingByHand)
        turning(network, there)
        await here.step_up(grant.access_token, amr=("otp",))
        with pytest.raises(TokenExpiredError):
            await there.validate(grant.access_token)

    asyncio.run(scenario())
