"""
Transactions that meet, move by move.

A listener of the driver lets another store write just before a transaction of ours does. What
is isolated here is what mongoeco isolates: it lets one of any two transactions commit. That a
`mongod` does so for two which write one document is shown by what each writes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from attrs import evolve
from pymongo import monitoring

from devsess._runtime.drive import drive
from devsess.stores.accounts import Account, Batch, Mark
from devsess.stores.base import (
    ALL,
    ById,
    Ended,
    Everyone,
    Inserted,
    Insertion,
    OfDevice,
    OfUser,
    Refused,
)
from devsess.stores.calls import Full, Target
from devsess.stores.items import Item
from devsess.stores.mongodb import MongoStore
from devsess.stores.mongodb import documents as docs
from devsess.testing import _rows as rows
from devsess.testing._rows import ending, erasure, login, session_row

if TYPE_CHECKING:
    from servers.mongo import Server

# Its server takes long to begin, and to answer.
pytestmark = pytest.mark.thorough


class Before(monitoring.CommandListener):
    """
    Does *work*, once it is armed, just before the next write of a transaction.

    Attributes:
        written: The ids that the writes of transactions named.
    """

    def __init__(self) -> None:
        self.work: Callable[[], object] | None = None
        self.written: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name != "update" or "autocommit" not in event.command:
            return
        for update in event.command["updates"]:
            named = update["q"].get("_id", "")
            self.written += named["$in"] if isinstance(named, dict) else [named]
        work, self.work = self.work, None
        if work is not None:
            work()

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


class Race:
    """Two stores over one collection; before the first's next write the other may write."""

    def __init__(self, server: Server) -> None:
        url = server.place()
        name = url.rpartition("collection=")[2].partition("&")[0]
        self.before = Before()
        self._client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            server.url, event_listeners=[self.before]
        )
        self.first = MongoStore(self._client, database="devsess_test", collection=name, timeout=60)
        self.other = MongoStore(url)

    def run(self, first: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]) -> Any:
        """The result of *first*, in the middle of which *other* is run."""
        self.before.work = lambda: drive(other)
        found = drive(first)
        assert self.before.work is None
        return found

    def close(self) -> None:
        drive(self.first.close())
        drive(self.other.close())
        self._client.close()


@pytest.fixture
def race(isolated_mongo: Server) -> Iterator[Race]:
    race = Race(isolated_mongo)
    yield race
    race.close()


PROFILE = Item("profile", "user-1", "", "{}", 1, rows.T0, rows.T0 + rows.DAY)
ENDINGS: tuple[Target, ...] = (OfUser("user-1"), Everyone())


@pytest.mark.parametrize("at_once", [0, 9])
@pytest.mark.parametrize("target", ENDINGS)
def test_no_sign_in_slips_through_an_ending(race: Race, target: Target, at_once: int) -> None:
    """A sign-in that has read the numbers is refused by an ending that commits before it."""
    first = race.first.insert(login(session_row("late")))
    answer = race.run(first, race.other.end(ending(target, at_once=at_once)))

    assert Refused.CUT_OFF is answer
    assert None is drive(race.other.get("late"))


def test_no_sign_in_slips_through_an_erasure(race: Race) -> None:
    """Nor does one bring an account back that is erased meanwhile."""
    gone = erasure()
    under_way = login(session_row("late"), digests=gone.digests)

    assert Refused.CUT_OFF is race.run(race.first.insert(under_way), race.other.erase(gone))
    assert [] == drive(race.other.devices("user-1"))


@pytest.mark.parametrize("target", ENDINGS)
def test_no_ending_misses_a_sign_in(race: Race, target: Target) -> None:
    """A sign-in that commits before an ending does is ended by it."""
    sign_in = race.other.insert(login(session_row("s1")))
    ended = race.run(race.first.end(ending(target)), sign_in)

    assert ["s1"] == [event.session_id for event in ended.events]


@pytest.mark.parametrize("target", ENDINGS)
def test_no_merge_brings_back_what_ends_meanwhile(race: Race, target: Target) -> None:
    """An account that was read before an ending, and is written after it, is read again."""
    row = session_row("s1")
    drive(race.other.insert(login(row)))
    rotated = evolve(row, generation=1, rotated_at=row.created_at + 1)
    batch = Batch((Account("user-1", Mark(), (row.device,), (rotated,)),))
    race.run(race.first.merge(batch), race.other.end(ending(target)))
    found = drive(race.first.get("s1"))
    assert found is not None

    assert (1, True) == (found.generation, found.revoked_at is not None)


def test_a_merge_writes_the_devices_of_its_sessions(race: Race) -> None:
    """So does a sign-in: a purge that deletes an unused device conflicts with both."""
    drive(race.first.insert(login(session_row("s1"))))
    race.before.written.clear()
    late = session_row("late")
    drive(race.first.merge(Batch((Account("user-1", Mark(), (late.device,), (late,)),))))

    assert docs.device_key("user-1", late.device.id) in race.before.written


def test_a_limit_holds_for_two_at_once(race: Race) -> None:
    """Of two sign-ins that both find room for one, the second makes room."""
    drive(race.first.insert(login(session_row("a"))))
    two = [login(session_row(it, device=f"device-{it}"), limit=2) for it in ("b", "c")]
    answer = race.run(race.first.insert(two[0]), race.other.insert(two[1]))
    live = [row.id for row in drive(race.other.list("user-1")) if row.revoked_at is None]

    assert 1 == len(answer.ended)
    assert 2 == len(live)
    assert "b" in live


def test_a_full_account_stays_full_for_two_at_once(race: Race) -> None:
    """And one that evicts nobody lets one of the two in."""
    two = [login(session_row(it, device=f"device-{it}"), limit=1, evict=False) for it in ("b", "c")]
    answer = race.run(race.first.insert(two[0]), race.other.insert(two[1]))

    assert isinstance(answer, Full)
    assert ["c"] == [row.id for row in answer.rows]


def test_a_blocked_device_signs_nobody_in(race: Race) -> None:
    """A sign-in that has read its device is refused by a block that commits before it."""
    drive(race.first.insert(login(session_row("a"))))
    answer = race.run(
        race.first.insert(login(session_row("b"))),
        race.other.end(ending(OfDevice("user-1", "device-1"))),
    )

    assert Refused.BLOCKED is answer


def test_trust_does_not_outrun_an_ending(race: Race) -> None:
    """A device that was to be trusted under an older number is not."""
    drive(race.first.insert(login(session_row("a"))))
    trusted = race.first.put_device(
        "user-1", "device-1", changes={"trusted_until": rows.T0}, event=rows.UPDATED, number=0
    )
    ended = race.other.end(ending(OfUser("user-1", compromised=True)))

    assert Refused.CUT_OFF is race.run(trusted, ended)


def test_two_endings_have_two_entries(race: Race) -> None:
    """Of two that append at once each has a number of its own: a reader hears of both."""
    for name in ("a", "b"):
        drive(race.first.insert(login(session_row(name, device=f"device-{name}"))))
    position = drive(race.first.changes(None)).position
    ended = race.run(race.first.end(ending(ById("a"))), race.other.end(ending(ById("b"))))
    changes = drive(race.first.changes(position))

    assert ["a"] == [event.session_id for event in ended.events]
    assert ("b", "a") == changes.ids


def test_one_session_ends_once(race: Race) -> None:
    """The second of two endings of a session finds it ended."""
    drive(race.first.insert(login(session_row())))
    answer = race.run(race.first.end(ending(ById("s1"))), race.other.end(ending(ById("s1"))))

    assert Ended() == answer
    assert 2 == len(drive(race.first.events("user-1", limit=9)).items)


def test_two_settle_each_row_once(race: Race) -> None:
    """Rows that follow are written by one of two, and have one event."""
    for name in ("a", "b"):
        drive(race.first.insert(login(session_row(name))))
    drive(race.first.end(ending(OfUser("user-1"), at_once=0)))
    mine = race.run(race.first.settle(limit=1), race.other.settle(limit=1))

    assert ["b"] == [event.session_id for event in mine.events]
    assert 4 == len(drive(race.first.events("user-1", limit=9)).items)


def _teaching(name: str, item: Item) -> Insertion:
    return evolve(login(session_row(name, device=f"device-{name}")), items=(item,))


@pytest.mark.parametrize("version", [1, 2])
def test_one_of_two_sign_ins_writes_the_profile(race: Race, version: int) -> None:
    """Both sign in; the one that commits second says that it did not write it."""
    if version == 2:
        drive(race.first.put_item(PROFILE))
    items = [evolve(PROFILE, version=version, body=it) for it in ("1", "2")]
    first, other = (_teaching(it.body, it) for it in items)

    assert Inserted(missed=("profile",)) == race.run(
        race.first.insert(first), race.other.insert(other)
    )
    assert [items[1]] == drive(race.first.items("profile", "user-1", limit=9))
    assert 2 == len(drive(race.first.list("user-1")))


def test_a_write_between_is_found_out(race: Race) -> None:
    """An item that another call writes while a sign-in or a write is under way stands."""
    drive(race.first.put_item(PROFILE))
    two, three = (evolve(PROFILE, version=it) for it in (2, 3))
    assert not race.run(race.first.put_item(two), race.other.put_item(two))
    answer = race.run(race.first.insert(_teaching("a", three)), race.other.put_item(three))

    assert Inserted(missed=("profile",)) == answer


def test_an_item_is_not_written_behind_an_erasure(race: Race) -> None:
    """One that was read before the account was erased does not come back."""
    drive(race.first.put_item(PROFILE))
    late = race.first.put_item(evolve(PROFILE, version=2))

    assert not race.run(late, race.other.erase(erasure()))
    assert [] == drive(race.first.items("profile", "user-1", limit=9))


def test_two_that_add_items_leave_as_many_as_may_be(race: Race) -> None:
    """The second sees that of the first, and takes what is one too many."""
    a, b = (evolve(PROFILE, key=it) for it in ("a", "b"))

    assert race.run(race.first.put_item(b), race.other.put_item(a))
    assert [a] == drive(race.first.items("profile", "user-1", limit=9))


def test_the_next_version_writes_its_document_alone(race: Race) -> None:
    """No gate: an account whose failures are counted fast does not hold up others' sign-ins."""
    drive(race.first.put_item(PROFILE))
    race.before.written.clear()
    drive(race.first.put_item(evolve(PROFILE, version=2)))

    assert [docs.item_key(PROFILE)] == race.before.written


GATES = {
    "insert": lambda store: store.insert(login(session_row("s2"))),
    "end-user": lambda store: store.end(ending(OfUser("user-1"))),
    "end-device": lambda store: store.end(ending(OfDevice("user-1", "device-1"))),
    "put-device": lambda store: store.put_device(
        "user-1", "device-1", changes={"name": "x"}, event=rows.UPDATED
    ),
    "put-item": lambda store: store.put_item(PROFILE),
    "add-event": lambda store: store.add_event(rows.event_row()),
    "erase": lambda store: store.erase(erasure()),
}


@pytest.mark.parametrize("name", GATES)
def test_each_write_of_an_account_passes_its_gate(race: Race, name: str) -> None:
    """What decides about an account writes one document that all such writes of it write."""
    drive(race.first.insert(login(session_row("s1"))))
    [gate] = {it for it in race.before.written if it.startswith("gate/")}
    race.before.written.clear()
    drive(GATES[name](race.first))

    assert {gate} == {it for it in race.before.written if it.startswith("gate/")}


def test_an_ending_of_everyone_passes_every_gate(race: Race) -> None:
    """It conflicts with each sign-in under way, of any account."""
    drive(race.first.end(ending(Everyone())))

    assert 64 == len({it for it in race.before.written if it.startswith("gate/")})


def test_every_change_of_the_log_writes_its_header(race: Race) -> None:
    """Two that append conflict: entries are committed in the order of their numbers."""
    for name in ("s1", "s2"):
        drive(race.first.insert(login(session_row(name))))
    assert "log" not in race.before.written
    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: rows.update(race.first, "s1", {"claims": '{"a":1}'}),
        lambda: race.first.set_back("s1", expected={}, changes={"created_at": rows.T0 - 1}),
        lambda: race.first.end(ending(ById("s1"))),
        lambda: race.first.end(ending(OfUser("user-1"), at_once=0)),
        lambda: race.first.end(ending(Everyone())),
    ]
    for call in calls:
        race.before.written.clear()
        drive(call())

        assert "log" in race.before.written


def test_two_rotations_have_one_winner(race: Race) -> None:
    """Of two refreshes of one generation one is written, with an event or without."""
    drive(race.first.insert(login(session_row())))
    event = evolve(rows.UPDATED, session_id="s1")
    first = race.first.rotate("s1", expected_generation=0, changes={}, event=event)
    other = race.other.rotate("s1", expected_generation=0, changes={}, event=event)

    assert None is race.run(first, other)
    row = drive(race.first.get("s1"))
    assert row is not None
    assert 1 == row.generation


def test_a_log_that_was_emptied_names_nobody(race: Race) -> None:
    """A collection that is dropped under a running store is made again, with another history."""
    drive(race.first.insert(login(session_row())))
    before = drive(race.first.changes(None)).position
    race._client["devsess_test"][race.first._port.place.collection].drop()
    changes = drive(race.first.changes(before))

    assert ALL is changes.ids
    assert before != changes.position
    assert None is drive(race.first.get("s1"))
    assert Inserted() == drive(race.first.insert(login(session_row())))
