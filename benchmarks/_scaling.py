"""Draw docs/scaling.md from the recorded results: its figures, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from benchmarks._line import figure

if TYPE_CHECKING:
    from benchmarks._line import Line

DOCS = Path(__file__).parents[1] / "docs"
TEMPLATE = Path(__file__).with_name("_scaling.md")

# What the page reckons with. Each stands in its text.
SESSIONS = 10**8
VALIDATIONS = 10**6
PROCESSES = 1_000
ENGINES = ("SQLite", "PostgreSQL", "Valkey", "Valkey, 3 nodes", "MongoDB's protocol")
GB = 10**9
# For data, of a Valkey server's memory.
ROOM = 40 * GB


def draw(surroundings: Mapping[str, str], suites: Mapping[str, list[Line]]) -> None:
    """Write the page, in the place of the one before."""
    (DOCS / "scaling.md").write_text(page(surroundings, suites), "utf-8")


def page(surroundings: Mapping[str, str], suites: Mapping[str, list[Line]]) -> str:
    """The page's text."""
    lines = {line.name: line for found in suites.values() for line in found}
    machine = ", ".join(f"{name} {it}" for name, it in surroundings.items() if name != "commit")
    text = TEMPLATE.read_text("utf-8")
    fields = {
        "machine": machine,
        "commit": surroundings["commit"],
        "table": _table(lines),
        **_sizes(lines),
        **_rates(lines),
    }
    for name, value in fields.items():
        text = text.replace(f"<{name}>", value)
    return text


def _table(lines: Mapping[str, Line]) -> str:
    """The measured costs, a column a store."""
    rows = [
        ["a hit under a lease, × a bare decode", *_each(lines, "a hit under a lease", _measured)],
        ["a known token, asking: µs (trips)", *_each(lines, "asking", _took)],
        ["first sight of a token: µs (trips)", *_each(lines, "first sight", _took)],
        ["login: µs (trips)", *_each(lines, "login", _took)],
        ["refresh: µs (trips)", *_each(lines, "refresh", _took)],
        ["list: µs (trips)", *_each(lines, "list", _took)],
        ["a due touch: µs (trips)", *_each(lines, "a due touch", _took)],
        ["revoke: µs (trips)", *_each(lines, "revoke", _took)],
        ["a renewal of a lease: µs (trips)", *_each(lines, "a renewal of a lease", _took)],
        ["acknowledged revoke, 8 active processes: median, ms", *_waits(lines, "median")],
        ["the same: 99th percentile, ms", *_waits(lines, "99th percentile")],
        [
            "the same, one of them stopped: longest, s",
            *_each(lines, "the same, one of them stopped: longest", _measured),
        ],
        [
            "heard by an idle process: median, ms",
            *_each(lines, "a revocation is heard by an idle process: median", _measured),
        ],
        ["bytes a session (of so many)", *[_weight(lines, engine) for engine in ENGINES]],
    ]
    headers = ["", "SQLite", "PostgreSQL", "Valkey", "Valkey, 3 nodes", "nx-27017 (*)"]
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True))


def _each(lines: Mapping[str, Line], name: str, shown: Callable[[Line], str]) -> list[str]:
    found = [lines.get(f"{engine}: {name}") for engine in ENGINES]
    return ["" if line is None else shown(line) for line in found]


def _waits(lines: Mapping[str, Line], which: str) -> list[str]:
    return _each(lines, f"acknowledged revoke, 8 active processes: {which}", _measured)


def _measured(line: Line) -> str:
    return figure(line.measured)


def _took(line: Line) -> str:
    trips = f" ({figure(line.trips)})" if line.trips else ""
    return f"{figure(line.microseconds or 0)}{trips}"


def _heaviest(lines: Mapping[str, Line], engine: str) -> tuple[int, float]:
    """The most sessions that were measured in a store, and the bytes of each."""
    start = f"{engine}: bytes a session, of "
    found = {
        int(name.removeprefix(start).replace(",", "")): line.measured
        for name, line in lines.items()
        if name.startswith(start)
    }
    size = max(found)
    return size, found[size]


def _weight(lines: Mapping[str, Line], engine: str) -> str:
    if engine == "Valkey, 3 nodes":
        return "as one server"
    size, weight = _heaviest(lines, engine)
    return f"{figure(weight)} ({size:,})"


def _sizes(lines: Mapping[str, Line]) -> dict[str, str]:
    """What SESSIONS take in each engine."""
    weights = {engine: _heaviest(lines, engine) for engine in ENGINES if "nodes" not in engine}
    fields = {}
    for key, engine in (
        ("lite", "SQLite"),
        ("pg", "PostgreSQL"),
        ("vk", "Valkey"),
        ("mg", "MongoDB's protocol"),
    ):
        size, weight = weights[engine]
        fields[f"{key}_of"] = f"{size:,}"
        fields[f"{key}_bytes"] = f"{weight:,.0f}"
        fields[f"{key}_gb"] = f"{SESSIONS * weight / GB:,.0f}"
    weight = weights["Valkey"][1]
    masters = -int(-SESSIONS * weight // ROOM)
    return fields | {
        "pg_live": f"{SESSIONS * weights['PostgreSQL'][1] / GB / 4:,.0f}",
        "vk_masters": str(masters),
        "vk_servers": str(2 * masters),
        "vk_fit": f"{ROOM / weight / 1e6:,.0f}",
    }


# What a validation a second means: one request in ten seconds a session, tokens that live for a
# quarter of an hour, touches five minutes apart.
ACTIVE = VALIDATIONS * 10
RENEWED = ACTIVE / 900
TOUCHED = ACTIVE / 300
# In 120 days each row is replaced: 30 that a session lives, 90 that it is kept.
SIGN_INS = SESSIONS / (120 * 86_400)


def _rates(lines: Mapping[str, Line]) -> dict[str, str]:
    """What VALIDATIONS a second ask of memory and of the store."""
    hit = lines["PostgreSQL: a hit under a lease"].microseconds or 0.0
    cached = lines["a session in the cache, with a device token"].measured
    fields = {
        "hit_us": figure(hit),
        "hit_cores": figure(VALIDATIONS * hit / 1e6),
        "cached_kb": figure(cached),
        "sessions_each": f"{ACTIVE // PROCESSES:,}",
        "cached_mb": figure(ACTIVE / PROCESSES * cached / 1000),
        "renewed": f"{RENEWED:,.0f}",
        "touched": f"{TOUCHED:,.0f}",
        "sign_ins": figure(SIGN_INS),
        "refreshes_and_sights": f"{2 * RENEWED:,.0f}",
    }
    renewal = lines["Valkey: a renewal of a lease"].microseconds or 1.0
    quiet = 2 * PROCESSES
    fields |= {
        "vk_renewal": figure(renewal),
        "pg_renewal": figure(lines["PostgreSQL: a renewal of a lease"].microseconds or 0.0),
        "vk_renewals": f"{1e6 / renewal:,.0f}",
        "vk_revocations": f"{max(0.0, (1e6 / renewal - quiet) / quiet):,.1f}",
    }
    for key, engine in (("pg", "PostgreSQL"), ("vk", "Valkey"), ("cl", "Valkey, 3 nodes")):
        costs = {
            name: lines[f"{engine}: {name}"].microseconds or 0.0
            for name in ("asking", "first sight", "refresh", "a due touch")
        }
        busy = RENEWED * (costs["first sight"] + costs["refresh"]) + TOUCHED * costs["a due touch"]
        fields |= {
            f"{key}_asking": figure(costs["asking"]),
            f"{key}_asking_lines": figure(VALIDATIONS * costs["asking"] / 1e6),
            f"{key}_sight": figure(costs["first sight"]),
            f"{key}_refresh": figure(costs["refresh"]),
            f"{key}_touch": figure(costs["a due touch"]),
            f"{key}_busy": figure(busy / 1e6),
        }
    return fields
