"""A locator that hangs, fails or answers nonsense keeps nobody out."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devsess import AsyncSessionManager, Client, Location, SessionManager
from devsess._runtime import locating
from devsess._runtime.locating import MOST_CALLS, BoundedLocator, bounded

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LAGOS = Location("Lagos", "Nigeria", 6.45, 3.39)
IP = "102.89.77.21"


class Hanging:
    """It answers once it may; it counts its calls, and remembers their threads."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked = 0
        self.threads: set[threading.Thread] = set()

    def locate(self, ip: str) -> Location:
        self.asked += 1
        self.threads.add(threading.current_thread())
        assert self.may_answer.wait(60)
        return LAGOS


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """A locator that hangs until the test is over."""
    locator = Hanging()
    yield locator
    locator.may_answer.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardly any time is waited for a locator."""
    monkeypatch.setattr(locating, "PATIENCE", 0.01)


@pytest.mark.usefixtures("impatient")
def test_a_locator_that_hangs_keeps_nobody_out(
    make: Callable[..., Any], hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither at a sign-in nor at a refresh; the session has no location, and a line is logged."""
    sessions = make(locator=hanging)
    grant = sessions.login("ada", Client(ip=IP))
    renewed = sessions.refresh(grant.refresh_token, Client(ip="102.89.77.22"))

    assert (None, None) == (grant.session.location, renewed.session.location)
    assert 2 == hanging.asked
    assert 2 == caplog.text.count("did not answer within 0.01 s")


def test_a_locator_that_hangs_is_not_asked_again_and_again(
    hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    """Once all threads hang nobody waits for it, until a call returns; then it is asked again."""
    locator = BoundedLocator(hanging, patience=0.01)
    for _ in range(3 * MOST_CALLS):
        assert None is locator.locate(IP)
    assert MOST_CALLS == hanging.asked
    assert MOST_CALLS == len(caplog.records)

    returned = [threading.Event() for _ in locator._hanging]
    for future, event in zip([*locator._hanging], returned, strict=True):
        future.add_done_callback(partial(_set, event))  # called after the locator's own
    hanging.may_answer.set()
    assert all(event.wait(60) for event in returned)
    locator._patience = 60.0
    assert LAGOS == locator.locate(IP)


def _set(event: threading.Event, _: object) -> None:
    event.set()


def test_many_calls_at_once_each_have_their_answer() -> None:
    """More than there are threads: those beyond wait for their turn."""

    class Quick:
        def locate(self, ip: str) -> Location:
            return Location(ip)

    locator = BoundedLocator(Quick(), patience=60.0)
    names = [f"city {number}" for number in range(200)]
    with ThreadPoolExecutor(32) as pool:
        assert [Location(name) for name in names] == list(pool.map(locator.locate, names))
    locator.close()


def test_a_call_that_never_began_hangs_nothing(hanging: Hanging) -> None:
    """It is taken back: only calls that run count as hanging."""
    locator = BoundedLocator(hanging, patience=0.05)
    with ThreadPoolExecutor(3 * MOST_CALLS) as pool:
        found = list(pool.map(locator.locate, [IP] * 3 * MOST_CALLS))
    assert [None] * 3 * MOST_CALLS == found
    assert MOST_CALLS == len(locator._hanging)
    hanging.may_answer.set()


@pytest.mark.parametrize("error", [TimeoutError, OSError, StopIteration])
def test_its_own_error_is_logged(
    make: Callable[..., Any], error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """A timeout of the locator's own too, with its traceback."""

    class Failing:
        def locate(self, ip: str) -> Location:
            raise error("its own")

    grant = make(locator=Failing()).login("ada", Client(ip=IP))
    assert None is grant.session.location
    assert "the locator failed; the session has no location" in caplog.text
    assert "did not answer" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        *(SystemExit, GeneratorExit, KeyboardInterrupt, asyncio.CancelledError),
        *(MemoryError, RecursionError, StopAsyncIteration),
        *(futures.CancelledError, futures.InvalidStateError),
    ],
)
def test_no_error_of_its_own_ends_a_sign_in(
    make: Callable[..., Any], error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither does one that ends a program, a task or a generator: it happens in its thread."""

    class Failing:
        def locate(self, ip: str) -> Location:
            raise error("its own")

    sessions = make(locator=Failing())
    grant = sessions.login("ada", Client(ip=IP))
    renewed = sessions.refresh(grant.refresh_token, Client(ip="102.89.77.22"))

    assert (None, None) == (grant.session.location, renewed.session.location)
    assert "the locator failed; the session has no location" in caplog.text


def test_a_locator_that_hangs_keeps_no_more_threads_than_calls(hanging: Hanging) -> None:
    """However many sign in, and however often: at once, and one after another."""
    locator = BoundedLocator(hanging, patience=0.01)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(locator.locate, [IP] * 200))
    for _ in range(200):
        locator.locate(IP)

    assert MOST_CALLS == hanging.asked == len(hanging.threads)


@pytest.mark.usefixtures("impatient")
def test_an_event_loop_goes_on_while_a_locator_hangs(hanging: Hanging) -> None:
    """Other requests are answered meanwhile."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET, locator=hanging) as sessions:
            sign_in = asyncio.create_task(sessions.login("ada", Client(ip=IP)))
            while not hanging.asked:
                await asyncio.sleep(0)
            grant = await sessions.login("bob")
            await sessions.validate(grant.access_token)
            assert (await sign_in).session.location is None

    asyncio.run(scenario())


ANSWERS: list[tuple[Any, Location | None]] = [
    (LAGOS, LAGOS),
    ("Lagos", None),
    ({"city": "Lagos"}, None),
    (Location(), None),
    (Location("x" * 1_000_000, "Nigeria"), Location(country="Nigeria")),
    (Location("Lagos", latitude=float("nan"), longitude=3.39), Location("Lagos")),
    (Location("Lagos", latitude=6.45, longitude=1e9), Location("Lagos")),
    (Location("Lagos\x1b[2J", accuracy_km=-1), Location("Lagos[2J")),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS, ids=lambda it: str(it)[:20])
def test_an_absurd_answer_is_not_stored(
    make: Callable[..., Any], answer: Any, expected: Location | None
) -> None:
    """Values that no place has are dropped, and no location is none: the row can be read again."""

    class Answering:
        never_waits = True

        def locate(self, ip: str) -> Any:
            return answer

    sessions = make(locator=Answering())
    grant = sessions.login("ada", Client(ip=IP))
    assert expected == grant.session.location
    assert expected == sessions.get(grant.session.id).location


def test_a_locator_that_never_waits_is_asked_in_place() -> None:
    """In the thread of the caller; any other in a thread of devsess's own."""

    class Asked:
        def __init__(self, never_waits: object) -> None:
            self.never_waits = never_waits
            self.name = ""

        def locate(self, ip: str) -> None:
            self.name = threading.current_thread().name

    for says, expected in ((True, threading.current_thread().name), (False, "devsess-locate")):
        locator = Asked(says)
        with SessionManager("memory://", keys=SECRET, locator=locator) as sessions:
            sessions.login("ada", Client(ip=IP))
        assert expected == locator.name
    assert None is bounded(None)


def test_a_closed_manager_keeps_no_threads() -> None:
    """The threads of its locator end once their calls return."""
    locator = Hanging()
    locator.may_answer.set()
    with SessionManager("memory://", keys=SECRET, locator=locator) as sessions:
        sessions.login("ada", Client(ip=IP))
    for thread in locator.threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_forked_child_begins_anew(hanging: Hanging) -> None:
    """Calls that hang in the parent are not calls of the child."""
    locator = BoundedLocator(hanging, patience=0.01)
    for _ in range(MOST_CALLS):
        locator.locate(IP)
    if (child := os.fork()) == 0:
        hanging.may_answer = threading.Event()
        hanging.may_answer.set()
        locator._patience = 60.0
        os._exit(0 if locator.locate(IP) == LAGOS else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_bounds_are_those_of_the_documents() -> None:
    """A second, and eight calls."""
    page = (Path(__file__).parents[2] / "docs" / "locations.md").read_text("utf-8")
    assert (1.0, 8) == (locating.PATIENCE, MOST_CALLS)
    assert "no longer than a\nsecond" in page
    assert "Once eight calls hang" in page
