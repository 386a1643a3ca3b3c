"""What the store asks of a MongoDB server for each promise, and its schema and register."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from _both_managers import share_revocations
from attrs import evolve
from pymongo import monitoring

from devsess import (
    AsyncSessionManager,
    ConfigurationError,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess._runtime.drive import drive
from devsess.stores.base import ALL, ById
from devsess.stores.items import MAX_BODY, Item
from devsess.stores.mongodb import MongoStore
from devsess.stores.mongodb.schema import STEPS
from devsess.stores.open import open_store
from devsess.testing import _rows as rows
from devsess.testing._rows import ending, login, session_row

if TYPE_CHECKING:
    from servers.mongo import Server

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PATIENCE = 60.0
CHANGE: dict[str, Any] = {"claims": '{"a":1}'}
PROFILE = Item("profile", "user-1", "", "{}", 1, rows.T0, rows.T0 + rows.DAY)


class Commands(monitoring.CommandListener):
    """The commands that were sent since the last look."""

    def __init__(self) -> None:
        self._sent: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._sent.append({**event.command, "name": event.command_name})

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...

    def of(self, call: Coroutine[Any, Any, object]) -> list[dict[str, Any]]:
        """What *call* sends."""
        self._sent.clear()
        drive(call)
        return [it for it in self._sent if it["name"] != "endSessions"]


class Watched:
    """A store with a session, and what it sends once it has counted a sign-in and an end."""

    def __init__(self, server: Server) -> None:
        url = server.place()
        name = url.rpartition("collection=")[2].partition("&")[0]
        self.commands = Commands()
        self._client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            server.url, event_listeners=[self.commands]
        )
        self.collection = self._client["devsess_test"][name]
        self.url = url
        self.store = MongoStore(self._client, database="devsess_test", collection=name, timeout=60)
        drive(self.store.insert(login(session_row("s0"))))
        drive(self.store.end(ending(ById("s0"))))
        drive(self.store.insert(login(session_row())))

    def close(self) -> None:
        drive(self.store.close())
        self._client.close()


@pytest.fixture
def watched(mongo: Server) -> Iterator[Watched]:
    watched = Watched(mongo)
    yield watched
    watched.close()


@pytest.fixture(scope="module")
def read(mongo: Server) -> Iterator[Watched]:
    """One for all tests that read alone."""
    read = Watched(mongo)
    yield read
    read.close()


Call = Callable[[MongoStore], Coroutine[Any, Any, object]]

SURE: dict[str, Call] = {
    "get": lambda store: store.get("s1"),
    "changes": lambda store: store.changes(None),
    "readers_behind": lambda store: store.readers_behind(None),
}
READS: dict[str, Call] = {
    **SURE,
    "list": lambda store: store.list("user-1"),
    "devices": lambda store: store.devices("user-1"),
    "known": lambda store: store.known_devices(
        "user-1", ids=("x",), fingerprints=(b"x",), kinds=("profile", "held")
    ),
    "items": lambda store: store.items("profile", "user-1", limit=9),
    "ending_number": lambda store: store.ending_number("user-1", digests=(b"x",)),
    "events": lambda store: store.events("user-1", limit=9),
    "cut_off": lambda store: store.cut_off("user-1"),
    "newest": lambda store: store.newest_instants(limit=9),
}
# The requests of each, the commit included.
WRITES: dict[str, tuple[Call, int]] = {
    "insert": (lambda store: store.insert(login(session_row("s2"))), 3),
    "limited": (lambda store: store.insert(login(session_row("s2"), limit=9)), 3),
    "with items": (
        lambda store: store.insert(
            evolve(login(session_row("s2")), items=(PROFILE, evolve(PROFILE, owner="x")))
        ),
        3,
    ),
    "put_item": (lambda store: store.put_item(PROFILE), 3),
    "end": (lambda store: store.end(ending(ById("s1"))), 4),
    "set_back": (lambda store: store.set_back("s1", expected={}, changes={}), 4),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_is_one_request(read: Watched, name: str) -> None:
    """However much it reads; its guarantee is asked of the primary."""
    [sent] = read.commands.of(READS[name](read.store))

    expected = "linearizable" if name in SURE else "majority"
    assert {"level": expected} == sent["readConcern"]


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_one_transaction(watched: Watched, name: str) -> None:
    """All of it is of one snapshot, and a majority takes it before the call returns."""
    call, requests = WRITES[name]
    sent = watched.commands.of(call(watched.store))

    assert requests == len(sent)
    assert {1} == {it["txnNumber"] - sent[0]["txnNumber"] + 1 for it in sent}
    assert "snapshot" == sent[0]["readConcern"]["level"]
    assert ["commitTransaction", "update"] == [it["name"] for it in sent[:-3:-1]]
    assert {"w": "majority"} == sent[-1]["writeConcern"]


def test_a_touch_waits_for_the_primary_alone(watched: Watched) -> None:
    """It may be lost in a failover, and costs no round among the members."""
    sent = watched.commands.of(watched.store.touch("s1", rows.activity(rows.T0), bound=True))

    assert ["aggregate", "update"] == [it["name"] for it in sent]
    assert {"w": 1} == sent[1]["writeConcern"]


def test_a_rotation_without_an_event_is_one_swap(watched: Watched) -> None:
    """A majority takes it: the successor of a token must not be lost."""
    sent = watched.commands.of(
        watched.store.rotate("s1", expected_generation=0, changes={}, event=None)
    )

    assert ["aggregate", "findAndModify"] == [it["name"] for it in sent]
    assert {"w": "majority"} == sent[1]["writeConcern"]


def test_a_number_without_its_ending_is_no_answer(watched: Watched) -> None:
    """
    A row that has ended by its number never reads as live.

    It is read between an ending's number and the row's own end, and so read again. Where that
    does not help the collection is damaged, and unavailable.
    """
    account = {"_id": "account/user-1", "binds": "account/user-1", "table": "mark"}
    watched.collection.insert_one({**account, "number": 1, "cut_off": None})
    for call in (watched.store.get("s1"), watched.store.list("user-1")):
        with pytest.raises(StoreUnavailableError):
            drive(call)


# The register.


def test_a_reader_is_registered_before_the_log_is_read(watched: Watched) -> None:
    """By a majority: an ending that is not in the answer finds it."""
    position = drive(watched.store.renew("reader", None, lease=1.0)).changes.position
    sent = watched.commands.of(watched.store.renew("reader", position, lease=1.0))

    assert ["update", "find"] == [it["name"] for it in sent]
    assert {"w": "majority"} == sent[0]["writeConcern"]
    assert {"level": "linearizable"} == sent[1]["readConcern"]


def test_a_longer_lease_is_written_before_it_is_granted(watched: Watched) -> None:
    """And the reader registered again after it: an ending that missed it knows the length."""
    sent = watched.commands.of(watched.store.renew("reader", None, lease=2.0))
    written = [it["updates"][0]["q"]["_id"] for it in sent if it["name"] == "update"]

    assert ["reader/reader", "leases", "reader/reader"] == written


def test_a_log_that_went_back_has_another_history(watched: Watched) -> None:
    """A backup that was restored shows when a reader comes with a later position."""
    store, header = watched.store, {"_id": "log"}
    before = watched.collection.find_one(header)
    assert before is not None
    drive(store.end(ending(ById("s1"))))
    first = drive(store.renew("reader", None, lease=1.0))
    drive(store.season(first.history))
    position = first.changes.position
    drive(store.renew("reader", position, lease=1.0))
    watched.collection.replace_one(header, before)
    behind = drive(store.readers_behind(drive(store.changes(None)).position))
    again = drive(store.renew("reader", position, lease=1.0))

    assert {"reader"} == behind.beats.keys()
    assert ALL is again.changes.ids
    assert first.history != again.history
    assert not drive(store.readers_behind(again.changes.position)).is_seasoned


def test_a_log_that_went_back_and_grew_again(watched: Watched) -> None:
    """An entry of the same number has another tag: nothing is answered from behind it."""
    store, keys = watched.store, {"_id": {"$in": ["log", "page/0"]}}
    before = list(watched.collection.find(keys))
    drive(rows.update(store, "s1", CHANGE))
    position = drive(store.changes(None)).position
    for each in before:
        watched.collection.replace_one({"_id": each["_id"]}, each)
    for grown in (1, 2):
        drive(rows.update(store, "s1", {"claims": f'{{"a":{grown + 1}}}'}))

        assert ALL is drive(store.changes(position)).ids


def test_an_endless_log_is_cut_without_a_purge(watched: Watched) -> None:
    """A page that begins takes the one with it that lies twenty pages behind."""
    watched.collection.insert_one({"_id": "page/3", "table": "page", "page": 3, "first": 3_000})
    for seq in (22_999, 23_999):
        watched.collection.update_one({"_id": "log"}, {"$set": {"seq": seq - 1}})
        for number in range(2):
            drive(rows.update(watched.store, "s1", {"claims": f'{{"a":{seq + number}}}'}))

    assert None is watched.collection.find_one({"_id": "page/3"})
    assert watched.collection.find_one({"_id": "page/23"})


def test_a_change_in_another_process_wakes(watched: Watched) -> None:
    """An idle reader hears of it through the change stream, long before its time is over."""
    waiting = MongoStore(watched.url, is_awaited=True)
    changing = MongoStore(watched.url, is_awaited=True)

    async def run() -> bool:
        await waiting.wait(0.05)
        task = asyncio.create_task(waiting.wait(60.0))
        await asyncio.sleep(0.2)
        is_waiting = not task.done()
        await changing.end(ending(ById("s1")))
        await asyncio.wait_for(task, 30.0)
        await waiting.close()
        await changing.close()
        return is_waiting

    assert asyncio.run(run())


@pytest.mark.thorough
def test_without_change_streams_nothing_wakes(mongoeco: Server) -> None:
    """A server that has none is said to be unavailable for waiting, and for nothing else."""
    store = MongoStore(mongoeco.place())
    with pytest.raises(StoreUnavailableError):
        drive(store.wait(0.05))
    drive(store.insert(login(session_row())))

    assert session_row() == drive(store.get("s1"))
    drive(store.close())


# The schema.


def test_steps_are_planned_and_taken_once(mongo: Server) -> None:
    """`pending` says what `migrate` would do, and makes nothing."""
    store = MongoStore(mongo.place())

    assert [*STEPS] == drive(store.pending()) == drive(store.pending())
    assert [*STEPS] == drive(store.migrate())
    assert [] == drive(store.pending()) == drive(store.migrate())
    drive(store.close())


def test_a_newer_schema_is_refused(watched: Watched) -> None:
    """The error names the step that this version does not know."""
    watched.collection.update_one({"_id": "schema"}, {"$push": {"taken": "0999_newer"}})
    store = MongoStore(watched.url)
    for call in (store.get("s1"), store.pending(), store.migrate()):
        with pytest.raises(StoreUnavailableError, match="0999_newer"):
            drive(call)
    drive(store.close())


def test_a_current_schema_is_only_read(watched: Watched) -> None:
    """A user without rights to make indexes works on a collection made by another."""
    collection = watched.collection.name
    store = MongoStore(watched._client, database="devsess_test", collection=collection, timeout=60)
    sent = watched.commands.of(store.get("s1"))

    assert ["hello", "find", "aggregate"] == [it["name"] for it in sent]


def test_an_old_collection_is_brought_up_to_date(watched: Watched) -> None:
    """What the release before left out of a session reads as nothing, and is written then."""
    collection = watched.collection
    collection.update_one({"_id": "schema"}, {"$pull": {"taken": "0003_items"}})
    new = ("step_up_after", "score", "impersonator")
    collection.update_one({"_id": "session/s1"}, {"$unset": dict.fromkeys(new, "")})
    store = MongoStore(
        watched._client, database="devsess_test", collection=collection.name, timeout=60
    )

    assert ["0003_items"] == drive(store.pending())
    sent = watched.commands.of(store.get("s1"))
    made = [it["indexes"] for it in sent if it["name"] == "createIndexes"]
    assert [["devsess_items"]] == [[it["name"] for it in indexes] for indexes in made]
    assert session_row() == drive(store.get("s1"))
    assert [] == drive(store.pending())
    assert session_row(step_up_after=7) == drive(rows.update(store, "s1", {"step_up_after": 7}))
    assert session_row(step_up_after=7) == drive(store.get("s1"))
    drive(store.close())


# Items.


@pytest.mark.parametrize("column", ["kind", "owner", "key", "body"])
def test_a_text_that_cannot_be_kept(watched: Watched, column: str) -> None:
    """A lone surrogate is refused where it is written, and there is nothing where it is read."""
    change: dict[str, Any] = {column: "\ud800"}
    item = evolve(PROFILE, **change)
    for call in (
        watched.store.put_item(item),
        watched.store.insert(evolve(login(session_row("s2")), items=(item,))),
    ):
        with pytest.raises(ValueError, match="surrogates"):
            drive(call)

    assert None is drive(watched.store.get("s2"))
    assert [] == drive(watched.store.items(item.kind, item.owner, limit=9))


def test_ids_that_run_together(watched: Watched) -> None:
    """Items whose kinds, owners and keys are the same in a row are several."""
    names = ["a/ b c", "a /b c", "a b/ c", "a b /c"]
    parts = [it.split(" ") for it in names]
    several = [evolve(PROFILE, kind=kind, owner=owner, key=key) for kind, owner, key in parts]
    for item in several:
        assert drive(watched.store.put_item(item))

    assert [[it] for it in several] == [
        drive(watched.store.items(it.kind, it.owner, limit=9)) for it in several
    ]


def test_a_body_that_is_too_long_signs_nobody_in(watched: Watched) -> None:
    """It is refused before anything is asked."""
    long = evolve(PROFILE, body="x" * (MAX_BODY + 1))
    with pytest.raises(ValueError, match="characters"):
        drive(watched.store.insert(evolve(login(session_row("s2")), items=(long,))))

    assert None is drive(watched.store.get("s2"))


def test_an_item_is_deleted_by_the_server_at_last(watched: Watched) -> None:
    """Where nobody purges: as long after its end as a session."""
    drive(watched.store.put_item(PROFILE))
    found = watched.collection.find_one({"table": "item"})
    assert found is not None
    lasts = found["dies_at"] - watched.store._port.server_time()

    assert abs(timedelta(days=401) - lasts) < timedelta(minutes=5)


# Both managers.


def test_both_managers_share_it(mongo: Server) -> None:
    """One process blocks, one awaits: each hears at once of the other's revocations."""
    url = mongo.place()
    share_revocations(url)


def test_a_lease_answers_from_memory_until_a_revocation(mongo: Server) -> None:
    """Under leases the server is not asked, and a revocation in another process is in force."""
    url, policy = mongo.place(), Policy(acknowledged=True)
    with (
        SessionManager(url, keys=SECRET, policy=policy) as one,
        SessionManager(url, keys=SECRET, policy=policy) as other,
    ):
        grant = one.login("ada")
        until = time.monotonic() + PATIENCE
        while other.metrics().hits < 100 and time.monotonic() < until:
            other.validate(grant.access_token)
        assert 100 == other.metrics().hits
        one.revoke(grant.session.id)
        with pytest.raises(SessionRevokedError):
            other.validate(grant.access_token)


def test_racing_refreshes_converge(mongo: Server) -> None:
    """Many at once, each over connections of its own, end with one live successor."""
    url = mongo.place()

    async def run() -> set[str]:
        managers = [AsyncSessionManager(url, keys=SECRET) for _ in range(4)]
        token = (await managers[0].login("ada")).refresh_token
        grants = await asyncio.gather(*(each.refresh(token) for each in managers))
        for each in managers:
            await each.close()
        return {grant.refresh_token for grant in grants}

    assert 1 == len(asyncio.run(run()))


def test_the_driver_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyMongo the error says what to install."""
    import sys

    for name in [it for it in sys.modules if it.startswith("devsess.stores.mongodb")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(ConfigurationError, match=r"devsess\[mongodb\]"):
        open_store("mongodb://127.0.0.1/app")
