"""Commands, versions, hooks and line lengths agree in all files for contributors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from functools import cache
from typing import Any

import _source
import pytest

ROOT = _source.ROOT
COMMAND = re.compile(r"^\| .+ \| `(.+)` \|$", re.MULTILINE)


def text(path: str) -> str:
    """A file of the project."""
    return (ROOT / path).read_text("utf-8")


@cache
def pyproject() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads(text("pyproject.toml"))


def commands() -> list[str]:
    """The commands that CONTRIBUTING.md lists."""
    return COMMAND.findall(text("CONTRIBUTING.md"))


def test_the_workflow_runs_every_version() -> None:
    """The workflow calls `.ci/run` on each version of Python that the package names."""
    workflow = text(".github/workflows/ci.yml")
    named = re.findall(r":: (3\.\d+)", "\n".join(pyproject()["project"]["classifiers"]))
    [matrix] = re.findall(r"python: \[(.+)\]", workflow)
    assert named == re.findall(r'"(3\.\d+)"', matrix)
    assert "- run: .ci/run ${{ matrix.python }}\n" in workflow


@pytest.mark.parametrize(
    "command",
    [
        "ruff check . && ruff format --check .",
        ".ci/types",
        "python -m benchmarks --quick --check",
    ],
)
def test_each_check_is_a_habit(command: str) -> None:
    """Each check of `.ci/run` beside the tests is a command in CONTRIBUTING.md."""
    assert command in text(".ci/run")
    assert command in commands()


def test_commands_name_what_there_is() -> None:
    """Each path in the commands of CONTRIBUTING.md exists."""
    paths = re.findall(r"(?:tests|docs|README|\.ci)[\w/.]*", " ".join(commands()))
    assert paths
    assert [] == [path for path in paths if not (ROOT / path).exists()]


def test_hooks_are_local() -> None:
    """No hook is fetched: each is a command of the environment, or pre-commit's own search."""
    hooks = text(".pre-commit-config.yaml")
    assert ["local"] == re.findall(r"repo: (.+)", hooks)
    assert {"system", "pygrep"} == set(re.findall(r"language: (.+)", hooks))


def test_hooks_lint_and_check_types() -> None:
    """The hooks run what `.ci/run` runs: ruff twice, and types."""
    entries = re.findall(r"entry: (.+)", text(".pre-commit-config.yaml"))
    assert [
        "ruff check --force-exclude",
        "ruff format --force-exclude",
        ".ci/types",
    ] == entries[:3]


def test_editors_and_ruff_agree() -> None:
    """A line of Python is as long for the editor as for ruff."""
    settings = ConfigParser()
    settings.read_string("[top]\n" + text(".editorconfig"))
    assert pyproject()["tool"]["ruff"]["line-length"] == settings.getint("*.py", "max_line_length")


@pytest.mark.parametrize("path", [".ci/run", ".ci/types"])
def test_scripts_can_be_run(path: str) -> None:
    """The scripts are executable."""
    assert (ROOT / path).stat().st_mode & 0o100


def test_files_of_tests_have_names_of_their_own() -> None:
    """No two have one name: pytest imports them by it, and would collect the first alone."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]

    assert sorted({*names}) == sorted(names)


# A property, a test that asks for its count, cases of which some are thorough, and usual tests.
SAMPLE = [
    "tests/attacks/test_forged_tokens.py",
    "tests/geo/test_hostile_files.py",
    "tests/unit/test_cache_room.py",
]


# Collects them with each list of options, and prints a line of dashes behind each.
COLLECTING = """
import json, sys, pytest
options, sample = map(json.loads, sys.argv[1:])
for each in options:
    assert 0 == pytest.main(["-q", "-n", "0", "--collect-only", *each, *sample])
    print("---")
"""


def collected(*options: list[str]) -> list[set[str]]:
    """The tests of SAMPLE that pytest runs with each of these options."""
    command = [sys.executable, "-c", COLLECTING, json.dumps(options), json.dumps(SAMPLE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    parts = done.stdout.split("---\n")[:-1]
    return [{line for line in part.splitlines() if "::" in line} for part in parts]


def test_the_rest_is_what_is_left_out_or_shortened() -> None:
    """The usual run and the rest together are all tests; no test of one length is in both."""
    usual, rest, whole = collected([], ["--thorough-rest"], ["--thorough"])

    assert whole == usual | rest
    assert whole - usual == {it for it in whole if "books_agree" in it} - usual != set()
    in_both = {it.partition("::")[2].partition("[")[0] for it in usual & rest}
    assert {"test_never_more_lenient_than_pyjwt", "test_no_change_of_a_file_does_harm"} == in_both
