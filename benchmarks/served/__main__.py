"""Run all apps, and print a table."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from benchmarks import served
from benchmarks.served import apps_asgi, apps_wsgi
from benchmarks.served.client import serving

NAMES = (*apps_asgi.APPS, *apps_wsgi.APPS)
REQUESTS, ROUNDS = 500, 15
QUICK_REQUESTS, QUICK_ROUNDS = 250, 3


def measured(folder: Path, *, requests: int, rounds: int) -> dict[str, float]:
    """Seconds of processor time for a request of each app: the best of many rounds in turn."""
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(serving(name, folder / str(number)))
            for number, name in enumerate(NAMES)
        }
        for server in running.values():
            server.seconds(2 * apps_asgi.USERS)  # every session has been seen, and is kept
        found: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, server in running.items():
                found[name].append(server.seconds(requests))
    return {name: min(seconds) for name, seconds in found.items()}


def table(seconds: dict[str, float]) -> str:
    """Each app, what a request of it takes, and what that is beyond the bare one."""
    rows = []
    for name, took in seconds.items():
        added = (took - seconds[name.partition(",")[0]]) * 1e6
        rows.append((name, f"{took * 1e6:,.0f}", f"{added:,.1f}" if added else ""))
    headers = ("app", "µs of the server for a request", "beyond the bare app")
    return tabulate(rows, headers, disable_numparse=True, colalign=("left", "right", "right"))


def main() -> int:
    """Measure and print; no bound is held here."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.served",
        description=served.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="for trying: few requests")
    options = parser.parse_args()
    requests, rounds = (QUICK_REQUESTS, QUICK_ROUNDS) if options.quick else (REQUESTS, ROUNDS)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        print(table(measured(Path(folder), requests=requests, rounds=rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
