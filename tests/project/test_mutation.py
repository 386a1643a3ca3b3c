"""The mutation run, which is no part of the suite, can begin and makes the changes it should."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import _source
import pytest

FOLDER = _source.ROOT / "tests" / "mutation"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the run, as the run does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield import_module
    for name in ("mutants", "targets", "equivalents"):
        sys.modules.pop(name, None)


CHANGED = {
    "a < b": ["(a <= b)", "(a >= b)"],
    "0 <= a < b": ["(0 < a < b)", "(0 > a < b)", "(0 <= a <= b)", "(0 <= a >= b)", "1"],
    "a and b or c": ["((a and b) and (c))", "((c))", "((a and b))"],
    "min(a, b)": ["max(a, b)", "(a)", "(b)"],
    "a if b else c": ["(a)", "(c)"],
    "not a": ["(a)"],
    "a + 1": ["(a - 1)", "2"],
    "'text'": ["'XXtext'"],
}


@pytest.mark.parametrize("expression", CHANGED)
def test_replacements_of_an_expression(part: Any, expression: str) -> None:
    """Bounds move, signs turn, each operand is left out, either side is taken always."""
    found = [
        mutant.change.partition(" → ")[2].partition(" #")[0]
        for mutant in part("mutants").mutants(f"def f(a, b, c):\n    x = {expression}\n")
    ]
    assert set(CHANGED[expression]) <= set(found)


@pytest.mark.parametrize(
    "statement",
    ["self.count += 1", "self.name = a", "notify(a)", "raise ValueError(a)", "bad('no')"],
)
def test_statements_that_are_left_out(part: Any, statement: str) -> None:
    """A statement that matters is left out as a whole; its messages to people are not changed."""
    found = list(part("mutants").mutants(f"def f(self, a):\n    {statement}\n"))
    assert f"{statement} → pass" in [mutant.change for mutant in found]
    assert "def f(self, a):\n    pass\n" in [mutant.source for mutant in found]
    assert not [mutant for mutant in found if "XX" in mutant.change]


def test_types_and_docstrings_are_left_alone(part: Any) -> None:
    """Types, docstrings and imports for types decide nothing."""
    idle = (
        "def f(a: Literal['x'] | None) -> Literal['y']:\n"
        '    """Text."""\n'
        "    if TYPE_CHECKING:\n"
        "        import this\n"
    )
    assert [] == list(part("mutants").mutants(idle))


def test_the_files_and_their_tests_are_there(part: Any) -> None:
    """Each law file has tests, and each equivalent mutant is of one of them."""
    targets = part("targets").TARGETS
    named = {path.partition("::")[0] for tests in targets.values() for path in tests}
    assert [] == [name for name in (*targets, *named) if not (_source.ROOT / name).is_file()]
    assert part("equivalents").EQUIVALENTS.keys() <= targets.keys()
