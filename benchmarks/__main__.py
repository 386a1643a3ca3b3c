"""
Run the benchmarks.

    python -m benchmarks                  all suites, and the page in docs/ drawn again
    python -m benchmarks --quick          rough figures in a few minutes
    python -m benchmarks --quick --check  fail where a figure is twice the recorded one
    python -m benchmarks --page           draw the page from what was recorded
    python -m benchmarks --suite stores --record
                                          record one suite alone, and draw the page
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from attrs import asdict

from benchmarks import (
    _results,
    algorithms,
    availability,
    crowded,
    endings,
    growth,
    imports,
    logins,
    memory,
    middleware,
    operations,
    profiles,
    served,
    shared,
    staleness,
    store_growth,
    stores,
    tails,
    validate,
)
from benchmarks._line import Line
from benchmarks._setting import Setting
from benchmarks.risk import speed as risk


class Suite(Protocol):
    """
    The members of each module of benchmarks that is a suite.

    Attributes:
        DESCRIPTION: The page's sentences on what it measures.
    """

    DESCRIPTION: str

    def lines(self, setting: Setting) -> list[Line]:
        """Measure."""
        ...


SUITES: dict[str, Suite] = {
    "validate": validate,
    "crowded": crowded,
    "tails": tails,
    "algorithms": algorithms,
    "shared": shared,
    "staleness": staleness,
    "operations": operations,
    "logins": logins,
    "availability": availability,
    "middleware": middleware,
    "served": served,
    "memory": memory,
    "import": imports,
    "growth": growth,
    "endings": endings,
    "profiles": profiles,
    "risk": risk,
    "stores": stores,
    "store-growth": store_growth,
}


def main() -> int:
    """Measure, print, write down; 1 if --check found a figure that has doubled."""
    options = _options()
    if options.page:
        return _draw()
    names = options.suite or list(SUITES)
    recorded = _results.load(_results.QUICK)[1] if options.check else {}
    if not (options.suite or options.quick):
        _check_peers()
    found = {name: _run(name, quick=options.quick) for name in names}
    if options.check:
        return _check(found, recorded)
    if options.record:
        _results.record(_results.QUICK if options.quick else _results.THOROUGH, found, SUITES)
        return 0 if options.quick else _draw()
    if options.suite:
        return 0  # the files hold what was measured in one run, or say that it was not
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
    parser.add_argument("--quick", action="store_true", help="rough figures in a few minutes")
    parser.add_argument("--check", action="store_true", help="compare with what was recorded")
    parser.add_argument("--page", action="store_true", help="draw the page, measure nothing")
    parser.add_argument("--suite", action="append", choices=SUITES, help="this one alone")
    parser.add_argument("--record", action="store_true", help="write down what --suite measures")
    options = parser.parse_args()
    if options.record and not options.suite:
        parser.error("--record goes with --suite: without one, all is written down anyway")
    return options


def _run(name: str, *, quick: bool) -> list[Line]:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = SUITES[name].lines(Setting(Path(folder), quick))
    print(_results.report(name, lines), end="\n\n", flush=True)
    return lines


def _check_peers() -> None:
    """Refuse to draw a page that leaves a peer out without saying so."""
    from benchmarks import peers

    missing = [name for way in peers.WAYS for name in way.missing]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; install the extra bench")


def _peers() -> list[dict[str, Any]]:
    from benchmarks import peers

    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = peers.peers(Path(folder), rounds=peers.ROUNDS, calls=peers.CALLS)
    print(peers.table(found), flush=True)
    return [asdict(peer) for peer in found]


def _draw() -> int:
    from benchmarks import _page, _scaling

    surroundings, suites, peers = _results.load(_results.THOROUGH)
    alone = _results.alone(_results.THOROUGH)
    described = {name: suite.DESCRIPTION for name, suite in SUITES.items()}
    _page.draw(surroundings, suites, peers, described, alone)
    _scaling.draw(alone.get("stores", surroundings), suites)
    return 0


def _check(found: _results.Suites, recorded: _results.Suites) -> int:
    """Fail on a doubled figure, and on one that has no recorded figure."""
    new = dict.fromkeys(_results.unrecorded(found, recorded), "not recorded: run --quick")
    worse = {**new, **_results.regressions(found, recorded, partial(_run, quick=True))}
    for name, figures in worse.items():
        print(f"{name}: {figures}", flush=True)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
