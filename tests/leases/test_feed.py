"""A feed by itself: when it renews, listens, pauses and ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from devsess import StoreUnavailableError
from devsess._runtime.feed import Feed

LEASE = 2.0


class Member:
    """A member whose renewals fail or succeed as a test says."""

    is_registered = True

    def __init__(self) -> None:
        self.failures: list[Exception | None] = []
        self.did: list[str] = []

    async def renew(self) -> bool:
        self.did.append("renew")
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return False

    async def observe(self) -> None:
        self.did.append("observe")

    def stop(self) -> None:
        self.did.append("stop")

    async def leave(self) -> None:
        self.did.append("leave")

    def disown(self) -> None: ...


class Pace:
    """Pauses that take no time."""

    def __init__(self) -> None:
        self.is_over = False
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Turning:
    """A feed with all that it needs."""

    def __init__(self, span: float = LEASE, error: Exception | None = None) -> None:
        self.member, self.pace, self.error = Member(), Pace(), error
        self.used = 0
        self.waited: list[float] = []
        self.was_waiting: list[bool] = []
        self.feed = Feed(
            self.member, self._wait, self.pace, span, lambda: self.used, lambda: float(self.used)
        )

    async def _wait(self, seconds: float) -> None:
        self.was_waiting.append(self.feed.is_waiting)
        self.waited.append(seconds)
        self.used += 1
        if len(self.waited) == 5:
            self.pace.is_over = True
        if self.error is not None:
            raise self.error


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What devsess logs meanwhile."""
    records: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler = Keeping()
    logging.getLogger("devsess").addHandler(handler)
    yield records
    logging.getLogger("devsess").removeHandler(handler)


@pytest.mark.parametrize(("span", "wait"), [(2.0, 0.5), (60.0, 0.5), (0.9, 0.3)])
def test_a_feed_listens_for_a_third_of_its_span(span: float, wait: float) -> None:
    """At most half a second: closing waits for its end. Only then it may be cancelled."""
    turning = Turning(span)
    assert not turning.feed.is_waiting
    asyncio.run(turning.feed.turn())

    assert [pytest.approx(wait)] == turning.waited
    assert [True] == turning.was_waiting
    assert not turning.feed.is_waiting


@pytest.mark.parametrize(("span", "pause"), [(2.0, 0.1), (0.15, 0.05)])
def test_a_deaf_feed_pauses(span: float, pause: float, logged: list[str]) -> None:
    """Where nothing can be heard it renews after a pause; a store's failure is not logged."""
    turning = Turning(span, StoreUnavailableError("deaf"))
    asyncio.run(turning.feed.turn())

    assert [pytest.approx(pause)] == turning.pace.slept
    assert [] == logged
    turning.error = OSError("a fault of ours")
    asyncio.run(turning.feed.turn())
    assert ["the feed of the change log failed; it tries again"] == logged


def test_a_feed_ends_when_it_must(logged: list[str]) -> None:
    """It renews while it may, though memory is in use; then it stops, and leaves."""
    turning = Turning()
    asyncio.run(turning.feed.run())

    assert [*["renew", "observe"] * 5, "stop", "leave"] == turning.member.did
    assert [] == logged


def test_a_feed_that_is_not_used_ends() -> None:
    """After two spans without a validation, and not before."""
    turning = Turning()
    now = iter([0.0, 1.0, 4.9, 5.0, 9.0])
    turning.feed._elapsed = lambda: next(now)
    turning.feed._used_at = 1.0
    turning.feed._uses = lambda: 0
    asyncio.run(turning.feed.run())

    assert 3 == turning.member.did.count("renew")


def test_failures_are_logged_once_a_time(logged: list[str]) -> None:
    """The first of a row of failures is logged; each pauses longer, and a success ends the row."""
    turning = Turning()
    fault = ValueError("a fault of ours")
    turning.member.failures = [fault, fault, fault, None, fault, None, fault]

    async def scenario() -> None:
        for _ in range(7):
            await turning.feed.turn()

    asyncio.run(scenario())

    assert ["the feed of the change log failed; it tries again"] * 3 == logged
    assert [0.05, 0.1, 0.2, 0.05, 0.05] == turning.pace.slept


def test_a_pause_may_be_cancelled() -> None:
    """While it pauses after a failure nothing is under way; while it renews something is."""
    turning = Turning()
    turning.member.failures = [StoreUnavailableError("down")]
    seen = []

    async def sleep(seconds: float) -> None:
        seen.append(turning.feed.is_waiting)

    turning.pace.sleep = sleep  # type: ignore[method-assign]
    asyncio.run(turning.feed.turn())

    assert [True] == seen
    assert not turning.feed.is_waiting


def test_a_store_may_be_down_for_long(logged: list[str]) -> None:
    """The pauses grow to a second, and not beyond, however often it fails."""
    turning = Turning()
    turning.member.failures = [StoreUnavailableError("down")] * 1_200

    async def scenario() -> None:
        for _ in range(1_200):
            await turning.feed.turn()

    asyncio.run(scenario())

    assert {1.0} == {*turning.pace.slept[5:]}
    assert [] == logged
