"""A reader and a follower by themselves, over a register that answers what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define, field

from devsess import Policy
from devsess._runtime.cache import Cache
from devsess._runtime.leases import Follower, Reader, TimedLeases
from devsess._runtime.observed import Counts, Observed, over_after
from devsess.metrics import CallTimes
from devsess.stores.base import Changes
from devsess.stores.capabilities import Behind, Renewal

LEASE = 2.0
OVER = over_after(LEASE)
ALONE = Behind({}, "first", True, LEASE)
HERE = Renewal(Changes("p1", ()), "first")


@define
class Register:
    """The answers of a store, and what it was asked."""

    behind: Behind = ALONE
    renewal: Renewal = HERE
    calls: list[tuple[Any, ...]] = field(factory=list)
    during_renew: Callable[[], object] = object

    async def changes(self, position: object) -> Changes:
        self.calls.append(("changes", position))
        return self.renewal.changes

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        self.calls.append(("renew", reader, position, lease))
        self.during_renew()
        return self.renewal

    async def leave(self, reader: str) -> None:
        self.calls.append(("leave", reader))

    async def readers_behind(self, position: object) -> Behind:
        self.calls.append(("readers_behind", position))
        return self.behind

    async def expel(self, reader: str, beat: int) -> None:
        self.calls.append(("expel", reader, beat))

    async def season(self, history: str) -> None:
        self.calls.append(("season", history))

    async def wait(self, seconds: float) -> None:
        self.calls.append(("wait", seconds))

    def grow(self, position: str) -> None:
        """The log goes on to that position."""
        self.renewal = Renewal(Changes(position, ()), "first")

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """The calls of that name so far, which are forgotten."""
        found = [call for call in self.calls if call[0] == name]
        self.calls = [call for call in self.calls if call[0] != name]
        return found


class Hands:
    """A reader, its register, its memory, and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.register = Register()
        self.cache = Cache(Policy(), lambda: self.now)
        self.cache.answer_under_leases(LEASE)
        self.counts = Counts()
        self.observed = Observed(self.register, LEASE, lambda: self.now, self.counts)
        self.reader = self.another()

    def another(self) -> Reader:
        """The reader of the next feed."""
        return Reader(self.register, self.cache, LEASE, lambda: self.now, self.observed)

    async def turn(self, now: float) -> list[tuple[Any, ...]]:
        """Renew and observe at that time; the questions after the others."""
        self.now = now
        await self.reader.renew()
        await self.reader.observe()
        return self.register.asked("readers_behind")

    async def settle(self) -> None:
        """Hear of all that the log has, acknowledge it, and see that the others have."""
        asked = [len(await self.turn(now)) for now in (0.0, 1.0, 2.0)]
        assert [1, 0, 1] == asked


def played(scenario: Callable[[Hands], Awaitable[None]]) -> Callable[[], None]:
    """A test from a scenario."""

    def test() -> None:
        async def run() -> None:
            await scenario(Hands())

        asyncio.run(run())

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


@played
async def test_a_new_reader_observes(hands: Hands) -> None:
    """Also before it has renewed; it seasons nothing then, since it knows no history."""
    hands.register.behind = Behind({}, "first", False, LEASE)
    await hands.reader.observe()

    assert 1 == len(hands.register.asked("readers_behind"))
    hands.now = OVER
    await hands.reader.observe()
    assert [] == hands.register.asked("season")


@played
async def test_others_are_observed_until_all_have_heard(hands: Hands) -> None:
    """Once nobody is behind in a seasoned history, no question is asked until the log grows."""
    await hands.settle()
    for now in (20.0, 30.0, 40.0):
        assert [] == await hands.turn(now)


@played
async def test_a_growth_is_observed_some_time_after(hands: Hands) -> None:
    """A quarter of a lease after the log has grown, and not before: others have yet to hear."""
    await hands.settle()
    hands.register.grow("p2")
    for now in (10.0, 10.0, 10.0 + LEASE / 4.5):  # it hears of it, and acknowledges it
        assert [] == await hands.turn(now)
    assert [("readers_behind", "p2")] == await hands.turn(10.0 + LEASE / 4)
    assert [] == await hands.turn(10.0 + LEASE)


@played
async def test_a_log_that_grows_all_the_time_is_observed(hands: Hands) -> None:
    """Growth puts off no observation that is due already."""
    await hands.turn(0.0)
    asked = 0
    for number in range(40):
        hands.register.grow(f"p{number}")
        asked += len(await hands.turn(0.1 * number))

    assert 4 <= asked <= 10


@played
async def test_a_reader_is_dead_after_its_lease(hands: Hands) -> None:
    """At the instant at which a lease is over by every clock, and not before."""
    hands.register.behind = Behind({"other": 7, hands.reader.id: 1}, "first", True, LEASE)
    await hands.turn(0.0)
    await hands.turn(OVER - 0.001)
    assert [] == hands.register.asked("expel")
    await hands.turn(OVER - 0.001 + LEASE / 4)
    assert [("expel", "other", 7)] == hands.register.asked("expel")
    assert 1 == hands.counts.expelled


@played
async def test_a_lease_is_over_at_its_instant(hands: Hands) -> None:
    """A beat that has stood still for exactly so long is a dead reader's."""
    hands.register.behind = Behind({"other": 7}, "first", False, LEASE)
    await hands.turn(0.0)
    await hands.turn(OVER)

    assert [("expel", "other", 7)] == hands.register.asked("expel")
    assert [("season", "first")] == hands.register.asked("season")


LONGEST = {"its own": 0.0, "another's": 3 * LEASE}


@pytest.mark.parametrize("longest", LONGEST.values(), ids=LONGEST)
def test_the_longest_lease_counts(longest: float) -> None:
    """A reader is alive for as long as any lease may last: its own, or what the store knows."""

    async def scenario(hands: Hands) -> None:
        hands.register.behind = Behind({"other": 7}, "first", False, longest)
        over = over_after(max(longest, LEASE))
        await hands.turn(0.0)
        await hands.turn(over - 0.6)
        assert [] == hands.register.asked("expel") + hands.register.asked("season")
        await hands.turn(over)
        assert [("expel", "other", 7)] == hands.register.asked("expel")

    played(scenario)()


@played
async def test_only_the_known_history_is_seasoned(hands: Hands) -> None:
    """A history that began between the renewal and the question is not old, and stays young."""
    await hands.turn(0.0)
    hands.register.behind = Behind({}, "second", False, LEASE)
    hands.register.grow("p2")
    for number in range(1, 9):
        await hands.turn(number * OVER)

    assert [] == hands.register.asked("season")


@played
async def test_a_reader_that_has_stopped_takes_no_lease(hands: Hands) -> None:
    """An answer that comes after `stop` grants nothing, and asks for no acknowledgement."""
    hands.register.renewal = Renewal(Changes("p1", ("s1",)), "first")
    assert await hands.reader.renew()
    assert hands.cache.holds_lease
    hands.register.during_renew = hands.reader.stop

    assert not await hands.reader.renew()
    assert not hands.cache.holds_lease
    await hands.reader.leave()
    assert [("leave", hands.reader.id)] == hands.register.asked("leave")


class Watched(Cache):
    """Notes whether the lease ran when the answer to a renewal had been dealt with."""

    ran: bool

    def renewed(self, *args: Any) -> None:
        super().renewed(*args)
        self.ran = self.holds_lease


@played
async def test_a_reader_that_stops_between_answer_and_lease_keeps_none(hands: Hands) -> None:
    """The thread of another loop may stop it just then, and it leaves: no instant is its own."""

    def elapsed() -> float:
        if hands.register.calls:  # the answer is there
            hands.reader.stop()
        return hands.now

    hands.cache = cache = Watched(Policy(), lambda: hands.now)
    cache.answer_under_leases(LEASE)
    hands.observed = Observed(hands.register, LEASE, elapsed, hands.counts)
    hands.reader = hands.another()
    await hands.reader.renew()

    assert not cache.ran
    assert not cache.holds_lease


@played
async def test_the_next_reader_knows_what_the_last_one_saw(hands: Hands) -> None:
    """Where each event loop lasts for a request, none alone sees the end of a lease."""
    hands.register.behind = Behind({"other": 7}, "first", False, LEASE)
    for number in range(6):
        hands.reader = hands.another()
        await hands.turn(number * LEASE / 4)
        hands.reader.stop()

    assert [("expel", "other", 7)] == hands.register.asked("expel")
    assert [("season", "first")] == hands.register.asked("season")


@played
async def test_a_reader_that_has_stopped_observes_no_more(hands: Hands) -> None:
    """A late answer of its own takes nothing from what the next one has seen."""
    hands.register.behind = Behind({"other": 7}, "first", False, LEASE)
    await hands.turn(0.0)
    hands.reader.stop()
    await hands.turn(OVER)

    assert [] == hands.register.asked("expel") + hands.register.asked("season")


@played
async def test_a_follower_catches_up(hands: Hands) -> None:
    """It reads the log, acknowledges nothing, and nobody waits for it."""
    cache = Cache(Policy(max_staleness=1), lambda: hands.now)
    follower = Follower(hands.register, cache)

    assert await follower.renew() is False
    assert "p1" == cache.position
    assert [("changes", None)] == hands.register.asked("changes")
    await follower.observe()
    await follower.leave()
    follower.stop()
    follower.disown()
    assert [] == hands.register.calls


@played
async def test_each_call_of_the_register_is_counted(hands: Hands) -> None:
    """By its name and its seconds, but for a wait, which lasts."""
    times = CallTimes()
    timed = TimedLeases(hands.register, times)
    assert hands.register.renewal.changes == await timed.changes("p0")
    assert hands.register.renewal == await timed.renew("r", "p0", lease=LEASE)
    assert ALONE == await timed.readers_behind("p0")
    await timed.leave("r")
    await timed.expel("r", 7)
    await timed.season("first")
    await timed.wait(0.5)

    calls = times.calls()
    assert ["changes", "expel", "leave", "readers_behind", "renew", "season"] == [*calls]
    assert {1} == {it.count for it in calls.values()}
    assert all(0.0 < it.seconds < 60.0 for it in calls.values())
    assert [
        *(("changes", "p0"), ("renew", "r", "p0", LEASE), ("readers_behind", "p0")),
        *(("leave", "r"), ("expel", "r", 7), ("season", "first"), ("wait", 0.5)),
    ] == hands.register.calls
