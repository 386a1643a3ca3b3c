"""LAW: what processes do at the same moment comes out as if one had come after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest
from _redis import PATIENCE, run
from _redis_racer import LIMIT, SECRET, race
from servers.valkey import ValkeyCluster, with_prefix

from devsess import SessionManager
from devsess.stores.redis import RedisStore
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

RACERS = 4
ROUNDS = 15

Together = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def racers() -> Iterator[list[Connection]]:
    """The pipes to four processes."""
    context = get_context("forkserver")  # one process imports for all
    context.set_forkserver_preload(["_redis_racer"])
    barrier = context.Barrier(RACERS)
    pipes = [context.Pipe() for _ in range(RACERS)]
    processes = [
        context.Process(target=race, args=(barrier, theirs), daemon=True) for _, theirs in pipes
    ]
    for process in processes:
        process.start()
    yield [ours for ours, _ in pipes]
    for ours, _ in pipes:
        ours.send(None)
    for process in processes:
        process.join(PATIENCE)
    assert [0] * RACERS == [process.exitcode for process in processes]
    for pipe in (end for pair in pipes for end in pair):
        pipe.close()


@pytest.fixture(params=["one server", pytest.param("cluster", marks=pytest.mark.thorough)])
def url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    """The URL of a store of the test's own."""
    if request.param == "one server":
        return with_prefix(valkey_url)
    cluster: ValkeyCluster = request.getfixturevalue("valkey_cluster")
    return with_prefix(cluster.url)


@pytest.fixture
def together(url: str, racers: list[Connection]) -> Iterator[Together]:
    """Send each process its move, and give their answers."""
    for pipe in racers:
        pipe.send(url)

    def together(*moves: tuple[object, ...]) -> list[Any]:
        for pipe, move in zip(racers, moves, strict=True):
            pipe.send(move)
        assert all(pipe.poll(60) for pipe in racers)
        return [pipe.recv() for pipe in racers]

    yield together
    for pipe in racers:
        pipe.send(None)


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    store = RedisStore(url, timeout=PATIENCE)
    yield store
    run(store.close())


def _live(store: RedisStore, user_id: str = "user-1") -> set[str]:
    return {row.id for row in run(store.list(user_id)) if row.revoked_at is None}


def test_a_limit_holds(store: RedisStore, together: Together) -> None:
    """However many sign in at once, no more sessions live than the limit allows."""
    for number in range(ROUNDS):
        ids = together(*[("login", "ada")] * RACERS)
        assert RACERS == len(set(ids))
        assert min(LIMIT, (number + 1) * RACERS) == len(_live(store, "ada"))
        assert _live(store, "ada") <= set(ids)


def test_refreshes_converge(url: str, together: Together) -> None:
    """Of four that refresh one token one rotates, and all get the same successor."""
    with SessionManager(url, keys=SECRET) as sessions:
        token = sessions.login("ada").refresh_token
        for _ in range(ROUNDS):
            answers = together(*[("refresh", token)] * RACERS)

            assert Counter({True: 3, False: 1}) == Counter(replayed for _, replayed in answers)
            [token] = {successor for successor, _ in answers}


@pytest.mark.parametrize("who", ["user-1", "everyone"])
@pytest.mark.parametrize("at_once", [0, 1_000])
def test_no_sign_in_outruns_an_ending(
    who: str, at_once: int, store: RedisStore, together: Together
) -> None:
    """A row of a number from before the ending is refused, or ended with the others."""
    seen = set()
    for number in range(ROUNDS):
        before = run(store.ending_number("user-1"))
        names = [f"s{number}-{each}" for each in range(RACERS - 1)]
        *inserted, _ = together(
            *[("insert", name, before) for name in names], ("end", who, at_once)
        )
        seen.update(inserted)

        assert set() == _live(store)
    assert seen <= {"Inserted(ended=())", "Refused.CUT_OFF"}


def test_one_id_is_written_once(store: RedisStore, together: Together) -> None:
    """Of four rows of the same id one is written."""
    for number in range(ROUNDS):
        answers = together(*[("insert", f"s{number}", 0)] * RACERS)

        assert {"Inserted(ended=())": 1, "ValueError": 3} == Counter(answers)
    assert ROUNDS == len(_live(store))


def test_of_two_ports_each_reads_what_the_other_wrote(url: str) -> None:
    """Blocking and awaited stores share all data."""
    blocking, awaiting = RedisStore(url), RedisStore(url, is_awaited=True)

    async def scenario() -> None:
        await sign_in(blocking, session_row("a"))
        await sign_in(awaiting, session_row("b"))
        for store in (blocking, awaiting):
            assert [session_row("a"), session_row("b")] == await store.list("user-1")
        for store in (blocking, awaiting):
            await store.close()

    run(scenario())
