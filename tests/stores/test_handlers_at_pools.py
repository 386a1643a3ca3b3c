"""LAW: over a server too, a handler of signals waits for nothing that its own thread holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg_pool
import pytest
from attrs import frozen
from servers.striking import PATIENCE, Struck, Work, at_each_line, outcome_of
from servers.valkey import with_prefix
from sqlalchemy.pool import impl

from devsess import (
    Policy,
    Session,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess._runtime.drive import drive
from devsess.stores.mongodb import MongoStore
from devsess.stores.postgres import LimitedConnection, PostgresStore
from devsess.stores.redis import RedisStore
from devsess.stores.redis.lines import Server
from devsess.stores.redis.topology import Sentinels
from devsess.stores.sqlalchemy import SQLAlchemyStore

if TYPE_CHECKING:
    from _sqlalchemy import Databases
    from servers.mongo import Server as MongoServer
    from servers.postgres import PostgresServer, Schemas

    from devsess import Grant

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
AT_ONCE = "this thread is using"

MakeStore: TypeAlias = Callable[..., Any]


@frozen
class Kind:
    """
    A kind of store.

    Attributes:
        make: Makes a store on data that is the same for all of a test.
        files: Those of its modules in which a connection is taken and given back.
        answers: Whether a handler has its answer while its thread asks, by another connection.
        step: Which lines of longer calls a handler comes at when thorough; more than 1 where they
            take long.
    """

    make: MakeStore
    files: tuple[str, ...]
    answers: bool = True
    step: int = 1


def _postgres(request: pytest.FixtureRequest) -> Iterator[Kind]:
    server: PostgresServer = request.getfixturevalue("postgres")
    schemas: Schemas = request.getfixturevalue("postgres_schemas")
    schema = schemas.take()
    files = "stores/postgres/pools.py", "stores/postgres/ports.py", "stores/postgres/lending.py"
    yield Kind(lambda **how: PostgresStore(server.url(), schema=schema, **how), files)
    schemas.give_back()


def _redis(request: pytest.FixtureRequest) -> Iterator[Kind]:
    url = with_prefix(request.getfixturevalue("valkey_url"))
    yield Kind(lambda **how: RedisStore(url, **how), ("stores/redis/blocking.py",))


def _mongodb(request: pytest.FixtureRequest) -> Iterator[Kind]:
    server: MongoServer = request.getfixturevalue("mongo")
    place = server.place()
    yield Kind(
        lambda **how: MongoStore(place, **{it: how[it] for it in how if it != "pool_size"}),
        ("stores/mongodb/ports.py", "stores/mongodb/opened.py"),
        answers=False,
        step=29,
    )


def _sqlalchemy(request: pytest.FixtureRequest) -> Iterator[Kind]:
    databases: Databases = request.getfixturevalue("postgres_tables")
    prefix = databases.take()

    def make(timeout: float, **_: object) -> SQLAlchemyStore:
        return SQLAlchemyStore(databases.engine, prefix=prefix, timeout=timeout)

    files = "stores/sqlalchemy/ports.py", "stores/sqlalchemy/deadlines.py", impl.__file__
    yield Kind(make, files, answers=False, step=3)
    databases.give_back()


KINDS = {"postgres": _postgres, "redis": _redis, "mongodb": _mongodb, "sqlalchemy": _sqlalchemy}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    yield from KINDS[request.param](request)


@pytest.fixture
def step(kind: Kind, thorough: bool) -> int:
    """Which lines of longer calls a handler comes at."""
    return kind.step if thorough else max(kind.step, 5)


@pytest.fixture(params=["postgres", "redis"])
def pooled(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """Those whose pools are ours."""
    yield from KINDS[request.param](request)


class Naming:
    """The lines to Sentinels that name this *master*."""

    timeout = PATIENCE

    def __init__(self, master: Server) -> None:
        self._master = master

    async def exchange(self, server: Server, *_: object, is_read: bool) -> list[Any]:
        """A Sentinel's answer, or that of the master."""
        if server == self._master:
            return [[b"master"]]
        return [[self._master.host.encode(), str(self._master.port).encode()]]


def manager(kind: Kind, pool_size: int = 2, **policy: Any) -> SessionManager:
    store = kind.make(timeout=PATIENCE, pool_size=pool_size)
    return SessionManager(store, keys=SECRET, policy=Policy(cache_size=0, **policy))


def is_or_refused(answer: object, *possible: object) -> bool:
    """Whether it is one of these, or a refusal that says why it came at once."""
    is_refused = isinstance(answer, StoreUnavailableError) and AT_ONCE in str(answer)
    return is_refused or answer in possible


def serves(sessions: SessionManager, grant: Grant, threads: int) -> None:
    """Fail unless so many threads have their answers at the same time, again and again."""
    answers: list[object] = []

    def ask() -> None:
        for _ in range(5):
            answers.append(outcome_of(lambda: sessions.validate(grant.access_token).id))

    asking = [Thread(target=ask) for _ in range(threads)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert [grant.session.id] * (5 * threads) == answers


def test_a_master_is_forgotten_at_each_line_of_its_search() -> None:
    """As by a handler that had no answer."""
    master = Server("two", 2)
    lines: Any = Naming(master)

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        topology = Sentinels([Server("one", 1, is_sentinel=True)], "main")

        def search() -> Server:
            return drive(topology.server_of(b"", lines))

        def check(struck: Struck) -> None:
            assert master == struck.outcome == search()

        return search, topology.forget, check

    at_each_line(play, ("stores/redis/topology.py",))


@pytest.mark.parametrize("pool_size", [1, 2])
def test_at_each_line_of_a_read(kind: Kind, pool_size: int) -> None:
    """The handler has an answer or a refusal at once; afterwards all connections are there."""
    with closing(manager(kind, pool_size)) as sessions:
        grant = sessions.login("ada")

        def validate() -> str:
            return sessions.validate(grant.access_token).id

        def check(struck: Struck) -> None:
            assert grant.session.id == struck.outcome
            assert is_or_refused(struck.answer, grant.session.id, None)
            if kind.answers and pool_size > 1:
                assert not isinstance(struck.answer, Exception)

        at_each_line(lambda: (validate, validate, check), kind.files)
        serves(sessions, grant, pool_size)


def test_at_each_line_of_a_first_call(kind: Kind, step: int) -> None:
    """Where nothing is connected yet."""
    with closing(manager(kind)) as first:
        grant = first.login("ada")

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        sessions = manager(kind)

        def validate() -> str:
            return sessions.validate(grant.access_token).id

        def check(struck: Struck) -> None:
            assert grant.session.id == struck.outcome
            assert is_or_refused(struck.answer, grant.session.id, None)
            assert grant.session.id == validate()
            sessions.close()

        return validate, validate, check

    at_each_line(play, kind.files, step)


def test_at_each_line_of_an_ending(kind: Kind, step: int) -> None:
    """The session is live or ended to the handler, and ended to all that comes after."""
    with closing(manager(kind)) as sessions:

        def play() -> tuple[Work, Work, Callable[[Struck], object]]:
            grant = sessions.login("ada")

            def check(struck: Struck) -> None:
                assert struck.outcome is True
                is_told = isinstance(struck.answer, (Session, SessionRevokedError))
                assert is_told or is_or_refused(struck.answer, None)
                with pytest.raises(SessionRevokedError):
                    sessions.validate(grant.access_token)

            validate = lambda: sessions.validate(grant.access_token)  # noqa: E731 - as the other
            return lambda: sessions.revoke(grant.session.id), validate, check

        at_each_line(play, kind.files, step)


def test_a_handler_that_writes_waits_for_no_row(kind: Kind, step: int) -> None:
    """Its thread may have locked that: it is refused at once, or it writes."""
    with closing(manager(kind)) as sessions:

        def play() -> tuple[Work, Work, Callable[[Struck], object]]:
            grant = sessions.login("ada")

            def check(struck: Struck) -> None:
                assert struck.outcome in (True, False)
                assert is_or_refused(struck.answer, True, False, None)
                with pytest.raises(SessionRevokedError):
                    sessions.validate(grant.access_token)

            revoke = lambda: sessions.revoke(grant.session.id)  # noqa: E731 - it is both
            return revoke, revoke, check

        at_each_line(play, kind.files, step)


def test_the_last_connection_is_in_use_by_another_thread(pooled: Kind) -> None:
    """That one comes to its end, and is waited for."""
    store = pooled.make(timeout=PATIENCE, pool_size=2)
    with closing(SessionManager(store, keys=SECRET, policy=Policy(cache_size=0))) as sessions:
        grant = sessions.login("ada")
        permits = permits_of(store)
        taking = Thread(target=permits.take, args=(PATIENCE,))
        taking.start()
        taking.join()
        permits.take(PATIENCE)
        assert not permits.are_mine()
        permits.give()
        assert grant.session.id == sessions.validate(grant.access_token).id


def permits_of(store: Any) -> Any:
    if hasattr(store, "port"):
        return store.port._pool._places
    [pool] = store._port.lines._pools.values()
    return pool.room


def test_through_the_applications_own_pool(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> None:
    """A handler would wait for the connection that its thread has: it is refused before."""
    with psycopg_pool.ConnectionPool(
        postgres.url(), connection_class=LimitedConnection, min_size=1, max_size=1, open=True
    ) as pool:
        store = PostgresStore(pool=pool, schema=postgres_schemas.take(), timeout=PATIENCE)
        drive(store.migrate())
        files = "stores/postgres/ports.py", "stores/postgres/lending.py", psycopg_pool.pool.__file__
        read: Work = lambda: drive(store.get("s1"))  # noqa: E731 - it is both

        def check(struck: Struck) -> None:
            assert struck.outcome is None
            assert is_or_refused(struck.answer, None)

        at_each_line(lambda: (read, read, check), files)
        assert [None] * 3 == [read() for _ in range(3)]
    postgres_schemas.give_back()
