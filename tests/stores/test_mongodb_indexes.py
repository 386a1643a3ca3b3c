"""What MongoDB is asked about open sessions and old devices has an index that gives its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from devsess._runtime.drive import drive
from devsess.stores.base import ById
from devsess.stores.mongodb import MongoStore
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, cutoffs, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.monitoring import (
        CommandFailedEvent,
        CommandStartedEvent,
        CommandSucceededEvent,
    )
    from servers.mongo import Server

STEP = "0008_order_of_open_sessions_and_devices"
# Of this step: what its indexes hold, and their keys.
INDEXES = {
    "devsess_open": ({"open": True}, [("owner", 1), ("created_at", -1), ("id", -1)]),
    "devsess_needless": (
        {"table": "device"},
        [("last_seen_at", 1), ("owner", 1), ("id", 1)],
    ),
    "devsess_needless_forgotten": (
        {"table": "device", "forgotten": True},
        [("owner", 1), ("id", 1)],
    ),
}


class Sent(CommandListener):
    """The questions that a client has sent."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate"):
            self.questions.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def collection(isolated_mongo: Server, sent: Sent) -> Iterator[Any]:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(
        isolated_mongo.url, event_listeners=[sent]
    )
    name = isolated_mongo.place().rpartition("collection=")[2].partition("&")[0]
    yield client["devsess_test"][name]
    client.close()


def _opened(collection: Any) -> MongoStore:
    client = collection.database.client
    return MongoStore(client, database="devsess_test", collection=collection.name, timeout=60)


def _made(collection: Any) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    known = collection.index_information()
    return {
        name: (dict(it["partialFilterExpression"]), [*map(tuple, it["key"])])
        for name, it in known.items()
        if name in INDEXES
    }


def test_a_page_of_live_sessions_is_an_index_of_open_ones(collection: Any, sent: Sent) -> None:
    """It holds no session that has ended: an account may have those by the ten thousand."""
    store = _opened(collection)
    drive(sign_in(store, session_row("a"), session_row("b")))
    drive(store.end(rows.ending(ById("a"))))
    sent.questions.clear()
    assert ["b"] == [it.id for it in drive(store.live("user-1", cutoffs=cutoffs(), limit=9)).items]
    [question] = sent.questions
    match, order, *_ = question["pipeline"][1]["$unionWith"]["pipeline"]
    held, keys = _made(collection)["devsess_open"]

    assert held.items() <= match["$match"].items()
    assert "owner" in match["$match"]
    assert keys == [("owner", 1), *order["$sort"].items()]


def test_a_purge_asks_for_devices_in_the_order_of_an_index(collection: Any, sent: Sent) -> None:
    """From a place on, so that it can go on behind the last."""
    store = _opened(collection)
    drive(store.migrate())
    sent.questions.clear()
    drive(store.purge(rows.retention(T0 + DAY, T0 + 9), limit=9))
    asked = [it for it in sent.questions if it.get("filter", {}).get("table") == "device"]
    ordered = [it for it in asked if "limit" in it and it.get("sort")]

    assert [
        INDEXES["devsess_needless_forgotten"][1],
        INDEXES["devsess_needless"][1],
    ] == [[*it["sort"].items()] for it in ordered]


def test_an_older_collection_gets_the_indexes(collection: Any) -> None:
    """By the step alone, over the sessions that are there."""
    store = _opened(collection)
    drive(sign_in(store, session_row("a")))
    assert INDEXES == _made(collection)
    for name in INDEXES:
        collection.drop_index(name)
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": STEP}})

    assert [STEP] == drive(_opened(collection).migrate())
    assert INDEXES == _made(collection)
