"""Plainly good rows are answered without an operation; others reach it with what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve

from devsess import (
    AsyncSessionManager,
    BadTokenError,
    Client,
    DeviceMismatchError,
    Grant,
    Session,
    SessionManager,
    SessionRevokedError,
)
from devsess.lifecycle import Activity
from devsess.stores.calls import StoreBusyError
from devsess.stores.memory import MemoryStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from devsess.stores.sqlite import SQLiteStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HAS_STAMPS = pytest.mark.parametrize("both", ["sqlite"], indirect=True)
HOME = Client(ip="198.18.0.1", user_agent="curl/8.5.0")


class Both:
    """A blocking and an awaiting manager that have answered nothing yet, over one store."""

    def __init__(self, store: Any) -> None:
        self.clock = FakeClock()
        self.signer = SessionManager(store, keys=SECRET, clock=self.clock)
        self.grant: Grant = self.signer.login("ada", HOME)
        self.own = evolve(HOME, device_token=self.grant.device_token)
        self.signer.validate(self.grant.access_token, self.own)  # binds
        self.blocking = SessionManager(self.signer._store, keys=SECRET, clock=self.clock)
        self.awaiting = AsyncSessionManager(self.signer._store, keys=SECRET, clock=self.clock)

    def each(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Any, Any]]:
        """Each manager, and its outcome of `validate`."""
        for manager in (self.blocking, self.awaiting):
            found: Any
            try:
                found = manager.validate(*args, **kwargs)
                if asyncio.iscoroutine(found):
                    found = asyncio.run(found)
            except Exception as error:  # noqa: BLE001 - it is the outcome
                found = error
            yield manager, found


@pytest.fixture(params=["sqlite", "memory"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Both]:
    found = Both(tmp_path / "s.db" if request.param == "sqlite" else MemoryStore())
    yield found
    found.signer.close()


@pytest.fixture
def no_operation(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an operation began")

    for manager in (both.blocking, both.awaiting):
        monkeypatch.setattr(manager.core, "validate", refuse)


def calls_of(manager: Any) -> dict[str, int]:
    return {name: it.count for name, it in manager.core.metrics().calls.items()}


@pytest.mark.usefixtures("no_operation")
@pytest.mark.parametrize("presents", [True, False])
def test_a_first_sight_needs_no_operation(both: Both, presents: bool) -> None:
    """Its row is read once, counted as any, and kept: the next one is a hit."""
    client = both.own if presents else None
    expected = both.signer.validate(both.grant.access_token, client)
    for manager, found in both.each(both.grant.access_token, client):
        assert expected == found
        assert (0, 1, {"get": 1}) == (
            (manager.core.metrics().hits, manager.core.metrics().misses, calls_of(manager))
        )
        assert 1 == manager.core.metrics().entries


@pytest.mark.parametrize(("both", "reads"), [("memory", 1), ("sqlite", 2)], indirect=["both"])
@pytest.mark.parametrize("touch", [True, False])
def test_a_due_touch_at_first_sight_is_one_miss(both: Both, touch: bool, reads: int) -> None:
    """The operation goes on with a row that was read whole, and reads one that was not."""
    both.clock.advance(301)
    for manager, found in both.each(both.grant.access_token, both.own, touch=touch):
        assert both.grant.session.id == found.id
        assert 1 == manager.core.metrics().misses
        assert reads == calls_of(manager)["get"]
        break  # the other one's touch would not be due any more


@pytest.mark.parametrize("touch", [True, False])
def test_a_due_touch_of_a_token_in_memory_reads_the_row_once(both: Both, touch: bool) -> None:
    """Nearly all are of one: the session is in use."""
    for _ in range(2):  # memory has caught up by then
        before = [
            calls_of(manager)["get"] for manager, _ in both.each(both.grant.access_token, both.own)
        ]
    both.clock.advance(301)
    for manager, found in both.each(both.grant.access_token, both.own, touch=touch):
        assert both.grant.session.id == found.id
        assert before[0] + 1 == calls_of(manager)["get"]
        break  # as above


def test_an_ended_session_is_refused(both: Both) -> None:
    """By the operation, which says how it ended, and hands its event over."""
    both.signer.revoke(both.grant.session.id, reason="lost")
    for manager, found in both.each(both.grant.access_token, both.own):
        assert isinstance(found, SessionRevokedError)
        assert "lost" == found.reason
        assert (1, 0) == (manager.core.metrics().misses, manager.core.metrics().entries)


def test_another_device_is_refused(both: Both) -> None:
    """A token of another browser is as wrong as ever."""
    other = both.signer.login("eve", HOME)
    for _, found in both.each(
        both.grant.access_token, evolve(HOME, device_token=other.device_token)
    ):
        assert isinstance(found, DeviceMismatchError)


def test_forged_tokens_are_misses(both: Both) -> None:
    """They are refused before a row is read."""
    for manager, found in both.each(both.grant.access_token[:-8] + "AAAAAAAA", both.own):
        assert isinstance(found, BadTokenError)
        assert (1, {}) == (manager.core.metrics().misses, calls_of(manager))


@pytest.mark.parametrize("odd", [5, "curl", object()])
def test_an_odd_client_is_named(both: Both, odd: Any) -> None:
    """Before the token is looked at."""
    for _, found in both.each("x.y.z", odd):
        assert isinstance(found, TypeError)


def test_a_fresh_validation_is_an_operation(both: Both) -> None:
    """It keeps the row's stamp, for the next one."""
    for manager, found in both.each(both.grant.access_token, both.own, fresh=True):
        assert found.id == both.grant.session.id
        assert 1 == calls_of(manager)["get"]


@HAS_STAMPS
@pytest.mark.parametrize("presents", [True, False])
def test_a_fresh_validation_of_an_unchanged_row_needs_no_operation(
    both: Both, monkeypatch: pytest.MonkeyPatch, presents: bool
) -> None:
    """Its stamp is read, and nothing else; the session is the one that is kept."""
    token, client = both.grant.access_token, both.own if presents else None
    kept = [found for _, found in both.each(token, client, fresh=True)]

    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an operation began")

    before = [calls_of(manager) for manager in (both.blocking, both.awaiting)]
    with monkeypatch.context() as patched:
        for manager in (both.blocking, both.awaiting):
            patched.setattr(manager.core, "validate", refuse)
        found = list(both.each(token, client, fresh=True))
    for then, seen, (manager, session) in zip(before, kept, found, strict=True):
        assert seen is session
        assert then | {"stamp": then["stamp"] + 1} == calls_of(manager)


@pytest.mark.parametrize("change", ["touched", "renamed", "updated", "revoked"])
def test_a_fresh_validation_of_a_changed_row_reads_it(both: Both, change: str) -> None:
    """Whatever changed, and whether the log names it or not."""
    token, session = both.grant.access_token, both.grant.session
    assert 2 == len([found for _, found in both.each(token, both.own, fresh=True)])
    if change == "touched":
        both.clock.advance(100)
        now = both.clock.now().timestamp()
        activity = Activity(now, now, session.expires_at.timestamp())
        assert both.signer._store.touch(session.id, activity, bound=True)
    elif change == "renamed":
        both.signer.rename_device(session.user_id, session.device.id, "Home")
    elif change == "updated":
        both.signer.update(session.id, claims={"a": 1})
    else:
        both.signer.revoke(session.id)
    for _, found in both.each(token, both.own, fresh=True):
        if change == "revoked":
            assert isinstance(found, SessionRevokedError)
        else:
            assert both.signer.get(session.id) == evolve(found, is_current=False)


@pytest.mark.parametrize("odd", [evolve(HOME, device_token="x"), 5, "curl"])
def test_a_fresh_validation_judges_another_client(both: Both, odd: Any) -> None:
    """A session that is kept is one client's; an odd one is named as ever."""
    assert 2 == len([found for _, found in both.each(both.grant.access_token, fresh=True)])
    for manager, found in both.each(both.grant.access_token, odd, fresh=True):
        expected = TypeError if not isinstance(odd, Client) else type(both.grant.session)
        assert isinstance(found, expected)
        assert 1 + isinstance(odd, Client) == calls_of(manager)["get"]


@HAS_STAMPS
def test_a_stamp_that_cannot_be_read_at_once_is_waited_for(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an event loop it is asked for again in a thread."""
    stamp = cast("SQLiteStore", both.signer._store).stamp
    asked: list[bool] = []

    def busy(session_id: str, *, wait: bool = True) -> Any:
        asked.append(wait)
        if not wait:
            raise StoreBusyError("busy")
        return stamp(session_id)

    monkeypatch.setattr(both.signer._store, "stamp", busy)
    manager = AsyncSessionManager(both.signer._store, keys=SECRET, clock=both.clock)

    async def twice() -> list[Session]:
        return [
            await manager.validate(both.grant.access_token, both.own, fresh=True) for _ in range(2)
        ]

    first, second = asyncio.run(twice())
    assert first is second
    # By the operation, once for the first; by the plain way and the operation for the second.
    assert [False, True, False, False, True] == asked


@pytest.mark.parametrize("way", ["blocking", "awaiting"])
def test_a_row_that_cannot_be_read_at_once_is_waited_for(
    both: Both, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A busy store is asked again where that may wait: on an event loop, in a thread."""
    store: Any = both.signer._store
    get, has_plain_rows = store.get, hasattr(store, "plain_row")
    asked: list[bool] = []

    def busy(session_id: str, *, wait: bool = False) -> Any:
        asked.append(wait)
        if not wait:
            raise StoreBusyError("busy")
        return get(session_id)

    monkeypatch.setattr(store, "get", lambda session_id, wait=True: busy(session_id, wait=wait))
    if has_plain_rows:
        monkeypatch.setattr(store, "plain_row", busy)
    manager: Any = {"blocking": SessionManager, "awaiting": AsyncSessionManager}[way](
        store, keys=SECRET, clock=both.clock
    )
    found = manager.validate(both.grant.access_token, both.own)
    found = asyncio.run(found) if way == "awaiting" else found
    assert both.grant.session.id == found.id
    # A blocking manager reads whole rows where it may wait.
    assert ([False, True] if has_plain_rows or way == "awaiting" else [True]) == asked
    assert 1 == manager.core.metrics().misses


def test_a_row_read_before_a_change_is_not_kept(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fill race: the log moves between the read and the keeping."""
    manager: Any = both.blocking
    read = manager._plain._read

    def read_then_changed(session_id: str) -> Any:
        row: Any = read(session_id)
        both.signer.revoke(session_id)
        manager._read(lambda op: manager.core.cache.catch_up(op.store))
        return row

    monkeypatch.setattr(manager._plain, "_read", read_then_changed)
    manager.validate(both.grant.access_token, both.own)
    assert 0 == manager.core.metrics().entries
    with pytest.raises(SessionRevokedError):
        SessionManager.validate(manager, both.grant.access_token, both.own)


def changed(both: Both) -> None:
    """A logged change of another session than the one that is kept."""
    other = both.signer.login("eve", HOME)
    both.signer.update(other.session.id, claims={"x": 1})


@pytest.mark.parametrize("kept_changed", [False, True])
def test_catching_up_needs_no_operation(
    both: Both, monkeypatch: pytest.MonkeyPatch, kept_changed: bool
) -> None:
    """After a commit the log is read; a session that it names is read again, others are hits."""
    token = both.grant.access_token
    # Once before: the first reading of a log drops all, since earlier changes are not known.
    assert 2 == len([found for _, found in both.each(token, both.own)])
    changed(both)
    kept = [found for _, found in both.each(token, both.own)]
    changed(both)
    if kept_changed:
        both.signer.update(both.grant.session.id, claims={"a": 1})

    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an operation began")

    for manager in (both.blocking, both.awaiting):
        monkeypatch.setattr(manager.core, "validate", refuse)
    before = [manager.core.metrics() for manager in (both.blocking, both.awaiting)]
    for then, seen, (manager, found) in zip(before, kept, both.each(token, both.own), strict=True):
        assert kept_changed == (found != seen)
        assert ({"a": 1} if kept_changed else {}) == found.claims
        now = manager.core.metrics()
        assert (1, not kept_changed, kept_changed) == (
            (now.catch_ups - then.catch_ups, now.hits - then.hits, now.misses - then.misses)
        )
        assert then.calls["get"].count + kept_changed == now.calls["get"].count
        assert 1 <= now.calls["changes"].count


def test_a_revocation_elsewhere_is_heard(both: Both) -> None:
    """At the very next validation, which finds it in the log."""
    for _, found in both.each(both.grant.access_token, both.own):
        assert both.grant.session.id == found.id
    both.signer.revoke(both.grant.session.id)
    for manager, found in both.each(both.grant.access_token, both.own):
        assert isinstance(found, SessionRevokedError)
        assert 0 == manager.core.metrics().entries


def test_a_log_that_cannot_be_read_at_once_is_waited_for(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an event loop a busy store's log is read in a thread, before memory answers."""
    changes = both.signer._store.changes
    asked: list[bool] = []

    def busy(position: object, *, wait: bool = True) -> Any:
        asked.append(wait)
        if not wait:
            raise StoreBusyError("busy")
        return changes(position)

    manager = AsyncSessionManager(both.signer._store, keys=SECRET, clock=both.clock)
    asyncio.run(manager.validate(both.grant.access_token, both.own))
    changed(both)
    monkeypatch.setattr(both.signer._store, "changes", busy)
    manager._plain = manager._plain_way(both.signer._store)  # type: ignore[arg-type]
    assert both.grant.session.id == asyncio.run(manager.validate(both.grant.access_token)).id
    assert [False, False, True] == asked


def test_a_catch_up_that_another_thread_outran_begins_again(both: Both) -> None:
    """What it read from an older position may not stand for what was read since."""
    manager: Any = both.blocking
    manager.validate(both.grant.access_token, both.own)
    changed(both)
    plain: Any = manager._plain
    read = plain._changes
    positions: list[object] = []

    def outrun(position: object) -> Any:
        found = read(position)
        if not positions:
            changed(both)
            manager._read(lambda op: manager.core.cache.catch_up(op.store))
        positions.append(position)
        return found

    plain._changes = outrun
    manager.validate(both.grant.access_token, both.own)
    assert 2 == len(set(positions))


def test_a_log_without_a_mark_is_left_to_the_operation(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of such a store may be down, for which the operation has its law."""
    monkeypatch.setattr(both.blocking._plain, "_reads_log", False)
    both.blocking.validate(both.grant.access_token, both.own)
    changed(both)
    begun: list[Any] = []
    validate = both.blocking.core.validate

    async def noted(*args: Any, **kwargs: Any) -> Any:
        begun.append(kwargs["stale"])
        return await validate(*args, **kwargs)

    monkeypatch.setattr(both.blocking.core, "validate", noted)
    both.blocking.validate(both.grant.access_token, both.own)
    assert [True] == begun
