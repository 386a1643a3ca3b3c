"""Links of the documents lead somewhere, and every public name is documented."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import _source
import click
import pytest
from attrs import fields

import devsess
from devsess.cli import main

ROOT = _source.ROOT
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = (
    "python -m pip install . && devsess demo",
    'python -m pip install -e ".[test]" && python -m pytest',
)
METHODS = sorted(
    name
    for manager in (devsess.SessionManager, devsess.AsyncSessionManager)
    for name in vars(manager)
    if not name.startswith("_")
)
SETTINGS = [each.name for record in (devsess.Policy, devsess.Privacy) for each in fields(record)]


def commands(group: click.Group, *names: str) -> list[tuple[str, click.Command]]:
    """The commands of the command line, by their whole names."""
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, *names, name)
        else:
            found.append((" ".join([*names, name]), command))
    return found


OFFERED = dict(commands(main))


def relative(path: Path) -> str:
    """A page's name for people."""
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def user_pages() -> str:
    """The pages for users: README.md and docs/, with their code."""
    readers = [path for path in PAGES if path.name == "README.md" or path.parent.name == "docs"]
    return "\n".join(path.read_text("utf-8") for path in readers)


def anchors(path: Path) -> set[str]:
    """The names of a page's headings, as links spell them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


# Of a link, and of a picture.
_TARGET = re.compile(r"(?:\]\(|\bsrc(?:set)?=\")([^)\s\"]+)[)\"]")


def links() -> list[tuple[Path, str]]:
    """Every link that is not to somewhere else on the web, with the page it stands on."""
    return [
        (path, target)
        for path in PAGES
        for target in _TARGET.findall(prose(path))
        if "://" not in target
    ]


@cache
def code() -> str:
    """The code on the pages for users."""
    blocks = re.findall(r"^```.*?\n(.*?)^```", user_pages(), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", user_pages())
    return "\n".join([*blocks, *spans])


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda each: str(each))
def test_links_lead_somewhere(page: Path, target: str) -> None:
    """A relative link leads to a file that is there, and to a heading in it."""
    name, _, heading = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    assert path.exists(), f"{relative(page)} links to {target}"
    assert not heading or heading in anchors(path), f"{relative(page)} links to {target}"


def test_pictures_are_small_and_each_is_shown() -> None:
    """At most 100 KB each, for a page is read on phones too."""
    shown = {(page.parent / target).resolve() for page, target in links()}
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures
    assert [] == [it.name for it in pictures if it not in shown]
    assert [] == [it.name for it in pictures if it.stat().st_size > 100_000]


def test_pictures_are_described() -> None:
    """For those who do not see them."""
    tags = [tag for page in PAGES for tag in re.findall(r"<img [^>]*>", prose(page))]
    assert tags
    assert [] == [tag for tag in tags if not re.search(r'alt="[^"]{20,}"', tag)]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=relative)
def test_every_page_is_found(page: Path) -> None:
    """The README leads to each page."""
    assert f"({relative(page)})" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(set(METHODS)))
def test_every_method_is_documented(name: str) -> None:
    """A public method of a manager stands in the documents, called or in a table."""
    assert re.search(rf"[.`]{name}[(`]", user_pages())


@pytest.mark.parametrize("name", [*SETTINGS, *devsess.__all__])
def test_every_name_is_documented(name: str) -> None:
    """A public name or setting stands in the documents."""
    assert re.search(rf"\b{name}\b", code())


def test_nothing_is_installed_by_name() -> None:
    """devsess is in no package index: each instruction to install it names a folder."""
    sources = [*PAGES, *(ROOT / "docs" / "examples").glob("*.py"), *(ROOT / "benchmarks").glob("*")]
    files = [path for path in sources if path.suffix in (".md", ".py")]
    by_name = re.compile(r"""pip install [^\n`]*\bdevsess\b(?! demo)""")
    found = [relative(path) for path in files if by_name.search(path.read_text("utf-8"))]
    assert [] == found


@pytest.mark.parametrize("name", OFFERED)
def test_every_command_is_documented(name: str) -> None:
    """A command has its line in the table of commands."""
    table = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert re.search(rf"^\| `devsess {name}[` ]", table, re.MULTILINE)


@pytest.mark.parametrize("name", OFFERED)
def test_every_option_is_documented(name: str) -> None:
    """Each option of a command stands in code on the page of the command line."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    options = [
        option
        for each in OFFERED[name].params
        if isinstance(each, click.Option)
        for option in each.opts
    ]
    assert [] == [each for each in options if not re.search(rf"{each}\b", page)]


def test_every_documented_command_exists() -> None:
    """Each command on the page of the command line exists."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    named = re.findall(r"(?:^\| `|^\$ |`)devsess ((?:[a-z-]+ ?)+)", page, re.MULTILINE)
    short = [*OFFERED, *(name.split()[0] for name in OFFERED)]
    assert named
    assert [] == [each for each in named if not each.startswith(tuple(short))]


@pytest.mark.parametrize("code", range(4))
def test_every_exit_code_is_documented(code: int) -> None:
    """Each exit code has its line."""
    assert f"\n| {code} |" in (ROOT / "docs" / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_stand_alone(command: str) -> None:
    """Each of the README's two commands is a line of its own, once."""
    assert 1 == (ROOT / "README.md").read_text("utf-8").splitlines().count(command)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_have_one_title(page: Path) -> None:
    """A page begins with its one title."""
    assert prose(page).startswith("# ")
    assert 1 == len(re.findall(r"^# ", prose(page), re.MULTILINE))
