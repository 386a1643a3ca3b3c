"""A primary and its standby: no row is read from the one, and a failover is another history."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _postgres import LATE, TIMEOUT, both_ports, filled, with_store
from servers.postgres import PostgresServer, new_schema, running

from devsess import Policy, SessionManager, SessionRevokedError
from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL, ById
from devsess.stores.postgres import PostgresStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.thorough

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
STREAMING = {"wal_level": "replica", "max_wal_senders": "4", "fsync": "on"}
# Seconds in which a slow machine gets anything done.
PATIENCE = 60.0


class Pair:
    """
    A primary with a standby that follows it.

    Attributes:
        primary, standby: The two servers.
    """

    def __init__(self, primary: PostgresServer, standby: PostgresServer) -> None:
        self.primary, self.standby = primary, standby

    def url(self, **options: object) -> str:
        """The URL of whichever of them is the primary."""
        both = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://postgres@{both}/postgres?{query}"

    def wait_for_commits(self) -> None:
        """From now on the primary answers a commit once the standby has it."""
        self.primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.primary.ask("SELECT pg_reload_conf()")
        is_so = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        eventually(lambda: self.primary.ask(is_so) == [(1,)])

    def follow(self) -> None:
        """Wait until the standby has all that the primary has."""
        [(end,)] = self.primary.ask("SELECT pg_current_wal_lsn()::text")
        has = f"SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn"
        eventually(lambda: self.standby.ask(has) == [(True,)])

    def fail_over(self) -> None:
        """The primary crashes, and the standby takes its place."""
        self.primary.stop(signal.SIGQUIT)
        self.standby.ask("SELECT pg_promote(true, 60)")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running(STREAMING) as primary, _standby(primary) as standby:
        yield Pair(primary, standby)


@contextmanager
def _standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="devsess-standby-"))
    shutil.copymode(primary.folder, folder)
    shutil.chown(folder, primary.folder.owner(), primary.folder.group())
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby"
    where = ("-D", str(folder / "data"), "--checkpoint=fast", "--no-sync", "-R")
    primary.run("pg_basebackup", "-d", source, *where)
    with running(STREAMING, folder) as standby:
        yield standby


def eventually(condition: object) -> None:
    """Return once *condition* holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@both_ports
def test_no_row_is_read_from_a_standby(pair: Pair, is_awaited: bool) -> None:
    """It may be behind: a call that meets one alone says so in time, and answers nothing."""
    schema = new_schema()
    filled(pair.primary, schema, "a")
    pair.follow()

    async def work(store: PostgresStore) -> None:
        begun = time.monotonic()
        for call in (store.get("a"), store.changes(None), store.list("user-1")):
            with pytest.raises(StoreUnavailableError, match="read-only"):
                await call
        assert time.monotonic() - begun < LATE

    with_store(pair.standby.url(), schema, work, is_awaited=is_awaited)


@both_ports
def test_a_promoted_standby_has_another_history(pair: Pair, is_awaited: bool) -> None:
    """The same store goes on there; what it knew of the log of before means nothing."""
    schema = new_schema()
    filled(pair.primary, schema, "a")

    async def work(store: PostgresStore) -> None:
        position = (await store.changes(None)).position
        behind = await store.readers_behind(position)
        pair.follow()
        pair.fail_over()
        found = await _answered(store, position)
        assert ALL is found
        after = await store.readers_behind(position)
        assert (False, True) == (after.is_seasoned, after.history != behind.history)
        assert await store.get("a") is not None

    with_store(pair.url(), schema, work, is_awaited=is_awaited)


async def _answered(store: PostgresStore, position: object) -> object:
    """The changes behind *position*, once the store answers."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return (await store.changes(position)).ids
        except StoreUnavailableError:
            assert time.monotonic() < until


def test_an_acknowledged_revocation_survives_a_failover(pair: Pair) -> None:
    """With a synchronous standby: who was revoked stays out, and who was signed in stays in."""
    pair.wait_for_commits()
    policy = Policy(acknowledged=True, lease=1)
    url = pair.url(schema=new_schema(), timeout=TIMEOUT)
    with SessionManager(url, keys=SECRET, policy=policy) as sessions:
        gone, there = sessions.login("ada"), sessions.login("eve")
        sessions.validate(gone.access_token)
        sessions.revoke(gone.session.id)
        pair.fail_over()
        eventually(lambda: _is_answered(sessions, there.access_token))
        with pytest.raises(SessionRevokedError):
            sessions.validate(gone.access_token)
        sessions.revoke(there.session.id)
        with pytest.raises(SessionRevokedError):
            sessions.validate(there.access_token)


@both_ports
def test_a_second_revocation_waits_for_the_standby_too(pair: Pair, is_awaited: bool) -> None:
    """Of the first, whose wait was cut off, only the primary knows: a failover would undo it."""
    schema = new_schema()
    filled(pair.primary, schema, "a")
    pair.wait_for_commits()

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is not None
        pair.standby.stop()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await store.end(rows.ending(ById("a")))
            pair.primary.ask(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            )
            eventually(is_revoked)
        pair.standby.start()

    def is_revoked() -> bool:
        where = "WHERE revoked_at IS NOT NULL"
        found = pair.primary.ask(f"SELECT 1 FROM {schema}.sessions {where}")
        return found == [(1,)]

    with_store(pair.primary.url(), schema, work, is_awaited=is_awaited)


def _is_answered(sessions: SessionManager, token: str) -> bool:
    try:
        sessions.validate(token, fresh=True)
    except StoreUnavailableError:
        return False
    return True
