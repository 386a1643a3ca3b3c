"""Ending more sessions than one write should: in force at once, with the rows behind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from devsess import EventType, LoginDeniedError, SessionRevokedError
from devsess._runtime.faces import BlockingFace
from devsess.lifecycle import LivenessCutoffs
from devsess.operations._ids import Ids
from devsess.operations.ending import LEFT_BEHIND
from devsess.stores.base import Ending, Erasure, Everyone, OfUser
from devsess.stores.capabilities import Capabilities
from devsess.stores.memory import MemoryStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devsess.testing import FakeClock

MANY = 8


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight sessions are more than are ended at once, two are a batch, three ids a page."""
    ending = "devsess.operations.ending"
    monkeypatch.setattr(f"{ending}.Ending", partial(Ending, at_once=MANY - 1))
    monkeypatch.setattr(f"{ending}.BATCH", 2)
    monkeypatch.setattr(f"{ending}.PAGE", 3)
    monkeypatch.setattr("devsess._runtime.faces._PAUSE", (0.0, 0.0))


def _filled(manager: Any, clock: FakeClock, count: int = MANY - 1, user_id: str = "ada") -> None:
    """Sessions of an account that are there already."""
    store = _store_of(manager)
    now = clock.now().timestamp()
    for number in range(count):
        row = rows.session_row(
            f"{user_id}-{number:05}",
            user_id=user_id,
            created_at=now,
            last_seen_at=now,
            idle_from=now,
            idle_expires_at=now + rows.DAY,
            absolute_expires_at=now + rows.DAY,
        )
        store.insert(rows.login(row))


def _store_of(manager: Any) -> Any:
    inner = getattr(manager, "_manager", manager)
    return getattr(inner._store, "store", inner._store)


def test_all_of_an_account(make: Callable[..., Any], clock: FakeClock) -> None:
    """All but the kept one are refused, listed as ended, named, and in the history."""
    events: list[Any] = []
    sessions = make(on_event=events.append)
    _filled(sessions, clock)
    kept, lost, other = (sessions.login(user) for user in ("ada", "ada", "bob"))
    sessions.validate(lost.access_token)
    events.clear()
    ended = sessions.revoke_all("ada", keep=kept.session.id, reason="stolen", actor="ops")

    written = list(events)
    assert isinstance(ended, Sequence)
    assert MANY == len(ended) == len(set(ended))
    assert lost.session.id in ended
    with pytest.raises(SessionRevokedError) as caught:
        sessions.validate(lost.access_token)
    assert "stolen" == caught.value.reason
    assert [kept.session.id] == [it.id for it in sessions.list("ada")]
    assert sessions.validate(kept.access_token).is_active
    assert sessions.validate(other.access_token).is_active
    assert [(EventType.SESSION_REVOKED, "stolen", "ops")] * MANY == [
        (event.type, event.reason, event.actor) for event in written
    ]
    assert set(ended) == {event.session_id for event in written}


def test_nobody_takes_ids_out_of_the_answer(
    make: Callable[..., Any], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge between the ending and the reading of its ids takes none away."""
    sessions, cron = make(), make()
    _filled(sessions, clock)
    store = _store_of(sessions)
    end = store.end

    def and_purge(ending: Ending) -> Any:
        ended = end(ending)
        store.settle(limit=9, before=clock.now().timestamp() - LEFT_BEHIND)
        return ended

    monkeypatch.setattr(store, "end", and_purge)
    ended = sessions.revoke_all("ada")
    assert MANY - 1 == len(ended)
    assert [] == cron.list("ada")


@pytest.mark.parametrize(("took", "sizes"), [(0.0, [2, 4, 6]), (1.0, [2, 2, 2])])
def test_batches_grow_until_they_take_long(
    make: Callable[..., Any],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    took: float,
    sizes: list[int],
) -> None:
    """The time that one took decides how many rows the next one has."""
    ticks = itertools.count()
    monkeypatch.setattr("devsess._runtime.faces.perf_counter", lambda: next(ticks) * took)
    sessions = make()
    _filled(sessions, clock, 2 * MANY)
    store, limits = _store_of(sessions), list[int]()
    settle = store.settle

    def noted(**how: Any) -> Any:
        limits.append(how["limit"])
        return settle(**how)

    monkeypatch.setattr(store, "settle", noted)
    assert 2 * MANY == len(sessions.revoke_all("ada"))
    assert sizes == limits[:3]


def test_everyone(make: Callable[..., Any], clock: FakeClock) -> None:
    """Everybody's sessions are refused and counted; later sign-ins are let in."""
    sessions = make()
    _filled(sessions, clock)
    before = sessions.login("bob")

    assert MANY == sessions.revoke_everyone(reason="breach")
    with pytest.raises(SessionRevokedError):
        sessions.validate(before.access_token)
    assert [] == sessions.list("ada")
    assert sessions.validate(sessions.login("bob").access_token).is_active


def _digests(sessions: Any) -> Sequence[bytes]:
    """The digests by which an erased account is remembered."""
    core = getattr(sessions, "_manager", sessions)._core
    face = BlockingFace(MemoryStore(), Capabilities(), core.times, None)
    return core.operation(face, [], 0.0).account_digests("ada")  # type: ignore[no-any-return]


@pytest.mark.parametrize("what", ["all", "everyone", "many", "erase"])
def test_a_sign_in_under_way_does_not_outrun_it(
    make: Callable[..., Any], clock: FakeClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """An ending that comes once a sign-in has begun refuses it, whether it is dated or not."""
    sessions = make()
    store, now = _store_of(sessions), clock.now().timestamp()
    ends: dict[str, Callable[[], object]] = {
        "all": lambda: store.end(rows.ending(OfUser("ada"), now)),
        "everyone": lambda: store.end(rows.ending(Everyone(), now)),
        "many": lambda: store.end(rows.ending(OfUser("ada"), now, at_once=0)),
        "erase": lambda: store.erase(Erasure("ada", _digests(sessions), now + 9)),
    }
    known_devices = store.known_devices

    def too_late(*args: Any, **kwargs: Any) -> Any:
        known = known_devices(*args, **kwargs)
        ends[what]()
        return known

    for auth_time in (None, clock.now()):
        with monkeypatch.context() as patch:
            patch.setattr(store, "known_devices", too_late)
            with pytest.raises(LoginDeniedError) as caught:
                sessions.login("ada", auth_time=auth_time)
        assert "cut-off" == caught.value.reason
        assert [] == sessions.list("ada")
        assert "ada" == sessions.login("ada").session.user_id
        sessions.revoke_all("ada")


@pytest.mark.parametrize("ahead", [3_600, 10 * 365 * 86_400])
def test_a_clock_that_was_ahead(make: Callable[..., Any], clock: FakeClock, ahead: float) -> None:
    """An ending while the clock was ahead locks nobody out once it is right again."""
    sessions = make()
    clock.advance(ahead)
    sessions.revoke_all("ada")
    sessions.revoke_everyone(reason="alarm")
    clock.advance(-ahead)

    assert sessions.validate(sessions.login("ada").access_token).is_active
    dated = sessions.login("ada", auth_time=clock.now())
    assert sessions.validate(dated.access_token).is_active


def test_purge_goes_on_where_a_process_died(make: Callable[..., Any], clock: FakeClock) -> None:
    """Rows that an ending left behind are written by the next purge, and their events emitted."""
    events: list[Any] = []
    sessions = make(on_event=events.append)
    _filled(sessions, clock, 3)
    now = clock.now().timestamp()
    at = LivenessCutoffs(now, now - 1, now - 1, now)
    _store_of(sessions).end(rows.ending(OfUser("ada"), cutoffs=at, at_once=0))
    clock.advance(59)
    sessions.purge()
    assert [] == [event for event in events if event.type is EventType.SESSION_REVOKED]
    clock.advance(1)

    assert 0 == sessions.purge()
    assert 3 == len([event for event in events if event.type is EventType.SESSION_REVOKED])
    assert {"lost"} == {it.revoke_reason for it in sessions.list("ada", include_ended=True)}
    events.clear()
    sessions.purge()
    assert [] == events


def test_trust_ends_with_a_compromised_account(make: Callable[..., Any], clock: FakeClock) -> None:
    """`compromised` ends the trust in every device, the kept session's too, at once."""
    sessions = make()
    kept, other = sessions.login("ada"), sessions.login("ada")
    until = clock.now().replace(year=clock.now().year + 1)
    for grant in (kept, other):
        sessions.trust_device("ada", grant.session.device.id, until)
    assert until == sessions.validate(kept.access_token).device.trusted_until
    sessions.revoke_all("ada", keep=kept.session.id, compromised=True)

    assert None is sessions.validate(kept.access_token).device.trusted_until
    assert {None} == {device.trusted_until for device in sessions.devices("ada")}


@pytest.mark.parametrize("compromised", [True, False])
def test_trust_under_way_does_not_outrun_an_ending(
    make: Callable[..., Any],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    compromised: bool,
) -> None:
    """A trust that has begun before all sessions are ended is not written after that."""
    events: list[Any] = []
    sessions = make(on_event=events.append)
    device = sessions.login("ada").session.device
    store, now = _store_of(sessions), clock.now().timestamp()
    put_device = store.put_device

    def too_late(*args: Any, **kwargs: Any) -> Any:
        store.end(rows.ending(OfUser("ada", compromised=compromised), now))
        return put_device(*args, **kwargs)

    events.clear()
    until = clock.now().replace(year=clock.now().year + 1)
    with monkeypatch.context() as patch:
        patch.setattr(store, "put_device", too_late)
        assert None is sessions.trust_device("ada", device.id, until).trusted_until
        assert "mine" == sessions.rename_device("ada", device.id, "mine").name
    assert [EventType.DEVICE_RENAMED] == [event.type for event in events]
    assert [None] == [it.trusted_until for it in sessions.devices("ada")]
    assert until == sessions.trust_device("ada", device.id, until).trusted_until
    with monkeypatch.context() as patch:
        patch.setattr(store, "put_device", too_late)
        assert None is sessions.trust_device("ada", device.id, None).trusted_until


PAGES = [("a", "b", "c"), (), ("d",), ("e", "f")]


def test_ids_are_a_sequence() -> None:
    """Packed ids answer as a list of them does."""
    ids, plain = Ids(PAGES), list("abcdef")

    assert plain == list(ids)
    assert plain == [ids[place] for place in range(6)]
    assert plain[-1] == ids[-1]
    assert plain[1:5:2] == ids[1:5:2]
    assert plain[::-1] == ids[::-1] == list(reversed(ids))
    assert ids == plain
    assert ids == Ids([tuple(plain)])
    assert ids != plain[:5]
    assert ids != "abcdef"
    assert 2 == ids.index("c")
    assert "f" in ids
    assert "<6 ids>" == repr(ids)
    assert [] == list(Ids([]))
    assert 0 == len(Ids([()]))
    for place in (6, -7):
        with pytest.raises(IndexError):
            ids[place]
