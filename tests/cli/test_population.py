"""The people of `devsess demo --web`: made through the manager, seeded, and worth a look."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

import pytest

from devsess import SessionManager
from devsess.cli import _population
from devsess.cli import _town as town
from devsess.cli._lives import Stage, awake
from devsess.cli._population import DAYS, JumpingClock, populate
from devsess.cli._scenes import ADA, SUPPORT
from devsess.models import EventType
from devsess.policy import DAY, HOUR, Policy
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite.unsynced import UnsyncedStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NOW = 1_790_000_000.0
POLICY = Policy()


def made(path: Path, **options: Any) -> Path:
    """A database with a few people, or as the *options* say."""
    populate(path, keys=SECRET, policy=POLICY, now=NOW, **{"people": 12, **options})
    return path


@pytest.fixture(scope="module")
def town_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("town") / "sessions.db")


@pytest.fixture
def sessions(town_db: Path) -> Iterator[SessionManager]:
    clock = JumpingClock(NOW)
    with SessionManager(town_db, keys=SECRET, policy=POLICY, clock=clock) as sessions:
        yield sessions


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The content of the file; only to be compared, the population is made through the manager."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_the_same_seed_gives_the_same_lives(town_db: Path, tmp_path: Path) -> None:
    """The same people, times, places and ends; another seed gives others."""
    query = "SELECT user_id, created_at, ip, reason, score FROM sessions ORDER BY 2, 1, 3"
    expected = rows(town_db, query)
    assert expected == rows(made(tmp_path / "again.db"), query)
    assert expected != rows(made(tmp_path / "other.db", seed=8), query)


def test_nothing_happens_outside_its_days(town_db: Path) -> None:
    """The oldest sign-in is at most ninety days old, and nothing is later than now."""
    [(first, last, seen)] = rows(
        town_db, "SELECT min(created_at), max(created_at), max(last_seen_at) FROM sessions"
    )
    assert NOW - DAYS * DAY <= first
    assert max(last, seen) <= NOW


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    """It never goes back."""
    shares: list[float] = []
    made(tmp_path / "sessions.db", people=2, progress=shares.append)
    assert sorted(shares) == shares
    assert 0 <= shares[0] < 0.1
    assert 0.99 < shares[-1] <= 1


def test_a_visitor_finds_a_thief(sessions: SessionManager) -> None:
    """Ada's page has her three devices, and a sign-in from elsewhere that nobody answered for."""
    live = sessions.live(ADA).items
    assert {"My MacBook", "Safari on iPhone", "Firefox on Windows", "Chrome on Linux"} == {
        str(it.device) for it in live
    }
    assert POLICY.risk is not None
    least = POLICY.risk.notify_from
    [thief] = [it for it in live if it.score is not None and it.score >= least]
    assert "Amsterdam, Netherlands" == str(thief.location)
    assert "Chrome on Linux" == str(thief.device)


def test_a_history_holds_every_answer(sessions: SessionManager) -> None:
    """She confirmed a sign-in, disowned one, and was signed out from afar; a device is blocked."""
    types = Counter(it.type for it in sessions.history(ADA, limit=500).items)
    assert 2 == types[EventType.NOTICE_CONFIRMED]
    assert 1 == types[EventType.NOTICE_DISOWNED]
    assert 1 == types[EventType.DEVICE_TRUSTED]
    devices = sessions.devices(ADA)
    assert 1 == sum(it.blocked for it in devices)
    assert {"My MacBook", "Mum's tablet"} == {it.name for it in devices if it.name}


def test_an_operator_finds_something_to_do(town_db: Path) -> None:
    """Sign-ins from one network on many accounts, a replay, and the acts of the support team."""
    network = f"{town.ATTACK.prefix}.0"
    [(accounts,)] = rows(
        town_db, f"SELECT count(DISTINCT user_id) FROM sessions WHERE network LIKE '{network}%'"
    )
    assert 5 <= accounts
    reasons = Counter(reason for (reason,) in rows(town_db, "SELECT reason FROM sessions"))
    assert 1 == reasons["stale"]
    assert {"replaced", "expired", "logout"} <= set(reasons)
    actors = {actor for (actor,) in rows(town_db, "SELECT DISTINCT actor FROM events")}
    assert actors & set(SUPPORT)


@pytest.mark.thorough
def test_the_town_is_large(tmp_path: Path) -> None:
    """Hundreds of accounts, some thousand sessions, and every kind of device and ending."""
    path = tmp_path / "sessions.db"
    populate(path, keys=SECRET, policy=POLICY, now=NOW)
    [(accounts, number)] = rows(path, "SELECT count(DISTINCT user_id), count(*) FROM sessions")
    assert 300 <= accounts <= 400
    assert 1_500 <= number <= 5_000
    assert {"phone", "desktop", "tablet"} <= {
        kind for (kind,) in rows(path, "SELECT DISTINCT kind FROM devices")
    }


@pytest.mark.parametrize("city", town.CITIES, ids=lambda it: it.home.location.city)
def test_places_are_known_by_their_addresses(city: town.City) -> None:
    """Each address of a network is valid, and the locator has its city for it."""
    random, locator = Random("addresses"), town.MadeUpLocator()
    for network in (city.home, city.carrier, city.home.part(random)):
        address = network.address(random)
        assert address == str(ip_address(address))
        assert network.location == locator.locate(address)


def test_other_networks_are_known_too() -> None:
    """The office has IPv6; attackers rent servers; this machine is in Ada's city."""
    random, locator = Random("others"), town.MadeUpLocator()
    for network in (town.OFFICE, town.THIEF, town.ATTACK):
        assert network.location == locator.locate(network.address(random))
    assert town.HOME.home.location == locator.locate("127.0.0.1")
    assert locator.locate("192.0.2.1") is None


def test_people_sleep() -> None:
    """At 3 in the morning of their own clock nobody of them signs in."""
    random = Random("sleep")
    for city in town.CITIES:
        for _ in range(20):
            at = awake(random, city, NOW)
            assert NOW < at <= NOW + 3 * DAY
            assert 3 != int((at / HOUR + city.utc_offset) % 24)


def synchronous(store: SQLiteStore) -> int:
    """How far a commit of *store* goes before it is answered: 0 not to the disk, 2 all the way."""
    opened = store._opened
    assert opened is not None
    [(found,)] = opened.writer.execute("PRAGMA synchronous").fetchall()
    return int(found)


def test_no_act_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made anew if the machine stops: thousands of commits need not reach the disk."""
    asked: list[int] = []
    play = _population._play

    def played(stage: Stage, *rest: Any) -> None:
        store = stage.sessions._store
        assert isinstance(store, UnsyncedStore)
        asked.append(synchronous(store))
        play(stage, *rest)

    monkeypatch.setattr(_population, "_play", played)
    made(tmp_path / "sessions.db", people=1)
    assert [0] == asked
    with closing(SQLiteStore(tmp_path / "sessions.db")) as store:
        assert 2 == synchronous(store)


def test_no_ending_waits_to_be_counted(sessions: SessionManager) -> None:
    """The overview says so of endings whose rows have not followed; here all have."""
    assert 0 == sessions.stats(tz="UTC").lagging
