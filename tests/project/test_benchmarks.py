"""The benchmarks notice a figure that has doubled, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve

from benchmarks import __main__ as command
from benchmarks import _results as results
from benchmarks import _scaling as scaling
from benchmarks import _workload as workload
from benchmarks._line import Line
from devsess.devices.addresses import address

QUICK, SLOW = Line("a look", 1.0), Line("a look", 2.1)
OTHER = Line("another look", 1.0)
TOGETHER = Line("two together", 2.0, at_least=True)


def regressions(*attempts: list[Line], recorded: list[Line]) -> tuple[list[str], int]:
    """The regressions reported after those attempts, and the number of attempts made."""
    left = list(attempts[1:])

    def again(name: str) -> list[Line]:
        assert "suite" == name
        return left.pop(0)

    found = results.regressions({"suite": attempts[0]}, {"suite": recorded}, again)
    return list(found), len(attempts) - len(left)


@pytest.mark.parametrize(
    ("attempts", "reported", "made"),
    [
        ([[QUICK]], [], 1),
        ([[evolve(QUICK, measured=2.0)]], [], 1),
        ([[SLOW], [QUICK], [SLOW]], [], 2),
        ([[SLOW], [SLOW], [QUICK]], [], 3),
        ([[SLOW], [SLOW], [SLOW]], ["a look"], 3),
    ],
    ids=["as before", "twice", "once", "twice in a row", "each time"],
)
def test_only_a_repeated_regression_is_reported(
    attempts: list[list[Line]], reported: list[str], made: int
) -> None:
    """More than twice the recorded figure, in each of three attempts."""
    assert (reported, made) == regressions(*attempts, recorded=[QUICK])


def test_each_figure_counts_by_itself() -> None:
    """Two that take turns at being dear are noise."""
    dear = evolve(OTHER, measured=3.0)
    attempts = [[SLOW, OTHER], [QUICK, dear], [SLOW, OTHER]]
    assert [] == regressions(*attempts, recorded=[QUICK, OTHER])[0]


@pytest.mark.parametrize(
    ("measured", "is_reported"), [(2.0, False), (1.0, False), (0.9, True)], ids=str
)
def test_a_figure_bound_from_below_must_not_halve(measured: float, is_reported: bool) -> None:
    """A figure that is bound from below is worse when it is less."""
    line = evolve(TOGETHER, measured=measured)
    assert is_reported == bool(regressions([line], [line], [line], recorded=[TOGETHER])[0])


def test_a_figure_that_does_not_drift_is_passed_over() -> None:
    """A figure that waits for a disk is not compared."""
    noisy = evolve(SLOW, drifts=False)
    assert ([], 1) == regressions([noisy], recorded=[evolve(QUICK, drifts=False)])


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        (QUICK, None),
        (evolve(QUICK, measured=9.0), "a look: 9 ×, recorded 1 ×"),
        (evolve(QUICK, name="a new look"), "a new look: not recorded"),
    ],
    ids=["as before", "dear", "new"],
)
def test_the_check_fails_for_a_regression(
    line: Line,
    reported: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command exits with 1 and names the figure; so it does for one without a record."""
    recorded, found = {"validate": [QUICK]}, {"validate": [line]}
    monkeypatch.setattr(command.SUITES["validate"], "lines", lambda _: found["validate"])
    monkeypatch.setattr(results, "load", lambda _: ({}, recorded, []))
    monkeypatch.setattr("sys.argv", ["benchmarks", "--quick", "--check", "--suite", "validate"])
    assert (reported is not None) == command.main()
    shown = capsys.readouterr().out
    assert reported in shown if reported else "recorded" not in shown


@pytest.mark.parametrize(
    ("trips", "is_reported"), [(2.0, False), (2.2, False), (3.0, True)], ids=str
)
def test_one_more_round_trip_is_reported(trips: float, is_reported: bool) -> None:
    """An operation that waits for the server once more is worse, however fast the server."""
    before = evolve(QUICK, trips=2.0, drifts=False)
    line = evolve(before, trips=trips)
    assert is_reported == bool(regressions([line], [line], [line], recorded=[before])[0])


@pytest.mark.parametrize(
    ("line", "is_met", "shown"),
    [
        (QUICK, True, ""),
        (evolve(QUICK, trips=3.0), True, "3"),
        (evolve(QUICK, trips=1.0, trips_bound=1), True, "1 ≤ 1"),
        (evolve(QUICK, trips=3.0, trips_bound=1), False, "3 > 1, missed"),
    ],
    ids=["uncounted", "unbound", "met", "missed"],
)
def test_round_trips_have_a_bound(line: Line, is_met: bool, shown: str) -> None:
    """A bound of round trips that is missed is shown as missed, and the line is not met."""
    assert (is_met, shown) == (line.met, line.trips_cell())


def test_a_suite_run_alone_replaces_its_own_figures_alone(tmp_path: Path) -> None:
    """Recorded by itself, a suite leaves the others' figures, and says that it was by itself."""
    path = tmp_path / "results.json"
    results.save(path, {"one": [QUICK], "two": [OTHER]}, [])
    assert {} == results.alone(path)
    results.record(path, {"two": [TOGETHER]}, ["one", "two"])
    assert {"one": [QUICK], "two": [TOGETHER]} == results.load(path)[1]
    assert ["two"] == [*results.alone(path)]


def test_the_page_on_scaling_quotes_the_recorded_figures() -> None:
    """All its figures, and what is reckoned from them, are those of the results file."""
    surroundings, suites, _ = results.load(results.THOROUGH)
    of_stores = results.alone(results.THOROUGH).get("stores", surroundings)
    expected = scaling.page(of_stores, suites)
    assert expected == (scaling.DOCS / "scaling.md").read_text("utf-8")
    assert "<" not in re.sub(r"`[^`]*`", "", expected)


def test_all_that_is_recorded_is_measured() -> None:
    """Each recorded figure belongs to a suite there is, and each suite has some."""
    for path in (results.QUICK, results.THOROUGH):
        _, suites, _ = results.load(path)
        assert [*command.SUITES] == [*suites]


def test_each_user_of_a_benchmark_has_an_address() -> None:
    """However many there are: without one a session is smaller, and is judged by less."""
    numbers = [0, 65_532, 65_536, 65_540, 999_996, 9_999_996]
    found = {address(workload.address(number)) for number in numbers}

    assert None not in found
    assert len(numbers) == len(found)
