"""Processes that write to one account at once: limits hold, refreshes meet, no ending is outrun."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _postgres import with_store
from _postgres_racer import LOGINS, THREADS, manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore
    from devsess.stores.rows import SessionRow

RACER = str(Path(__file__).parent / "_postgres_racer.py")
PROCESSES = 2


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    yield postgres_schemas.take()
    postgres_schemas.give_back()


class Race:
    """Processes that have begun; `results` waits for their end."""

    def __init__(self, url: str, schema: str, move: str, token: str, count: int) -> None:
        arguments = [sys.executable, RACER, url, schema, move, token]
        pipe = subprocess.PIPE
        self.racers = [
            subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) for _ in range(count)
        ]

    def begin(self) -> None:
        """Wait for all, and let them go."""
        for racer in self.racers:
            assert racer.stdout is not None
            assert "ready\n" == racer.stdout.readline()
        for racer in self.racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()

    def are_running(self) -> bool:
        """Whether any has not ended."""
        return any(racer.poll() is None for racer in self.racers)

    def results(self) -> list[str]:
        """What all have printed."""
        outputs = [racer.communicate(timeout=60)[0] for racer in self.racers]
        assert [0] * len(self.racers) == [racer.returncode for racer in self.racers]
        return [it for output in outputs for it in json.loads(output)]


@contextmanager
def race(url: str, schema: str, move: str, token: str, count: int = PROCESSES) -> Iterator[Race]:
    """A race that is over with its test."""
    running = Race(url, schema, move, token, count)
    try:
        running.begin()
        yield running
    finally:
        for racer in running.racers:
            racer.kill()
            racer.communicate()


def _rows(url: str, schema: str, user_id: str) -> list[SessionRow]:
    async def read(store: PostgresStore) -> list[SessionRow]:
        return await store.list(user_id)

    return with_store(url, schema, read, timeout=30.0)


@pytest.mark.parametrize("move", ["reject", "evict"])
def test_limits_hold(postgres: PostgresServer, schema: str, move: str, thorough: bool) -> None:
    """However many sign in at once, three sessions live; those that were let in are these."""
    count = 8 if thorough else PROCESSES
    with race(postgres.url(), schema, move, "ada", count) as racing:
        made = racing.results()
    found = _rows(postgres.url(), schema, "ada")
    live = [row.id for row in found if row.revoked_at is None]

    assert 3 == len(live)
    assert {*made} == {row.id for row in found}
    assert (3 if move == "reject" else count * THREADS * LOGINS) == len(found)


def test_refreshes_meet(postgres: PostgresServer, schema: str, thorough: bool) -> None:
    """All that present one token at once get one successor, which works."""
    with manager(postgres.url(), schema) as sessions:
        token = sessions.login("ada").refresh_token
        for _ in range(9 if thorough else 1):
            with race(postgres.url(), schema, "refresh", token) as racing:
                found = racing.results()
            assert PROCESSES * THREADS == len(found)
            assert 1 == len({*found})
            [token] = {*found}
        assert sessions.refresh(token).session.user_id == "ada"


@pytest.mark.parametrize("kind", ["account", "everyone"])
def test_no_ending_is_outrun(postgres: PostgresServer, schema: str, kind: str) -> None:
    """Once an ending has returned, no session lives that began before it."""
    endings = 0
    with manager(postgres.url(), schema) as sessions:
        with race(postgres.url(), schema, "login", "ada") as racing:
            while racing.are_running():
                if kind == "account":
                    sessions.revoke_all("ada")
                else:
                    sessions.revoke_everyone(reason="test")
                endings += 1
                assert [] == _outran(postgres, schema)
            made = racing.results()
        assert [] == _outran(postgres, schema)
    assert endings
    assert made


def _outran(postgres: PostgresServer, schema: str) -> list[str]:
    """The sessions that live under a number lower than the one that binds them, by the rows."""
    found = postgres.ask(
        f"SELECT s.id FROM {schema}.sessions s WHERE s.revoked_at IS NULL AND s.ending_number <"
        f" (SELECT greatest((SELECT ending_number FROM {schema}.meta),"
        f" (SELECT ending_number FROM {schema}.accounts WHERE user_id = s.user_id)))"
    )
    return [session_id for (session_id,) in found]
