"""LAW: one that polls is given each event once, in the order of its account, while others write."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from servers.valkey import with_prefix

from devsess import SessionManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
WRITERS = 4


@pytest.fixture(
    params=[
        "sqlite",
        "postgres",
        "valkey",
        pytest.param("valkey-shards", marks=pytest.mark.thorough),
        # nx-27017 loses its place where two transactions are open at once.
        pytest.param("mongoeco", marks=pytest.mark.thorough),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store of the test's own."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        schemas = request.getfixturevalue("postgres_schemas")
        yield server.url(schema=schemas.take(), timeout=60)
        schemas.give_back()
    elif request.param.startswith("valkey"):
        shards = {"shards": 5} if request.param == "valkey-shards" else {}
        yield with_prefix(request.getfixturevalue("valkey_url"), timeout=60, **shards)
    elif request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sessions.db'}"
    else:
        yield request.getfixturevalue("isolated_mongo").place()


def _key(event: Any) -> tuple[object, ...]:
    return event.user_id, event.session_id, event.type, event.at, event.reason


def _write(url: str, writer: int, rounds: int) -> None:
    """Sign in and out, two accounts in turn; another one is erased again and again."""
    with SessionManager(url, keys=SECRET) as sessions:
        for number in range(rounds):
            user_id = f"{writer}-{number % 2}"
            sessions.revoke(sessions.login(user_id).session.id, reason=str(number))
            if number % 5 == 0:
                sessions.login(f"{writer}-gone")
                sessions.erase_user(f"{writer}-gone")
            if number % 7 == 0:
                sessions.revoke_all(user_id, reason="all")


def _poll(sessions: SessionManager, position: str | None, seen: list[Any]) -> str | None:
    """Read to the end, in pages of a few."""
    while True:
        page = sessions.poll(position, limit=7)
        seen += page
        if not page.items:
            return page.next
        position = page.next


def test_each_event_comes_once_and_in_order(url: str, thorough: bool) -> None:
    """Of four that write at once, each over connections of its own."""
    seen: list[Any] = []
    position = None
    with (
        SessionManager(url, keys=SECRET) as sessions,
        ThreadPoolExecutor(WRITERS) as threads,
    ):
        work = [
            threads.submit(_write, url, it, 60 if thorough and "mongodb" not in url else 12)
            for it in range(WRITERS)
        ]
        while not all(it.done() for it in work):
            position = _poll(sessions, position, seen)
        for it in work:
            it.result()
        _poll(sessions, position, seen)
        for user_id in (f"{writer}-{at}" for writer in range(WRITERS) for at in (0, 1)):
            kept = [_key(it) for it in sessions.history(user_id, limit=1_000)][::-1]
            assert kept == [_key(it) for it in seen if it.user_id == user_id]
    assert {1} == {*Counter(map(_key, seen)).values()}
