"""The results: a file of figures, each with what it depends on, and how it is read again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from attrs import asdict
from tabulate import tabulate

from benchmarks import _workload as workload
from benchmarks._line import Line, figure

HERE = Path(__file__).parent
THOROUGH, QUICK = HERE / "results.json", HERE / "results-quick.json"
# How many times the recorded figure is worth an alarm: machines are noisy.
ALARM = 2.0
ATTEMPTS = 3

Suites: TypeAlias = dict[str, list[Line]]


def save(path: Path, suites: Suites, peers: list[dict[str, Any]]) -> None:
    """Write the figures down, in the place of what was there."""
    content = {
        "surroundings": {**workload.surroundings(), "cores": os.cpu_count(), "commit": _commit()},
        "suites": {name: [asdict(line) for line in lines] for name, lines in suites.items()},
        "peers": peers,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load(path: Path) -> tuple[dict[str, str], Suites, list[dict[str, Any]]]:
    """The recorded surroundings, suites and peers."""
    content = json.loads(path.read_text("utf-8"))
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
    }


def _is_worse(line: Line, before: Line) -> bool:
    if line.at_least:
        return line.measured * ALARM < before.measured
    return line.measured > before.measured * ALARM


def report(name: str, lines: list[Line]) -> str:
    """A suite's table."""
    headers = (name, "µs", "measured", "bound", "")
    return tabulate(
        [line.cells() for line in lines],
        headers,
        disable_numparse=True,
        colalign=("left", "right", "right", "right", "left"),
    )
