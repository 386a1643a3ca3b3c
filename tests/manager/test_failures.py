"""Failed sign-ins are counted in a bounded space, and are a signal of the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import EventType, Policy, SessionManager
from devsess.risk.failures import MOST_COUNTED, MOST_ROWS, counted, dump, load, within_an_hour
from devsess.skew import CLOCKS_APART
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

HOUR, T0 = 3_600, 1_752_831_000


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator())


@pytest.mark.parametrize(("times", "is_signal"), [(2, False), (3, True)])
def test_failures_are_a_signal(sessions: Any, times: int, is_signal: bool) -> None:
    """Three within the hour before a sign-in count, and two do not."""
    sessions.login("ada", at(HOME))
    for _ in range(times):
        sessions.record_failure("ada", at(HOSTED))
    found = sessions.login("ada", at(HOME)).assessment

    assert is_signal == ("failures" in [it.kind for it in found.signals])


def test_failures_are_forgotten_in_an_hour(sessions: Any, clock: FakeClock) -> None:
    """Older ones say nothing about this sign-in."""
    sessions.login("ada", at(HOME))
    for _ in range(3):
        sessions.record_failure("ada", at(HOSTED))
    clock.advance(HOUR)
    found = sessions.login("ada", at(HOME)).assessment

    assert "failures" not in [it.kind for it in found.signals]


def test_a_failure_outlives_a_purge(sessions: Any, clock: FakeClock) -> None:
    """For ninety days, with where it came from; then it goes."""
    sessions.login("ada", at(HOME))
    sessions.record_failure("ada", at(HOSTED))
    sessions.purge()

    def rows() -> list[Any]:
        items = sessions.export_user("ada")["items"]
        return [it["body"] for it in items if it["kind"] == "failures"]

    [[[whose, network, _, count, _]]] = rows()
    assert ("", "45.83.91.0", 1) == (whose, network, count)
    clock.advance(90 * 24 * HOUR)
    sessions.purge()
    assert [] == rows()


def test_a_failure_needs_no_client(make: Callable[..., Any]) -> None:
    """And shows the one that it has."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    sessions.record_failure("ada")
    sessions.record_failure("ada", at(HOSTED))

    assert [None, HOSTED] == [it.ip for it in heard]


@pytest.mark.parametrize("typed", ["", "x" * 100_000, "\0", "\ud800", "\n"])
def test_any_typed_text_is_counted(make: Callable[..., Any], typed: str) -> None:
    """A name that nobody can have must not turn a wrong password into an error."""
    heard: list[Any] = []
    make(on_event=heard.append).record_failure(typed, at(HOSTED))

    assert [typed[:255]] == [it.user_id for it in heard]


@pytest.mark.parametrize("user_id", [None, 7, b"ada", ["ada"]])
def test_a_name_is_a_text(sessions: Any, user_id: Any) -> None:
    """Nothing else is counted, and the error names the argument."""
    with pytest.raises(TypeError, match=r"^user_id must be"):
        sessions.record_failure(user_id)
    assert () == sessions.history("ada").items


def test_failures_never_teach(sessions: Any) -> None:
    """However often somebody fails from a network, it is new at the next sign-in."""
    sessions.login("ada", at(HOME))
    before = [it for it in sessions.export_user("ada")["items"] if it["kind"] == "profile"]
    for _ in range(9):
        sessions.record_failure("ada", at(HOSTED))

    after = sessions.export_user("ada")["items"]
    assert before == [it for it in after if it["kind"] == "profile"]


def test_what_somebody_typed_is_a_digest(make: Callable[..., Any]) -> None:
    """An account that never signed in leaves nothing under its name."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    sessions.record_failure("my password", at(HOSTED))

    assert [(EventType.LOGIN_FAILED, "my password")] == [(it.type, it.user_id) for it in heard]
    assert [] == sessions.export_user("my password")["items"]
    assert 0 == len(sessions.history("my password"))


def test_without_risk_a_failure_is_only_an_event(make: Callable[..., Any]) -> None:
    """Nothing is counted where nothing asks for it."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append, policy=Policy(risk=None))
    sessions.login("ada", at(HOME))
    sessions.record_failure("ada", at(HOSTED))

    assert EventType.LOGIN_FAILED is heard[-1].type
    assert [] == sessions.export_user("ada")["items"]


def test_no_flood_makes_a_record_grow() -> None:
    """10^5 failures in a minute are one row that says "at least 100", and rows have a bound."""
    rows: Any = ()
    for number in range(100_000):
        after = counted(rows, "", "198.51.100.0", T0 + number / 2_000)
        assert number < MOST_COUNTED or after == rows
        rows = after
    assert [MOST_COUNTED] == [it.count for it in rows]
    for number in range(1_000):
        rows = counted(rows, "", f"10.0.{number}.0", T0 + number * HOUR)
    assert MOST_ROWS == len(rows)
    assert len(dump(rows)) < 16_384
    assert rows == load(dump(rows))


def test_an_hour_is_full_from_whichever_networks() -> None:
    """A sender of many networks writes no more than one network does, and pushes nothing out."""
    rows: Any = counted((), "", "192.0.2.0", T0 - 24 * HOUR)
    for number in range(1_000):
        rows = counted(rows, "", f"2001:db8:{number:x}::", T0 + number)
        assert min(number + 1, MOST_COUNTED) == within_an_hour(rows, "", T0 + number)
    full = rows

    assert counted(full, "", "192.0.2.0", T0 + HOUR - 1) is full
    assert MOST_ROWS == len(full)
    assert "x" == counted(full, "x", "192.0.2.0", T0)[0].whose
    assert "192.0.2.0" == counted(full, "", "192.0.2.0", T0 + 2 * HOUR)[0].network


@pytest.mark.parametrize(("later", "kept"), [(90 * 24 * HOUR - 1, 2), (90 * 24 * HOUR, 1)])
def test_a_row_lasts_ninety_days(later: int, kept: int) -> None:
    """From its latest failure on, purged or not; it names the hour that it is of."""
    rows = counted((), "", "192.0.2.0", T0)

    assert T0 // HOUR == rows[0].hour
    assert kept == len(counted(rows, "", "192.0.2.0", T0 + later))


def test_rows_are_of_one_identity() -> None:
    """In a shared record each digest is counted by itself."""
    rows = counted(counted((), "a", None, T0), "b", None, T0)

    assert (1, 1, 0) == tuple(within_an_hour(rows, whose, T0) for whose in ("a", "b", "c"))


def test_unknown_identities_share_a_fixed_number_of_records(sessions: Any) -> None:
    """A thousand names that nobody has are in at most so many records, none of them a name's."""
    store = getattr(sessions, "_store", None) or sessions._manager._store
    store = getattr(store, "store", store)
    for number in range(300):
        sessions.record_failure(f"nobody-{number}", at(HOSTED))
    owners = [f"{number:03x}" for number in range(4_096)]
    kept = [store.items("unknown-failures", owner, limit=9) for owner in owners[:512]]

    assert 0 < sum(map(len, kept)) < 300
    assert {1} == {len(items) for items in kept if items}


def test_no_more_of_a_name_is_read_than_an_account_may_have(clock: FakeClock) -> None:
    """A flood of names of megabytes costs as much as one of short names."""
    store = MemoryStore()
    with SessionManager(store, keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1", clock=clock) as sessions:
        for end in ("a", "b" * 1_000_000):
            sessions.record_failure(f"{'x' * 256}{end}", at(HOSTED))
        owners = [f"{number:03x}" for number in range(4_096)]
        kept = [it for owner in owners for it in store.items("unknown-failures", owner, limit=9)]

    assert [2] == [row.count for item in kept for row in load(item.body)]


@pytest.mark.parametrize("text", ["", "[1]", "{}", '[["", null, "x", 1, 2]]', "[" * 9_999])
def test_a_damaged_record_counts_nothing(text: str) -> None:
    """It must neither stop a sign-in nor stay for ever."""
    assert () == load(text)


@pytest.mark.parametrize(
    ("ahead", "count"), [(0, 1), (CLOCKS_APART, 1), (CLOCKS_APART + 1, 0), (-3_599, 1), (-3_600, 0)]
)
def test_failures_of_a_clock_a_little_ahead_count(ahead: float, count: int) -> None:
    """The process that meets the success need not be the one that met the failure."""
    rows = counted((), "", "192.0.2.0", T0 + ahead)

    assert count == within_an_hour(rows, "", T0)
