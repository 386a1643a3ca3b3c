"""Sessions of all accounts are found, counted and ended in bulk, through both managers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import Client, ConfigurationError, EventType, Policy, Risk, SessionManager
from devsess.risk_policy import Points
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HOUR = timedelta(hours=1)


@pytest.fixture
def people(sessions: Any, clock: FakeClock) -> dict[str, Any]:
    """Five sign-ins, a second apart; the one of bob in Oslo has ended."""
    found = {}
    for name, user_id, ip in (
        ("a", "ada", "102.89.77.21"),
        ("b", "bob", "102.89.77.5"),
        ("c", "bob", "88.90.1.9"),
        ("d", "cyd", "2001:db8:1:2::3"),
        ("e", "ada", "102.89.77.5"),
    ):
        clock.advance(1)
        found[name] = sessions.login(user_id, Client(ip=ip)).session
    sessions.revoke(found["c"])
    return found


SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({}, "edcba"),
    ({"user_id": "ada"}, "ea"),
    ({"ip": "102.89.77.5"}, "eb"),
    ({"ip": "::ffff:102.89.77.5"}, "eb"),
    ({"ip": "102.89.77.5/32"}, "eb"),
    ({"ip": "102.89.77.0/24"}, "eba"),
    ({"ip": "102.89.77.200/24"}, "eba"),
    ({"ip": "2001:db8:1::/48"}, "d"),
    ({"ip": "2001:db8:1:2:0:0:0:3"}, "d"),
    ({"ip": "88.90.1.9"}, ""),
    ({"ip": "88.90.1.0/24"}, "c"),
    ({"state": "live"}, "edba"),
    ({"state": "ended"}, "c"),
    ({"user_id": "bob", "state": "live"}, "b"),
    ({"user_id": "nobody"}, ""),
    ({"user_id": "ada", "ip": "102.89.77.5"}, "e"),
]


@pytest.mark.parametrize(("asked", "expected"), SEARCHES)
def test_sessions_are_found(
    sessions: Any, people: dict[str, Any], asked: dict[str, Any], expected: str
) -> None:
    """By all that is given, the newest first, and counted alike."""
    names = {session.id: name for name, session in people.items()}

    assert expected == "".join(names[it.id] for it in sessions.search(**asked))
    assert len(expected) == sessions.count(**asked)


def test_dates_and_devices_narrow_a_search(sessions: Any, people: dict[str, Any]) -> None:
    """From an instant on, and before one; a device is given by its id, or as itself."""
    since, until = people["b"].created_at, people["d"].created_at
    found = sessions.search(since=since, until=until)

    assert [people["c"].id, people["b"].id] == [it.id for it in found]
    assert 2 == sessions.count(since=since, until=until)
    for device in (people["d"].device, people["d"].device.id):
        assert [people["d"].id] == [it.id for it in sessions.search(device_id=device)]


def test_a_session_reads_as_anywhere(sessions: Any, people: dict[str, Any]) -> None:
    """The same record as `get` gives; of an ended one, that it is and why."""
    for session in sessions.search():
        assert sessions.get(session.id) == session
    [ended] = sessions.search(state="ended")
    assert ("revoked", False, "88.90.1.0") == (ended.revoke_reason, ended.is_active, ended.ip)
    assert people["c"].id == ended.id


def test_expired_ones_have_ended(sessions: Any, people: dict[str, Any], clock: FakeClock) -> None:
    """By their deadlines, before a purge writes it and after."""
    clock.advance(15 * 86_400)
    for _ in range(2):
        assert (0, 5) == (sessions.count(state="live"), sessions.count(state="ended"))
        assert [] == [it for it in sessions.search(state="ended") if it.is_active]
        sessions.purge()
    assert 5 == len(people)


def test_a_search_comes_in_pages(sessions: Any, people: dict[str, Any]) -> None:
    """Each session is on one, in one order."""
    found, cursor = [], None
    while True:
        page = sessions.search(limit=2, cursor=cursor)
        found += [it.id for it in page]
        cursor = page.next
        if cursor is None:
            break

    assert [people[it].id for it in "edcba"] == found


MISTAKES: dict[str, list[Any]] = {
    "limit": [0, 1_001, True, "9"],
    "cursor": ["x", 5],
    "state": ["dead", "Live", 1, []],
    "ip": [
        *("", "lagos", "102.89.77.0/16", "2001:db8::/32", 5, "1.2.3.4/", "/24"),
        *("102.89.77.0/24/24", "102.89.77.0/ 24", "102.89.77.0/٢٤"),
    ],
    "user_id": [5],
    "device_id": [5],
    "since": [5.0, datetime(2026, 1, 1)],  # noqa: DTZ001
    "until": [5.0, datetime(2026, 1, 1)],  # noqa: DTZ001
}


@pytest.mark.parametrize("name", MISTAKES)
def test_arguments_are_checked(sessions: Any, name: str) -> None:
    """A wrong one is the caller's mistake, and finds nothing silently."""
    for value in MISTAKES[name]:
        with pytest.raises((TypeError, ValueError)):
            sessions.search(**{name: value})


def test_a_store_may_not_support_it() -> None:
    """A store of one's own without `search` says so."""

    class Plain(MemoryStore):
        search = None  # type: ignore[assignment]

    with SessionManager(Plain(), keys=SECRET) as sessions:
        for ask in (sessions.search, sessions.count, sessions.review_queue, sessions.acts):
            with pytest.raises(ConfigurationError, match="search"):
                ask()


def test_those_found_are_ended_in_batches(make: Callable[..., Any], clock: FakeClock) -> None:
    """Until none is left; each with its event, its reason and the actor."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    there = [sessions.login(f"user-{place}", Client(ip=f"102.89.77.{place}")) for place in range(5)]
    elsewhere = sessions.login("ada", Client(ip="88.90.1.9"))
    clock.advance(1)
    before = clock.now()
    since = sessions.login("eve", Client(ip="102.89.77.9"))

    def end(limit: int = 100) -> int:
        page = sessions.revoke_found(
            ip="102.89.77.0/24", before=before, reason="stuffing", actor="ops-1", limit=limit
        )
        return len(page)

    assert [2, 2, 1, 0, 0] == [end(2) for _ in range(5)]
    assert {elsewhere.session.id, since.session.id} == {
        it.id for it in sessions.search(state="live")
    }
    ended = [it for it in heard if it.type is EventType.SESSION_REVOKED]
    assert {grant.session.id for grant in there} == {it.session_id for it in ended}
    assert {("stuffing", "ops-1")} == {(it.reason, it.actor) for it in ended}


@pytest.mark.parametrize(("until", "before"), [("b", "e"), ("e", "b")])
def test_the_earlier_of_two_bounds_counts(
    sessions: Any, people: dict[str, Any], until: str, before: str
) -> None:
    """A search for a day ends none of the next one, and a preview none that began since."""
    bounds = {
        "until": people[until].created_at,
        "before": people[before].created_at,
    }
    assert 1 == len(sessions.revoke_found(ip="102.89.77.0/24", reason="x", **bounds))

    left = sessions.search(ip="102.89.77.0/24", state="live")
    assert [people["e"].id, people["b"].id] == [it.id for it in left]


def test_an_ended_one_does_not_validate(sessions: Any, clock: FakeClock) -> None:
    """At once, where it was validated from memory before."""
    grant = sessions.login("ada", Client(ip="102.89.77.21"))
    sessions.validate(grant.access_token)
    clock.advance(1)
    assert 1 == len(sessions.revoke_found(user_id="ada", before=clock.now(), reason="lost"))

    with pytest.raises(Exception, match="revoked"):
        sessions.validate(grant.access_token)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"before": "now"},
        {"user_id": "ada", "before": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"user_id": "ada", "limit": 0},
        {"user_id": "ada", "reason": "expired"},
        {"user_id": "ada", "reason": ""},
        {"ip": "nowhere"},
    ],
)
def test_nothing_is_ended_by_a_mistake(
    sessions: Any, clock: FakeClock, asked: dict[str, Any]
) -> None:
    """Nor by a search that nothing narrows: all sessions are ended by name alone."""
    grant = sessions.login("ada", Client(ip="102.89.77.21"))
    with pytest.raises((TypeError, ValueError)):
        sessions.revoke_found(**{"before": clock.now() + HOUR, "reason": "x", **asked})

    assert sessions.validate(grant.access_token)


def test_the_queue_has_what_is_in_question(make: Callable[..., Any], clock: FakeClock) -> None:
    """Live sign-ins of `notify_from` points and more; a step-up, or an end, takes one out."""
    sessions = make(locator=Locator())
    sessions.login("ada", at(HOME))
    clock.advance(60)
    unusual = sessions.login("ada", at(HOSTED))
    assert [unusual.session.id] == [it.id for it in sessions.review_queue()]
    assert unusual.session.score == sessions.review_queue().items[0].score
    clock.advance(2)
    sessions.step_up(unusual.access_token, amr=("otp",), acr="aal2")
    assert () == sessions.review_queue().items
    again = sessions.login("ada", at(HOSTED, agent="acme/1"))
    sessions.revoke(again.session)
    assert () == sessions.review_queue().items


def test_the_queue_begins_at_the_policy(make: Callable[..., Any], clock: FakeClock) -> None:
    """A policy that asks nobody has nothing in question."""
    risk = Risk(points=Points(base=-100), notify_from=200, step_up_from=200)
    sessions = make(locator=Locator(), policy=Policy(risk=risk))
    sessions.login("ada", at(HOME))
    clock.advance(60)
    sessions.login("ada", at(HOSTED))

    assert () == sessions.review_queue().items


def test_acts_are_a_log_of_operators(sessions: Any, people: dict[str, Any]) -> None:
    """Of what they did to any account; what owners did to their own is in their histories."""
    sessions.revoke(people["a"], actor="ops-1", reason="stolen")
    sessions.block_device("bob", people["b"].device, actor="ops-2")
    sessions.revoke(people["d"], actor="cyd")
    sessions.revoke(people["e"])
    found = [(it.type, it.user_id, it.actor) for it in sessions.acts()]

    assert [
        (EventType.DEVICE_BLOCKED, "bob", "ops-2"),
        (EventType.SESSION_REVOKED, "bob", "ops-2"),
        (EventType.SESSION_REVOKED, "ada", "ops-1"),
    ] == found
    first = sessions.acts(limit=1)
    rest = sessions.acts(cursor=first.next)
    assert found == [(it.type, it.user_id, it.actor) for it in (*first, *rest)]
    for mistake in ({"limit": 0}, {"cursor": "x"}, {"cursor": 5}):
        with pytest.raises((TypeError, ValueError)):
            sessions.acts(**mistake)
        with pytest.raises((TypeError, ValueError)):
            sessions.review_queue(**mistake)
