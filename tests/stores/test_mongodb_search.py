"""Search and statistics over MongoDB: what an older devsess wrote is found and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymongo
import pytest

from devsess._runtime.drive import drive
from devsess.models import EventType
from devsess.stores.base import ById, Everyone
from devsess.stores.counting import SIZES, WEEK, Period
from devsess.stores.mongodb import MongoStore, schema, statistics
from devsess.stores.searching import Filter
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, cutoffs, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server

STEP = "0005_search"


@pytest.fixture
def collection(mongo: Server) -> Iterator[Any]:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(mongo.url)
    name = mongo.place().rpartition("collection=")[2].partition("&")[0]
    yield client["devsess_test"][name]
    client.close()


def _opened(collection: Any) -> MongoStore:
    client = collection.database.client
    return MongoStore(client, database="devsess_test", collection=collection.name, timeout=60)


def _seen(store: MongoStore) -> tuple[Any, ...]:
    at = cutoffs(T0 + 9)
    found = drive(store.search(Filter(), cutoffs=at, limit=99))
    queue = drive(store.queue(0, cutoffs=at, limit=99))
    return found.items, queue.items, drive(store.acts(limit=99)).items


def test_an_older_collection_is_found(collection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step marks the sessions with points and the acts, in more requests than one."""
    store = _opened(collection)
    for number in range(5):
        row = session_row(f"s{number}", user_id=f"u{number}", score=number or None)
        drive(sign_in(store, row))
        event = rows.event_row(EventType.NEW_DEVICE, user_id=f"u{number}")
        drive(store.add_event(event))
    drive(store.end(rows.ending(ById("s4"))))
    expected = _seen(store)
    assert ["s3", "s2", "s1"] == [row.id for row in expected[1]]
    collection.update_many({}, {"$unset": {"queued": "", "act": ""}})
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": STEP}})
    assert ((), ()) == _seen(store)[1:]

    monkeypatch.setattr(schema, "_AT_ONCE", 2)
    older = _opened(collection)
    assert [STEP] == drive(older.migrate())
    assert expected == _seen(older)


def test_points_move_a_session_in_the_queue(collection: Any) -> None:
    """It comes and goes with them, and no ended one is left in the index."""
    store = _opened(collection)
    drive(sign_in(store, session_row("a"), session_row("b", score=9)))
    for score, expected in ((20, ["a", "b"]), (5, ["b", "a"]), (None, ["b"]), (7, ["b", "a"])):
        changes = {"score": score}
        drive(store.update("a", expected={}, changes=changes, event=rows.UPDATED))
        assert expected == [row.id for row in _seen(store)[1]]
    drive(store.end(rows.ending(ById("b"))))

    assert ["a"] == [row.id for row in _seen(store)[1]]
    assert [7] == [it["queued"] for it in collection.find({"queued": {"$exists": True}})]


PERIOD = Period((T0 // WEEK * WEEK, T0 // WEEK * WEEK + 9 * WEEK), T0)


def test_an_older_collection_is_counted(collection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session and event once, also where this version has written some of them before."""
    store = _opened(collection)
    for number in range(3):
        drive(sign_in(store, session_row(f"s{number}", user_id=f"u{number}")))
        drive(store.add_event(rows.event_row(EventType.NEW_DEVICE, user_id=f"u{number}")))
    drive(store.end(rows.ending(ById("s1"), reason="a.b $c")))
    expected = drive(store.statistics(PERIOD))
    assert (2, 3) == (expected.open, expected.ranges[0].new_devices)
    collection.delete_many({"table": "counts"})
    collection.update_many({}, {"$unset": {"counted": ""}})
    collection.update_many({"table": "gate"}, {"$unset": {"open": ""}})
    _leave_unsized(collection)
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": "0006_statistics"}})

    monkeypatch.setattr(statistics, "_AT_ONCE", 2)
    drive(store.end(rows.ending(ById("s2"))))  # it has not begun, for the statistics
    drive(sign_in(store, session_row("s3", user_id="u3")))
    assert (1, 0) == _open_and_ended(store)
    older = _opened(collection)
    assert ["0006_statistics", "0007_open_to_accounts"] == drive(older.migrate())
    assert (2, 2) == _open_and_ended(older)
    found = drive(older.statistics(PERIOD))
    assert (4, 3) == (found.ranges[0].signed_in, found.ranges[0].new_devices)
    assert 1 == found.tallies["reason", "a.b $c"]
    assert (2, 0, 0, 0, 0, 0) == found.sizes


def test_open_sessions_of_an_older_collection_are_counted(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, in what it counted beside them nothing again, whatever is written meanwhile."""
    store = _opened(collection)
    for number in range(5):  # to one account three, to the other two
        drive(sign_in(store, session_row(f"s{number}", user_id=f"u{number % 2}")))
    drive(store.end(rows.ending(ById("s1"))))
    before = drive(store.statistics(PERIOD))
    _leave_unsized(collection)

    monkeypatch.setattr(statistics, "_AT_ONCE", 2)
    drive(sign_in(store, session_row("s9", user_id="u0"), session_row("s8", user_id="u2")))
    drive(store.end(rows.ending(ById("s4"))))
    older = _opened(collection)
    assert ["0007_open_to_accounts"] == drive(older.migrate())
    after = drive(older.statistics(PERIOD))

    assert (1, 0, 1, 0, 0, 0) == before.sizes
    assert (2, 0, 1, 0, 0, 0) == after.sizes
    assert {"u0": 3, "u1": 1, "u2": 1} == {
        it["user_id"]: it["sessions"] for it in collection.find({"table": "open"})
    }
    assert (4, 5) == (before.open, after.open)
    drive(older.end(rows.ending(Everyone())))
    assert (0,) * 6 == drive(older.statistics(PERIOD)).sizes
    drive(older.erase(rows.erasure("u0")))
    left = {it["user_id"]: it for it in collection.find({"table": "open"})}
    assert {*left} <= {"u1", "u2"}  # the server may have deleted what is due
    assert all("dies_at" in it and it["sessions"] == 0 for it in left.values())


def _leave_unsized(collection: Any) -> None:
    """What a devsess had that did not count the accounts by their sessions."""
    assert collection.delete_many({"table": "open"}).deleted_count
    collection.update_many({"table": "session"}, {"$unset": {"sized": ""}})
    unsized = dict.fromkeys((f"users{it}" for it in SIZES), "")
    collection.update_many({"table": "gate"}, {"$unset": unsized})
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": "0007_open_to_accounts"}})


def _open_and_ended(store: MongoStore) -> tuple[int, int]:
    found = drive(store.statistics(PERIOD))
    return found.open, found.ranges[0].ended
