"""bench and tune: the files they leave, and the worth of a recommendation."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Literal

import jwt
import pytest
from click.testing import CliRunner, Result

from devsess import Client, Keys, Policy, SessionManager
from devsess.cli import _bench, main
from devsess.stores.memory import MemoryStore
from devsess.tokens.keys import generate_pem
from devsess.tuning.recommend import Recommendation, recommend
from devsess.tuning.replay import PROBES, Outcome, replay_store
from devsess.tuning.suite import measure
from devsess.tuning.traffic import Request, Traffic, synthetic

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
KEYS = Keys(SECRET)
# One that every machine meets, and one that none does.
EASY, IMPOSSIBLE = 1e9, 1e-9
LONG = (
    ("bench", "--seconds", "60"),
    ("tune", "--max-staleness", "1", "--p99", "9", "--sessions", "100000"),
)
dear = pytest.mark.thorough
SMALL = ("--sessions", "20", "--requests", "1000")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET) as sessions:
        sessions.login("ada", Client("192.0.2.1", "curl/8"))
    return path


def call(command: str, store: object, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [command, "--store", str(store), *arguments], input=given)


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is kept about people and their devices."""
    tables = ("accounts", "devices", "sessions", "events")
    with closing(sqlite3.connect(path)) as db:
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


def scratch(path: Path) -> list[Path]:
    """The folders beside the store that tune works in."""
    return list(path.parent.glob(".devsess-tune-*"))


def traffic(seed: int) -> Traffic:
    """Traffic of a hundred sessions, one of those that are seldom used being revoked midway."""
    made = synthetic(Random(seed), 2_000, rps=5, sessions=100)
    ended = Request(made[1_000].at, "session-99", "revoke")
    return [*made[:1_000], ended, *made[1_000:]]


def replayed(folder: Path, played: Traffic, policy: Policy) -> Outcome:
    with replay_store(str(folder / "sessions.db"), played, KEYS) as store:
        return store.replay(policy)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Recommendation:
    location = str(tmp_path_factory.mktemp("tuning") / "sessions.db")
    return recommend(location, traffic(1), KEYS, max_staleness=2, p99=EASY)


# bench


def test_bench_leaves_the_store_as_it_was(path: Path) -> None:
    """The made-up user's sessions, devices and events are gone; all others are as they were."""
    before = rows(path)
    assert 0 == call("bench", path, "--seconds", "0.1").exit_code
    assert before == rows(path)


def test_bench_leaves_nothing_when_it_fails() -> None:
    """The made-up user is erased also if measuring broke off."""
    store = MemoryStore()
    with pytest.raises(ZeroDivisionError):
        measure(store, KEYS, lambda token: 1 / 0, 1)
    assert ({}, {}, {}) == (store._sessions, store._devices, store._events)


def test_bench_measures_tokens_of_the_given_key() -> None:
    """The key that is given signs the tokens, and verifies what a bare decode reads."""
    seen: set[str] = set()
    figures = measure(MemoryStore(), KEYS, seen.add, 0.1)
    assert seen
    for token in seen:
        jwt.decode(token, SECRET, algorithms=["HS256"], issuer="devsess", audience="devsess")
    assert "memory" == figures.mark


@pytest.mark.parametrize("alg", ["EdDSA", pytest.param("ES256", marks=dear)])
def test_bench_takes_a_private_key(alg: Literal["EdDSA", "ES256"], tmp_path: Path) -> None:
    """An application's own key signs, from a file or as text, without another secret."""
    pem = generate_pem(alg)
    (tmp_path / "key.pem").write_text(pem)
    for given in (("--key", pem), ("--key-file", str(tmp_path / "key.pem"))):
        shown = call("bench", "memory://", "--seconds", "0.1", *given)
        assert 0 == shown.exit_code, shown.stderr
        assert f"tokens: {alg}" in shown.stdout


def test_bench_shows_each_way(path: Path) -> None:
    """Every way to validate and write is a line, with the mark and the versions below."""
    shown = call("bench", path, "--seconds", "0.1", "--key", SECRET)
    assert 0 == shown.exit_code
    for expected in (
        *("jwt.decode", "repeated", "a new equal client", "fresh=True"),
        *("for the first time", "login", "refresh", "revoke"),
        *("mark: ", sqlite3.sqlite_version, "devsess 0."),
    ):
        assert expected in shown.stdout


def test_bench_as_json() -> None:
    """JSON has a ratio for each way to validate."""
    found = json.loads(call("bench", "memory://", "--seconds", "0.1", "--json").stdout)
    assert found["ratio"].keys() == found["validate_us"].keys()


@pytest.mark.parametrize("command", [("bench",), ("tune", "--max-staleness", "1", "--p99", "9")])
def test_a_store_that_is_not_there(command: tuple[str, ...], tmp_path: Path) -> None:
    """A path with nothing there exits with 3, and nothing is made there."""
    assert 3 == call(command[0], tmp_path / "none.db", *command[1:]).exit_code
    assert [] == list(tmp_path.iterdir())


def test_bench_with_a_weak_key(path: Path) -> None:
    """A key that cannot sign is wrong usage and is not shown."""
    shown = call("bench", path, "--key", "hunter2")
    assert 2 == shown.exit_code
    assert "hunter2" not in shown.stderr


@pytest.mark.parametrize("url", ["sqlite:///{}", "SQLITE:///{}"])
@pytest.mark.parametrize("name", ["none.db", "no%20ne.db"])
def test_no_url_makes_a_database(url: str, name: str, tmp_path: Path) -> None:
    """However a file is named, a mistyped one is not made."""
    assert 3 == call("bench", url.format(tmp_path / name), "--seconds", "0.1").exit_code
    assert [] == list(tmp_path.iterdir())


def test_a_url_is_read_as_it_is_opened(tmp_path: Path) -> None:
    """A file whose name has to be escaped is found."""
    (tmp_path / "a b").mkdir()
    SessionManager(tmp_path / "a b" / "s.db", keys=SECRET).close()
    url = f"sqlite:///{tmp_path}/a%20b/s.db"
    for rest in (
        ("bench", "--seconds", "0.1"),
        ("tune", *SMALL, "--max-staleness", "0", "--p99", str(EASY)),
    ):
        assert 0 == call(rest[0], url, *rest[1:]).exit_code


def test_bench_while_others_end_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says so without a traceback, and leaves nothing of its own behind."""
    store = MemoryStore()
    with SessionManager(store, keys=SECRET) as admin:

        def decode(given: str, keys: Keys) -> object:
            return lambda token: admin.revoke_everyone(reason="alarm")

        monkeypatch.setattr(_bench, "bare_decode", decode)
        monkeypatch.setattr(_bench, "open_store", lambda _: store)
        shown = call("bench", "memory://", "--seconds", "0.1")
    assert 3 == shown.exit_code
    assert "somebody else ended" in shown.stderr
    assert {} == store._sessions


@pytest.mark.parametrize(
    "name", ["SIGTERM", *(pytest.param(it, marks=dear) for it in ("SIGHUP", "SIGINT"))]
)
@pytest.mark.parametrize("command", LONG, ids=lambda command: command[0])
def test_a_signal_leaves_nothing(command: tuple[str, ...], name: str, path: Path) -> None:
    """A signal that stops it midway leaves the store and its folder as they were."""
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("this system has no such signal")
    before = rows(path)
    arguments = [command[0], "--store", str(path), *command[1:]]
    process = subprocess.Popen(
        [sys.executable, "-c", "from devsess.cli import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    while process.poll() is None and rows(path) == before and not scratch(path):
        time.sleep(0.01)
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(number)
        time.sleep(0.02)
    process.communicate(timeout=10)
    # The latter where one came when all was done.
    assert process.returncode in (128 + number, -number)
    assert before == rows(path)
    assert [] == scratch(path)


# tune


def test_the_recommendation_holds_on_other_traffic(found: Recommendation, tmp_path: Path) -> None:
    """Other traffic of the same kind has the hit rate and the bound that were predicted."""
    for candidate in (found.chosen, found.candidates[-1]):
        assert candidate is not None
        predicted = candidate.typical
        other = replayed(tmp_path, traffic(2), Policy(max_staleness=predicted.max_staleness))
        assert predicted.hit_rate == pytest.approx(other.hit_rate, abs=0.05)
        assert predicted.revocation_bound == pytest.approx(other.revocation_bound)
    assert predicted.revocation_bound > 0


def test_revocations_are_in_force_in_time(found: Recommendation) -> None:
    """A session revoked by another manager is refused within the staleness, at once if it is 0."""
    outcomes = [one.typical for one in found.candidates]
    assert [0.0, 0.25, 0.5, 1.0, 2.0] == [one.max_staleness for one in outcomes]
    for outcome in outcomes:
        assert outcome.revocation_bound <= outcome.max_staleness * (1 + 1 / PROBES)


def test_the_least_stale_that_meets_the_target(found: Recommendation) -> None:
    """A target that zero staleness meets needs no staleness."""
    assert found.candidates[0] is found.chosen


def test_a_small_cache_hits_less(tmp_path: Path) -> None:
    """A cache of 0 entries never hits, and a small cache hits less often than a large one."""
    policies = (Policy(cache_size=0), Policy(cache_size=10), Policy())
    rates = [replayed(tmp_path, traffic(1), policy).hit_rate for policy in policies]
    assert 0 == rates[0] < rates[1] < rates[2]


def test_staleness_saves_readings_of_the_log(found: Recommendation) -> None:
    """Another process commits in a replay; with a staleness the log is read less often."""
    strict, *_, stale = (one.typical.catch_ups_per_second for one in found.candidates)
    assert strict > stale > 0


def test_every_second_session_is_elsewhere(found: Recommendation) -> None:
    """Of the three quarters of the traffic that count, about half is another process's."""
    assert 1_500 * 0.3 < found.candidates[0].typical.validations < 1_500 * 0.7


def test_the_bound_is_measured(tmp_path: Path) -> None:
    """It is the staleness in force, whichever was expected."""
    with replay_store(str(tmp_path / "s.db"), traffic(1)[:20], KEYS) as store:
        for staleness in (0.0, 1.0):
            with store.opened(Policy(max_staleness=staleness)) as state:
                assert staleness == state.bound(2.0)


def test_tune_leaves_nothing_behind(path: Path) -> None:
    """No file is left beside the store, and nothing in it is changed."""
    before, files = rows(path), sorted(path.parent.iterdir())
    content = path.read_bytes()
    shown = call("tune", path, *SMALL, "--max-staleness", "1", "--p99", str(EASY))
    assert 0 == shown.exit_code
    assert content == path.read_bytes()
    assert files == sorted(path.parent.iterdir())
    assert before == rows(path)
    for expected in ("1000 requests", "confidence: ", "####", "Policy("):
        assert expected in shown.stdout


def test_a_target_that_cannot_be_met(path: Path) -> None:
    """Where no setting is fast enough the exit code is 1, and none is recommended."""
    shown = call("tune", path, *SMALL, "--max-staleness", "1", "--p99", str(IMPOSSIBLE))
    assert 1 == shown.exit_code
    assert "No setting keeps" in shown.stdout
    assert "Policy(" not in shown.stdout


def test_tune_reads_traffic(path: Path) -> None:
    """Traffic in a file is replayed, and JSON has the result."""
    lines = "\n".join(f'{{"at": {at}, "session": "s{at % 5}"}}' for at in range(100))
    arguments = ("--traffic", "-", "--max-staleness", "0", "--p99", str(EASY))
    shown = call("tune", path, *arguments, "--json", given=lines)
    assert 0 == shown.exit_code
    found = json.loads(shown.stdout)
    assert "Policy()" == found["recommended"]
    assert [0.0] == [one["revocation_bound"] for one in found["candidates"]]
    assert "fewer than 100 validations were measured" in found["doubts"]


@pytest.mark.parametrize(
    ("arguments", "given", "expected"),
    [
        (("--traffic", "-"), '{"at": 0, "session": "a"}\nnonsense', "line 2"),
        (("--traffic", "-"), "", "empty"),
        (("--traffic", "-", "--rps", "5"), "", "--rps"),
        (("--traffic", "-", "--requests", "5"), "", "--requests"),
        (("--rps", "0"), None, "--rps"),
        (("--rps", "0.9"), None, "--rps"),
        (("--p99", "nan"), None, "--p99"),
        (("--max-staleness", "inf"), None, "--max-staleness"),
        (("--traffic", "-"), '{"at": 0, "session": "a", "event": "revoke"}', "no validations"),
        (("--store", "sqlite://x"), None, "sqlite:///file.db"),
        (("--max-staleness", "3600"), None, "max_staleness"),
        (("--store", "nonsense://x"), None, "SQLite"),
        (("--store", "memory://"), None, "SQLite"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], given: str | None, expected: str, path: Path
) -> None:
    """Input that cannot be replayed exits with 2, and the message says what to change."""
    shown = call("tune", path, "--max-staleness", "1", "--p99", "9", *arguments, given=given)
    assert 2 == shown.exit_code
    assert expected in shown.stderr
