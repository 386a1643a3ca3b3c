"""A live session that is seen on another network: one event a change, where a touch is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, EventType, Policy, Privacy, SessionManager, StoreUnavailableError
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

MOVED = EventType.SESSION_MOVED
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HOME, NEARBY, AWAY, FAR = "102.89.77.21", "102.89.77.99", "70.24.10.5", "2001:db8:7::1"
TOUCH = 300
AGENT = "curl/8.5.0"


def at(ip: Any) -> Client:
    return Client(ip=ip, user_agent=AGENT)


def seen(sessions: Any, clock: FakeClock, grant: Any, *ips: Any, every: float = TOUCH) -> Any:
    """The session, validated from each address, once a touch is due; its token renewed."""
    for ip in ips:
        clock.advance(every)
        grant = sessions.refresh(grant.refresh_token) if every >= TOUCH else grant
        clock.advance(every)
        sessions.validate(grant.access_token, at(ip))
    return grant


def moves(sessions: Any) -> list[tuple[str | None, Any]]:
    """The moves of ada's sessions, oldest first."""
    events = reversed(sessions.history("ada", limit=1000).items)
    return [(event.ip, event.session_id) for event in events if event.type is MOVED]


def test_another_network_is_an_event(make: Callable[..., Any], clock: FakeClock) -> None:
    """With the address, the agent and the device; the session stays where it signed in."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    grant = sessions.login("ada", at(HOME))
    seen(sessions, clock, grant, AWAY)
    [event] = [it for it in heard if it.type is MOVED]
    session = sessions.get(grant.session.id)

    assert [event] == [it for it in sessions.history("ada") if it.type is MOVED]
    assert (clock.now(), "ada", session.id, session.device.id, AWAY, AGENT, None) == (
        event.at,
        event.user_id,
        event.session_id,
        event.device_id,
        event.ip,
        event.user_agent,
        event.actor,
    )
    assert HOME == session.ip


@pytest.mark.parametrize(
    ("ips", "told"),
    [
        ([HOME, NEARBY], []),
        ([AWAY, AWAY, "70.24.10.77"], [AWAY]),
        ([AWAY, HOME, AWAY], [AWAY]),
        ([AWAY, FAR, "2001:db8:7:9::3"], [AWAY, FAR]),
        ([AWAY, FAR, AWAY], [AWAY, FAR, AWAY]),
        ([None, "no address", 7], []),
    ],
)
def test_a_change_is_told_once(
    make: Callable[..., Any], clock: FakeClock, ips: list[Any], told: list[str]
) -> None:
    """By the network (/24 or /48): neither again from there, nor for the way back."""
    sessions = make()
    grant = sessions.login("ada", at(HOME))
    seen(sessions, clock, grant, *ips)

    assert [(ip, grant.session.id) for ip in told] == moves(sessions)


def test_nothing_is_compared_between_touches(make: Callable[..., Any], clock: FakeClock) -> None:
    """A validation that writes nothing, or may not, writes no event."""
    sessions = make()
    grant = sessions.login("ada", at(HOME))
    seen(sessions, clock, grant, AWAY, every=TOUCH / 2 - 1)
    clock.advance(TOUCH)
    sessions.validate(grant.access_token, at(AWAY), touch=False)
    sessions.validate(grant.access_token)
    assert [] == moves(sessions)


def test_a_mark_alone_is_no_activity(make: Callable[..., Any], clock: FakeClock) -> None:
    """The first use of a renewed token is written, though no activity is due yet."""
    sessions = make()
    grant = sessions.login("ada", at(HOME))
    clock.advance(TOUCH)
    renewed = sessions.refresh(grant.refresh_token)
    sessions.validate(renewed.access_token, at(AWAY))

    assert [] == moves(sessions)


@pytest.mark.parametrize(
    ("kept", "told"), [("full", [AWAY]), ("truncated", ["70.24.10.0"]), ("none", [])]
)
def test_privacy_is_kept(
    make: Callable[..., Any], clock: FakeClock, kept: Any, told: list[str]
) -> None:
    """No more of the address than the policy keeps of any; without one, nothing."""
    sessions = make(policy=Policy(privacy=Privacy(ip=kept)))
    seen(sessions, clock, sessions.login("ada", at(HOME)), AWAY)

    assert told == [ip for ip, _ in moves(sessions)]


def test_a_later_policy_keeps_nothing(make: Callable[..., Any], clock: FakeClock) -> None:
    """Not of a session either whose sign-in an earlier policy kept in full."""
    sessions, quiet = make(), make(policy=Policy(privacy=Privacy(ip="none")))
    grant = sessions.login("ada", at(HOME))
    clock.advance(TOUCH)
    quiet.validate(grant.access_token, at(AWAY))

    assert [] == moves(sessions)
    assert "moved" not in [it["kind"] for it in sessions.export_user("ada")["items"]]


def test_where_nothing_was_known_nothing_has_changed(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """A session whose sign-in named no address moves nowhere."""
    sessions = make()
    seen(sessions, clock, sessions.login("ada"), AWAY)
    assert [] == moves(sessions)


def test_sessions_move_apart(make: Callable[..., Any], clock: FakeClock) -> None:
    """Each has its own network; a refresh makes the new one its own."""
    sessions = make()
    first, second = sessions.login("ada", at(HOME)), sessions.login("ada", at(FAR))
    first = seen(sessions, clock, first, AWAY)
    second = seen(sessions, clock, second, AWAY)
    sessions.refresh(first.refresh_token, at(FAR))
    clock.advance(TOUCH)
    sessions.validate(second.access_token, at(FAR))

    assert [(AWAY, first.session.id), (AWAY, second.session.id)] == moves(sessions)


def test_sixteen_sessions_of_an_account_are_remembered(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """The items that an account can make the store keep are bounded, exported, and end with it."""
    sessions = make()
    for _ in range(17):
        seen(sessions, clock, sessions.login("ada", at(HOME)), AWAY)
    items = [it for it in sessions.export_user("ada")["items"] if it["kind"] == "moved"]

    assert 17 == len(moves(sessions))
    assert 16 == len(items)
    sessions.erase_user("ada")
    assert [] == sessions.export_user("ada")["items"]


def test_it_is_remembered_as_long_as_the_session_may_live(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """To the second of the absolute deadline; then `purge` deletes it."""
    sessions = make(policy=Policy(risk=None))
    grant = sessions.login("ada", at(HOME))
    seen(sessions, clock, grant, AWAY)
    left = (grant.session.absolute_expires_at - clock.now()).total_seconds()
    for wait, expected in ((left - 1, 1), (1, 0)):
        clock.advance(wait)
        sessions.purge()
        assert expected == len(sessions.export_user("ada")["items"])


def test_staff_move_under_their_own_name(make: Callable[..., Any], clock: FakeClock) -> None:
    """The event of an impersonation names its actor."""
    sessions = make(policy=Policy(access_lifetime=3_600))
    staff = sessions.login("support-7", at(HOME))
    acted = sessions.impersonate("ada", staff.session, at(HOME))
    clock.advance(TOUCH)
    sessions.validate(acted.access_token, at(AWAY))
    [event] = [it for it in sessions.history("ada") if it.type is MOVED]
    assert ("support-7", AWAY) == (event.actor, event.ip)


class Failing(MemoryStore):
    """A store of which one call fails, or is overtaken, once a touch was written."""

    name = ""
    error: Exception | None = StoreUnavailableError("down")

    def _fails(self, name: str) -> bool:
        if name == self.name and self.error is not None:
            raise self.error
        return name == self.name

    def items(self, *args: Any, **kwargs: Any) -> Any:
        self._fails("items")
        return super().items(*args, **kwargs)

    def put_item(self, *args: Any, **kwargs: Any) -> bool:
        return not self._fails("put_item") and super().put_item(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> Any:
        return None if self._fails("update") else super().update(*args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        self._fails("touch")
        return super().touch(*args, **kwargs)


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), None])
@pytest.mark.parametrize("name", ["items", "put_item", "update", "touch"])
def test_no_failure_ends_a_validation(clock: FakeClock, name: str, error: Any) -> None:
    """A store that is down, or another call that was faster: valid, and no event."""
    heard: list[Any] = []
    store = Failing()
    with SessionManager(store, keys=SECRET, clock=clock, on_event=heard.append) as sessions:
        grant = sessions.login("ada", at(HOME))
        clock.advance(TOUCH)
        if (name, error) not in (("items", None), ("touch", None)):
            store.name, store.error = name, error
        assert sessions.validate(grant.access_token, at(AWAY)).is_active
        store.name = ""
        expected = [MOVED] if (name, error) in (("items", None), ("touch", None)) else []
        assert expected == [it.type for it in heard if it.type is MOVED]


def test_an_erasure_beside_it_leaves_no_network(clock: FakeClock) -> None:
    """An account that is erased before the move is remembered stays erased."""
    store = MemoryStore()
    with SessionManager(store, keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada", at(HOME))
        clock.advance(TOUCH)
        put = store.put_item

        def put_item(*args: Any, **kwargs: Any) -> bool:
            store.put_item = put  # type: ignore[method-assign]
            sessions.erase_user("ada")
            return put(*args, **kwargs)

        store.put_item = put_item  # type: ignore[method-assign]
        sessions.validate(grant.access_token, at(AWAY))
        [item] = store.items("moved", "ada", limit=9)
        assert ("null", clock.now().timestamp()) == (item.body, item.until)
        assert [] == moves(sessions)
        clock.advance(1)
        sessions.purge()
        assert [] == store.items("moved", "ada", limit=9)


def test_a_refresh_beside_it_hides_no_move(clock: FakeClock) -> None:
    """Where the row was no longer as it was read, the next activity tells."""
    store = Failing()
    with SessionManager(store, keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada", at(HOME))
        clock.advance(TOUCH)
        store.name, store.error = "update", None
        sessions.validate(grant.access_token, at(AWAY))
        store.name = ""
        assert [] == moves(sessions)
        clock.advance(TOUCH)
        sessions.validate(grant.access_token, at(AWAY))
        assert 1 == len(moves(sessions))


def test_two_processes_tell_it_once(clock: FakeClock) -> None:
    """Their requests read the row, touch due, at the same time: the faster one writes."""
    store = MemoryStore()
    with SessionManager(store, keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada", at(HOME))
        clock.advance(TOUCH)
        read = store.touch

        def touch(*args: Any, **kwargs: Any) -> bool:
            store.touch = read  # type: ignore[method-assign]
            sessions.validate(grant.access_token, at(AWAY))
            return read(*args, **kwargs)

        store.touch = touch  # type: ignore[method-assign]
        sessions.validate(grant.access_token, at(AWAY))
        assert 1 == len(moves(sessions))
