"""The pages of the site: each in the navigation, each diagram as it is drawn, no stray host."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import _documents
import pytest

DIAGRAMS = sorted(path.name for path in (_documents.DOCS / "diagrams").glob("*.svg"))


def navigation() -> list[str]:
    """The pages in the navigation, in its order."""
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", _documents.text("docs/index.md"), re.M | re.S)
    lines = [line for tree in trees for line in tree.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


def test_every_page_is_in_the_navigation_once() -> None:
    """A page that is in no list is found by nobody."""
    pages = _documents.DOCS.rglob("*.md")
    names = {path.relative_to(_documents.DOCS).with_suffix("").as_posix() for path in pages}
    assert sorted(names - {"index"}) == sorted(navigation())


def drawn_again() -> dict[str, str]:
    """The diagrams, as the program draws them now."""
    script = "from extension.diagrams import *; import json; print(json.dumps("
    script += "{f'{name}.svg': drawn(it) for name, it in DIAGRAMS.items()}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_documents.DOCS, capture_output=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_diagrams_are_as_they_are_drawn() -> None:
    """The files are those that the program writes: a change is made there."""
    files = {name: _documents.text(f"docs/diagrams/{name}") for name in DIAGRAMS}
    assert drawn_again() == files


@pytest.mark.parametrize("name", DIAGRAMS)
def test_diagrams_can_be_read_by_all(name: str) -> None:
    """A diagram has a title, colours for dark, and is a picture to a screen reader."""
    picture = _documents.text(f"docs/diagrams/{name}")
    assert 'role="img"' in picture
    assert "<title>" in picture
    assert "prefers-color-scheme: dark" in picture
