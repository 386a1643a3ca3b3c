"""A process that does what it is sent at the same moment as others do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import evolve

from devsess import Policy, SessionManager
from devsess.stores.base import Everyone, OfUser
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LIMIT = 3


def race(barrier: Barrier, pipe: Connection) -> None:
    """Take part in the races of each store that is sent, until None is."""
    while (url := pipe.recv()) is not None:
        store = RedisStore(url, timeout=30.0)
        policy = Policy(max_sessions=LIMIT)
        with SessionManager(store, keys=SECRET, policy=policy) as sessions:
            while (received := pipe.recv()) is not None:
                name, *arguments = received
                barrier.wait(30)
                try:
                    pipe.send(_MOVES[name](sessions, store, *arguments))
                except Exception as error:  # noqa: BLE001 - it is the answer
                    pipe.send(type(error).__name__)


def _refresh(sessions: SessionManager, store: RedisStore, token: str) -> Any:
    del store
    grant = sessions.refresh(token)
    return grant.refresh_token, grant.replayed


def _login(sessions: SessionManager, store: RedisStore, user_id: str) -> Any:
    del store
    return sessions.login(user_id).session.id


def _insert(sessions: SessionManager, store: RedisStore, name: str, number: int) -> Any:
    del sessions
    row = rows.session_row(name, device=f"of-{name}")
    return str(asyncio.run(store.insert(rows.login(evolve(row, ending_number=number)))))


def _end(sessions: SessionManager, store: RedisStore, who: str, at_once: int) -> Any:
    del sessions
    target = Everyone() if who == "everyone" else OfUser(who)
    return bool(asyncio.run(store.end(rows.ending(target, at_once=at_once))))


_MOVES: dict[str, Callable[..., Any]] = {
    "refresh": _refresh,
    "login": _login,
    "insert": _insert,
    "end": _end,
}
