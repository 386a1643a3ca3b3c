"""The source tree as the project's tests read it: files, modules, imports, functions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "devsess"


@frozen
class Import:
    """
    One import.

    Attributes:
        source: Dotted name of the module that imports.
        target: Dotted name of what it imports; a module of ours where it is one.
        line: Where.
        at_start: Whether it happens when the module is imported.
    """

    source: str
    target: str
    line: int
    at_start: bool

    @property
    def package(self) -> str:
        """The first part of the target's name."""
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def python_files(*folders: Path) -> list[Path]:
    """Every Python file below *folders*."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@cache
def modules() -> dict[str, Path]:
    """The package's modules by their dotted names."""
    return {_name(path): path for path in python_files(PACKAGE)}


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the package, wherever it stands."""
    return tuple(
        found for name, path in modules().items() for found in _imports_of(name, parsed(path))
    )


def third_party(*paths: Path) -> set[str]:
    """The packages that files import and that are neither Python's nor ours."""
    ours = {
        "devsess",
        "benchmarks",
        "tests",
        "conftest",
        "dict_store",
        "djapp",
        "servers",
        "shop",
        "web",
    }
    ours |= {path.stem for path in paths}
    found = {each.package for path in paths for each in _imports_of(path.stem, parsed(path))}
    return found - ours - sys.stdlib_module_names


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a file, and their lengths in lines without the docstring."""
    for node, _ in _statements(parsed(path), at_start=True):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(name: str, tree: ast.Module) -> Iterator[Import]:
    for node, at_start in _statements(tree, at_start=True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, at_start)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: imports are written in full"
            for alias in node.names:
                yield Import(name, _target(node.module or "", alias.name), node.lineno, at_start)


def _target(module: str, name: str) -> str:
    inner = f"{module}.{name}"
    return inner if inner in modules() else module


def _statements(node: ast.AST, *, at_start: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Every statement below *node*, and whether it is run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            continue  # an expression, of which there are ten times as many, has none
        here = at_start and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        here = here and not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
        yield child, here
        yield from _statements(child, at_start=here)
