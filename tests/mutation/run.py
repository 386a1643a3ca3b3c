"""
Change the law files in small ways, one at a time, and see whether a test notices.

    python tests/mutation/run.py [FILE ...]

For each file of `targets.py`, or those named, its tests run once, and the functions
that each of them calls are recorded. Then each mutant of `mutants.py` is put in place
in a process of its own, and the tests that call its function run there, the quickest
first, until one fails. Survivors are printed, and the share that was noticed. Mutants
listed in `equivalents.py` have no visible effect, and do not count. The run is no part
of the suite: by hand, or weekly.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import frozen
from equivalents import EQUIVALENTS
from mutants import Mutant, mutants
from swap import Swap
from targets import TARGETS
from trial import Trial

ROOT = Path(__file__).parents[2]
OPTIONS = (
    *("-q", "--tb=no", "--no-header"),
    *("--thorough", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider"),
    # All orders of three take too long to be played for each mutant; those of two are.
    *("--deselect", "tests/races/test_held_races.py::test_three_at_once"),
)
# The laws hold over every store: the one that writes no file is the quickest.
NO_FILES = ("-k", "not sqlite] and not sqlite-")
GOAL = 95.0


@frozen
class Outcome:
    """The mutants of one file, and how many survived."""

    name: str
    counted: int
    equivalent: int
    survivors: list[str]
    unknown: list[str]
    seconds: float

    @property
    def killed(self) -> int:
        """Mutants that a test noticed."""
        return self.counted - len(self.survivors)


class Examination:
    """A pytest plugin that tries every mutant of a file in the place of the test loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.outcome: Outcome | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        # Imported here: its own plugin must be the first to.
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "mutation",
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=40,
            # The first pass is watched call by call. In a fresh clone, the table of all
            # characters is made in it, which then takes longer than this check allows.
            suppress_health_check=[HealthCheck.too_slow],
        )
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed or not session.items:
            return True  # they cannot even be read
        begun = time.monotonic()
        path = ROOT / self._name
        source = path.read_text("utf-8")
        trial = Trial(session.items, path)
        trial.run_all()
        swap = Swap(path, source)
        listed = EQUIVALENTS.get(self._name, {})
        survivors, found, total = [], set(), 0
        for mutant in mutants(source):
            if not swap.can(mutant):
                continue
            total += 1
            key = (mutant.where, mutant.change)
            if key in listed:
                found.add(key)
            elif trial.survives(mutant, swap):
                survivors.append(_line_of(self._name, mutant))
                print(survivors[-1], flush=True)
        unknown = [f"{where}: {change}" for where, change in listed if (where, change) not in found]
        took = time.monotonic() - begun
        self.outcome = Outcome(self._name, total - len(found), len(found), survivors, unknown, took)
        return True


def _line_of(name: str, mutant: Mutant) -> str:
    return f"  {name}:{mutant.line} {mutant.where}: {mutant.change}"


def examine(name: str) -> Outcome:
    """Try every mutant of a file."""
    examination = Examination(name)
    fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=fast) as folder:
        where = (f"--basetemp={folder}/tests", "-o", "tmp_path_retention_policy=none")
        chosen = () if name.startswith("devsess/stores/") else NO_FILES
        pytest.main([*OPTIONS, *chosen, *where, *TARGETS[name]], plugins=[examination])
    if examination.outcome is None:
        raise SystemExit(f"{name}: its tests fail without any change")
    return examination.outcome


def main(names: Sequence[str]) -> int:
    """Examine the files, each in a process of its own, print a table; 0 if the goal is met."""
    os.chdir(ROOT)
    if len(names) == 1:
        found = examine(names[0])
        print(_row(found.name, found.killed, found.counted), end="")
        print(f" ({found.equivalent} equivalent, {found.seconds:.0f} s)")
        for change in found.unknown:
            print(f"  listed as equivalent, but not there: {change}")
        return 0 if 100 * found.killed >= GOAL * found.counted and not found.unknown else 1
    worst = 0
    for name in names or TARGETS:
        child = os.spawnl(os.P_WAIT, sys.executable, sys.executable, __file__, name)
        worst = max(worst, child)
    return worst


def _row(name: str, killed: int, counted: int) -> str:
    return f"{name:<34} {killed:>5} of {counted:>5} {100 * killed / max(counted, 1):6.1f} %"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
