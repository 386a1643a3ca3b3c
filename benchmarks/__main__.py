"""
Run the benchmarks.

    python -m benchmarks                  all suites, and the page in docs/ drawn anew
    python -m benchmarks --quick          rough figures in a minute
    python -m benchmarks --quick --check  fail where a figure is twice the recorded one
    python -m benchmarks --page           draw the page from what was recorded
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import asdict

from benchmarks import (
    _results,
    algorithms,
    growth,
    imports,
    memory,
    middleware,
    operations,
    profiles,
    shared,
    staleness,
    validate,
)
from benchmarks._line import Line
from benchmarks._setting import Setting

SUITES: dict[str, Callable[[Setting], list[Line]]] = {
    "validate": validate.lines,
    "algorithms": algorithms.lines,
    "shared": shared.lines,
    "staleness": staleness.lines,
    "operations": operations.lines,
    "middleware": middleware.lines,
    "memory": memory.lines,
    "import": imports.lines,
    "growth": growth.lines,
    "profiles": profiles.lines,
}


def main() -> int:
    """Measure, print, write down; 1 if --check found a figure that has doubled."""
    options = _options()
    if options.page:
        return _draw()
    names = options.suite or list(SUITES)
    found = {name: _run(name, quick=options.quick) for name in names}
    if options.check:
        return _check(found)
    if options.suite:
        return 0  # the files hold what was measured in one run
    if options.quick:
        _results.save(_results.QUICK, found, [])
        return 0
    _results.save(_results.THOROUGH, found, _peers())
    return _draw()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="rough figures in a minute")
    parser.add_argument("--check", action="store_true", help="compare with what was recorded")
    parser.add_argument("--page", action="store_true", help="draw the page, measure nothing")
    parser.add_argument("--suite", action="append", choices=SUITES, help="this one alone")
    return parser.parse_args()


def _run(name: str, *, quick: bool) -> list[Line]:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = SUITES[name](Setting(Path(folder), quick))
    print(_results.report(name, lines), end="\n\n", flush=True)
    return lines


def _peers() -> list[dict[str, Any]]:
    from benchmarks import peers

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = peers.peers(Path(folder), rounds=25, calls=500)
    print(peers.table(found), flush=True)
    return [asdict(peer) for peer in found]


def _draw() -> int:
    from benchmarks import _page

    _page.draw(*_results.load(_results.THOROUGH))
    return 0


def _check(found: dict[str, list[Line]]) -> int:
    _, recorded, _ = _results.load(_results.QUICK)
    worse = _results.regressions(found, recorded, partial(_run, quick=True))
    for name, told in worse.items():
        print(f"{name}: {told}", flush=True)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
