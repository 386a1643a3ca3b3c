"""One network that fails on many accounts is a signal, where the policy asks for it."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import Assessment, Client, Policy, SessionManager, StoreUnavailableError
from devsess.operations.velocity import RECORDS
from devsess.risk.signals import FAILED_ACCOUNTS
from devsess.risk.velocity import MOST_ACCOUNTS
from devsess.risk_policy import Points, Risk
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devsess.stores.items import Item

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HOUR = 3_600
ON = Policy(risk=Risk(points=Points(velocity=15)))


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator(), policy=ON)


class Watched(MemoryStore):
    """A store whose calls for items are noted; those of velocity may be refused, or lost."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.refuses = self.loses = False

    def items(self, kind: str, owner: str, *, limit: int) -> list[Item]:
        self.calls.append(f"read {kind}")
        if self.refuses and kind == "velocity":
            raise StoreUnavailableError("refused")
        return super().items(kind, owner, limit=limit)

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        self.calls.append(f"write {item.kind}")
        if self.loses and item.kind == "velocity":
            return False
        return super().put_item(item, most=most)


def over(store: Any, clock: FakeClock, policy: Policy = ON) -> SessionManager:
    """A manager over *store*, for laws that are the same over every one."""
    return SessionManager(store, keys=SECRET, policy=policy, clock=clock)


def messages(found: Assessment) -> list[str]:
    return [it.message for it in found.signals if it.kind == "velocity"]


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        (FAILED_ACCOUNTS - 1, []),
        (37, ["45.83.91.0/24 failed on 37 accounts in the last hour"]),
        (MOST_ACCOUNTS + 9, ["45.83.91.0/24 failed on 50 accounts or more in the last hour"]),
    ],
)
def test_many_accounts_are_a_signal(sessions: Any, accounts: int, expected: list[str]) -> None:
    """With its numbers, at the next sign-in from that network, whichever address it has there."""
    sessions.login("ada", at(HOME))
    for number in range(accounts):
        sessions.record_failure(f"name {number}", at(f"45.83.91.{number}"))
        sessions.record_failure(f"name {number}", at(HOSTED))
    found = sessions.assess("ada", at(HOSTED))

    assert expected == messages(found)
    assert found == sessions.login("ada", at(HOSTED)).assessment
    assert [] == messages(sessions.login("ada", at(HOME)).assessment)


def test_its_points_are_added(sessions: Any) -> None:
    """As those of every signal."""
    sessions.login("ada", at(HOME))
    before = sessions.assess("ada", at(HOSTED)).score
    for number in range(FAILED_ACCOUNTS):
        sessions.record_failure(f"name {number}", at(HOSTED))

    assert before + 15 == sessions.assess("ada", at(HOSTED)).score


def test_an_ipv6_network_is_a_48(sessions: Any) -> None:
    """As everywhere: a home or a small office."""
    sessions.login("ada", at(HOME))
    for number in range(FAILED_ACCOUNTS):
        sessions.record_failure(f"name {number}", at(f"2001:db8:7:{number:x}::1"))

    expected = ["2001:db8:7::/48 failed on 10 accounts in the last hour"]
    assert expected == messages(sessions.assess("ada", at("2001:db8:7::9")))
    assert [] == messages(sessions.assess("ada", at("2001:db8:8::9")))


def test_it_is_forgotten_in_an_hour(sessions: Any, clock: FakeClock) -> None:
    """And `purge` deletes it."""
    sessions.login("ada", at(HOME))
    for number in range(FAILED_ACCOUNTS):
        sessions.record_failure(f"name {number}", at(HOSTED))
    clock.advance(HOUR)

    assert [] == messages(sessions.assess("ada", at(HOSTED)))
    assert "velocity" not in sessions.assess("ada", at(HOSTED)).not_evaluated


def test_purge_deletes_its_records(clock: FakeClock) -> None:
    """An hour after the last failure in them."""
    store = Watched()
    sessions = over(store, clock)
    sessions.record_failure("ada", at(HOSTED))
    clock.advance(HOUR - 1)
    sessions.purge()
    assert 1 == len(kept(store))
    clock.advance(1)
    sessions.purge()
    assert [] == kept(store)


def kept(store: Any) -> list[Any]:
    """The records in *store*."""
    owners = [f"{number:03x}" for number in range(RECORDS)]
    return [it for owner in owners for it in store.items("velocity", owner, limit=9)]


@pytest.mark.parametrize("client", [None, Client(), Client(ip="no address")])
def test_without_an_address_it_is_not_evaluated(clock: FakeClock, client: Client | None) -> None:
    """Neither is anything counted."""
    store = Watched()
    sessions = over(store, clock)
    sessions.login("ada", at(HOME))
    sessions.record_failure("ada", client)

    assert "velocity" in sessions.assess("ada", client).not_evaluated
    assert [] == kept(store)


def test_while_it_is_off_nothing_is_read_or_written(clock: FakeClock) -> None:
    """And no assessment names it: neither the first, nor a later one, nor a refresh."""
    store = Watched()
    over(store, clock, Policy(risk=None)).login("ada", at(HOSTED))
    sessions = over(store, clock, Policy())
    client = at(HOSTED)
    first, second = sessions.login("ada", client), sessions.login("ada", client)
    sessions.record_failure("ada", client)
    sessions.refresh(second.refresh_token, at(HOME))

    assert [] == [it for it in store.calls if "velocity" in it]
    for found in (first.assessment, second.assessment, sessions.assess("ada", client)):
        assert "velocity" not in found.not_evaluated
    assert [] == kept(store)


def test_it_costs_one_read_at_a_sign_in(clock: FakeClock) -> None:
    """A read and a write at a failure; of an account that has failed in this minute, a read."""
    store = Watched()
    sessions = over(store, clock)
    sessions.login("ada", at(HOSTED))
    assert ["read velocity"] == store.calls
    expected = ["read velocity", "write velocity"]
    for _ in range(2):
        store.calls.clear()
        sessions.record_failure("ada", at(HOSTED))
        assert expected == [it for it in store.calls if "velocity" in it]
        expected = ["read velocity"]


def test_a_refresh_is_not_asked(clock: FakeClock) -> None:
    """It has a session: no guess leads to one. Neither is it named as not evaluated."""
    heard: list[Any] = []
    store = Watched()
    sessions = SessionManager(store, keys=SECRET, policy=ON, clock=clock, on_event=heard.append)
    grant = sessions.login("ada", at(HOME))
    store.calls.clear()
    sessions.refresh(grant.refresh_token, at(HOSTED))

    assert "read velocity" not in store.calls
    assert "velocity" not in [kind for it in heard[1:] for kind in it.assessment.not_evaluated]


def test_a_record_that_cannot_be_had_fails_no_sign_in(clock: FakeClock) -> None:
    """It is a hint: on a cluster its shard may be down while the account's own is up."""
    store = Watched()
    sessions = over(store, clock)
    sessions.login("ada", at(HOME))
    store.refuses = True

    assert "velocity" in sessions.login("ada", at(HOSTED)).assessment.not_evaluated


def test_a_failure_that_others_outrun_gives_up(clock: FakeClock) -> None:
    """After three tries: a busy network must not slow failures down, and is full soon anyway."""
    store = Watched()
    store.loses = True
    over(store, clock).record_failure("ada", at(HOSTED))

    assert 3 == store.calls.count("write velocity")


def test_neither_names_nor_networks_are_in_the_records(clock: FakeClock) -> None:
    """Both are keyed: another key has other records, and one account another name by network."""
    bodies = []
    for secret in (SECRET, SECRET[::-1]):
        store = Watched()
        sessions = SessionManager(store, keys=secret, policy=ON, clock=clock)
        sessions.record_failure("ada", at(HOSTED))
        sessions.record_failure("ada", at(HOME))
        found = [json.loads(it.body) for it in kept(store)]
        bodies += [account for it in found for accounts in it.values() for account in accounts]
        assert {12} == {len(network) for it in found for network in it}

    assert 4 == len(set(bodies))
    assert {6} == {*map(len, bodies)}


@pytest.mark.parametrize("typed", ["", "x" * 100_000, "\0", "\ud800", "\n"])
def test_any_typed_text_is_counted(clock: FakeClock, typed: str) -> None:
    """As a failure of its own."""
    store = Watched()
    over(store, clock).record_failure(typed, at(HOSTED))

    assert 1 == len(kept(store))


def test_many_networks_are_a_fixed_number_of_records(clock: FakeClock) -> None:
    """A sender that has a /32 of IPv6 has 65,536 networks; they share the records there are."""
    store = Watched()
    sessions = over(store, clock)
    for number in range(400):
        sessions.record_failure("ada", Client(ip=f"2001:db8:{number:x}::1"))
    networks = [len(json.loads(it.body)) for it in kept(store)]

    assert 400 == sum(networks)
    # So many of 1,024 records are hit at least once by 400 networks at random, give or take.
    assert 310 < len(networks) < 350


def test_failures_at_the_same_moment_are_counted(
    clock: FakeClock, tmp_path: Path, empty_database: Path
) -> None:
    """Threads compete for one record: some lose, and so many win that the signal is found."""
    store = SQLiteStore(shutil.copy(empty_database, tmp_path / "s.db"))
    sessions = over(store, clock)
    sessions.login("ada", at(HOME))

    def fail(thread: int) -> None:
        for number in range(12):
            sessions.record_failure(f"{thread} {number}", at(HOSTED))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fail, range(8)))

    assert [] != messages(sessions.assess("ada", at(HOSTED)))
    store.close()
