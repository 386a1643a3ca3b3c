"""
How many owners risk challenges, and how many attackers it catches, in a made-up population.

    python -m benchmarks.risk                 on the seeds that points are fitted on
    python -m benchmarks.risk --held-out      on those that are used once, for the page; writes
                                              them down, and draws docs/risk.md
    python -m benchmarks.risk --page          draws docs/risk.md from what was recorded
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.risk import study

RECORDED = Path(__file__).with_name("results.json")
# Points and thresholds are fitted on, and looked at with, seeds below 60 only.
FITTING, HELD_OUT = (1, 2), (61, 62, 63, 64)
# Accounts a seed.
FEW, MANY = 1_000, 4_000


def main() -> int:
    """Measure and print; write down and draw if asked to."""
    asked = options()
    if asked.page:
        return _draw(json.loads(RECORDED.read_text("utf-8")))
    people = asked.people or (MANY if asked.held_out else FEW)
    seeds = HELD_OUT if asked.held_out else asked.seeds
    found = study.measured(seeds, people, lambda it: print(it, file=sys.stderr))
    found = json.loads(json.dumps(found))
    if asked.held_out:
        RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return _draw(found)
    return _print(found)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.risk",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--people", type=int, help=f"accounts a seed: {FEW:,}, or {MANY:,} held out"
    )
    parser.add_argument("--seeds", type=_seeds, default=FITTING, help="such as 1,2,3")
    parser.add_argument("--held-out", action="store_true", help="the page's own seeds")
    parser.add_argument("--page", action="store_true", help="draw the page, measure nothing")
    return parser.parse_args(arguments)


def _seeds(text: str) -> tuple[int, ...]:
    seeds = tuple(int(it) for it in text.split(","))
    if max(seeds) >= 60:
        raise argparse.ArgumentTypeError("seeds from 60 on are for --held-out")
    return seeds


def _draw(found: dict[str, Any]) -> int:
    from benchmarks.risk.page import draw

    draw(found)
    return 0


def _print(found: dict[str, Any]) -> int:
    from benchmarks.risk import tables

    for name, table in tables.all_of(found).items():
        print(f"\n{name}\n\n{table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
