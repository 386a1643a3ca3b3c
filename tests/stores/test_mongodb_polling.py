"""Polling MongoDB for events: what it asks, and the events of an older collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from pymongo import monitoring

from devsess._runtime.drive import drive
from devsess.stores.base import Everyone
from devsess.stores.mongodb import MongoStore, schema
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server

    from devsess.models import Page
    from devsess.stores.rows import EventRow

USERS = [f"user-{it}" for it in range(7)]


class Commands(monitoring.CommandListener):
    """The names of the commands that were sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


class Watched:
    """A store with an event of each user, and what it sends."""

    def __init__(self, server: Server) -> None:
        self.commands = Commands()
        self._client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            server.url, event_listeners=[self.commands]
        )
        name = server.place().rpartition("collection=")[2].partition("&")[0]
        self.collection = self._client["devsess_test"][name]
        self.store = self.again()
        for user_id in USERS:
            drive(self.store.add_event(rows.event_row(user_id=user_id)))

    def again(self) -> MongoStore:
        """Another store over the same collection."""
        name = self.collection.name
        return MongoStore(self._client, database="devsess_test", collection=name, timeout=60)

    def poll(self, position: str | None) -> Page[EventRow]:
        self.commands.names.clear()
        return drive(self.store.poll(position, limit=9))

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def watched(mongo: Server) -> Iterator[Watched]:
    watched = Watched(mongo)
    yield watched
    watched.close()


def test_a_poll_asks_little(watched: Watched) -> None:
    """For its gates alone where nothing is new; for endings and events otherwise."""
    first = watched.poll(None)
    assert (USERS, 3) == ([it.user_id for it in first], len(watched.commands.names))

    assert () == watched.poll(first.next).items
    assert ["find"] == watched.commands.names


def test_a_poll_of_covered_sessions_asks_for_them(watched: Watched) -> None:
    """One request more, and only where an ending's rows are still to follow."""
    drive(rows.sign_in(watched.store, session_row()))
    drive(watched.store.end(rows.ending(Everyone(), at_once=0)))

    assert USERS[0] in [it.user_id for it in watched.poll(None)]
    assert 4 == len(watched.commands.names)


def test_events_of_an_older_collection_come(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step gives each its gate, in more requests than one, and they come in their order."""
    before = watched.poll(None)
    collection = watched.collection
    collection.update_many({"table": "event"}, {"$unset": {"gate": ""}})
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": "0004_gates_of_events"}})
    assert () == watched.poll(None).items

    monkeypatch.setattr(schema, "_AT_ONCE", 2)
    assert ["0004_gates_of_events"] == drive(watched.again().migrate())
    assert before == watched.poll(None)
