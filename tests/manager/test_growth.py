"""A signed-in client can make a store grow only within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, EventType, LoginDeniedError, Policy
from devsess.stores import semantics
from devsess.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(semantics, "EVENTS_EACH", 4)
    return 4


def count(sessions: Any, kind: EventType) -> int:
    page = sessions.history("ada", limit=100)
    return sum(event.type is kind for event in page.items)


def test_changing_agents_fill_nothing(make: Callable[..., Any], few: int) -> None:
    """A client that renews under another agent each time: so many are kept, and it stays in."""
    emitted: list[EventType] = []
    sessions = make(on_event=lambda event: emitted.append(event.type))
    grant = sessions.login("ada", Client(user_agent="agent 0"))
    own = grant.device_token
    for number in range(1, 10):
        client = Client(user_agent=f"agent {number}", device_token=own)
        grant = sessions.refresh(grant.refresh_token, client)
        assert f"agent {min(number, few)}" == grant.session.user_agent
    assert few == count(sessions, EventType.SESSION_RENEWED)
    assert 9 == emitted.count(EventType.SESSION_RENEWED)
    store = getattr(sessions, "_store", None)
    if isinstance(store, SQLiteStore):
        assert few + 1 == len(store._rows("SELECT id FROM agents", ()))


def test_each_kind_of_event_is_bounded(make: Callable[..., Any], few: int) -> None:
    """Of one session; another one's history is its own."""
    sessions = make()
    one, other = sessions.login("ada"), sessions.login("ada")
    for _ in range(9):
        sessions.extend(one.session.id, 60)
        sessions.update(one.session.id, claims={})
    sessions.extend(other.session.id, 60)
    assert few + 1 == count(sessions, EventType.SESSION_EXTENDED)
    assert few == count(sessions, EventType.SESSION_UPDATED)
    sessions.revoke(one.session.id)
    assert 1 == count(sessions, EventType.SESSION_REVOKED)


def test_answers_that_are_lost_again_and_again(
    make: Callable[..., Any], clock: FakeClock, few: int
) -> None:
    """One token that is presented late as often as it likes fills no history."""
    sessions = make()
    grant = sessions.login("ada")
    sessions.refresh(grant.refresh_token)
    for _ in range(9):
        clock.advance(60)
        sessions.refresh(grant.refresh_token)
    assert few == count(sessions, EventType.TOKEN_REISSUED)


def test_user_agents_go_with_their_sessions(make: Callable[..., Any], clock: FakeClock) -> None:
    """The text of an agent is kept while a session or event may show it, and no longer."""
    sessions = make()
    store = getattr(sessions, "_store", None) or sessions._manager._store
    sessions.login("ada", Client(user_agent="old/1.0"))
    clock.advance(86_400 * (30 + 90 + 1))
    sessions.purge()
    if isinstance(store, SQLiteStore):
        assert [("old/1.0",)] == store._rows("SELECT user_agent FROM agents", ())
    clock.advance(1)
    sessions.login("ada", Client(user_agent="new/1.0"))
    sessions.purge()

    assert {"new/1.0"} == {event.user_agent for event in sessions.history("ada").items}
    if isinstance(store, SQLiteStore):
        assert [("new/1.0",)] == store._rows("SELECT user_agent FROM agents", ())


def blocked(sessions: Any) -> Callable[[], object]:
    """Signs in from a device that is blocked."""
    grant = sessions.login("ada")
    sessions.block_device("ada", grant.session.device.id)
    return lambda: sessions.login("ada", Client(device_token=grant.device_token))


def cut_off(sessions: Any) -> Callable[[], object]:
    """Signs in with a time that lies before the end of all sessions."""
    sessions.revoke_all("ada")
    return lambda: sessions.login("ada", auth_time=1.0)


def full(sessions: Any) -> Callable[[], object]:
    """Signs in where the limit is reached."""
    sessions.login("ada")
    return lambda: sessions.login("ada")


REFUSED = {
    "a blocked device": (blocked, EventType.LOGIN_DENIED),
    "before the cut-off": (cut_off, EventType.LOGIN_DENIED),
    "beyond the limit": (full, EventType.LIMIT_EXCEEDED),
}


@pytest.mark.parametrize(("begin", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_sign_ins_fill_nothing(
    make: Callable[..., Any], few: int, begin: Callable[..., Any], kind: EventType
) -> None:
    """A bounded number is kept of an account, all are emitted, and no other history is shorter."""
    emitted: list[EventType] = []
    policy = Policy(max_sessions=1, on_limit="reject")
    sessions = make(policy=policy, on_event=lambda event: emitted.append(event.type))
    sign_in = begin(sessions)
    for _ in range(2 * few):
        with pytest.raises(LoginDeniedError):
            sign_in()
    assert few == count(sessions, kind)
    assert 2 * few == emitted.count(kind)
    # A device event of the account, and the same event of another one, have room of their own.
    sessions.login("bob")
    with pytest.raises(LoginDeniedError):
        sessions.login("bob")
    assert EventType.LIMIT_EXCEEDED is sessions.history("bob").items[0].type
    sessions.rename_device("bob", sessions.devices("bob")[0].id, "mine")
    assert EventType.DEVICE_RENAMED is sessions.history("bob").items[0].type


def test_evictions_fill_nothing(make: Callable[..., Any], few: int) -> None:
    """Each sign-in of a program is kept, and of the limits reached a bounded number."""
    sessions = make(policy=Policy(max_sessions=1))
    for _ in range(2 * few):
        sessions.login("ada")
    assert few == count(sessions, EventType.LIMIT_EXCEEDED)
    assert 2 * few == count(sessions, EventType.SESSION_CREATED)
