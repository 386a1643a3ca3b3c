"""
Docstrings as napoleon reads them.

Ours are plain text: a name in code stands between single backquotes, several errors may stand
before one colon, and an example is set off by its indentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

import devsess

_CODE = re.compile(r"(?<![`:\w])`([^`]+)`(?![`_])")
_SEVERAL = re.compile(r"^( +)([A-Z]\w+(?:, [A-Z]\w+)+): (.*)$")
_SECTION = re.compile(r"^[A-Z][a-z]+:$|^\.\. ")
_LIST = re.compile(r"^ *- ")


def process(
    app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]
) -> None:
    """Answer autodoc's event: *lines* are the docstring's, and are changed in place."""
    prose = [_CODE.sub(_code, line) for line in _with_lists(_apart(lines))]
    lines[:] = _with_examples(prose)


def _code(found: re.Match[str]) -> str:
    text = found[1]
    if text in devsess.__all__:
        return f":py:obj:`~devsess.{text}`"
    return f"``{text}``"


def _apart(lines: list[str]) -> Iterator[str]:
    """Errors that share a sentence, each with it."""
    for number, line in enumerate(lines):
        found = _SEVERAL.match(line)
        if found is None:
            yield line
            continue
        indent, names, text = found.groups()
        *first, last = names.split(", ")
        rest = list(_continued(lines[number + 1 :], len(indent)))
        for each in first:
            yield f"{indent}{each}: {text}"
            yield from rest
        yield f"{indent}{last}: {text}"


def _continued(lines: list[str], indent: int) -> Iterator[str]:
    for line in lines:
        if len(line) - len(line.lstrip()) <= indent or not line.strip():
            return
        yield line


def _with_lists(lines: Iterator[str]) -> Iterator[str]:
    """A list begins after an empty line."""
    before = ""
    for line in lines:
        if _LIST.match(line) and before.strip() and not _LIST.match(before):
            yield ""
        yield line
        before = line


def _with_examples(lines: list[str]) -> Iterator[str]:
    """An indented block below an empty line is an example, but within a section."""
    before, last = "", ""
    for line in lines:
        is_indented = line.startswith("    ")
        if is_indented and not before.strip() and not _SECTION.match(last):
            yield ".. code-block:: python"
            yield ""
        yield line
        before = line
        last = last if is_indented or not line.strip() else line
