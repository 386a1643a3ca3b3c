"""What two copies of an account come to: the law, case by case, and for any two copies."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess.models import EventType
from devsess.stores.accounts import Account, Mark
from devsess.stores.comparing import Compared, checksum, compared
from devsess.stores.merging import difference, merged
from devsess.stores.rows import DeviceRow, EventRow, SessionRow
from devsess.testing._rows import T0, device_row, event_row, session_row

NONE = Mark()


def account(*rows: SessionRow, **columns: Any) -> Account:
    """An account with these sessions and their devices."""
    devices = {row.device.id: row.device for row in rows}
    return Account("user-1", **{"devices": tuple(devices.values()), "sessions": rows} | columns)


def session(**columns: Any) -> SessionRow:
    return session_row("s1", **columns)


def end(at: float, reason: str = "lost") -> dict[str, Any]:
    return {"revoked_at": at, "reason": reason, "ip": "102.89.77.0/24"}


def updated(at: float) -> tuple[EventRow, ...]:
    return (event_row(EventType.SESSION_UPDATED, at=at),)


# The columns of one copy, of the other, and those that they come to whichever is merged.
SESSIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "an end wins over none": (end(T0 + 5), {}, end(T0 + 5)),
    "an end wins over a higher generation": (
        end(T0 + 5),
        {"generation": 9},
        {"generation": 9, **end(T0 + 5)},
    ),
    "the earlier end stands": (end(T0 + 5), end(T0 + 3, "logout"), end(T0 + 3, "logout")),
    "the higher generation": (
        {"generation": 3, "rotated_at": T0 + 1, "rotated_by": "refresh"},
        {"generation": 2, "rotated_at": T0 + 9, "rotated_by": "step_up"},
        {"generation": 3, "rotated_at": T0 + 1, "rotated_by": "refresh"},
    ),
    "a token of an old generation was not the current one": (
        {"generation": 3, "presented": False},
        {"generation": 2, "presented": True},
        {"generation": 3, "presented": False},
    ),
    "a current one that came back, did": ({"presented": True}, {}, {"presented": True}),
    "activity moves forward": (
        {"last_seen_at": T0 + 9, "idle_from": T0 + 1, "idle_expires_at": T0 + 50},
        {"last_seen_at": T0 + 1, "idle_from": T0 + 9, "idle_expires_at": T0 + 40},
        {"last_seen_at": T0 + 9, "idle_from": T0 + 9, "idle_expires_at": T0 + 50},
    ),
    "the client that came last": (
        {"last_seen_at": T0 + 9, "user_agent": "new", "ip": "1.1.1.1"},
        {"user_agent": "old", "ip": "2.2.2.2"},
        {"last_seen_at": T0 + 9, "user_agent": "new", "ip": "1.1.1.1"},
    ),
    "the later proof": (
        {"auth_time": int(T0) + 9, "amr": ("otp",), "acr": "aal2", "levels": (("aal1", 1),)},
        {"auth_time": int(T0), "amr": ("pwd",), "acr": "aal1"},
        {"auth_time": int(T0) + 9, "amr": ("otp",), "acr": "aal2", "levels": (("aal1", 1),)},
    ),
    "the latest demand for a step-up": (
        {"step_up_after": int(T0) + 1},
        {"step_up_after": int(T0) + 2},
        {"step_up_after": int(T0) + 2},
    ),
    "a demand that the other's step-up did not meet": (
        {"step_up_after": int(T0) + 9},
        {"auth_time": int(T0) + 8},
        {"auth_time": int(T0) + 8, "step_up_after": int(T0) + 9},
    ),
    "no demand that the other's step-up has met": (
        {"step_up_after": int(T0) + 8},
        {"auth_time": int(T0) + 9},
        {"auth_time": int(T0) + 9},
    ),
    "bound once, bound": ({"bound": True}, {}, {"bound": True}),
    "deadlines that a clock had put off": (
        {"absolute_expires_at": T0 + 9, "created_at": T0 - 1},
        {"absolute_expires_at": T0 + 99},
        {"absolute_expires_at": T0 + 9, "created_at": T0 - 1},
    ),
    "the higher number": ({"ending_number": 4}, {"ending_number": 6}, {"ending_number": 6}),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_in_two_stores(name: str) -> None:
    """Of two copies of a session each group of columns comes from the one that is ahead."""
    one, other, expected = SESSIONS[name]
    copies = account(session(**one)), account(session(**other))
    for mine, theirs in (copies, copies[::-1]):
        assert (session(**expected),) == merged(mine, theirs, NONE, NONE).sessions


DEVICES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a block holds, and ends trust": (
        {"blocked": True},
        {"last_seen_at": T0 + 9, "trusted_until": T0 + 99},
        {"blocked": True, "last_seen_at": T0 + 9},
    ),
    "the later sign-in": (
        {"last_seen_at": T0 + 9, "label": "new"},
        {"first_seen_at": T0 - 9, "label": "old"},
        {"last_seen_at": T0 + 9, "first_seen_at": T0 - 9, "label": "new"},
    ),
    "a device that signs in again is known again": (
        {"forgotten": True},
        {"last_seen_at": T0 + 9},
        {"last_seen_at": T0 + 9},
    ),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_in_two_stores(name: str) -> None:
    """A device is as its user set it last; its block holds."""
    one, other, expected = DEVICES[name]
    copies = [Account("user-1", devices=(device_row(**it),)) for it in (one, other)]
    for mine, theirs in (copies, copies[::-1]):
        assert (device_row(**expected),) == merged(mine, theirs, NONE, NONE).devices


def test_a_device_is_as_it_was_set_last() -> None:
    """A name that was given in one store replaces the older one of the other, both ways."""
    renamed = event_row(EventType.DEVICE_RENAMED, at=T0 + 5, session_id=None)
    new = Account("user-1", devices=(device_row(name="new"),), events=(renamed,))
    old = Account("user-1", devices=(device_row(name="old"),))
    for mine, theirs in ((new, old), (old, new)):
        assert ["new"] == [it.name for it in merged(mine, theirs, NONE, NONE).devices]


def test_trust_that_an_ending_took_away_stays_away() -> None:
    """A sign-in in a store that does not know of the ending brings no trust back."""
    here = Account("user-1", Mark(4, T0 + 5), devices=(device_row(),))
    there = Account("user-1", devices=(device_row(trusted_until=T0 + 99, last_seen_at=T0 + 9),))
    for mine, theirs in ((here, there), (there, here)):
        assert [None] == [it.trusted_until for it in merged(mine, theirs, NONE, NONE).devices]


def test_claims_that_were_set_later() -> None:
    """The store whose history has the later update gives the claims."""
    new = account(session(claims='{"role":"user"}'), events=updated(T0 + 9))
    old = account(session(claims='{"role":"admin"}'), events=updated(T0 + 3))
    for mine, theirs in ((new, old), (old, new)):
        found = merged(mine, theirs, NONE, NONE)
        assert ['{"role":"user"}'] == [row.claims for row in found.sessions]


# The endings of the account and of everyone: of the store that has the session, and the other's.
LONE = {
    "no ending": (NONE, NONE, NONE, NONE, None),
    "the account's, unknown here": (NONE, Mark(3, T0 + 5), NONE, NONE, T0 + 5),
    "everyone's, unknown here": (NONE, NONE, NONE, Mark(3, T0 + 5), T0 + 5),
    "both": (NONE, Mark(3, T0 + 5), NONE, Mark(3, T0 + 6), T0 + 6),
    "one that is known here": (Mark(3, T0 + 5), Mark(3, T0 + 5), NONE, NONE, None),
    "an older one than ours": (Mark(3, T0 + 5), Mark(9, T0 + 4), NONE, NONE, None),
    "another one of ours": (Mark(3, T0 + 5), NONE, Mark(4, T0 + 9), NONE, None),
}


@pytest.mark.parametrize("name", LONE)
def test_a_session_that_one_store_has_alone(name: str) -> None:
    """It ends with an ending of the other store that its own does not know; else it lives on."""
    own, other, own_store, other_store, ended_at = LONE[name]
    one, empty = account(session(), mark=own), Account("user-1", other)
    for found in (
        merged(one, empty, own_store, other_store),
        merged(empty, one, other_store, own_store),
    ):
        [row] = found.sessions
        assert ended_at == row.revoked_at
        assert (1 if ended_at else 0) == len(found.events)


def test_what_lives_is_under_the_latest_number() -> None:
    """Whichever store drew it: otherwise the next ending there would not end it."""
    mine = account(session(ending_number=2), mark=Mark(2, T0))
    theirs = account(session(ending_number=2), mark=Mark(7, T0))
    [row] = merged(mine, theirs, Mark(5, T0), Mark(9, T0)).sessions

    assert 9 == row.ending_number


def test_events_are_there_once() -> None:
    """A copy of an event is recognised without its address; equal ones keep their number."""
    one = event_row()
    bare = evolve(one, ip=one.network)
    cases = [
        ((one,), (one,), (one,)),
        ((one,), (one, one), (one, one)),
        ((one, one), (one,), (one, one)),
        ((one,), (bare,), (bare,)),
        ((bare,), (one,), (bare,)),
    ]
    for mine, theirs, expected in cases:
        found = merged(Account("user-1", events=mine), Account("user-1", events=theirs), NONE, NONE)
        assert expected == found.events


def test_a_history_keeps_no_more_than_it_may() -> None:
    """Of one type and session 1,000 events are kept; the newest of the others come in."""
    mine = tuple(event_row(at=T0 + n) for n in range(998))
    theirs = tuple(event_row(at=T0 + 5_000 + n) for n in range(5))
    found = merged(Account("user-1", events=mine), Account("user-1", events=theirs), NONE, NONE)

    assert 1_000 == len(found.events)
    assert theirs[-2:] == found.events[-2:]


def test_a_difference_is_what_is_written() -> None:
    """New rows, changed rows, and the names of those that were here."""
    row, new = session(), session_row("new", device="device-2")
    mine = account(row, events=(event_row(),))
    theirs = account(evolve(row, **end(T0 + 5)), new, mark=Mark(3, T0))
    found = difference(mine, theirs, NONE, NONE)

    assert (new.device,) == found.devices
    assert Mark(3, T0) == found.mark
    assert ["s1", "new"] == [it.id for it in found.sessions]
    assert ("s1",) == found.reduced
    assert () == found.events
    assert ("s1",) == found.logged


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, Compared.SAME),
        ({"ending_number": 5}, {}, Compared.SAME),
        ({"claims": '{"a":1}'}, {}, Compared.BEHIND),
        ({"salt": b"another one 1234"}, {}, Compared.BEHIND),
        ({"generation": 3}, {}, Compared.AHEAD),
        ({}, {"generation": 3}, Compared.BEHIND),
        ({"last_seen_at": T0 + 1}, {"generation": 3}, Compared.BEHIND),
    ],
)
def test_copies_are_compared(one: dict[str, Any], other: dict[str, Any], expected: object) -> None:
    """A copy is the same, or ahead where a merge would change nothing, or else behind."""
    assert expected is compared(account(session(**one)), account(session(**other)), NONE, NONE)


def test_two_accounts_are_never_merged() -> None:
    """An account is merged into its own copy only."""
    with pytest.raises(ValueError, match="one account"):
        merged(Account("a"), Account("b"), NONE, NONE)


INSTANTS = st.integers(0, 3).map(lambda n: T0 + n)
MARKS = st.one_of(st.just(NONE), st.builds(Mark, st.integers(1, 3), INSTANTS))


@st.composite
def sessions(draw: st.DrawFn, name: str, device: DeviceRow) -> SessionRow:
    ended = draw(st.one_of(st.none(), INSTANTS))
    row = session_row(
        name,
        device=device,
        generation=draw(st.integers(0, 2)),
        last_seen_at=draw(INSTANTS),
        idle_from=draw(INSTANTS),
        idle_expires_at=draw(INSTANTS),
        bound=draw(st.booleans()),
        presented=draw(st.booleans()),
        ending_number=draw(st.integers(0, 3)),
    )
    return row if ended is None else evolve(row, **end(ended, draw(st.sampled_from("ab"))))


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    blocked = draw(st.booleans())  # it is no longer trusted then
    device = device_row(
        blocked=blocked,
        trusted_until=None if blocked else draw(st.one_of(st.none(), INSTANTS)),
        last_seen_at=draw(INSTANTS),
    )
    names = draw(st.sets(st.sampled_from(["s1", "s2", "s3"])))
    rows = [draw(sessions(name, device)) for name in sorted(names)]
    known = [event_row(EventType.LOGIN_DENIED, at=T0 + n, session_id=None) for n in range(3)]
    events = draw(st.lists(st.sampled_from(known), max_size=3))
    return Account("user-1", draw(MARKS), (device,), tuple(rows), tuple(events))


@given(accounts(), accounts(), MARKS, MARKS)
def test_merging_again_changes_nothing(
    mine: Account, theirs: Account, ours: Mark, others: Mark
) -> None:
    """A merge is idempotent, and an account merged into itself stays as it is."""
    once = merged(mine, theirs, ours, others)

    assert checksum(once) == checksum(merged(once, theirs, ours, others))
    assert compared(once, theirs, ours, others) is not Compared.BEHIND
    assert checksum(mine) == checksum(merged(mine, mine, ours, ours))


@given(accounts(), accounts(), MARKS, MARKS)
def test_both_ways_agree_on_what_is_safe(
    one: Account, other: Account, ours: Mark, others: Mark
) -> None:
    """Ends, generations, activity, numbers, marks and blocks are those of either order."""

    def safe(found: Account) -> object:
        rows = [
            (it.id, it.revoked_at, it.generation, it.last_seen_at, it.idle_from, it.idle_expires_at)
            for it in sorted(found.sessions, key=lambda row: row.id)
        ]
        return found.mark, rows, [device.blocked for device in found.devices]

    forth, back = merged(one, other, ours, others), merged(other, one, others, ours)
    assert safe(forth) == safe(back)


@given(accounts(), accounts(), MARKS, MARKS)
def test_no_merge_brings_a_session_back(
    mine: Account, theirs: Account, ours: Mark, others: Mark
) -> None:
    """What ended in either store has ended, no later; no number and no activity falls."""
    whole = merged(mine, theirs, ours, others)
    for mark in (mine.mark, theirs.mark):
        assert whole.mark.number >= mark.number
        assert (whole.mark.cut_off or 0.0) >= (mark.cut_off or 0.0)
    found = {row.id: row for row in whole.sessions}
    for row in (*mine.sessions, *theirs.sessions):
        after = found[row.id]
        if row.revoked_at is not None:
            assert after.revoked_at is not None
            assert after.revoked_at <= row.revoked_at
            assert after.ip == after.network
        assert after.generation >= row.generation
        assert after.last_seen_at >= row.last_seen_at
        assert after.idle_expires_at >= row.idle_expires_at
        assert after.ending_number >= row.ending_number
