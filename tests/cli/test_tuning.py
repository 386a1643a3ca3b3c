"""bench and tune: what they leave behind, and what their advice is worth."""

from __future__ import annotations

import json
import math
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import jwt
import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from devsess import Client, Keys, Policy, SessionManager
from devsess.cli import _bench, _tune, main
from devsess.keys import generate_pem
from devsess.stores.memory import MemoryStore
from devsess.tuning import cost
from devsess.tuning.ground import ground
from devsess.tuning.replay import PROBES, Outcome, replay
from devsess.tuning.search import Advice, Wish, advise
from devsess.tuning.suite import measure
from devsess.tuning.traffic import Request, Traffic, synthetic

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
KEYS = Keys(SECRET)
# One that every machine meets, and one that none does.
EASY, IMPOSSIBLE = 1e9, 1e-9


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
    made = synthetic(Random(seed), rps=5, sessions=100, devices=30).first(2_000)
    later = len(made.requests) // 2
    ended = Request(made.requests[later].at, made.sessions[-1], "revoke")
    return evolve(made, requests=(*made.requests[:later], ended, *made.requests[later:]))


def replayed(location: str, played: Traffic, policy: Policy) -> Outcome:
    with ground(location, played, KEYS, 60) as here, here.world() as world:
        return replay(world, played, policy, overhead=0)


@pytest.fixture(scope="module")
def advice() -> Advice:
    return advise("memory://", traffic(1), Wish(2, EASY, seconds=30), KEYS)


# bench


def test_bench_leaves_the_store_as_it_was(path: Path) -> None:
    """The made-up user's sessions, devices and events are gone; all others are as they were."""
    before = rows(path)
    assert 0 == call("bench", path, "--seconds", "0.5").exit_code
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


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_bench_takes_a_private_key(alg: Literal["EdDSA", "ES256"], tmp_path: Path) -> None:
    """An application's own key, in a file or as text, is what signs; it needs no other secret."""
    pem = generate_pem(alg)
    (tmp_path / "key.pem").write_text(pem)
    for given in (("--key", pem), ("--key-file", str(tmp_path / "key.pem"))):
        shown = call("bench", "memory://", "--seconds", "0.1", *given)
        assert 0 == shown.exit_code, shown.stderr
        assert f"tokens: {alg}" in shown.stdout


def test_bench_shows_each_way(path: Path) -> None:
    """Every way to validate and write is a line, with the mark and the versions below."""
    shown = call("bench", path, "--seconds", "0.5", "--key", SECRET)
    assert 0 == shown.exit_code
    for told in (
        *("jwt.decode", "repeated", "a new equal client", "one second of staleness"),
        *("fresh=True", "for the first time", "revoked", "login", "refresh", "revoke"),
        *("mark: ", sqlite3.sqlite_version, "devsess 0."),
    ):
        assert told in shown.stdout


def test_bench_as_json() -> None:
    """JSON has a ratio for each way to validate."""
    found = json.loads(call("bench", "memory://", "--seconds", "0.5", "--json").stdout)
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
    for rest in (("bench",), ("tune", "--max-staleness", "1", "--p99", "1e9", "--sessions", "9")):
        assert 0 == call(rest[0], url, *rest[1:], "--seconds", "0.1").exit_code


def test_bench_while_others_end_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and is no crash; what it made is gone."""
    store = MemoryStore()
    with SessionManager(store, keys=SECRET) as admin:

        def decode(given: str, keys: Keys) -> object:
            return lambda token: admin.revoke_everyone(reason="alarm")

        monkeypatch.setattr(_bench, "bare_decode", decode)
        monkeypatch.setattr(_bench, "blocking_store", lambda _: store)
        shown = call("bench", "memory://", "--seconds", "0.1")
    assert 3 == shown.exit_code
    assert "somebody else ended" in shown.stderr
    assert {} == store._sessions


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
@pytest.mark.parametrize("command", [("bench",), ("tune", "--max-staleness", "1", "--p99", "9")])
def test_a_signal_leaves_nothing(command: tuple[str, ...], name: str, path: Path) -> None:
    """Whoever stops it midway finds the store and its folder as they were."""
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("this system has no such signal")
    before = rows(path)
    arguments = [command[0], "--store", str(path), *command[1:], "--seconds", "60"]
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


def test_the_advice_holds_anew(advice: Advice) -> None:
    """Other traffic of the same kind has the hit rate and the bound that were predicted."""
    for candidate in (advice.chosen, advice.candidates[-1]):
        anew, predicted = replayed("memory://", traffic(2), candidate.policy), candidate.typical
        assert predicted.hit_rate == pytest.approx(anew.hit_rate, abs=0.05)
        assert predicted.bound == pytest.approx(anew.bound)
    assert advice.candidates[-1].typical.bound > 0


def test_revocations_are_heard_in_time(advice: Advice) -> None:
    """What another manager revokes is refused within the staleness, at once if that is zero."""
    assert {0.0, 2.0} <= {candidate.policy.max_staleness for candidate in advice.candidates}
    for candidate in advice.candidates:
        outcome, staleness = candidate.typical, candidate.policy.max_staleness
        assert outcome.bound <= staleness * (1 + 1 / PROBES)
        assert staleness or outcome.bound == 0


def test_another_process_is_heard_in_time(path: Path) -> None:
    """The bound holds between two openings of one file too."""
    for staleness in (0.0, 1.5):
        outcome = replayed(str(path), traffic(3).first(50), Policy(max_staleness=staleness))
        assert outcome.bound <= staleness * (1 + 1 / PROBES)


def test_the_least_stale_that_meets_the_wish(advice: Advice) -> None:
    """A wish that zero staleness meets needs no staleness."""
    assert advice.met
    assert 0 == advice.chosen.policy.max_staleness


def test_a_small_cache_hits_less() -> None:
    """What does not fit is asked for again: no cache never hits, a small one less than a large."""
    policies = (Policy(cache_size=0), Policy(cache_size=10), Policy())
    rates = [replayed("memory://", traffic(1), policy).hit_rate for policy in policies]
    assert 0 == rates[0] < rates[1] < rates[2]


def test_touches_follow_their_interval() -> None:
    """The longer the interval, the fewer touches: time in a replay is the traffic's."""
    policies = (Policy(touch_interval=30), Policy(), Policy(touch_interval=900))
    touches = [replayed("memory://", traffic(1), policy).touches for policy in policies]
    assert touches[0] > touches[1] > touches[2]


def test_tune_leaves_nothing_behind(path: Path) -> None:
    """No file is left beside the store, and nothing in it is changed."""
    before, files = rows(path), sorted(path.parent.iterdir())
    content = path.read_bytes()
    arguments = ("--rps", "20", "--sessions", "20", "--max-staleness", "1", "--p99", str(EASY))
    shown = call("tune", path, *arguments, "--seconds", "1")
    assert 0 == shown.exit_code
    assert content == path.read_bytes()
    assert files == sorted(path.parent.iterdir())
    assert before == rows(path)
    for told in ("requests", "confidence: ", "####", "Policy("):
        assert told in shown.stdout


def test_a_wish_that_cannot_be_met() -> None:
    """Where no setting is fast enough the exit code is 1, and the cheapest is told."""
    arguments = ("--sessions", "20", "--max-staleness", "1", "--p99", str(IMPOSSIBLE))
    shown = call("tune", "memory://", *arguments, "--seconds", "1")
    assert 1 == shown.exit_code
    assert "No setting keeps" in shown.stdout
    assert "Policy(" in shown.stdout


def test_tune_reads_traffic() -> None:
    """Traffic in a file is replayed, and JSON tells what came of it."""
    lines = "\n".join(f'{{"at": {at}, "session": "s{at % 5}"}}' for at in range(100))
    arguments = ("--traffic", "-", "--max-staleness", "0", "--p99", str(EASY))
    shown = call("tune", "memory://", *arguments, "--json", given=lines)
    assert 0 == shown.exit_code
    found = json.loads(shown.stdout)
    assert (100, True) == (found["requests"], found["met"])
    assert {0.0} == {one["revocation_bound"] for one in found["candidates"]}


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("--traffic", "-"), '{"at": 0, "session": "a"}\nnonsense', "line 2"),
        (("--traffic", "-"), "", "empty"),
        (("--traffic", "-", "--rps", "5"), "", "--rps"),
        (("--rps", "0"), None, "--rps"),
        (("--rps", "1e-15"), None, "--rps"),
        (("--p99", "nan"), None, "--p99"),
        (("--max-staleness", "inf"), None, "--max-staleness"),
        (("--traffic", "-"), '{"at": 0, "session": "a", "event": "revoke"}', "no validations"),
        (("--store", "sqlite://x"), None, "sqlite:///file.db"),
        (("--max-staleness", "3600"), None, "max_staleness"),
        (("--store", "nonsense://x"), None, "memory://"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], given: str | None, told: str) -> None:
    """What cannot be replayed exits with 2, and says what to change."""
    shown = call("tune", "memory://", "--max-staleness", "1", "--p99", "9", *arguments, given=given)
    assert 2 == shown.exit_code
    assert told in shown.stderr


def test_luck_is_no_reason() -> None:
    """A setting that saved nothing is not recommended, however cheap it was by chance."""
    lines = "\n".join(f'{{"at": {at}, "session": "a"}}' for at in (0, 1, 2, 3))
    arguments = ("--traffic", "-", "--max-staleness", "0", "--p99", str(EASY))
    shown = call("tune", "memory://", *arguments, "--seconds", "1", given=lines)
    assert 0 == shown.exit_code
    assert "    Policy()\n" in shown.stdout
    assert "confidence: low" in shown.stdout


def test_a_long_path_can_be_pasted(advice: Advice) -> None:
    """The store is named as it was, however long and strange its path."""
    path = "/" + "x" * 300 + "/\x1b.db"
    [_, line] = _tune._to_paste(evolve(advice, readers={8: 10.0, 16: 7.0}), path)
    assert line.startswith(f"SQLiteStore({path!r}, readers=16)")


def test_where_no_thread_can_be_started_readers_are_not_measured(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there wait for nobody, and the rest of the advice stands."""

    class Few(ThreadPoolExecutor):
        left = 3

        def submit(self, *arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("can't start new thread")
            return super().submit(*arguments, **options)

    monkeypatch.setattr(cost, "ThreadPoolExecutor", Few)
    with ground(str(path), traffic(1).first(20), KEYS, 60) as here:
        assert {} == cost.reader_costs(here, math.inf)


@pytest.mark.parametrize(
    ("costs", "best"),
    [({}, 8), ({8: 10.0, 16: 9.0}, 8), ({2: 30.0, 8: 10.0, 16: 7.0}, 16)],
)
def test_readers_stay_eight_unless_it_is_worth_it(
    advice: Advice, costs: dict[int, float], best: int
) -> None:
    """Another number of readers is named only if it is cheaper by a quarter."""
    assert best == evolve(advice, readers=costs).best_readers
