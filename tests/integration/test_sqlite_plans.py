"""How SQLite finds the rows of an operation: by an index of their own, never by looking at all."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from devsess.stores import semantics
from devsess.stores.base import ById, OfDevice, OfUser
from devsess.stores.searching import Filter, cursor_of
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPERATIONS: dict[str, Callable[[SQLiteStore], object]] = {
    "sign in on a known device": lambda store: store.insert(
        rows.login(session_row("s2"), replaces=True, limit=3)
    ),
    "end one": lambda store: store.end(rows.ending(ById("s1", "user-1"))),
    "end a user's": lambda store: store.end(rows.ending(OfUser("user-1", "s2"))),
    "end many of a user's": lambda store: store.end(rows.ending(OfUser("user-1", "s2"), at_once=0)),
    "settle": lambda store: store.settle(limit=9, before=T0),
    "ending number": lambda store: store.ending_number("user-1", digests=(b"1", b"2")),
    "end a device's": lambda store: store.end(rows.ending(OfDevice("user-1", "device-1"))),
    "change a device": lambda store: store.put_device(
        "user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED
    ),
    "update": lambda store: store.update(
        "s1", expected={}, changes={"claims": "{}"}, event=rows.UPDATED
    ),
    "rotate": lambda store: store.rotate("s1", expected_generation=0, changes={}, event=None),
    "read": lambda store: store.get("s1"),
    "list": lambda store: store.list("user-1"),
    "list live ones": lambda store: store.live("user-1", cutoffs=rows.cutoffs(T0), limit=9),
    "list the next live ones": lambda store: store.live(
        "user-1",
        cutoffs=rows.cutoffs(T0),
        limit=9,
        cursor=semantics.live_cursor(session_row("s2")),
    ),
    "list devices": lambda store: store.devices("user-1"),
    "recognise a device": lambda store: store.known_devices(
        "user-1", ids=("device-1", "device-2"), fingerprints=(b"1",)
    ),
    "history": lambda store: store.events("user-1", limit=9),
    "erase": lambda store: store.erase(rows.erasure()),
    "judge a clock": lambda store: store.newest_instants(limit=64),
    "find what is dated ahead": lambda store: store.ahead(after=T0, limit=9),
    "purge": lambda store: store.purge(rows.retention(T0 + 9), limit=9),
}
NAMED = {
    "sessions_user": Filter(user_id="user-1"),
    "sessions_live": Filter(user_id="user-1", is_ended=False),
    "sessions_network": Filter(network="102.89.77.0"),
    "sessions_device": Filter(device_id="device-1"),
    "sessions_created": Filter(),
}
ALSO: dict[str, Callable[[Filter], Filter]] = {
    "alone": lambda wanted: wanted,
    "with an address": lambda wanted: evolve(wanted, ip="102.89.77.21"),
    "of a day": lambda wanted: evolve(wanted, since=T0 - 9, until=T0 + 9),
    "that ended": lambda wanted: evolve(wanted, is_ended=True),
}


def _search(wanted: Filter) -> Callable[[SQLiteStore], object]:
    cursor = cursor_of((T0, "s2"))
    return lambda store: store.search(wanted, cutoffs=rows.cutoffs(T0), limit=9, cursor=cursor)


def _count(wanted: Filter) -> Callable[[SQLiteStore], object]:
    return lambda store: store.count(wanted, cutoffs=rows.cutoffs(T0))


SEARCHES: dict[str, tuple[str, Callable[[SQLiteStore], object]]] = {
    **{
        f"{index}, {also}": (
            index,
            _search(change(named)),
        )
        for index, named in NAMED.items()
        for also, change in ALSO.items()
        if (index, also) != ("sessions_live", "that ended")
    },
    **{f"{index}, counted": (index, _count(wanted)) for index, wanted in NAMED.items()},
    "a network's live ones": (
        "sessions_network",
        lambda store: store.search(
            Filter(network="102.89.77.0", is_ended=False), cutoffs=rows.cutoffs(T0), limit=9
        ),
    ),
    "queue": ("sessions_score", lambda store: store.queue(0, cutoffs=rows.cutoffs(T0), limit=9)),
    "next of the queue": (
        "sessions_score",
        lambda store: store.queue(
            0, cutoffs=rows.cutoffs(T0), limit=9, cursor=cursor_of((9, T0, "s2"))
        ),
    ),
    "acts": ("events_acts", lambda store: store.acts(limit=9, cursor="99")),
}
# These grow with the number of kinds of browsers, of devices compared, and of endings
# whose rows follow (hardly ever one), not of sessions.
SMALL = (
    "SCAN meta",
    "SCAN endings",
    "SCAN n",
    "SCAN agents",
    "SCAN CONSTANT ROW",
    "SCAN (subquery-1)",
)


def plans(store: SQLiteStore, operation: Callable[[SQLiteStore], object]) -> dict[str, list[str]]:
    """Each statement of *operation* with the steps of its plan."""
    statements: list[str] = []
    opened = store._opened
    assert opened is not None
    connections = list(opened._all)
    for connection in connections:
        connection.set_trace_callback(statements.append)
    operation(store)
    for connection in connections:
        connection.set_trace_callback(None)
    db = opened.writer
    explained = {}
    for statement in statements:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            numbers = statement.replace("Inf", "9e999")  # as SQLite shows what it has no word for
            steps = db.execute(f"EXPLAIN QUERY PLAN {numbers}").fetchall()
            explained[statement] = [step[-1] for step in steps]
    return explained


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_looks_at_all_rows(tmp_path: Path, operation: str) -> None:
    """The cost of an operation does not grow with other users' sessions."""
    store = SQLiteStore(tmp_path / "sessions.db")
    store.insert(rows.login(session_row("s1")))
    store.list("warm up a reader")
    found = plans(store, OPERATIONS[operation])
    store.close()
    assert found
    for statement, steps in found.items():
        scans = [step for step in steps if step.startswith("SCAN") and step not in SMALL]
        assert [] == scans, statement


def test_recognition_does_not_look_at_all_devices(tmp_path: Path) -> None:
    """The latest few, and those asked for: each is found by an index that leads to them."""
    store = SQLiteStore(tmp_path / "sessions.db")
    store.list("warm up a reader")
    _number, steps = plans(store, OPERATIONS["recognise a device"]).values()
    store.close()
    assert [
        "SEARCH devices USING INDEX devices_latest (user_id=? AND forgotten=?)",
        "SEARCH devices USING INDEX devices_id (id=? AND user_id=?)",
        "SEARCH devices USING INDEX devices_fingerprint (user_id=? AND fingerprint=?)",
    ] == [step for step in steps if step.startswith("SEARCH")]


@pytest.mark.parametrize(
    "operation", ["sign in on a known device", "end a user's", "end a device's"]
)
def test_a_users_rows_are_found_by_user(tmp_path: Path, operation: str) -> None:
    """An operation about one user finds the sessions by user, not all that are unrevoked."""
    store = SQLiteStore(tmp_path / "sessions.db")
    store.insert(rows.login(session_row("s1")))
    found = plans(store, OPERATIONS[operation])
    store.close()
    steps = [step for plan in found.values() for step in plan if step.startswith("SEARCH s ")]
    assert steps
    for step in steps:
        assert "(user_id=?" in step or "(id=?" in step


def test_an_ending_of_a_device_reads_that_ones_sessions(tmp_path: Path) -> None:
    """Not all that the account has: it may have them by the thousand, and the file is locked."""
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        store.insert(rows.login(session_row("s1")))
        found = plans(store, OPERATIONS["end a device's"])
    steps = [step for plan in found.values() for step in plan if step.startswith("SEARCH s ")]
    assert steps
    assert [] == [step for step in steps if "(user_id=? AND device_key=?)" not in step]


def test_a_sign_in_on_a_known_device_reads_that_ones_sessions(tmp_path: Path) -> None:
    """Without a limit: an account may have sessions by the thousand, and the file is locked."""
    sign_in = rows.login(session_row("s2"), replaces=True)
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        store.insert(rows.login(session_row("s1")))
        found = plans(store, lambda store: store.insert(sign_in))
    [steps] = [it for statement, it in found.items() if "s.last_seen_at, s.id" in statement]
    assert any("(user_id=? AND device_key=?)" in step for step in steps), steps


def _sorted(steps: list[str]) -> list[str]:
    """The steps that sort more than an index leaves in no order: what began in one instant."""
    parts = ("FOR RIGHT PART OF ORDER BY", "FOR LAST TERM OF ORDER BY")  # 3.40, and later
    return [it for it in steps if "TEMP B-TREE" in it and not it.endswith(parts)]


def test_live_sessions_are_not_sorted(tmp_path: Path) -> None:
    """A page is read in the order of its index: 20,000 sessions cost no more than one page."""
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        store.insert(rows.login(session_row("s1")))
        for steps in plans(store, OPERATIONS["list the next live ones"]).values():
            assert any("sessions_live" in step for step in steps)
            assert [] == _sorted(steps)


@pytest.mark.parametrize("operation", SEARCHES)
def test_a_search_reads_its_index_in_order(tmp_path: Path, operation: str) -> None:
    """From the place of its cursor on: it sorts those of one instant, and looks at no other."""
    index, search = SEARCHES[operation]
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        store.insert(rows.login(session_row("s1", score=9)))
        store.list("warm up a reader")
        found = plans(store, search)
    assert found
    for statement, steps in found.items():
        others = [it for it in steps if it.startswith("SCAN") and it not in SMALL]
        assert [] == [step for step in others if "SCAN (subquery" not in step], statement
        for walk in (step for step in steps if index in step):
            assert walk.startswith("SEARCH"), statement
            assert "created_at" in walk or "seq<?" in walk or "rowid<?" in walk, statement
            # The way to the edge of what may be looked at reads no row but those of an instant.
            assert "OFFSET" not in statement or "COVERING" in walk or "created_at=?" in walk
        # The edge is found among those of one instant, which are sorted.
        assert len(_sorted(steps)) == ("OFFSET" in statement), statement
    assert any(index in step for steps in found.values() for step in steps)


def test_the_rows_of_an_ending_are_looked_up_behind_its_place(tmp_path: Path) -> None:
    """Also among thousands of one device: batch after batch begins where the last one stopped."""
    with closing(SQLiteStore(tmp_path / "s.db")) as store:
        for number in range(4):
            store.insert(rows.login(session_row(f"s{number}")))
        store.end(rows.ending(OfUser("user-1"), at_once=0))
        store.settle(limit=2, before=T0 + 99)
        found = plans(store, lambda store: store.settle(limit=3, before=T0 + 99))
        assert [] == [row for row in store.list("user-1") if row.revoked_at is None]
    walks = [
        [step for step in steps if step.startswith("SEARCH s ") or "TEMP" in step]
        for statement, steps in found.items()
        if "INDEXED BY sessions_unrevoked" in statement and "LIMIT" in statement
    ]
    way = "SEARCH s USING INDEX sessions_unrevoked"
    assert [
        [f"{way} (user_id=? AND device_key=? AND rowid>?)"],
        [f"{way} (user_id=? AND device_key>?)"],
    ] == walks
