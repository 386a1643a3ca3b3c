"""The stores on a network against the memory store: after any operations, they answer alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from servers.valkey import with_prefix
from test_stores_agree import StoresAgree

from devsess._runtime.drive import drive
from devsess.stores.base import Ending
from devsess.stores.mongodb import MongoStore
from devsess.stores.postgres import PostgresStore
from devsess.stores.redis import RedisStore
from devsess.stores.rows import EventRow

if TYPE_CHECKING:
    from servers.mongo import Server
    from servers.postgres import PostgresServer, Schemas

PATIENCE = 60.0

pytestmark = pytest.mark.thorough


class Driven:
    """A store over its blocking port, as one that blocks."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*arguments: Any, wait: bool = True, **named: Any) -> Any:
            del wait
            return drive(method(*arguments, **named))

        return call


class NetworkStoreAgrees(StoresAgree):
    """The same rules, for a store that *make* makes."""

    counts_alike = False

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make_other = make
        super().__init__()

    def other(self) -> Any:
        """See StoresAgree.other."""
        return Driven(self._make_other())

    def both(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """See StoresAgree.both; no event has the address of a session that is still to come."""
        args = tuple(self._possible(it) for it in args)
        kwargs = {name: self._possible(it) for name, it in kwargs.items()}
        return super().both(method, *args, **kwargs)

    def _possible(self, argument: Any) -> Any:
        if isinstance(argument, Ending):
            return evolve(argument, event=self._possible(argument.event))
        if not isinstance(argument, EventRow) or argument.session_id is None:
            return argument
        is_there = self.stores[0].get(argument.session_id) is not None
        return argument if is_there else evolve(argument, ip=argument.network)


def _agree(make: Callable[[], Any], examples: int) -> None:
    how = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )

    class Machine(NetworkStoreAgrees):
        def __init__(self) -> None:
            super().__init__(make)

    run_state_machine_as_test(Machine, settings=how)


def test_redis_agrees(valkey_url: str) -> None:
    """Each script does what the memory store does."""
    _agree(lambda: RedisStore(with_prefix(valkey_url), timeout=PATIENCE), 40)


def test_postgres_agrees(postgres: PostgresServer, postgres_schemas: Schemas) -> None:
    """Each transaction does what the memory store does."""

    def make() -> PostgresStore:
        postgres_schemas.give_back()  # that of the example before
        schema = postgres_schemas.take()
        return PostgresStore(postgres.url(), schema=schema, timeout=PATIENCE)

    _agree(make, 40)
    postgres_schemas.give_back()


def test_mongodb_agrees(isolated_mongo: Server) -> None:
    """Each transaction and each write of one document does what the memory store does."""
    _agree(lambda: MongoStore(isolated_mongo.place()), 6)
