"""
What devsess costs, beside a bare `jwt.decode` of the same tokens in the same run.

    python -m benchmarks.cost [--json]

The exit code is 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import asdict
from tabulate import tabulate

from benchmarks import _world as world
from benchmarks._line import Line
from benchmarks._memory import memory
from benchmarks._validations import validations
from benchmarks._wrapped import wrapped
from benchmarks._writes import writes

SESSIONS = 2_000
HEAVY = ("user_agents", "sqlite_utils", "redis", "psycopg", "pymongo")


def imports() -> list[Line]:
    """How many of the heavy packages `import devsess` loads."""
    code = f"import sys, devsess; print(sum(name in sys.modules for name in {HEAVY!r}))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return [Line("heavy packages that `import devsess` loads", int(answer.stdout), 0, unit="")]


def measured() -> list[Line]:
    """Every line of the table."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "sessions.db")
        with world.opened(path) as sessions:
            grants = world.signed_in(sessions, SESSIONS)
        return [
            *validations(path, grants),
            *wrapped(path, grants),
            *writes(path, grants),
            *memory(path, grants),
            *imports(),
        ]


def report(lines: Sequence[Line]) -> str:
    """The table, and what the figures depend on."""
    headers = ("measurement", "µs", "ratio", "bound", "")
    table = tabulate(
        [line.cells() for line in lines],
        headers,
        disable_numparse=True,
        colalign=("left", "right", "right", "right", "left"),
    )
    around = ", ".join(f"{name} {value}" for name, value in world.surroundings().items())
    return f"{table}\n\n× is times a bare jwt.decode of the same token. {around}"


def as_json(lines: Sequence[Line]) -> str:
    """The same for a program."""
    return json.dumps(
        {
            "surroundings": world.surroundings(),
            "lines": [{**asdict(line), "met": line.met} for line in lines],
        },
        indent=2,
    )


def main() -> int:
    """Measure, print, and say by the exit code whether all bounds hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    lines = measured()
    print(as_json(lines) if options.json else report(lines))
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
