"""
How long pages, lists and writes take among many sessions, beside their bounds.

    python -m benchmarks.searching [--sessions 1000000] [--store sqlite] [--store postgres]
        [--folder DIRECTORY] [--only lists|pages|writes]

The population is that of `_population`: 90 days, a user with one session in twenty, a network with
one in thirty. It is made in the folder, and used again by the next run. Printed for each thing: its
bound, the median, the worst and the best of its calls in milliseconds, and its rows or bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import asdict
from tabulate import tabulate

from benchmarks import _filled
from benchmarks._at_size import CALLS, HEADERS, LIST_MS, Figure, pages, searches, timed
from benchmarks._at_size_writes import writes
from devsess import SessionManager

KINDS = ("lists", "pages", "writes")


def measured(filled: _filled.Filled, kinds: tuple[str, ...]) -> Iterator[Figure]:
    """All figures of a database."""
    keys = secrets.token_urlsafe(32)
    with SessionManager(filled.store(), keys=keys) as sessions:
        now = time.time()
        if "lists" in kinds:
            for name, call in searches(sessions, now).items():
                yield timed(name, LIST_MS, call)
        if "pages" in kinds:
            for name, (bound, call) in pages(sessions, now).items():
                yield timed(name, bound, call, CALLS)
        if "writes" in kinds:
            yield from writes(sessions)


def show(name: str, filled: _filled.Filled, figures: list[Figure], count: int) -> None:
    """Print them, with the load of the machine."""
    load = ", ".join(f"{it:.1f}" for it in os.getloadavg())
    print(f"\n{name}, {count:,} sessions, load {load}, {os.cpu_count()} cores")
    if filled.took:
        print(", ".join(f"{step} in {took:.0f} s" for step, took in filled.took.items()))
    print(tabulate([it.line() for it in figures], HEADERS, disable_numparse=True), flush=True)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--folder", type=Path, help="keeps the databases for the next run")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {}
    with nullcontext(asked.folder) if asked.folder else TemporaryDirectory() as folder:
        for name in asked.store or ["sqlite", "postgres"]:
            with getattr(_filled, name)(Path(folder), asked.sessions) as filled:
                figures = list(measured(filled, tuple(asked.only or KINDS)))
                show(name, filled, figures, asked.sessions)
                results[name] = [asdict(it) for it in figures]
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
