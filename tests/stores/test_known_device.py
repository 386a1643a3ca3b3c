"""A sign-in on a known device: an account's sessions on others cost it nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
from _redis import run
from attrs import evolve
from servers.valkey import ValkeyServer, with_prefix

from devsess.stores.base import ById, Inserted, OfDevice
from devsess.stores.memory import MemoryStore
from devsess.stores.memory.tables import Tables
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Any, TypeAlias

    from devsess.stores.base import Insertion
    from devsess.stores.calls import InsertAnswer
    from devsess.stores.rows import SessionRow

    Call: TypeAlias = Callable[[RedisStore], Awaitable[object]]

FEW, MANY = 2, 90


def again(session_id: str, *, limit: int | None = None) -> Insertion:
    """A sign-in on device-1 that takes the place of its sessions."""
    return evolve(rows.login(session_row(session_id)), limit=limit, replaces=True)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sessions that a store in memory looks at."""
    found = list[str]()
    as_read = Tables._as_read

    def noted(self: Tables, row: SessionRow) -> SessionRow:
        found.append(row.id)
        return as_read(self, row)

    monkeypatch.setattr(Tables, "_as_read", noted)
    return found


def test_memory_looks_at_that_devices_sessions_alone(looked: list[str]) -> None:
    """Those that are open: one that has ended is not looked at either."""
    store = MemoryStore()
    for number in range(MANY):
        store.insert(rows.login(session_row(f"other{number}", device=f"other-{number}")))
    store.insert(rows.login(session_row("a")))
    store.insert(again("b"))
    looked.clear()
    store.insert(again("c"))

    assert ["b"] == looked


def test_memory_looks_at_open_sessions_alone(looked: list[str]) -> None:
    """Where an account may have so many, at all of them, and at none that is over or gone."""
    store = MemoryStore()
    for name in "abcde":
        store.insert(rows.login(session_row(name, device=name)))
    store.end(rows.ending(ById("a")))
    store.end(rows.ending(OfDevice("user-1", "b")))
    store.erase(rows.erasure("user-1"))
    store.insert(rows.login(session_row("f", user_id="user-2", device="f")))
    store.insert(rows.login(session_row("g", device="g", ending_number=1)))
    looked.clear()
    store.insert(evolve(again("h", limit=5), row=session_row("h", ending_number=1)))

    assert ["g"] == looked


def _replaced(answer: InsertAnswer) -> list[str | None]:
    assert isinstance(answer, Inserted)
    return [event.session_id for event in answer.ended]


def test_a_merged_session_is_replaced_where_it_is() -> None:
    """Also one that a merge has moved to another device, and not one that it has ended."""
    store, other = MemoryStore(), MemoryStore()
    for name, device in {"a": "device-1", "b": "device-1", "c": "device-2"}.items():
        store.insert(rows.login(session_row(name, device=device)))
        moved = {"device-1": "device-2", "device-2": "device-1"}[device]
        other.insert(rows.login(session_row(name, device=moved, generation=5)))
    other.end(rows.ending(ById("c")))
    store.merge(other.export(limit=9))
    there = {row.id: row.device.id for row in store.list("user-1") if row.revoked_at is None}
    expected = [it for it in sorted(there) if there[it] == "device-1"]

    assert expected == _replaced(store.insert(again("d")))
    assert expected != ["a", "b"]


# By its name: what is done to an account, of which device-1 has one session.
CALLS: dict[str, Call] = {
    "sign in": lambda store: store.insert(again("b")),
    "end": lambda store: store.end(rows.ending(OfDevice("user-1", "device-1"))),
    "change": lambda store: store.put_device(
        "user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED
    ),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a server that nobody else asks."""
    server = ValkeyServer()
    yield server.url
    server.close()


@pytest.mark.parametrize("call", CALLS)
def test_redis_asks_no_more_of_many_sessions(url: str, call: str) -> None:
    """The commands of a script are as many beside few sessions on other devices as beside many."""
    assert run(_asked(url, FEW, CALLS[call])) == run(_asked(url, MANY, CALLS[call]))


async def _asked(url: str, others: int, call: Call) -> int:
    """How often the server has looked into a hash for *call*."""
    store = RedisStore(with_prefix(url), is_awaited=True)
    for number in range(others):
        await sign_in(store, session_row(f"other{number}", device=f"other-{number}"))
    await sign_in(store, session_row("a"))
    with redis.Redis.from_url(url) as client:
        before = _looks(client)
        await call(store)
        after = _looks(client)
    await store.close()
    return after - before


def _looks(client: redis.Redis) -> int:
    known: Any = client.info("commandstats")
    return sum(it["calls"] for name, it in known.items() if name.startswith("cmdstat_h"))
