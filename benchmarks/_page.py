"""Draw docs/performance.md and its pictures from the recorded results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks import _plots as plots
from benchmarks._line import Line, figure, table_of
from benchmarks.growth import BOUND as GROWTH_BOUND
from benchmarks.growth import SMALL

DOCS = Path(__file__).parents[1] / "docs"
INTRO = """# Performance

A session in a store usually costs more than the stateless decode beside it. Here it costs less: a
session that any process can revoke at once is validated in a fraction of a bare `jwt.decode`, once
its token has been seen. The first sight of a token reads its row: see [Validate](#validate).

The figures on this page were measured in one run on one machine ({machine}) at commit {commit},
but for those of suites that say otherwise.
A figure with *×* is a multiple of a bare `jwt.decode` of the same token in the same run, so that it
means something on your machine too; or a multiple of the value that its line names.
`python -m benchmarks` measures everything again and draws this page; `devsess bench` measures your
own store.
"""


def draw(
    surroundings: dict[str, str],
    suites: dict[str, list[Line]],
    peers: list[Any],
    descriptions: Mapping[str, str],
    alone: Mapping[str, Mapping[str, str]],
) -> None:
    """
    Write the page and its pictures, in the place of those before.

    Args:
        surroundings, suites, peers: As they were recorded.
        descriptions: The page's sentences on each suite, by its name.
        alone: The surroundings of each suite that was run by itself.
    """
    folder = DOCS / "performance"
    folder.mkdir(exist_ok=True)
    machine, commit = _machine(surroundings), surroundings["commit"]
    parts = [INTRO.format(machine=machine, commit=commit)]
    if peers:
        parts.append(_peers(folder, peers))
    for name, lines in suites.items():
        picture = PICTURES[name](folder, lines) if name in PICTURES else ""
        description = descriptions[name]
        if name in alone:
            where = _machine(alone[name])
            description += (
                f" Measured in a run of its own ({where}) at commit {alone[name]['commit']}."
            )
        parts.append(_suite(name, description, lines, picture))
    parts.append(_missed(suites))
    (DOCS / "performance.md").write_text("\n".join(parts).rstrip() + "\n", "utf-8")


def _machine(surroundings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {it}" for name, it in surroundings.items() if name != "commit")


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
        '## Beside others\n\nThe cost of one "who is signed in?", each library used as its own'
        " documentation says; only that check is timed, not the framework around it.\n\n"
        f"![What the check costs](performance/peers.svg)\n\n{_table(table, headers)}\n\n{notes}\n"
    )


def _suite(name: str, description: str, lines: list[Line], picture: str) -> str:
    headers, rows = table_of(lines)
    title = name.capitalize().replace("-", " ")
    parts = [f"## {title}", description, picture, _table(rows, headers)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _validate_picture(folder: Path, lines: list[Line]) -> str:
    rows = [(line.name, line.measured, True) for line in lines if line.microseconds is not None]
    rows.insert(0, ("a bare jwt.decode", 1.0, False))
    rows.sort(key=lambda row: row[1])
    plots.bars(folder / "validate.svg", "A validation", "times a bare jwt.decode", rows)
    return "![What each way costs](performance/validate.svg)"


def _growth_picture(folder: Path, lines: list[Line]) -> str:
    series: dict[str, list[plots.Point]] = {}
    for line in lines:
        if line.series:
            series.setdefault(line.series, [(SMALL, 1.0)]).append((line.at, line.measured))
    label, under = f"times that of {SMALL:,}", "sessions in the store; the stroke is the bound"
    plots.curves(folder / "growth.svg", "Growth", under, label, series, GROWTH_BOUND)
    return "![What each operation costs among more sessions](performance/growth.svg)"


def _staleness_picture(folder: Path, lines: list[Line]) -> str:
    rows = [(it.series, it.points, it.bound or 0.0) for it in lines if it.series]
    title = "From revoke to the first refusal in another process"
    plots.dots(folder / "staleness.svg", title, "milliseconds; the stroke is the bound", rows)
    return "![How long a revocation took to be heard](performance/staleness.svg)"


def _table(rows: list[Any], headers: tuple[str, ...]) -> str:
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def _missed(suites: dict[str, list[Line]]) -> str:
    lines = [line for found in suites.values() for line in found if not line.met]
    if not lines:
        return ""
    missed = "\n".join(
        f"- {line.name}: {_miss(line)}. {_why(line.name)}".rstrip() for line in lines
    )
    return f"## Missed\n\nThe bounds that this run did not meet:\n\n{missed}\n"


def _miss(line: Line) -> str:
    found = []
    if not line.is_within and line.bound is not None:
        sign = "at least" if line.at_least else "at most"
        found.append(f"{line.measured:.3g} {line.unit}, meant to be {sign} {figure(line.bound)}")
    if not line.is_direct and line.trips is not None and line.trips_bound is not None:
        trips = figure(line.trips)
        found.append(f"{trips} round trips, meant to be at most {figure(line.trips_bound)}")
    return "; ".join(found)


# Known reasons for missed bounds, beyond the profiles.
_WHY = {
    "repeated": "Half of it is Python's: the calls of `validate` and `hit`, reading the clock, and"
    " hashing a token that was never seen as this string.",
    "a token seen for the first time": "See the [profile](#profiles): 34 columns of the row are"
    " read. To read one column alone takes 4 µs, 2 of them for the lock of the log's reader.",
    "login, known user agent, beyond one commit": "It writes 26 pages, of 23 b-trees, and the"
    " commit is a fifth of it. Without one of the indexes it takes 1 to 3 % less, without five 6 %"
    " (by processor time, in one run); each has its search.",
    "a token seen for the first time, with its client": "As without one; and the client is"
    " checked and cached.",
    "FastAPI, devsess": "Part of it is FastAPI's: the guard of a view, with the two ways to sign in"
    " that its document names, is two dependencies, and each is solved anew for a request. See"
    " the line of a view that asks by itself.",
    **{
        f"{name}, devsess": "The server reads the three cookies of each request too: under"
        " uvicorn that is 7 µs, whoever looks at them. By a profile, a tenth of it with Flask and"
        " a quarter with Django goes into the headers of the answer."
        for name in ("Flask", "Django")
    },
    "repeated, right after a commit by another connection": "Half of it is SQLite's read of the"
    " log, whose pages the commit has made it forget. The processor's cache is cold after the"
    " commit's wait: a bare decode takes more than twice as long then, too.",
    "repeated, asyncio, beside blocking": "It is one coroutine more, 60 to 95 ns by itself.",
    "sign-ins a second by 16 threads, beside one": "A commit takes 0.24 ms on this machine, a third"
    " of a sign-in. The rest is Python's, for which threads take turns.",
    "two processes, validations together, beside one": "Two virtual processors are not always two"
    " cores: on another machine it was 2.5 ×.",
    **{
        f"{name}, among 10,000,000 sessions, beside 10,000": "It reads seven pages of a file of"
        " 5 GB, and what each costs is the machine's: runs on two days lay between 1.0 and 2.8 ×."
        for name in ("first sight", "get", "list")
    },
    "repeated, with PRAGMA data_version as the mark": "See the [profile](#profiles): most of it is"
    " SQLite's. On Linux the wal-index is used in its place.",
    "fresh=True": "See the [profile](#profiles): most of it is one read by SQLite.",
    "PostgreSQL: asking, beside a bare round trip": "The statement that reads the log compares"
    " snapshots of transactions, and takes the server longer than a row by its key.",
    "Valkey: asking, beside a bare round trip": "A script is run in place of one command: it"
    " reads the server's history too, and is refused by a replica.",
    "Valkey, 3 nodes: asking, beside a bare round trip": "Every node is asked, one after the"
    " other by a blocking manager. Over a cluster, use leases.",
    "Valkey, 3 nodes: asking": "Every node is asked. Over a cluster, use leases.",
    "Valkey, 3 nodes: first sight": "An id does not name its shard, which is asked for first.",
    "Valkey, 3 nodes: login": "The shard of the new id is written first, in a slot of its own.",
    "MongoDB's protocol: login": "A transaction is three requests: read, write, commit.",
    "MongoDB's protocol: a revocation is heard by an idle process: median": "The server is one in"
    " Python, and slow.",
    **{
        f"{name}: a due touch": "A touch is written after the row was read and judged, and asking"
        " comes before: they do not share a round trip."
        for name in ("PostgreSQL", "Valkey", "Valkey, 3 nodes", "MongoDB's protocol")
    },
    **{
        f"MongoDB's protocol: {name}, among 1,000 sessions, beside 100": "The server looks through"
        " all documents; a `mongod` has indexes for it."
        for name in ("validate", "list", "login", "revoke-all", "purge")
    },
}


def _why(name: str) -> str:
    return _WHY.get(name, "")


PICTURES: dict[str, Callable[[Path, list[Line]], str]] = {
    "validate": _validate_picture,
    "staleness": _staleness_picture,
    "growth": _growth_picture,
}
