"""Draw docs/performance.md and its pictures from the recorded results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks import _plots as plots
from benchmarks._line import Line

DOCS = Path(__file__).parents[1] / "docs"
TOLD = {
    "validate": "Beside a bare `jwt.decode` of the same tokens (HS256), each token in a new string,"
    " the best of many alternating rounds.",
    "algorithms": "Beside a bare decode with the same algorithm; a repeated validation verifies no"
    " signature.",
    "shared": "One file, several threads and processes. At a pace of 900 requests a second every"
    " other one meets a commit, and reads the change log first.",
    "staleness": "From the return of `revoke` to the start of the last validation that another"
    " process let pass; 0 where there was none.",
    "operations": "Median. What commits waits for the disk: what it costs beyond one bare"
    " `synchronous=FULL` commit of a small row.",
    "middleware": "What is added to a call of an app that does nothing, the session cached;"
    " cookies, CSRF check and client address included.",
    "memory": "`tracemalloc`'s difference, for sessions validated with address and user agent.",
    "import": "Beyond an interpreter that does nothing.",
    "growth": "The same operation among more and more sessions.",
}
INTRO = """# Performance

Session state used to cost more than the stateless decode it came beside. Here it costs less: a
validation that can be revoked at once, in any process, takes a fraction of a bare `jwt.decode`.

The figures on this page were measured in one run on one machine ({machine}) at commit {commit}.
*×* is times a bare `jwt.decode` of the same token in the same run, so that they mean something on
yours. `python -m benchmarks` measures everything anew and draws this page; `devsess bench` measures
your own store.
"""


def draw(surroundings: dict[str, str], suites: dict[str, list[Line]], peers: list[Any]) -> None:
    """Write the page and its pictures, in the place of those before."""
    folder = DOCS / "performance"
    folder.mkdir(exist_ok=True)
    machine = ", ".join(f"{k} {v}" for k, v in surroundings.items() if k != "commit")
    parts = [INTRO.format(machine=machine, commit=surroundings["commit"])]
    if peers:
        parts.append(_peers(folder, peers))
    parts += [_suite(name, lines) for name, lines in suites.items()]
    parts.append(_missed(suites))
    (DOCS / "performance.md").write_text("\n".join(parts).rstrip() + "\n", "utf-8")


def _peers(folder: Path, peers: list[dict[str, Any]]) -> str:
    there = [peer for peer in peers if peer["ratio"]]
    rows = [(it["name"], it["ratio"], it["name"].startswith("devsess")) for it in there]
    rows.sort(key=lambda row: row[1])
    plots.bars(folder / "peers.svg", "Who is signed in?", "times a bare jwt.decode", rows)
    table = [
        [
            it["name"],
            it["version"],
            f"{it['microseconds']:,.1f}",
            f"{it['ratio']:.3g}",
            *(it["revocation"], it["devices"], it["staleness"]),
        ]
        for it in there
    ]
    headers = ("", "version", "µs", "×", "revocation", "devices", "staleness")
    notes = "\n".join(f"- **{it['name']}**: {it['note']}" for it in there if it["note"])
    return (
        '## Beside others\n\nWhat one "who is signed in?" costs, each used as its own'
        " documentation says; only that check is timed, not the framework around it.\n\n"
        f"![What the check costs](performance/peers.svg)\n\n{_table(table, headers)}\n\n{notes}\n"
    )


def _suite(name: str, lines: list[Line]) -> str:
    rows = [line.cells() for line in lines]
    table = _table(rows, ("", "µs", "measured", "bound", ""))
    return f"## {name.capitalize()}\n\n{TOLD[name]}\n\n{table}\n"


def _table(rows: list[Any], headers: tuple[str, ...]) -> str:
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def _missed(suites: dict[str, list[Line]]) -> str:
    lines = [line for found in suites.values() for line in found if not line.met]
    if not lines:
        return ""
    told = "\n".join(
        f"- {line.name}: {line.measured:.3g} {line.unit}, meant to be"
        f" {'at least' if line.at_least else 'at most'} {line.bound:g}. {_why(line.name)}".rstrip()
        for line in lines
    )
    return f"## Missed\n\nWhat we meant to reach, and did not in this run:\n\n{told}\n"


# What the profile says of those that are known to be missed.
_WHY = {
    "repeated": "Half of it is Python's: the calls of `validate` and `hit`, reading the clock, and"
    " hashing a token that was never seen as this string.",
    "a token seen for the first time": "A third is reading the row by SQLite, a quarter the"
    " signature and the strict reading of the token, the rest the records that are made of it.",
    "repeated, with PRAGMA data_version as the mark": "Three of its four microseconds are SQLite's."
    " On Linux the wal-index is used in its place.",
    "repeated, asyncio, beside blocking": "The difference is making a coroutine and awaiting it.",
    "get, among 10,000,000 sessions, beside 10,000": "Sessions at random out of gigabytes: each"
    " lookup reads pages that are in no connection's page cache.",
    "list, among 10,000,000 sessions, beside 10,000": "The same, by an index more.",
    "fresh=True": "Nearly all of it is one read of a row joined with its device, by SQLite.",
    "import devsess, beside import jwt": "Much of what is beyond `jwt` is attrs making the record"
    " classes, and what it needs for that.",
}


def _why(name: str) -> str:
    return _WHY.get(name, "")
