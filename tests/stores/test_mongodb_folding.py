"""Folding over MongoDB: fewer documents are read, and the numbers stay as they were."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from attrs import evolve

from devsess._runtime.drive import drive
from devsess.models import EventType
from devsess.stores.base import ById
from devsess.stores.counting import DAY, WEEK, Numbers, Period
from devsess.stores.mongodb import MongoStore, folding
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, device_row, session_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server

FIRST = T0 // WEEK * WEEK
DAYS, USERS = 3, 4
# Days of their own, and a rest; of all time zones' days such a period asks.
PERIOD = Period(tuple(FIRST + it * DAY for it in range(9)), T0)
COUNTED = {"table": "counts"}


@pytest.fixture
def collection(mongo: Server) -> Iterator[Any]:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(mongo.url)
    name = mongo.place().rpartition("collection=")[2].partition("&")[0]
    yield client["devsess_test"][name]
    client.close()


@pytest.fixture
def store(collection: Any) -> MongoStore:
    """Sign-ins, ends and events of several accounts, on several days."""
    client = collection.database.client
    store = MongoStore(client, database="devsess_test", collection=collection.name, timeout=60)
    for day in range(DAYS):
        for number in range(USERS):
            user, at = f"user {number}", T0 + day * DAY
            row = session_row(f"{day}.{number}", user_id=user, created_at=at, last_seen_at=at)
            drive(store.insert(rows.login(evolve(row, idle_expires_at=T0 + 99 * DAY))))
            event = rows.event_row(EventType.TOKEN_REUSED, user_id=user, at=at, session_id=row.id)
            drive(store.add_event(event))
    drive(store.end(rows.ending(ById("0.0"), T0 + DAY, reason="a.b $c\td")))
    return store


def _purge(store: MongoStore, now: float) -> int:
    return drive(store.purge(rows.retention(now, FIRST - 99 * DAY), limit=9))


def _seen(store: MongoStore) -> Numbers:
    return drive(store.statistics(PERIOD))


def _documents(collection: Any) -> list[str]:
    return sorted(it["_id"] for it in collection.find(COUNTED))


def test_what_is_over_is_one_document(store: MongoStore, collection: Any) -> None:
    """Each day's two kinds, and the week, once it is over; the purge's rows are none of them."""
    expected, before = _seen(store), len(_documents(collection))
    first = int(T0 // DAY)
    assert 0 == _purge(store, T0 + DAYS * DAY - (T0 % DAY))
    days = [f"counts/{kind}s/{first + day}/0" for kind in "qt" for day in range(DAYS)]
    found = _documents(collection)

    assert before > len(found)
    assert days == [it for it in found if not it.startswith("counts/w")]
    assert expected == _seen(store)
    assert 0 == _purge(store, FIRST + WEEK)
    assert [*days, f"counts/ws/{int(FIRST // WEEK)}/0"] == _documents(collection)
    assert expected == _seen(store)


def test_a_day_that_goes_on_is_not_folded(store: MongoStore, collection: Any) -> None:
    """Its writers would meet at the one document."""
    before = _documents(collection)
    _purge(store, T0)

    assert before == _documents(collection)


def test_what_is_counted_later_is_folded_too(store: MongoStore, collection: Any) -> None:
    """It comes beside the folded one, and is read with it, until the next purge adds it."""
    now = FIRST + 2 * WEEK
    _purge(store, now)
    folded = _documents(collection)
    # The end of a session counts on a day and in a week that are folded.
    drive(store.end(rows.ending(ById("0.1"), T0 + 9, reason="late")))
    later, beside = _seen(store), _documents(collection)
    _purge(store, now)

    assert 2 == sum(it.ended for it in later.ranges)
    assert len(folded) < len(beside)
    assert folded == _documents(collection)
    assert later == _seen(store)


def test_a_purge_folds_so_many(
    store: MongoStore, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each some of a day's documents, and the numbers are right in between."""
    monkeypatch.setattr(folding, "AT_ONCE", 3)
    expected, counts = _seen(store), [len(_documents(collection))]
    while counts[-1] > 2 * DAYS + 1:
        _purge(store, FIRST + WEEK)
        counts.append(len(_documents(collection)))
        assert expected == _seen(store)

    assert all(before - 3 <= after < before for before, after in pairwise(counts))


def test_a_folded_document_is_bounded(
    store: MongoStore, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has no room for comes into a next one, and the next purge goes on with that."""
    monkeypatch.setattr(folding, "MOST_BYTES", 50)
    expected = _seen(store)
    for _ in range(2):
        _purge(store, FIRST + WEEK)
        assert expected == _seen(store)
    found = _documents(collection)
    row = session_row("late", user_id="late", created_at=T0, device=device_row(browser="Lynx"))
    drive(store.insert(rows.login(row)))
    later = _seen(store)
    _purge(store, FIRST + WEEK)

    assert any(it.endswith("/1") for it in found)
    assert {"qs", "ts", "ws"} == {it.split("/")[1] for it in _documents(collection)}
    assert later == _seen(store)
