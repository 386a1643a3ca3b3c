"""Clock, cache, store, locator and listeners around a manager."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    AsyncSessionManager,
    Client,
    ConfigurationError,
    EventType,
    InvalidSessionError,
    Location,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devsess import Event

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class Here:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def locate(self, ip: str) -> Location | None:
        self.asked.append(ip)
        if ip.startswith("10."):
            raise OSError("the database of places is gone")
        return Location("Lagos", "Nigeria", 6.45, 3.39)


def test_a_locator_is_asked_where_an_address_is_new(make: Callable[..., Any]) -> None:
    """At login and when the address changes, and never otherwise."""
    here = Here()
    sessions = make(locator=here)
    grant = sessions.login("ada", Client(ip="102.89.77.21"))
    assert "Lagos, Nigeria" == grant.session.to_dict()["location"]
    grant = sessions.refresh(grant.refresh_token, Client(ip="102.89.77.21"))
    sessions.refresh(grant.refresh_token, Client(ip="198.51.100.7"))
    sessions.login("ada")
    assert ["102.89.77.21", "198.51.100.7"] == here.asked


def test_a_failing_locator_keeps_nobody_out(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the session has no location."""
    grant = make(locator=Here()).login("ada", Client(ip="10.0.0.1"))
    assert None is grant.session.location
    assert "the locator failed" in caplog.text


def test_events_are_emitted_in_order(make: Callable[..., Any]) -> None:
    """`on_event` gets every event, once its operation is done."""
    emitted: list[Event] = []
    sessions = make(on_event=emitted.append)
    grant = sessions.login("ada")
    renewed = sessions.refresh(grant.refresh_token)
    sessions.extend(grant.session.id, 60)
    sessions.update(grant.session.id, claims={})
    sessions.step_up(renewed.access_token, amr=("otp",))
    sessions.revoke(grant.session.id, reason="bye")
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)
    assert [
        EventType.SESSION_CREATED,
        EventType.SESSION_RENEWED,
        EventType.SESSION_EXTENDED,
        EventType.SESSION_UPDATED,
        EventType.SESSION_STEPPED_UP,
        EventType.SESSION_REVOKED,
        EventType.SESSION_USED_AFTER_END,
    ] == [event.type for event in emitted]
    assert "bye" == emitted[5].reason


def test_a_limit_reached_is_emitted(make: Callable[..., Any]) -> None:
    """The event of an eviction says that the limit was reached, and names the session it ended."""
    emitted: list[Event] = []
    sessions = make(on_event=emitted.append, policy=Policy(max_sessions=1))
    sessions.login("ada")
    sessions.login("ada")
    assert [
        EventType.SESSION_CREATED,
        EventType.LIMIT_EXCEEDED,
        EventType.SESSION_REVOKED,
        EventType.SESSION_CREATED,
        EventType.NEW_DEVICE,
    ] == [event.type for event in emitted]


def test_a_failing_listener_undoes_nothing(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is logged, without secrets, and the operation's answer stands."""

    def fail(event: Event) -> None:
        raise RuntimeError("listener broke")

    grant = make(on_event=fail).login("ada")
    assert grant.session.id
    assert "on_event failed" in caplog.text
    assert grant.access_token not in caplog.text


def test_a_store_that_fails_is_not_signed_out(make: Callable[..., Any]) -> None:
    """A closed store is unavailable to every method, and never an invalid session."""
    sessions = make()
    grant = sessions.login("ada")
    sessions.close()
    calls: list[Callable[[], object]] = [
        lambda: sessions.validate(grant.access_token),
        lambda: sessions.validate(grant.access_token, fresh=True),
        lambda: sessions.refresh(grant.refresh_token),
        lambda: sessions.login("ada"),
        lambda: sessions.list("ada"),
        lambda: sessions.revoke(grant.session.id),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailableError) as caught:
            call()
        assert not isinstance(caught.value, InvalidSessionError)
    sessions.close()


class Untouchable(MemoryStore):
    """A store that reads, but cannot write an activity."""

    def touch(self, *_: Any, **__: Any) -> bool:
        raise StoreUnavailableError("read-only right now")


def test_a_failed_touch_fails_no_validation() -> None:
    """The session is valid all the same, and not every request tries again."""
    clock = FakeClock()
    store = Untouchable()
    with SessionManager(store, keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada")
        clock.advance(600)
        for _ in range(2):
            assert grant.session.id == sessions.validate(grant.access_token).id


def test_staleness_is_bounded(tmp_path: Path) -> None:
    """A session that another manager revoked is refused within max_staleness, one's own at once."""
    clock = FakeClock()
    policy = Policy(max_staleness=10)
    path = tmp_path / "s.db"
    with (
        SessionManager(path, keys=SECRET, clock=clock, policy=policy) as here,
        SessionManager(path, keys=SECRET, clock=clock) as there,
    ):
        first, second = here.login("ada"), here.login("ada")
        for grant in (first, second):
            here.validate(grant.access_token)
        there.revoke(first.session.id)
        clock.advance(9.9)
        assert first.session.id == here.validate(first.access_token).id
        clock.advance(0.1)
        with pytest.raises(SessionRevokedError):
            here.validate(first.access_token)
        here.revoke(second.session.id)
        with pytest.raises(SessionRevokedError):
            here.validate(second.access_token)


@pytest.mark.parametrize(
    "arguments",
    [
        {"keys": "short"},
        {"keys": []},
        {"keys": SECRET, "issuer": ""},
        {"keys": SECRET, "audience": None},
        {"keys": SECRET, "policy": "strict"},
        {"keys": SECRET, "on_event": "print"},
        {"keys": SECRET, "store": "unknown://x"},
        {"keys": SECRET, "store": "sqlite://x"},
        {"keys": SECRET, "store": "memory://x"},
        {"keys": SECRET, "store": ":memory:"},
        {"keys": SECRET, "store": 5},
    ],
)
def test_a_wrong_setting_fails_at_once(arguments: dict[str, Any]) -> None:
    """A wrong setting is a ConfigurationError at construction, and its message shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        SessionManager(**{"store": "memory://", **arguments})
    assert SECRET not in str(caught.value)


def test_a_coroutine_listener_needs_the_async_manager() -> None:
    """A blocking manager cannot await, and says so; the other one awaits."""
    emitted: list[Event] = []

    async def listen(event: Event) -> None:
        await asyncio.sleep(0)
        emitted.append(event)

    with pytest.raises(ConfigurationError):
        SessionManager("memory://", keys=SECRET, on_event=listen)

    async def run() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET, on_event=listen) as sessions:
            await sessions.login("ada")

    asyncio.run(run())
    assert [EventType.SESSION_CREATED] == [event.type for event in emitted]


def test_a_url_and_a_path_are_the_same_file(tmp_path: Path) -> None:
    """sqlite:/// with an absolute path names that file."""
    path = tmp_path / "s.db"
    with SessionManager(f"sqlite:///{path}", keys=SECRET) as one:
        session = one.login("ada").session
        with SessionManager(path, keys=SECRET) as other:
            assert other.get(session.id) == one.get(session.id)


def test_a_cancelled_operation_is_finished_and_emitted(tmp_path: Path) -> None:
    """A revocation whose caller is cancelled is written all the same, and its event emitted."""
    emitted: list[EventType] = []

    async def run() -> None:
        store = SQLiteStore(tmp_path / "s.db")
        sessions = AsyncSessionManager(
            store, keys=SECRET, on_event=lambda event: emitted.append(event.type)
        )
        grant = await sessions.login("ada")
        task = asyncio.ensure_future(sessions.revoke(grant.session.id))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            while EventType.SESSION_REVOKED not in emitted:
                await asyncio.sleep(0.001)
        with pytest.raises(SessionRevokedError):
            await sessions.validate(grant.access_token)
        await sessions.close()

    asyncio.run(run())


def test_repeated_validations_stay_on_the_loop(tmp_path: Path) -> None:
    """Awaited over SQLite, an operation that need not wait takes no thread."""

    async def run() -> None:
        async with AsyncSessionManager(tmp_path / "s.db", keys=SECRET) as sessions:
            grant = await sessions.login("ada")
            first = sessions.validate(grant.access_token)
            with pytest.raises(StopIteration):
                first.send(None)
            with pytest.raises(StopIteration):
                sessions.validate(grant.access_token, fresh=True).send(None)

    asyncio.run(run())


def test_both_managers_are_one() -> None:
    """The same public names, arguments and documentation; only that one is awaited."""
    renamed = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
    own = {name for name in vars(SessionManager) if not name.startswith("_")} | renamed.keys()
    for name in own:
        one = getattr(SessionManager, name)
        other = getattr(AsyncSessionManager, renamed.get(name, name))
        if name not in renamed:
            assert inspect.signature(one) == inspect.signature(other), name
            assert inspect.getdoc(one) == inspect.getdoc(other), name
        # Two ask no store.
        assert inspect.iscoroutinefunction(other) == (name not in {"bound", "jwks"}), name


def test_nothing_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """No repr shows a token, and no log line does."""
    caplog.set_level(logging.DEBUG)
    with SessionManager("memory://", keys=SECRET) as sessions:
        grant = sessions.login("ada", Client(fingerprint="secret-print"))
        client = Client(device_token=grant.device_token, fingerprint="secret-print")
        sessions.validate(grant.access_token, client)
        core = sessions._core
        kept = core.cache.entry(grant.access_token, client, core.now())
        operation = core.operation(sessions._face(), [], 0.0)
        shown = f"{grant!r} {client!r} {kept!r} {core.keys!r} {operation!r} {caplog.text}"
    assert "Entry" in shown
    for secret in (
        grant.access_token,
        grant.refresh_token,
        grant.device_token,
        SECRET,
        "secret-print",
    ):
        assert secret is not None
        assert secret not in shown


@pytest.mark.parametrize("location", ["memory://", "sessions.db"])
def test_a_closed_manager_is_not_entered_again(tmp_path: Path, location: str) -> None:
    """As by an app that its tests start twice: it says so, before each request is a 503."""
    at = location if "://" in location else str(tmp_path / location)

    async def twice() -> None:
        awaited = AsyncSessionManager(at, keys=SECRET)
        async with awaited:
            pass
        with pytest.raises(ConfigurationError, match="make a new one"):
            await awaited.__aenter__()
        await awaited.close()  # twice is fine

    blocking = SessionManager(at, keys=SECRET)
    with blocking:
        pass
    with pytest.raises(ConfigurationError, match="make a new one"):
        blocking.__enter__()
    asyncio.run(twice())


def test_a_closed_manager_answers_nothing(tmp_path: Path) -> None:
    """Not even a session that it has in memory."""
    sessions = SessionManager(tmp_path / "sessions.db", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
    token = sessions.login("ada").access_token
    for _ in range(3):
        sessions.validate(token)
    sessions.close()
    with pytest.raises(StoreUnavailableError):
        sessions.validate(token)
