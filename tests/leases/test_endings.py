"""LAW: an ending returns once no process answers from a memory of before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from _network import (
    LEASE,
    OVER,
    SECRET,
    AwaitingByHand,
    BlockingByHand,
    LeasedStore,
    Network,
    Process,
    done,
    played,
)

from devsess import (
    AsyncSessionManager,
    Client,
    Event,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.errors import InvalidSessionError

TEN = {"acknowledged": True, "lease": 10}

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


async def two(network: Network, kind: type[Any]) -> tuple[Process, Process, Any]:
    """A process that ends, another that holds a lease and knows the session, and its grant."""
    here, there = Process(network, kind), Process(network, kind)
    grant = await here.login("ada")
    await there.with_lease(grant.access_token)
    return here, there, grant


def turning(network: Network, *processes: Process, at: int = 3) -> None:
    """Have *processes* hear at the third question of the one that waits."""
    asked = network.calls["readers_behind"]

    def turn(number: int) -> None:
        if number == asked + at:
            for process in processes:
                process.turn(2)

    network.before["readers_behind"] = turn


def passing(network: Network, seconds: float = 0.25) -> list[float]:
    """Let time pass at each question; the instants of the questions."""
    asked: list[float] = []

    def tick(_: int) -> None:
        network.clock.advance(seconds)
        asked.append(network.clock.elapsed())

    network.before["readers_behind"] = tick
    return asked


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


# The history.


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


# Failure.


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


# The dead.


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


# Other ways, other stores.


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
