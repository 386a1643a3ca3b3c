"""Statistics of all accounts, through both managers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, ConfigurationError, Policy, SessionManager
from devsess.statistics import Day, Stats
from devsess.stores.counting import Measures
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PHONE = Client(
    "105.112.4.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
)


def test_sign_ins_and_ends_of_a_day(make: Callable[..., Any], clock: FakeClock) -> None:
    """Events are counted on their day, and stay so when accounts are erased."""
    sessions = make()
    today = clock.now().date()
    first = sessions.login("ada", PHONE).session
    sessions.login("grace", PHONE)
    sessions.login("eve", PHONE)
    sessions.revoke(first.id, reason="logout")
    sessions.record_failure("nobody", PHONE)
    sessions.erase_user("eve")
    found = sessions.stats()

    expected = Measures(signed_in=3, ended=2, failed=1)
    assert isinstance(found, Stats)
    assert Day(today, expected, 1) == found.days[-1]
    assert (30, expected) == (len(found.days), found.total)
    assert (1, 0) == (found.active, found.lagging)
    assert {"erased": 1, "logout": 1} == found.reasons
    assert [("Safari", "phone", 3)] == [(it.browser, it.kind, it.count) for it in found.devices]


def test_days_of_a_time_zone(make: Callable[..., Any], clock: FakeClock) -> None:
    """A sign-in counts on the day that it is there, where days begin at a quarter to."""
    sessions = make()
    midnight = datetime(2027, 1, 5, 18, 15, tzinfo=UTC)  # in Kathmandu
    clock.advance(midnight - clock.now() - timedelta(seconds=1))
    sessions.login("ada", PHONE)
    clock.advance(1)
    sessions.login("grace", PHONE)
    found = sessions.stats(since=date(2027, 1, 5), tz="Asia/Kathmandu")
    in_utc = sessions.stats(since=date(2027, 1, 5))

    assert [1, 1] == [it.counts.signed_in for it in found.days]
    assert [1, 2] == [it.open for it in found.days]
    assert [2] == [it.counts.signed_in for it in in_utc.days]
    assert "2027-01-05T00:00:00+05:45" == found.since.isoformat()


def test_days_by_instants(sessions: Any) -> None:
    """An aware datetime stands for its day in the zone of the answer."""
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    found = sessions.stats(since=late, until=date(2026, 3, 4), tz="Europe/Berlin")

    assert [date(2026, 3, day) for day in (2, 3, 4)] == [it.date for it in found.days]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"since": "2026-01-01"}, TypeError),
        ({"since": 1_750_000_000.0}, TypeError),
        ({"since": datetime(2025, 7, 1)}, ValueError),  # noqa: DTZ001 - naive on purpose
        ({"until": date.min}, ValueError),
        ({"until": date.max}, ValueError),
        ({"since": date(2026, 1, 2), "until": date(2026, 1, 1)}, ValueError),
        ({"tz": "Mars/Olympus"}, ValueError),
        ({"tz": None}, TypeError),
    ],
)
def test_odd_arguments(sessions: Any, arguments: Any, error: type[Exception]) -> None:
    """An argument that is no day or zone is the caller's mistake, and said so."""
    with pytest.raises(error):
        sessions.stats(**arguments)


def test_sessions_that_lapse_lag(make: Callable[..., Any], clock: FakeClock) -> None:
    """They are not active; a purge counts them at their deadline."""
    sessions = make(policy=Policy(idle_timeout=timedelta(days=2)))
    sessions.login("ada", PHONE)
    clock.advance(timedelta(days=3, minutes=5))
    before = sessions.stats()
    sessions.purge()
    after = sessions.stats()

    assert [(0, 1), (0, 0)] == [(it.active, it.lagging) for it in (before, after)]
    assert [1, 0] == [it.days[-1].open for it in (before, after)]
    assert [0, 0, 1, 0] == [it.counts.expired for it in after.days[-4:]]
    assert {"all", "phone"} == {*after.median_lifespan}


def test_a_store_may_have_none() -> None:
    """A store of one's own need not count; the manager says so."""

    class Plain(MemoryStore):
        statistics = None  # type: ignore[assignment]

    with (
        SessionManager(Plain(), keys=SECRET) as sessions,
        pytest.raises(ConfigurationError, match="statistics"),
    ):
        sessions.stats()
