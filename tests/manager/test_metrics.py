"""The metrics of a manager."""

from __future__ import annotations

import asyncio
import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from devsess import AsyncSessionManager, Metrics, Policy, SessionManager
from devsess.prometheus import SessionCollector
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def test_every_validation_is_a_hit_or_a_miss(path: Path) -> None:
    """The first asks the store for its row; the others are answered from memory."""
    with SessionManager(path, keys=SECRET) as sessions:
        token = sessions.login("ada").access_token
        for _ in range(5):
            sessions.validate(token)
        found = sessions.metrics()
        assert (4, 1, 1) == (found.hits, found.misses, found.entries)
        sessions.validate(token, fresh=True)
        assert 2 == sessions.metrics().misses


def test_store_calls_are_counted_and_timed(path: Path) -> None:
    """By name, the failed ones too, each with the time it took."""
    with SessionManager(path, keys=SECRET) as sessions:
        assert {} == dict(sessions.metrics().calls)
        sessions.validate(sessions.login("ada").access_token)
        calls = sessions.metrics().calls
    assert 1 == calls["insert"].count == calls["get"].count
    assert all(0 < each.seconds for each in calls.values())
    sessions._store.close()
    with pytest.raises(Exception, match="closed"):
        sessions.list("ada")
    assert 1 == sessions._core.times.calls()["live"].count


def test_evictions_are_counted(path: Path) -> None:
    """Sessions that made room for others."""
    with SessionManager(path, keys=SECRET, policy=Policy(cache_size=8)) as sessions:
        for number in range(12):
            sessions.validate(sessions.login(f"user-{number}").access_token)
        found = sessions.metrics()
    assert 12 == found.entries + found.evictions
    assert 8 >= found.entries


def test_the_lag_of_the_feed(path: Path) -> None:
    """0 without a change; otherwise the seconds since this manager last caught up."""
    clock = FakeClock()
    policy = Policy(max_staleness=60)
    with (
        SessionManager(path, keys=SECRET, clock=clock, policy=policy) as here,
        SessionManager(path, keys=SECRET) as there,
    ):
        here.validate(here.login("ada").access_token)
        clock.advance(5)
        assert 0 == here.metrics().feed_lag
        there.login("bob")
        clock.advance(5)
        assert 5 <= here.metrics().feed_lag <= 10


def test_metrics_are_there_when_the_store_is_not(path: Path) -> None:
    """They are read in that case too: the lag grows, and nothing is raised."""
    sessions = SessionManager(path, keys=SECRET)
    sessions.validate(sessions.login("ada").access_token)
    sessions._store.close()
    assert 0 < sessions.metrics().feed_lag


def test_the_mark_in_use() -> None:
    """The metrics name the mark that is compared; none where the store is asked each time."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        assert "memory" == sessions.metrics().mark

    async def scenario() -> None:
        sessions = AsyncSessionManager(Awaited(MemoryStore()), keys=SECRET)
        await sessions.login("ada")
        found = await sessions.metrics()
        assert ("none", 1) == (found.mark, found.calls["insert"].count)

    asyncio.run(scenario())


def test_prometheus(path: Path) -> None:
    """Every number is there for a scraper, and follows the manager."""
    with SessionManager(path, keys=SECRET) as sessions:
        registry = CollectorRegistry()
        registry.register(SessionCollector(sessions))
        token = sessions.login("ada").access_token
        for _ in range(3):
            sessions.validate(token)
        shown = generate_latest(registry).decode()
        mark = sessions.metrics().mark
    for line in (
        "devsess_hits_total 2.0",
        "devsess_misses_total 1.0",
        "devsess_entries 1.0",
        f'devsess_mark{{mark="{mark}"}} 1.0',
        'devsess_calls_total{call="insert"} 1.0',
    ):
        assert line in shown.splitlines()
    names = set(Metrics.__annotations__) - {"calls", "mark"}
    assert all(f"devsess_{name}" in shown for name in names)


def test_prometheus_labels_each_manager() -> None:
    """Several are collected together, each under its name."""
    with (
        SessionManager("memory://", keys=SECRET) as web,
        SessionManager("memory://", keys=SECRET) as admin,
    ):
        registry = CollectorRegistry()
        registry.register(SessionCollector({"web": web, "admin": admin}))
        web.login("ada")
        shown = generate_latest(registry).decode().splitlines()
    for line in (
        'devsess_entries{manager="web"} 0.0',
        'devsess_entries{manager="admin"} 0.0',
        'devsess_mark{manager="admin",mark="memory"} 1.0',
        'devsess_calls_total{call="insert",manager="web"} 1.0',
    ):
        assert line in shown


def test_a_new_manager_lags_behind_nothing(path: Path) -> None:
    """Before its first catch-up memory answers nothing, and no alarm goes off."""
    with SessionManager(path, keys=SECRET) as there, SessionManager(path, keys=SECRET) as here:
        assert 0 == here.metrics().feed_lag
        here.validate(there.login("ada").access_token)
        there.login("bob")
        assert 0 == here.metrics().feed_lag


def test_metrics_travel(path: Path) -> None:
    """Metrics can be pickled and copied to be gathered elsewhere, and do not change afterwards."""
    with SessionManager(path, keys=SECRET) as sessions:
        sessions.validate(sessions.login("ada").access_token)
        found = sessions.metrics()
    copies: list[Any] = [pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)]
    for copied in copies:
        assert found == copied
        assert 1 == copied.calls["insert"].count
        with pytest.raises(TypeError):
            copied.calls["insert"] = found.calls["insert"]
