"""
One operation at each line of another: memory gives no answer that has ended meanwhile.

The one comes from another thread, or from a handler of a signal that the other's thread was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from _lines import Handler, Race, Rival, at_each_line, outcome_of, watch_locks

from devsess import (
    Client,
    Grant,
    Policy,
    RefreshTokenReusedError,
    Session,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from devsess.stores.base import Store

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
RAISED = {"raised": "claims"}

Races: TypeAlias = Callable[[Callable[[Race], object]], None]
Change: TypeAlias = Callable[[SessionManager, Grant], object]

# Changes of a session, and the outcome of a validation of its token from then on.
CHANGES: dict[str, tuple[Change, object]] = {
    "revoke": (lambda on, grant: on.revoke(grant.session.id), SessionRevokedError),
    "revoke_all": (lambda on, grant: on.revoke_all(grant.session.user_id), SessionRevokedError),
    "forget_device": (
        lambda on, grant: on.forget_device(grant.session.user_id, grant.session.device.id),
        SessionRevokedError,
    ),
    "erase_user": (lambda on, grant: on.erase_user(grant.session.user_id), SessionNotFoundError),
    "step_up": (lambda on, grant: on.step_up(grant.access_token, amr=("otp",)), TokenExpiredError),
    "update": (lambda on, grant: on.update(grant.session.id, claims=RAISED), RAISED),
}


class Ring:
    """
    Two managers, each with its cache, on one store; a new account for every race.

    The cache of *here* is the one that is raced for; *there* stands for another process.
    """

    def __init__(self, store: Store, **policy: Any) -> None:
        self.clock = FakeClock()
        self.staleness = float(policy.get("max_staleness", 0))
        settings: dict[str, Any] = {
            "keys": SECRET,
            "policy": Policy(**policy),
            "clock": self.clock,
        }
        self.here = SessionManager(store, **settings)
        self.there = SessionManager(store, **settings)
        self._users = 0
        self._bystander = self.login()

    def login(self) -> Grant:
        self._users += 1
        return self.here.login(f"ada-{self._users}", Client(user_agent="curl/8.9"))

    def catch_up(self) -> None:
        """Another thread of *here* catches up with the log."""
        self.here.validate(self._bystander.access_token)

    def validate(self, grant: Grant, **options: Any) -> Session:
        return self.here.validate(grant.access_token, **options)

    def wait(self) -> None:
        """Wait until every change is older than the staleness that memory may have."""
        self.clock.advance(self.staleness)

    def kept(self) -> Grant:
        """A session that *here* answers from memory."""
        grant = self.login()
        self.catch_up()
        self.validate(grant)
        return grant

    def ask(self, grant: Grant, **options: Any) -> object:
        """The outcome of a validation *here*, as CHANGES names it."""
        return answer(outcome_of(lambda: self.validate(grant, **options)))


def answer(outcome: object) -> object:
    """A session's claims, or the type of the result or error."""
    return outcome.claims if isinstance(outcome, Session) else type(outcome)


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_locks(monkeypatch)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Its marks are compared by asking the store (memory), or without (SQLite's wal-index)."""
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "races.db")
    yield store
    store.close()


@pytest.fixture
def step(thorough: bool) -> int:
    """Each line, or each third one."""
    return 1 if thorough else 3


@pytest.fixture(params=[Rival, Handler], ids=["another thread", "a signal's handler"])
def in_each_race(request: pytest.FixtureRequest, step: int) -> Races:
    return partial(at_each_line, step=step, rival=request.param)


STALE = {"max_staleness": 1}


@pytest.fixture(
    params=[{}, pytest.param(STALE, marks=pytest.mark.thorough)],
    ids=["never stale", "a second stale"],
)
def policy(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A second that is over asks as much as none at all."""
    return dict(request.param)


@pytest.mark.parametrize("kept", [False, True], ids=["read", "remembered"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_during_a_validation(
    name: str, kept: bool, policy: dict[str, Any], in_each_race: Races
) -> None:
    """
    A row read before a change is not answered after it, from the cache that both use.

    A manager sees its own changes at once, however stale an answer may be.
    """
    change, expected = CHANGES[name]
    ring = Ring(MemoryStore(), **policy)
    ring.catch_up()

    def play(race: Race) -> None:
        grant = ring.kept() if kept else ring.login()

        def rival() -> object:
            change(ring.here, grant)
            return ring.ask(grant)

        found, passed = race(lambda: ring.validate(grant), rival)
        assert expected == passed
        assert answer(found) in ({}, expected)
        assert expected == ring.ask(grant)

    in_each_race(play)


def test_a_change_elsewhere_during_a_validation(store: Store, in_each_race: Races) -> None:
    """Another thread consumes the log while this one still has the row that it read before."""
    ring = Ring(store)
    ring.catch_up()

    def play(race: Race) -> None:
        grant = ring.login()

        def rival() -> None:
            ring.there.revoke(grant.session.id)
            ring.catch_up()

        race(lambda: ring.validate(grant), rival)
        assert SessionRevokedError is ring.ask(grant)

    in_each_race(play)


@pytest.mark.parametrize("policy", [{}, STALE], ids=["never stale", "a second stale"])
def test_a_catch_up_during_a_hit(store: Store, policy: dict[str, Any], in_each_race: Races) -> None:
    """A session revoked before a validation began is refused, even if it was already looked up."""
    ring = Ring(store, **policy)

    def play(race: Race) -> None:
        grant = ring.kept()
        ring.there.revoke(grant.session.id)
        ring.wait()
        found, _ = race(lambda: ring.validate(grant), ring.catch_up)
        assert SessionRevokedError is answer(found)

    in_each_race(play)


def test_a_change_during_a_catch_up(
    store: Store, policy: dict[str, Any], in_each_race: Races
) -> None:
    """A write during a reading of the log is read twice rather than never."""
    ring = Ring(store, **policy)

    def play(race: Race) -> None:
        grant = ring.kept()
        ring.there.revoke(ring.login().session.id)  # something to hear of
        ring.wait()

        def rival() -> None:
            ring.there.revoke(grant.session.id)
            ring.wait()

        race(ring.catch_up, rival)
        assert SessionRevokedError is ring.ask(grant)

    in_each_race(play)


def test_a_change_that_is_heard_of_during_a_catch_up(in_each_race: Races) -> None:
    """Two that catch up at once both know of it, whichever comes last."""
    ring = Ring(MemoryStore())

    def play(race: Race) -> None:
        grant = ring.kept()
        ring.there.revoke(ring.login().session.id)

        def rival() -> object:
            ring.there.revoke(grant.session.id)
            return ring.ask(grant)

        _, passed = race(ring.catch_up, rival)
        assert SessionRevokedError is passed
        assert SessionRevokedError is ring.ask(grant)

    in_each_race(play)


def test_a_change_during_a_write(in_each_race: Races) -> None:
    """A write catches up with its own changes, and with no more than it has read."""
    ring = Ring(MemoryStore())

    def play(race: Race) -> None:
        grant, other = ring.kept(), ring.login()
        race(
            lambda: ring.here.extend(other.session, 60),
            lambda: ring.there.revoke(grant.session.id),
        )
        assert SessionRevokedError is ring.ask(grant)

    in_each_race(play)


def test_a_catch_up_during_a_catch_up(store: Store, step: int) -> None:
    """The slower one takes nothing back that the faster one knows: memory answers at once."""
    ring = Ring(store)

    def play(race: Race) -> None:
        grant = ring.kept()
        ring.there.revoke(ring.login().session.id)

        def rival() -> None:
            ring.there.revoke(ring.login().session.id)
            ring.catch_up()

        race(ring.catch_up, rival)
        before = ring.here.metrics()
        assert {} == ring.ask(grant)
        after = ring.here.metrics()
        assert (before.hits + 1, before.catch_ups) == (after.hits, after.catch_ups)

    at_each_line(play, step)


def test_a_change_during_a_fresh_validation(store: Store, in_each_race: Races) -> None:
    """The stamp that is kept is no newer than the row: a fresh validation sees every change."""
    ring = Ring(store)
    ring.catch_up()

    def play(race: Race) -> None:
        grant = ring.login()
        race(
            lambda: ring.validate(grant, fresh=True),
            lambda: ring.there.update(grant.session.id, claims=RAISED),
        )
        assert RAISED == ring.ask(grant, fresh=True)
        ring.there.revoke(grant.session.id)
        assert SessionRevokedError is ring.ask(grant, fresh=True)

    in_each_race(play)


def test_a_refresh_during_a_refresh(in_each_race: Races) -> None:
    """Racing tabs get the same successor, and one of them learns that it existed already."""
    ring = Ring(MemoryStore())

    def play(race: Race) -> None:
        token = ring.login().refresh_token
        one, other = race(lambda: ring.here.refresh(token), lambda: ring.there.refresh(token))
        assert isinstance(one, Grant)
        assert isinstance(other, Grant)
        assert one.refresh_token == other.refresh_token
        assert {False, True} == {one.replayed, other.replayed}
        assert one.session.id == ring.here.refresh(one.refresh_token).session.id

    in_each_race(play)


@pytest.mark.parametrize("name", ["revoke", "erase_user"])
def test_an_ending_during_a_refresh(name: str, in_each_race: Races) -> None:
    """No token of the refresh is good once the ending has returned."""
    end, expected = CHANGES[name]
    ring = Ring(MemoryStore())

    def play(race: Race) -> None:
        grant = ring.login()

        def rival() -> object:
            end(ring.here, grant)
            return ring.ask(grant)

        renewed, passed = race(lambda: ring.here.refresh(grant.refresh_token), rival)
        assert expected is passed
        assert expected is ring.ask(grant)
        assert type(renewed) in (Grant, expected)
        if isinstance(renewed, Grant):
            assert expected is ring.ask(renewed)
            token = renewed.refresh_token
            assert expected is answer(outcome_of(lambda: ring.here.refresh(token)))

    in_each_race(play)


def test_a_step_up_during_a_refresh(in_each_race: Races) -> None:
    """The session lives on, and the stepped-up tokens lead on."""
    ring = Ring(MemoryStore())

    def play(race: Race) -> None:
        grant = ring.login()
        renewed, raised = race(
            lambda: ring.here.refresh(grant.refresh_token),
            lambda: ring.here.step_up(grant.access_token, amr=("otp",)),
        )
        assert isinstance(raised, Grant)
        assert type(renewed) in (Grant, TokenExpiredError)
        assert TokenExpiredError is ring.ask(grant)
        assert {} == ring.ask(raised)
        assert raised.session.id == ring.here.refresh(raised.refresh_token).session.id

    in_each_race(play)


class Lost:
    """A session whose last refresh nobody had the answer of, ten minutes ago."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.token = ring.login().refresh_token
        self.successor = ring.here.refresh(self.token)
        ring.clock.advance(600)

    def find(self) -> Grant:
        """Come late with the previous token."""
        return self.ring.there.refresh(self.token)

    def present(self) -> Session:
        """Show that the successor has arrived."""
        return self.ring.validate(self.successor, touch=False)


def late_first(race: Race, lost: Lost) -> tuple[object, object]:
    return race(lost.find, lost.present)


def late_second(race: Race, lost: Lost) -> tuple[object, object]:
    shown, found = race(lost.present, lost.find)
    return found, shown


@pytest.mark.parametrize("run", [late_first, late_second])
def test_a_late_token_and_its_successor(
    run: Callable[[Race, Lost], tuple[object, object]],
    in_each_race: Races,
) -> None:
    """The session ends, or the late token is given another successor: never both, nor neither."""
    ring = Ring(MemoryStore())
    seen = set()

    def play(race: Race) -> None:
        lost = Lost(ring)
        found, _ = run(race, lost)
        again = ring.here.get(lost.successor.session.id)
        assert again is not None
        assert again.is_active == isinstance(found, Grant)
        if isinstance(found, Grant):
            assert {} == ring.ask(found)
            assert found.session.id == ring.here.refresh(found.refresh_token).session.id
        else:
            assert isinstance(found, RefreshTokenReusedError)
            assert "late" == found.reuse
            assert SessionRevokedError is ring.ask(lost.successor)
        seen.add(again.is_active)

    in_each_race(play)
    assert {True, False} == seen
