"""MongoDB is down, silent, slow or cut off: unavailable in time, never 'not signed in'."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo import monitoring
from pymongo.errors import OperationFailure
from servers.mongo import OwnServer, excuse_forgotten_sockets

from devsess import ConfigurationError, SessionManager, StoreUnavailableError
from devsess._runtime.drive import drive
from devsess.models import EventType
from devsess.stores.base import ById
from devsess.stores.mongodb import MongoStore
from devsess.testing import _rows as rows
from devsess.testing._rows import login, session_row
from devsess.testing.proxy import Proxy

if TYPE_CHECKING:
    from servers.mongo import Server

TIMEOUT = 0.6
# A busy machine may take so much longer; a driver without limits takes 30 s.
LATE = 8.0
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PASSWORD = "a-Password-that-no-message-may-show"
dear = pytest.mark.thorough


def fails(call: Coroutine[Any, Any, object]) -> StoreUnavailableError:
    """The error of a call, which comes in time."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        drive(call)
    assert time.monotonic() - begun < LATE
    return caught.value


@pytest.fixture
def proxy(mongo: Server, pytestconfig: pytest.Config) -> Iterator[Proxy]:
    with Proxy(mongo.address) as proxy:
        excuse_forgotten_sockets(pytestconfig, proxy.address)
        yield proxy


@contextmanager
def closing(*stores: MongoStore) -> Iterator[None]:
    try:
        yield
    finally:
        for store in stores:
            drive(store.close())


@pytest.fixture
def store(mongo: Server, proxy: Proxy) -> Iterator[MongoStore]:
    """A store behind the proxy, with one session; made by another that has more time."""
    url = mongo.through(proxy.address, timeout=TIMEOUT)
    store, maker = MongoStore(url), MongoStore(url, timeout=60)
    drive(maker.insert(login(session_row())))
    with closing(store, maker):
        yield store


def ending() -> Any:
    return rows.ending(ById("s1"))


CALLS: dict[str, Callable[[MongoStore], Coroutine[Any, Any, object]]] = {
    "get": lambda store: store.get("s1"),
    "events": lambda store: store.events("user-1", limit=9),
    "changes": lambda store: store.changes(None),
    "known": lambda store: store.known_devices("user-1", ids=(), fingerprints=()),
    "insert": lambda store: store.insert(login(session_row("s2"))),
    "end": lambda store: store.end(ending()),
    "touch": lambda store: store.touch("s1", rows.activity(rows.T0), bound=False),
    "renew": lambda store: store.renew("reader", None, lease=1.0),
    "behind": lambda store: store.readers_behind(None),
    "migrate": lambda store: store.migrate(),
}


@pytest.mark.parametrize(
    "name", ["get", "migrate", *(pytest.param(it, marks=dear) for it in ("insert", "renew"))]
)
def test_a_silent_server_is_unavailable(store: MongoStore, proxy: Proxy, name: str) -> None:
    """Where nothing comes back, each call ends with its timeout; then all goes on."""
    proxy.drop_all()
    fails(CALLS[name](store))
    proxy.heal()
    proxy.cut()

    assert session_row() == again(store, "get")


@pytest.mark.parametrize(
    "name",
    [
        "get",
        "insert",
        *(pytest.param(it, marks=dear) for it in ("changes", "end", "renew", "behind")),
    ],
)
def test_a_server_that_refuses_is_unavailable(store: MongoStore, proxy: Proxy, name: str) -> None:
    """Where no connection can be made, no call says that there is no session."""
    proxy.refuse()
    fails(CALLS[name](store))
    proxy.heal()

    assert session_row() == again(store, "get")


def again(store: MongoStore, name: str) -> Any:
    """The result of a call, once the driver has found out that the server is back."""
    until = time.monotonic() + 60
    while True:
        try:
            return drive(CALLS[name](store))
        except StoreUnavailableError:
            if time.monotonic() > until:
                raise


def test_steps_share_one_timeout(store: MongoStore, proxy: Proxy) -> None:
    """A call of many requests, each slow, ends with the timeout of one."""
    proxy.delay_replies(0.6 * TIMEOUT)

    fails(store.insert(login(session_row("s2"))))


@pytest.mark.parametrize("after", [0, 30])
def test_a_connection_cut_in_a_reply(store: MongoStore, proxy: Proxy, after: int) -> None:
    """A write that was cut off is written once or not at all, and the store goes on."""
    proxy.cut_replies(after)
    fails(store.end(ending()))
    proxy.heal()
    again(store, "end")

    kinds = [event.type for event in again(store, "events")]
    assert [EventType.SESSION_REVOKED, EventType.SESSION_CREATED] == kinds


def test_a_commit_without_an_answer_is_not_known(store: MongoStore, proxy: Proxy) -> None:
    """It may have been carried out: the call is unavailable, and tried again it is true."""
    proxy.drop_replies()
    fails(store.end(ending()))
    proxy.heal()
    proxy.cut()
    again(store, "end")
    row = again(store, "get")

    assert row is not None
    assert "lost" == row.reason


class GoneAt(monitoring.CommandListener):
    """Closes the proxy as the first command of that name is asked."""

    def __init__(self, proxy: Proxy, name: str) -> None:
        self._proxy, self._name = proxy, name

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == self._name:
            self._proxy.refuse()

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.mark.parametrize("command", ["find", "createIndexes", "update"])
def test_a_migration_whose_server_goes_ends(mongo: Server, proxy: Proxy, command: str) -> None:
    """Also in its midst: an index may take as long as it likes, and no server may be away so."""
    gone = GoneAt(proxy, command)
    host, port = proxy.address
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(
        host,
        port,
        directConnection=True,
        event_listeners=[gone],
        serverSelectionTimeoutMS=int(1_000 * TIMEOUT),
    ) as client:
        fails(MongoStore(client, database="devsess_test", collection="gone").migrate())


class CutCommit(monitoring.CommandListener):
    """Cuts the answers to commits, and heals the proxy where another transaction begins."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.is_armed = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.is_armed and event.command_name == "commitTransaction":
            self._proxy.cut_replies()
        elif "startTransaction" in event.command:
            self._proxy.heal()

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


def test_a_commit_that_was_cut_off_is_not_run_again(mongo: Server, proxy: Proxy) -> None:
    """The driver may send the commit again, which names its transaction; nobody begins another."""
    cut = CutCommit(proxy)
    host, port = proxy.address
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(host, port, directConnection=True, event_listeners=[cut]) as client:
        store = MongoStore(client, database="devsess_test", collection="cut_commit", timeout=5)
        client["devsess_test"]["cut_commit"].drop()
        drive(store.insert(login(session_row())))
        cut.is_armed = True
        fails(store.end(ending()))
        cut.is_armed = False
        proxy.heal()
        row = again(store, "get")

    assert row.reason in ("lost", None)


def test_a_page_without_credentials_needs_no_server() -> None:
    """A manager over a server that is down is made at once, and asks it for nothing."""
    url = f"mongodb://127.0.0.1:{_nobodys_port()}/x?timeout=0.2"
    with SessionManager(url, keys=SECRET) as sessions, pytest.raises(StoreUnavailableError):
        sessions.login("ada")


def _nobodys_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.mark.thorough
def test_a_server_that_starts_later_and_again() -> None:
    """Down at the start, then up, killed and up again: the same store has its rows."""
    own = OwnServer(streaming=True)
    store = MongoStore(f"{own.server.url}/app?timeout={TIMEOUT}")
    try:
        with closing(store):
            fails(store.get("s1"))
            own.start()
            again(store, "get")
            maker = MongoStore(f"{own.server.url}/app", timeout=60)
            drive(maker.insert(login(session_row())))
            drive(maker.close())
            own.stop()
            fails(store.get("s1"))
            own.start()

            assert session_row() == again(store, "get")
    finally:
        own.close()


def test_a_forked_child_has_connections_of_its_own(mongo: Server) -> None:
    """Both go on after a fork, and neither reads the other's answers."""
    store = MongoStore(mongo.place())
    drive(store.insert(login(session_row())))
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = int([drive(store.get("s1")) for _ in range(20)] != [session_row()] * 20)
        finally:
            os._exit(code)
    answers = [drive(store.get("s1")) for _ in range(20)]
    _, status = os.waitpid(child, 0)

    drive(store.close())

    assert [session_row()] * 20 == answers
    assert 0 == os.waitstatus_to_exitcode(status)


def test_a_cancelled_request_leaves_no_answer_behind(mongo: Server, proxy: Proxy) -> None:
    """The answer that nobody waits for any more is nobody else's."""

    async def run() -> list[object]:
        store = MongoStore(mongo.through(proxy.address, timeout=60), is_awaited=True)
        for name in ("a", "b"):
            await store.insert(login(session_row(name)))
        proxy.delay_replies(0.2)
        task = asyncio.create_task(store.get("a"))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        proxy.heal()
        try:
            return [await store.get(name) for name in ("b", "a", "b")]
        finally:
            await store.close()

    assert [session_row(name) for name in ("b", "a", "b")] == asyncio.run(run())


def test_a_cancelled_close_closes(mongo: Server, proxy: Proxy) -> None:
    """The connections are released all the same, and nothing is left for the collector."""

    async def run() -> None:
        store = MongoStore(mongo.through(proxy.address, timeout=60), is_awaited=True)
        await store.insert(login(session_row()))
        [opened] = store._port._opened.values()
        proxy.delay_replies(0.2)
        task = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        proxy.heal()
        deadline = time.monotonic() + 60
        while not opened.collections.client._closed:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    asyncio.run(run())


def test_one_awaited_store_serves_two_loops(mongo: Server) -> None:
    """In each event loop it has connections of its own."""
    store = MongoStore(mongo.place(), is_awaited=True)
    first = asyncio.new_event_loop()
    first.run_until_complete(store.insert(login(session_row())))

    async def run() -> object:
        found = await store.get("s1")
        await store.close()
        return found

    assert session_row() == asyncio.run(run())
    first.run_until_complete(store.close())
    first.close()


def test_an_applications_client_stays_its_own(mongo: Server) -> None:
    """A store over it works, and closing the store closes nothing of the application's."""
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(mongo.url) as client:
        store = MongoStore(client, database="devsess_test", collection="own_client", timeout=60)
        client["devsess_test"]["own_client"].drop()
        drive(store.insert(login(session_row())))
        assert session_row() == drive(store.get("s1"))
        drive(store.close())

        assert 1.0 == client.admin.command("ping")["ok"]
        fails(store.get("s1"))


def test_passwords_are_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors, nor in what they come from, reprs and the log."""
    caplog.set_level("DEBUG")
    url = f"mongodb://ada:{PASSWORD}@127.0.0.1:{_nobodys_port()}/app?timeout=0.3"
    store = MongoStore(url)
    with closing(store):
        error = fails(store.get("s1"))
        shown = [*traceback.format_exception(error), repr(store), repr(store._port.place)]

    assert PASSWORD not in "".join([*shown, caplog.text])


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://ada:{PASSWORD}:x@host/app",
        f"mongodb://ada:{PASSWORD}@host/app?tls=perhaps{PASSWORD}",
        f"mongodb://ada:{PASSWORD}@host/app?timeout=soon",
        f"mongodb://ada:{PASSWORD}@host/app?timeout=0",
        f"mongodb://ada:{PASSWORD}@host/a.b$c",
        "mongodb://",
    ],
)
def test_a_url_that_cannot_be_read(url: str) -> None:
    """It is a mistake of configuration, and its text is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        MongoStore(url)

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("code", [13, 18, 20])
def test_a_refusal_says_what_is_missing(mongo: Server, code: int) -> None:
    """A right, the credentials, or a replica set; never more of the server's text."""
    store = MongoStore(mongo.place())
    with pytest.raises(StoreUnavailableError) as caught, store._port.within():
        raise OperationFailure(f"a text with {PASSWORD}", code)

    assert f"code {code}: " in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        *({"timeout": it} for it in (float("inf"), float("nan"), -1.0, 0.0, 1e10)),
        *({"database": it} for it in ("", "a.b", "$x", "a\0b")),
        *({"collection": it} for it in ("", "$x", "a\0b")),
    ],
    ids=repr,
)
def test_an_argument_that_cannot_be_kept_to(setting: dict[str, Any]) -> None:
    """It is a mistake of configuration at once, as it is in a URL, also beside a client."""
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient("mongodb://host/app", connect=False) as client:
        servers: tuple[Any, ...] = ("mongodb://host/app", client)
        for server in servers:
            with pytest.raises(ConfigurationError):
                MongoStore(server, **setting)


def test_something_else_is_no_server() -> None:
    """A store takes a URL or one of the driver's clients."""
    wrong: Any = 7
    with pytest.raises(ConfigurationError):
        MongoStore(wrong)
