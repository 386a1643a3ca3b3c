"""The reads of a page of the login history, and the failures that stand on it."""

from __future__ import annotations

from typing import Any

import pytest
from _play import Call, at, play
from attrs import evolve

from devsess._runtime import operations
from devsess.models import EventType, Location, Page
from devsess.operations.login_history import LOCATED, READS, SHOWN
from devsess.risk.failures import Failures, dump
from devsess.stores.calls import Known
from devsess.stores.items import Item
from devsess.testing._rows import T0, device_row, event_row, session_row

NOW = T0 + 1_000
RENAMED = event_row(EventType.DEVICE_RENAMED, session_id=None, device_id=None)
DENIED = event_row(EventType.LOGIN_DENIED, session_id=None, device_id=None, reason="cut-off")


def page(**how: Any) -> Any:
    """The operation for one page of ten."""
    given = {"limit": 10, "cursor": None, "every_event": False, **how}
    return operations.login_history(at(NOW), "user-1", **given)


def failed(*instants: float) -> list[Item]:
    """The record of an account's failures, each on a network of its own."""
    rows = [
        Failures("", f"10.0.{number}.0", int(it // 3600), 1, int(it))
        for number, it in enumerate(instants)
    ]
    return [Item("failures", "user-1", "", dump(rows), 1, T0, NOW)]


def counts(found: Page[Any]) -> list[tuple[EventType, int]]:
    """The type and count of each entry."""
    return [(it.type, it.count) for it in found]


# What happens to a session or a device on the way, or stands in another entry already.
LEFT_OUT = {
    *(EventType.SESSION_RENEWED, EventType.SESSION_EXTENDED, EventType.SESSION_MOVED),
    *(EventType.SESSION_UPDATED, EventType.SESSION_USED_AFTER_END, EventType.TOKEN_REISSUED),
    *(EventType.TOKEN_REUSED, EventType.TOKEN_FROM_FUTURE, EventType.NOTICE),
    *(EventType.NEW_DEVICE, EventType.DEVICE_RENAMED, EventType.DEVICE_TRUSTED),
    *(EventType.DEVICE_UNBLOCKED, EventType.DEVICE_FORGOTTEN),
}


def test_each_type_is_shown_or_left_out() -> None:
    """A new kind of event is decided about; `every_event` shows them all."""
    assert set(EventType) == SHOWN | LEFT_OUT
    assert set() == SHOWN & LEFT_OUT


def test_a_page_reads_ten_times_at_most() -> None:
    """Each time as many events as are missing; then the next page goes on there."""
    calls: list[Call] = []
    answers = [("events", Page((RENAMED,), f"c{number}")) for number in range(READS)]
    found = play(page(limit=3), *answers, ("items", []), calls=calls)

    assert ((), f"c{READS - 1}@{T0!r}") == (found.items, found.next)
    assert 10 == READS
    expected = [None, *(f"c{number}" for number in range(READS - 1))]
    assert expected == [it.kwargs["cursor"] for it in calls if it.name == "events"]
    assert Call("items", ("failures", "user-1"), {"limit": 1}) == calls[-1]


def test_a_page_asks_for_what_is_missing() -> None:
    """And no further once it is full."""
    calls: list[Call] = []
    answers = [
        ("events", Page((DENIED, RENAMED, RENAMED), "c1")),
        ("events", Page((DENIED, DENIED), "c2")),
    ]
    found = play(page(limit=3), *answers, ("items", []), ("locate", None), calls=calls)

    assert (3, f"c2@{T0!r}") == (len(found), found.next)
    assert [3, 2] == [it.kwargs["limit"] for it in calls if it.name == "events"]


def test_the_last_page_has_no_next() -> None:
    """The store says so, full or not."""
    assert None is play(page(), ("events", Page(())), ("items", [])).next


def test_failures_stand_between_the_events_around_them() -> None:
    """One line for those between two events; those of an event's own second below it."""
    new, old = evolve(DENIED, at=T0 + 100), evolve(DENIED, at=T0)
    record = failed(T0 + 200, T0 + 150, T0 + 100, T0 + 50, T0 - 50)
    answers = [("events", Page((new, old))), ("items", record), ("locate", None)]

    assert [
        (EventType.LOGIN_FAILED, 2),
        (EventType.LOGIN_DENIED, 1),
        (EventType.LOGIN_FAILED, 2),
        (EventType.LOGIN_DENIED, 1),
        (EventType.LOGIN_FAILED, 1),
    ] == counts(play(page(), *answers))


def test_a_failure_at_the_edge_is_on_one_page() -> None:
    """Of the instant to which a page goes back, the failures are on that page."""
    record = failed(T0 + 1, T0, T0 - 1)
    first = play(
        page(), ("events", Page((DENIED,) * 10, "c1")), ("items", record), ("locate", None)
    )
    older = evolve(DENIED, at=T0 - 5)
    answers = [("events", Page((older,))), ("items", record), ("locate", None)]
    second = play(page(cursor=first.next), *answers)

    assert (EventType.LOGIN_FAILED, 1) == counts(first)[0] == counts(first)[-1]
    assert 12 == len(first)
    assert [(EventType.LOGIN_FAILED, 1), (EventType.LOGIN_DENIED, 1)] == counts(second)


def test_a_page_never_goes_forward() -> None:
    """Where a clock was set back, older events may be dated later: no failure comes twice."""
    later = evolve(DENIED, at=T0 + 500)
    answers = [("events", Page((later,) * 10, "c9")), ("items", failed(T0 + 100)), ("locate", None)]
    found = play(page(cursor=f"c1@{T0!r}"), *answers)

    assert f"c9@{T0!r}" == found.next
    assert 10 == len(found)


def test_a_session_is_read_once() -> None:
    """Two events of one session ask the store once, and its place is its own."""
    begun = event_row(EventType.SESSION_CREATED)
    ended = event_row(EventType.SESSION_REVOKED, reason="logout")
    answers = [("events", Page((ended, begun))), ("items", []), ("get_many", [session_row("s1")])]

    assert [
        "Signed out on Chrome on macOS.",
        "Signed in with a password on Chrome on macOS.",
    ] == [it.text for it in play(page(), *answers)]


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (EventType.SESSION_CREATED, {}, True),
        (EventType.SESSION_REVOKED, {}, False),
        (EventType.SESSION_CREATED, {"score": None}, False),
        (EventType.SESSION_CREATED, {"score": -5}, False),
        (EventType.SESSION_CREATED, {"revoked_at": T0 + 1, "reason": "logout"}, False),
        (EventType.SESSION_CREATED, {"impersonator": ("s0", "support-7")}, False),
        (EventType.SESSION_CREATED, None, False),
    ],
)
def test_a_sign_in_is_in_question(
    kind: EventType, changes: dict[str, Any] | None, expected: bool
) -> None:
    """While its session lives, is of its own user, and has the points; none that was deleted."""
    session = evolve(session_row("s1"), **{"score": 99, **(changes or {})})
    found = [] if changes is None else [session]
    answers: list[Any] = [("events", Page((event_row(kind),))), ("items", [])]
    answers += [("get_many", found), ("known_devices", Known([], 0)), ("locate", None)]
    [line] = play(page(), *answers[: 3 if found else 5])

    assert expected is line.is_in_question


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"limit": 0}, ValueError, "limit"),
        ({"limit": "7"}, TypeError, "limit"),
        ({"cursor": 7}, TypeError, "cursor"),
    ],
)
def test_a_wrong_argument_is_named(how: Any, error: type[Exception], said: str) -> None:
    """Before anything is read."""
    found = play(page(**how))

    assert isinstance(found, error)
    assert str(found).startswith(said)


def test_a_user_is_a_text() -> None:
    """As everywhere."""
    wrong: Any = 7
    flow = operations.login_history(at(NOW), wrong, limit=1, cursor=None, every_event=False)

    assert isinstance(play(flow), TypeError)


def test_what_is_not_known_is_none() -> None:
    """Neither place, device nor method is an empty text."""
    nothing = evolve(DENIED, ip=None, network=None, user_agent=None)
    begun, session = event_row(EventType.SESSION_CREATED), evolve(session_row("s1"), amr=())
    answers = [("events", Page((begun, nothing))), ("items", []), ("get_many", [session])]
    found = play(page(), *answers)

    assert [(None, "Chrome on macOS", None), (None, None, None)] == [
        (it.place, it.device, it.method) for it in found
    ]


def test_a_network_is_not_located() -> None:
    """The place of an address that was reduced is left out."""
    reduced = evolve(DENIED, ip=DENIED.network)

    assert [None] == [it.place for it in play(page(), ("events", Page((reduced,))), ("items", []))]


def test_failures_begin_with_their_hour() -> None:
    """The record keeps no earlier instant."""
    record = failed(7_200 + 1_800, 3_600 + 60)
    [line] = play(page(), ("events", Page(())), ("items", record))

    assert (3_600.0, 9_000.0) == (line.since.timestamp(), line.at.timestamp())
    assert (2, ("10.0.0.0", "10.0.1.0")) == (line.count, line.networks)


def test_a_device_without_a_session_has_the_name_it_has_now() -> None:
    """The devices are read once; one that is gone has its program's label."""
    blocked = event_row(EventType.DEVICE_BLOCKED, session_id=None, user_agent=None)
    gone = evolve(blocked, device_id="gone")
    named = device_row(name="laptop")
    answers = [
        ("events", Page((blocked, gone))),
        ("items", []),
        ("known_devices", Known([named], 0)),
        ("locate", None),
    ]

    assert ['"laptop"', None] == [it.device for it in play(page(), *answers)]


def test_a_place_that_is_known_is_not_asked_for_again() -> None:
    """Beyond the bound a new address has no place, and one that was asked about keeps its own."""
    first = evolve(DENIED, ip="198.51.100.1")
    others = [evolve(DENIED, ip=f"198.51.100.{number}") for number in range(2, LOCATED + 2)]
    events = Page((first, *others, first))
    lagos = Location("Lagos", "Nigeria")
    answers = [("locate", lagos), *[("locate", None)] * (LOCATED - 1)]
    flow = page(limit=LOCATED + 2)
    found = play(flow, ("events", events), ("items", []), *answers)

    assert ["Lagos, Nigeria", *[None] * LOCATED, "Lagos, Nigeria"] == [it.place for it in found]
