"""docs/asvs.md: every requirement has its line, and every line that says "met" its tests."""

from __future__ import annotations

import ast
import re
from functools import cache

import _source
import pytest
from attrs import frozen

PAGE = _source.ROOT / "docs" / "asvs.md"
STANDS = ("met", "yours", "not met")
# How many requirements each section has: OWASP ASVS 5.0, and NIST SP 800-63B-4 as the page counts.
SECTIONS = {
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 3,
    "7.6": 2,
    "9.1": 3,
    "9.2": 4,
    "3.3": 5,
    "3.4": 8,
    "3.5": 8,
    "5.1-": 15,
    "5.1.1-": 9,
    "5.1.2-": 1,
    "5.2-": 4,
    "5.3-": 2,
}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@frozen
class Line:
    """A requirement, where devsess stands, and why."""

    requirement: str
    stands: str
    how: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        """The tests that it names, as file and function."""
        return TEST.findall(self.how)


def lines() -> list[Line]:
    """The lines of the page's tables, but for their heads."""
    found = []
    for text in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if re.fullmatch(r"[0-9.]+(-[0-9]+)?", cells[0]):
            found.append(Line(cells[0], cells[-2], cells[-1]))
    return found


@cache
def functions_of(path: str) -> frozenset[str]:
    """The functions of a test file."""
    nodes = ast.walk(_source.parsed(_source.ROOT / path))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in nodes if isinstance(node, kinds))


def test_every_requirement_has_one_line() -> None:
    """None is left out, and none stands twice."""
    expected = [
        f"{section}{number}" if section.endswith("-") else f"{section}.{number}"
        for section, count in SECTIONS.items()
        for number in range(1, count + 1)
    ]

    assert expected == [line.requirement for line in lines()]


@pytest.mark.parametrize("line", lines(), ids=lambda line: line.requirement)
def test_a_line_says_where_devsess_stands(line: Line) -> None:
    """Met names its tests, yours a setting or a reason, not met a reason."""
    assert line.stands in STANDS
    assert line.tests if line.stands == "met" else len(line.how) > 10


@pytest.mark.parametrize("line", lines(), ids=lambda line: line.requirement)
def test_the_tests_of_a_line_exist(line: Line) -> None:
    """Each is a function of that file, and nothing else looks like a test."""
    assert line.how.count("tests/") == len(line.tests)
    for path, name in line.tests:
        assert name in functions_of(path), f"{path}::{name}"
